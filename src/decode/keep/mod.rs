//! A row as bytes, to be kept, and back.
//!
//! ```text
//! key columns │ other columns that are read │ metadata           each: how many bytes, then as few as it needs; 0 is NULL
//! └── key ────┘                             │
//! └── what the row says of itself ──────────┘                    the same row has the same bytes
//! ```
//!
//! What is computed is not kept: it is computed anew when a row is recalled, and comes to the same.

pub(crate) mod over;
mod value;

use std::convert::Infallible;

use standings_model::json;
use standings_model::leb128;
use standings_model::table::{Changelog, Metadata, Origin, Table};
use standings_model::types::Type;
use standings_model::value::Value;

use super::cell::Cell;
use super::made::Made;
use super::sale::Sale;
use super::{DecodeError, Decoder, event_time};
use value::{push_value, read_value};

/// How the rows of a table are kept.
#[derive(Clone, Debug)]
pub struct Keep {
    columns: Vec<Kept>,
    /// How many of them are the key.
    key: usize,
    /// How many of them are not metadata.
    own: usize,
    /// A record may leave values of the row out.
    may_lack: bool,
}

#[derive(Clone, Debug)]
struct Kept {
    number: usize,
    kind: Type,
    form: Form,
}

/// What a cell of a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Int,
    Decimal,
    Double,
    Text,
    Nested,
}

impl Form {
    fn of(kind: &Type) -> Self {
        match kind {
            Type::Decimal { .. } => Form::Decimal,
            Type::Float | Type::Double => Form::Double,
            kind if kind.is_bytes() => Form::Text,
            kind if kind.is_nested() => Form::Nested,
            _ => Form::Int,
        }
    }
}

/// Where the parts of a kept row end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// The key.
    pub key: usize,
    /// What the row says of itself.
    pub own: usize,
}

impl Keep {
    /// For rows of a table. Without a primary key all that a row says of itself is its key.
    pub fn new(table: &Table) -> Self {
        let is_key = |number: &usize| table.primary_key.contains(number);
        let is_own = |number: &usize| {
            let origin = &table.columns[*number].origin;
            matches!(
                origin,
                Origin::Field(_) | Origin::KeyField(_) | Origin::Path
            )
        };
        let is_metadata = |number: &usize| match &table.columns[*number].origin {
            Origin::Metadata(of) => *of != Metadata::RowId,
            _ => false,
        };
        let all = 0..table.columns.len();
        let mut numbers = table.primary_key.clone();
        numbers.extend(all.clone().filter(|n| is_own(n) && !is_key(n)));
        let own = numbers.len();
        numbers.extend(all.filter(|n| is_metadata(n) && !is_key(n)));
        let columns = numbers.into_iter().map(|number| {
            let kind = table.columns[number].kind.clone();
            Kept {
                number,
                form: Form::of(&kind),
                kind,
            }
        });
        let columns: Vec<Kept> = columns.collect();
        let beside_key = columns[..own].iter().skip(table.primary_key.len());
        let is_debezium = table.changelog == Changelog::Debezium;
        Keep {
            may_lack: is_debezium && { beside_key }.any(|column| column.form == Form::Text),
            columns,
            key: match table.primary_key.len() {
                0 => own,
                key => key,
            },
            own,
        }
    }

    /// Appends a row; where its parts end, from where it begins.
    pub fn pack(&self, sale: &Sale<'_>, out: &mut Vec<u8>) -> Ends {
        let packed = self.pack_by(out, |column, out| {
            column.pack(sale, out);
            Ok::<(), Infallible>(())
        });
        match packed {
            Ok(ends) => ends,
            Err(never) => match never {},
        }
    }

    /// Appends a row, cell by cell; where its parts end, from where it begins.
    #[inline]
    fn pack_by<E>(
        &self,
        out: &mut Vec<u8>,
        mut cell: impl FnMut(&Kept, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Ends, E> {
        let from = out.len();
        let mut ends = Ends::default();
        for (place, column) in self.columns.iter().enumerate() {
            cell(column, out)?;
            let end = out.len() - from;
            if place + 1 == self.key {
                ends.key = end;
            }
            if place + 1 == self.own {
                ends.own = end;
            }
        }
        Ok(ends)
    }

    /// Appends the key alone.
    pub fn pack_key(&self, sale: &Sale<'_>, out: &mut Vec<u8>) {
        let key = &self.columns[..self.key];
        key.iter().for_each(|column| column.pack(sale, out));
    }

    /// The key of a row as JSON, for a person.
    pub fn show_key(&self, table: &Table, mut key: &[u8]) -> String {
        let mut out = vec![b'{'];
        for (place, column) in self.columns[..self.key].iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            json::push_string(&mut out, &table.columns[column.number].name);
            out.push(b':');
            let value = read_value(&column.kind, &mut key).unwrap_or(Value::Null);
            json::push_value(&mut out, &value);
        }
        out.push(b'}');
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Fills the cells of what was kept.
    fn unpack(&self, row: &[u8], cells: &mut [Cell], made: &mut Made) {
        let mut at = 0;
        for column in &self.columns {
            cells[column.number] = column.unpack(row, &mut at, made);
        }
    }
}

impl Kept {
    fn pack(&self, sale: &Sale<'_>, out: &mut Vec<u8>) {
        match (self.form, sale.cells[self.number]) {
            (Form::Int, Cell::Int(n)) => push_number(out, i128::from(n)),
            (Form::Decimal, Cell::Decimal(n)) => push_number(out, n),
            (Form::Double, Cell::Double(n)) => push_number(out, i128::from(n.to_ordered())),
            (Form::Text, Cell::Text { .. }) => {
                push_bytes(out, sale.bytes(self.number).unwrap_or_default());
            }
            (Form::Nested, Cell::Nested(_)) => {
                let mut bytes = Vec::new();
                if let Some(value) = sale.nested(self.number) {
                    push_value(&mut bytes, value);
                }
                push_bytes(out, &bytes);
            }
            // No column has a cell of another's form.
            _ => out.push(0),
        }
    }

    fn unpack(&self, row: &[u8], at: &mut usize, made: &mut Made) -> Cell {
        if matches!(self.form, Form::Text | Form::Nested) {
            let Some((start, end)) = read_bytes(row, at) else {
                return Cell::Null;
            };
            if self.form == Form::Text {
                return Cell::Text {
                    start: start as u32,
                    end: end as u32,
                    scratch: false,
                };
            }
            return match read_value(&self.kind, &mut &row[start..end]) {
                Some(value) => made.value(value),
                None => Cell::Null,
            };
        }
        let Some(n) = read_number(row, at) else {
            return Cell::Null;
        };
        match self.form {
            Form::Decimal => Cell::Decimal(n),
            Form::Double => Cell::Double(standings_model::value::Real::of_ordered(n as i64)),
            _ => Cell::Int(n as i64),
        }
    }
}

/// A number: how many bytes and one, then its lowest bytes.
fn push_number(out: &mut Vec<u8>, n: i128) {
    let bytes = n.to_le_bytes();
    // What is left out has the sign's bits alone.
    let spare = if n < 0 { !n } else { n }.leading_zeros() - 1;
    let count = 16 - spare as usize / 8;
    out.push(count as u8 + 1);
    out.extend_from_slice(&bytes[..count]);
}

fn read_number(row: &[u8], at: &mut usize) -> Option<i128> {
    let count = usize::from(*row.get(*at)?);
    *at += 1;
    let count = count.checked_sub(1).filter(|count| *count <= 16)?;
    let found = row.get(*at..*at + count)?;
    *at += count;
    let is_negative = found.last().is_some_and(|last| *last >= 0x80);
    let mut bytes = [if is_negative { 0xff } else { 0 }; 16];
    bytes[..count].copy_from_slice(found);
    Some(i128::from_le_bytes(bytes))
}

/// Bytes: how many and one, then they.
fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    leb128::push(out, bytes.len() as u64 + 1);
    out.extend_from_slice(bytes);
}

fn read_bytes(row: &[u8], at: &mut usize) -> Option<(usize, usize)> {
    let mut rest = row.get(*at..)?;
    let before = rest.len();
    let length = leb128::take(&mut rest)?;
    *at += before - rest.len();
    let start = *at;
    let length = usize::try_from(length.checked_sub(1)?).ok()?;
    let end = start.checked_add(length).filter(|end| *end <= row.len())?;
    *at = end;
    Some((start, end))
}

impl Decoder {
    /// A row that was kept, with all that is computed of it. Its text borrows from the bytes, or from the decoder.
    pub fn recall<'a>(&'a mut self, keep: &Keep, row: &'a [u8]) -> Sale<'a> {
        // It had no error when it came, and is a function of what was kept.
        let again = self.unpack(keep, row);
        debug_assert!(again.is_ok(), "{again:?}");
        let time = self.time.map(|(number, is_date)| {
            // It was told when it came.
            let odd = &mut super::Odd::default();
            event_time(self.cells[number], is_date, "", odd)
        });
        Sale {
            event_time: time.and_then(Result::ok).unwrap_or_default(),
            cells: &self.cells,
            columns: &self.table,
            record: row,
            made: &self.made,
            row: None,
        }
    }

    /// A row of which the record lacked values ([`Keep::lacks`]), as it was packed with them: what is computed of it is computed for
    /// the first time.
    ///
    /// # Errors
    /// As [`Decoder::now`].
    pub fn completed<'a>(
        &'a mut self,
        keep: &Keep,
        row: &'a [u8],
    ) -> Result<Sale<'a>, DecodeError> {
        self.unpack(keep, row)?;
        let time = self.time_of_cells()?;
        Ok(self.sale(row, time))
    }

    fn unpack(&mut self, keep: &Keep, row: &[u8]) -> Result<(), DecodeError> {
        self.made.clear();
        keep.unpack(row, &mut self.cells, &mut self.made);
        let Decoder {
            table,
            compute,
            cells,
            made,
            ..
        } = self;
        let computed = compute.columns(row, table, cells, made);
        compute.derived(row, table, cells, made);
        self.whole = self.made.mark();
        computed
    }
}

#[cfg(test)]
mod tests;
