//! Columns that lie in a record's key: `'key.format'`, `'key.fields'`, `'value.fields-include' = 'EXCEPT_KEY'`.
//!
//! A key is a record of its own, of the columns that lie in it; what was found is copied beside the columns of the value.

use standings_model::schema::Given;
use standings_model::table::{Column, Table};

use super::Decoder;
use super::cell::Cell;
use super::error::{self, DecodeError, shorten};
use super::made::Made;

#[derive(Debug)]
pub(super) struct Key {
    decoder: Decoder,
    /// The numbers of its columns in the table.
    columns: Vec<usize>,
}

impl Key {
    /// The key of a table that reads any of it.
    pub(super) fn of(table: &Table, max_record_bytes: usize) -> Option<Box<Self>> {
        let (key, columns) = table.of_key()?;
        Some(Box::new(Key {
            decoder: Decoder::new(&key, None, max_record_bytes),
            columns,
        }))
    }

    /// Takes a schema that keys are written with.
    pub(super) fn learn(&mut self, table: &Table, given: &Given) {
        if let Some((key, _)) = table.of_key() {
            let given = Given {
                of_key: false,
                ..given.clone()
            };
            self.decoder.learn(&key, &given);
        }
    }

    /// Fills the cells of its columns; without a key they are NULL.
    pub(super) fn fill(
        &mut self,
        key: Option<&[u8]>,
        columns: &[Column],
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        let Some(key) = key else {
            let required = self.decoder.table.iter().zip(&self.columns);
            if let Some((_, number)) = required.into_iter().find(|(c, _)| !c.nullable) {
                let name = shorten(&columns[*number].name);
                let detail = format!("column {name:?}: the record has no key");
                return Err(DecodeError::new(error::MISSING_FIELD, detail));
            }
            self.columns.iter().for_each(|n| cells[*n] = Cell::Null);
            return Ok(());
        };
        let found = self.decoder.decode(key).map_err(|e| DecodeError {
            detail: format!("key: {}", e.detail),
            ..e
        })?;
        for (place, number) in self.columns.iter().enumerate() {
            cells[*number] = match found.cells[place] {
                Cell::Text { .. } => made.bytes(found.bytes(place).unwrap_or_default()),
                Cell::Nested(_) => made.value(found.value(place)),
                cell => cell,
            };
        }
        Ok(())
    }
}
