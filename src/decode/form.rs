//! A record whose fields have names: which of them are of use, and the layouts that were seen.

use standings_model::table::Table;

use super::cell::Cell;
use super::columns::Columns;
use super::error::DecodeError;
use super::full::Full;
use super::layout::Layouts;
use super::made::Made;
use super::scan::DayCache;

#[derive(Debug)]
pub(super) struct Form {
    columns: Columns,
    pub(super) layouts: Layouts,
}

impl Form {
    /// With the table's envelope around the fields, or (`bare`) without it.
    pub(super) fn new(table: &Table, bare: bool) -> Self {
        Form {
            columns: Columns::new(table, bare),
            layouts: Layouts::default(),
        }
    }

    /// Fills the cells of the columns that are read from fields.
    #[inline]
    pub(super) fn decode(
        &mut self,
        record: &[u8],
        (cells, days): (&mut [Cell], &mut DayCache),
        (full, made): (&mut Full, &mut Made),
    ) -> Result<(), DecodeError> {
        if self.layouts.decode(record, cells, days).is_none() {
            full.decode(record, &self.columns, cells, made)?;
            if let Some(fields) = full.fields() {
                self.layouts.learn(record, &self.columns, fields);
            }
        }
        Ok(())
    }

    /// The same by the full path only.
    pub(super) fn decode_full(
        &self,
        record: &[u8],
        cells: &mut [Cell],
        (full, made): (&mut Full, &mut Made),
    ) -> Result<(), DecodeError> {
        full.decode(record, &self.columns, cells, made)
    }
}
