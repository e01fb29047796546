//! The primary key of a row, and whether the record is its end: all that is read of a row that is gone.
//!
//! It is a decoder of its own, of a table of these columns alone: the others may be null, missing or wrong.

use standings_model::block::Home;
use standings_model::schema::Given;
use standings_model::table::{Changelog, Column, Origin, Table};
use standings_model::types::Type;

use super::Place;
use crate::about::About;
use crate::cell::Cell;
use crate::columns::Kind;
use crate::error::DecodeError;
use crate::made::Made;
use crate::{Decoder, Sale};

#[derive(Debug)]
pub(super) struct KeyOnly {
    table: Table,
    decoder: Decoder,
    /// The numbers of its columns in the whole table.
    numbers: Vec<usize>,
    /// Whether a record is a row, and not around one.
    is_whole: bool,
    /// The column that says that a row is gone, behind them, and what it then holds.
    delete: Option<String>,
}

impl KeyOnly {
    pub(super) fn new(whole: &Table, max_record_bytes: usize) -> Self {
        let numbers = whole.primary_key.clone();
        let mut columns: Vec<Column> = Vec::new();
        columns.extend(numbers.iter().map(|n| whole.columns[*n].clone()));
        let declared = whole.delete_field.as_ref().map(|field| {
            let is_it = |c: &&Column| matches!(&c.origin, Origin::Field(path) if path[..] == [field.clone()]);
            let declared = whole.columns.iter().find(is_it).cloned();
            let is_declared = declared.is_some();
            columns.push(declared.unwrap_or(Column {
                name: field.clone(),
                kind: Type::STRING,
                nullable: true,
                origin: Origin::Field([field.clone()].into()),
                comment: None,
            }));
            is_declared
        });
        if declared == Some(true)
            && let Some(column) = columns.last_mut()
        {
            column.nullable = true;
        }
        let mut table = Table::new(&whole.name, columns);
        table.is_named = true;
        table.event_time = None;
        table.format = whole.format.clone();
        table.key_format = whole.key_format.clone();
        table.masking = whole.masking.of_columns(&numbers);
        table.changelog = match whole.changelog {
            Changelog::Upsert => Changelog::Append,
            // The envelope is passed over by who asks.
            other => other,
        };
        let mut decoder = Decoder::of_rows(&table, None, max_record_bytes);
        if declared == Some(false)
            && let Some(column) = decoder.form.columns_mut().last_mut()
        {
            // Whatever it is: it is compared as it is written.
            column.kind = Kind::Written;
        }
        KeyOnly {
            table,
            decoder,
            numbers,
            is_whole: whole.changelog == Changelog::Upsert,
            delete: whole
                .delete_field
                .as_ref()
                .map(|_| whole.delete_value.clone().unwrap_or("true".to_owned())),
        }
    }

    pub(super) fn at(&mut self, home: &Home) {
        self.decoder.set_home(&self.table, home);
    }

    pub(super) fn learn(&mut self, given: &Given) {
        self.decoder.learn(&self.table, given);
    }

    /// Whether a whole record says that its row is gone.
    pub(super) fn is_delete(
        &mut self,
        record: &[u8],
        about: About<'_>,
    ) -> Result<bool, DecodeError> {
        let (Some(value), place) = (&self.delete, self.numbers.len()) else {
            return Ok(false);
        };
        let sale = self.decoder.decode_about(record, about)?;
        Ok(match sale.cells.get(place) {
            Some(Cell::Text { .. }) => sale.bytes(place) == Some(value.as_bytes()),
            Some(Cell::Null) | None => false,
            Some(_) => sale.value(place).to_string() == *value,
        })
    }

    /// Reads the key of a row that lies somewhere, or of which only the record's key is there, into the cells of the whole
    /// table; the others are NULL.
    pub(super) fn read(
        &mut self,
        (record, place, schema): (&[u8], Option<Place>, Option<Place>),
        about: About<'_>,
        (cells, made): (&mut [Cell], &mut Made),
    ) -> Result<(), DecodeError> {
        let sale = match place {
            Some(_) if self.is_whole => self.decoder.decode_about(record, about)?,
            Some(place) => self.decoder.row(record, place, schema, about)?,
            None => self.decoder.no_row(about)?,
        };
        made.clear();
        cells.fill(Cell::Null);
        for (place, number) in self.numbers.iter().enumerate() {
            cells[*number] = owned(&sale, place, made);
        }
        Ok(())
    }

    /// The key of such a row as bytes that are equal where keys are.
    pub(super) fn note(
        &mut self,
        (record, place, schema): (&[u8], Place, Option<Place>),
        about: About<'_>,
        into: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let sale = self.decoder.row(record, place, schema, about)?;
        into.clear();
        (0..self.numbers.len()).for_each(|place| push(&sale, place, into));
        Ok(())
    }
}

/// A cell whose text does not lie in the record.
fn owned(sale: &Sale<'_>, place: usize, made: &mut Made) -> Cell {
    match sale.cells[place] {
        Cell::Text { .. } => made.bytes(sale.bytes(place).unwrap_or_default()),
        Cell::Nested(_) => made.value(sale.value(place)),
        cell => cell,
    }
}

/// Appends a cell of a key, so that no two keys look the same.
pub(super) fn push(sale: &Sale<'_>, place: usize, into: &mut Vec<u8>) {
    let whole = |tag: u8, bytes: &[u8], into: &mut Vec<u8>| {
        into.push(tag);
        into.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        into.extend_from_slice(bytes);
    };
    match sale.cells[place] {
        Cell::Null | Cell::Error(_) => into.push(0),
        Cell::Int(n) => whole(1, &n.to_le_bytes(), into),
        Cell::Decimal(n) => whole(2, &n.to_le_bytes(), into),
        Cell::Double(n) => whole(3, &n.get().to_le_bytes(), into),
        Cell::Text { .. } => whole(4, sale.bytes(place).unwrap_or_default(), into),
        // No key has one.
        Cell::Nested(_) => whole(5, sale.value(place).to_string().as_bytes(), into),
    }
}
