//! What of one message a table reads, and the fields of such messages straight into cells.
//!
//! ```text
//! field ──► one of a column:             its cell, at once; the last one stands
//!           a row of the table:          its fields likewise, over those that were there
//!           several, a map, a row in it: gathered, and made one value at the record's end
//! ```
//!
//! What is absent is NULL, or its default where a message cannot say that it is absent. Texts are left where they lie.

use standings_model::table::Table;
use standings_model::table::protobuf::Schema;
use standings_model::value::Value;
use standings_protobuf::{Filled, Fills, Problem, Raw, Reader, Take, Wire, fit};

use std::borrow::Cow;
use std::sync::Arc;

use super::value::{self, Values};
use super::{known, piece};
use crate::cell::Cell;
use crate::compute::within;
use crate::error::{self, DecodeError};
use crate::made::Made;
use crate::scalar::Scalar;

/// What a column is where its field is absent.
#[derive(Debug)]
enum Start {
    Cell(Cell),
    Text(Box<[u8]>),
}

/// How one message is read for a table.
#[derive(Debug)]
pub(super) struct Plan {
    schema: Arc<Schema>,
    reader: Reader,
    /// By column of the table.
    starts: Vec<Start>,
    /// Whether a row of the table was there, by the number of that.
    rows: Vec<bool>,
    /// By column of the table, where the message lies that fills it; nothing at 0.
    messages: Vec<(u32, u32)>,
    /// By column of the table, the first of what was gathered that counts.
    since: Vec<usize>,
    /// Messages that came in parts, by the column that they fill: the parts behind each other are the whole.
    merged: Vec<(usize, Vec<u8>)>,
}

impl Plan {
    /// Of a message, by its number; and the columns that it has no field for, or another.
    pub(super) fn new(
        schema: &Arc<Schema>,
        message: usize,
        table: &Table,
        read_defaults: bool,
    ) -> (Self, Vec<Problem>) {
        let (reader, problems) = fit(schema, message, table, read_defaults);
        let mut starts = Vec::new();
        starts.resize_with(table.columns.len(), || Start::Cell(Cell::Null));
        let rows = begin(&reader, schema, &mut starts);
        let plan = Plan {
            schema: Arc::clone(schema),
            starts,
            rows: vec![false; rows],
            messages: vec![(0, 0); table.columns.len()],
            since: vec![0; table.columns.len()],
            merged: Vec::new(),
            reader,
        };
        (plan, problems)
    }

    /// Fills the cells of the columns that are read from fields. The message is the record from `start` on.
    pub(super) fn decode(
        &mut self,
        (record, start): (&[u8], usize),
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        let Plan {
            schema,
            reader,
            starts,
            rows,
            messages,
            since,
            merged,
        } = self;
        rows.fill(false);
        messages.fill((0, 0));
        since.fill(0);
        merged.clear();
        let mut run = Run {
            record,
            schema,
            starts,
            cells,
            made,
            rows,
            messages,
            since,
            merged,
            gathered: Vec::new(),
        };
        run.begin(reader);
        run.message(reader, record.get(start..).unwrap_or_default())?;
        run.sort();
        let mut values = Values::new(record, schema);
        run.end(reader, &mut values)
    }
}

/// Notes what columns are where their fields are absent; how many rows there are.
fn begin(reader: &Reader, schema: &Schema, starts: &mut [Start]) -> usize {
    let mut rows = 0;
    for field in &reader.fields {
        match &field.fills {
            Fills::Column(column, take) => {
                let default = piece::default(schema, field, take);
                let start = default.map(|scalar| match scalar {
                    Scalar::Null => Start::Cell(Cell::Null),
                    Scalar::Int(n) => Start::Cell(Cell::Int(n)),
                    Scalar::Decimal(n) => Start::Cell(Cell::Decimal(n)),
                    Scalar::Double(n) => Start::Cell(Cell::Double(n)),
                    Scalar::Text(text) => Start::Text(text.as_bytes().into()),
                    Scalar::Bytes(bytes) => Start::Text(bytes.into()),
                });
                starts[*column] = start.unwrap_or(Start::Cell(Cell::Null));
            }
            Fills::Row(id, inner) => rows = rows.max(id + 1).max(begin(inner, schema, starts)),
        }
    }
    rows
}

/// One record.
struct Run<'a, 'm> {
    record: &'a [u8],
    schema: &'m Schema,
    starts: &'m [Start],
    cells: &'m mut [Cell],
    made: &'m mut Made,
    rows: &'m mut [bool],
    messages: &'m mut [(u32, u32)],
    since: &'m mut [usize],
    merged: &'m mut Vec<(usize, Vec<u8>)>,
    /// What several fields make together: the column, the field, a value.
    gathered: Vec<(usize, &'m Filled, Raw<'a>)>,
}

impl<'a, 'm> Run<'a, 'm> {
    /// All columns of a message as if no field were there; those of its rows are NULL.
    fn begin(&mut self, reader: &Reader) {
        for absent in &reader.absent {
            absent
                .columns
                .iter()
                .for_each(|c| self.cells[*c] = Cell::Null);
        }
        for field in &reader.fields {
            self.reset(field);
        }
    }

    fn reset(&mut self, field: &Filled) {
        match &field.fills {
            Fills::Column(column, _) => {
                self.cells[*column] = match &self.starts[*column] {
                    Start::Cell(cell) => *cell,
                    Start::Text(text) => self.made.bytes(text),
                };
                self.messages[*column] = (0, 0);
                self.merged.retain(|(of, _)| of != column);
                self.since[*column] = self.gathered.len();
            }
            Fills::Row(id, inner) => {
                self.rows[*id] = false;
                self.clear(inner);
            }
        }
    }

    fn clear(&mut self, reader: &Reader) {
        for absent in &reader.absent {
            absent
                .columns
                .iter()
                .for_each(|c| self.cells[*c] = Cell::Null);
        }
        for field in &reader.fields {
            match &field.fills {
                Fills::Column(column, _) => self.cells[*column] = Cell::Null,
                Fills::Row(_, inner) => self.clear(inner),
            }
        }
    }

    fn message(&mut self, reader: &'m Reader, bytes: &'a [u8]) -> Result<(), DecodeError> {
        let mut wire = Wire::new(bytes);
        loop {
            let found = wire.field().map_err(|broken| {
                let at = bytes.as_ptr().addr() - self.record.as_ptr().addr() + broken.at;
                let detail = format!("byte {at}: {}", broken.what);
                DecodeError::new(error::MALFORMED, detail)
            })?;
            let Some((number, raw)) = found else {
                return Ok(());
            };
            if let Some(place) = reader.place(number) {
                self.field(reader, &reader.fields[place], raw)?;
            }
        }
    }

    #[inline]
    fn field(
        &mut self,
        reader: &'m Reader,
        field: &'m Filled,
        raw: Raw<'a>,
    ) -> Result<(), DecodeError> {
        for rival in &field.rivals {
            self.reset(&reader.fields[*rival]);
        }
        match &field.fills {
            // Looked at when all are there.
            Fills::Column(column, Take::List(_) | Take::Map(_) | Take::Row(_)) => {
                self.gathered.push((*column, field, raw));
                Ok(())
            }
            Fills::Column(column, _) if field.kind.message().is_some() => {
                self.leaf(*column, &field.name, raw)
            }
            Fills::Column(column, take) => {
                let zone = &self.made.zone;
                let found = piece::scalar(self.schema, field.kind, take, raw, zone)
                    .map_err(|no| piece::error(no, field.kind, &field.name, raw))?;
                if let Some(scalar) = found {
                    self.cells[*column] = self.cell(scalar);
                }
                Ok(())
            }
            Fills::Row(id, inner) => {
                let bytes = value::message_of(raw, &field.name)?;
                if !self.rows[*id] {
                    self.rows[*id] = true;
                    self.begin(inner);
                }
                self.message(inner, bytes)
            }
        }
    }

    /// Notes a message that is one value of a column: it is read when all its parts are there.
    fn leaf(&mut self, column: usize, name: &str, raw: Raw<'a>) -> Result<(), DecodeError> {
        let bytes = value::message_of(raw, name)?;
        let (first, end) = self.messages[column];
        if first == 0 {
            // A tag is before it, so it is never at 0.
            let start = bytes.as_ptr().addr() - self.record.as_ptr().addr();
            self.messages[column] = (start as u32, (start + bytes.len()) as u32);
            return Ok(());
        }
        let place = self.merged.iter().position(|(of, _)| *of == column);
        let place = place.unwrap_or_else(|| {
            let first = &self.record[first as usize..end as usize];
            self.merged.push((column, first.to_vec()));
            self.merged.len() - 1
        });
        self.merged[place].1.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads such a message, if one was there.
    #[inline]
    fn known(&mut self, column: usize, (field, take): (&Filled, &Take)) -> Result<(), DecodeError> {
        let (start, end) = self.messages[column];
        if start == 0 {
            return Ok(());
        }
        let merged = self.merged.iter().position(|(of, _)| *of == column);
        let merged = merged.map(|place| std::mem::take(&mut self.merged[place].1));
        let bytes = match &merged {
            Some(bytes) => &bytes[..],
            None => &self.record[start as usize..end as usize],
        };
        let found = known::scalar(self.schema, take, bytes, &self.made.zone)
            .map_err(|no| piece::error(no, field.kind, &field.name, Raw::Bytes(bytes)))?;
        if let Some(scalar) = found {
            self.cells[column] = self.cell(scalar);
        }
        Ok(())
    }

    fn cell(&mut self, scalar: Scalar<'_>) -> Cell {
        match scalar {
            Scalar::Null => Cell::Null,
            Scalar::Int(n) => Cell::Int(n),
            Scalar::Decimal(n) => Cell::Decimal(n),
            Scalar::Double(n) => Cell::Double(n),
            Scalar::Text(Cow::Borrowed(text)) => within(text.as_bytes(), self.record, false)
                .unwrap_or_else(|| self.made.bytes(text.as_bytes())),
            Scalar::Text(Cow::Owned(text)) => self.made.bytes(text.as_bytes()),
            Scalar::Bytes(bytes) => self.made.bytes(&bytes),
        }
    }

    /// What was gathered, by column, without what another field took the place of.
    fn sort(&mut self) {
        let (mut number, since) = (0, &self.since);
        self.gathered.retain(|(column, ..)| {
            number += 1;
            number > since[*column]
        });
        self.gathered.sort_by_key(|(column, ..)| *column);
    }

    /// Makes what was gathered, and looks whether there is what must be.
    fn end(&mut self, reader: &'m Reader, values: &mut Values<'a, 'm>) -> Result<(), DecodeError> {
        let missing = |name: &str| {
            let detail = format!("field {:?} is missing", error::shorten(name));
            Err(DecodeError::new(error::MISSING_FIELD, detail))
        };
        if let Some(absent) = reader.absent.iter().find(|a| a.required) {
            return missing(&absent.name);
        }
        for field in &reader.fields {
            match &field.fills {
                Fills::Column(column, take) => {
                    if matches!(take, Take::List(_) | Take::Map(_) | Take::Row(_)) {
                        let value = self.gathered_value(*column, (field, take), values)?;
                        self.cells[*column] = match value {
                            Value::Null => Cell::Null,
                            value => self.made.value(value),
                        };
                    } else if field.kind.message().is_some() {
                        self.known(*column, (field, take))?;
                    }
                    if field.required && self.cells[*column] == Cell::Null {
                        return missing(&field.name);
                    }
                }
                Fills::Row(id, inner) if self.rows[*id] => self.end(inner, values)?,
                Fills::Row(..) if field.required => return missing(&field.name),
                Fills::Row(..) => {}
            }
        }
        Ok(())
    }

    fn gathered_value(
        &self,
        column: usize,
        (field, take): (&'m Filled, &'m Take),
        values: &mut Values<'a, 'm>,
    ) -> Result<Value, DecodeError> {
        let first = self.gathered.partition_point(|(of, ..)| *of < column);
        let rest = &self.gathered[first..];
        let count = rest.partition_point(|(of, ..)| *of == column);
        let raws: Vec<Raw<'_>> = rest[..count].iter().map(|(.., raw)| *raw).collect();
        values.of(field, take, &raws, &self.made.zone)
    }
}
