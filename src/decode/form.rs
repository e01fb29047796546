//! A record whose fields have names: which of them are of use, and the layouts that were seen.

use standings_model::table::Table;

use super::cell::Cell;
use super::columns::{Column, Columns};
use super::error::DecodeError;
use super::full::Full;
use super::layout::Layouts;
use super::made::Made;
use super::scan::DayCache;
use super::seen::{Drift, Seen};

#[derive(Debug)]
pub(super) struct Form {
    columns: Columns,
    pub(super) layouts: Layouts,
    /// Where records are JSON as they came.
    seen: Option<Box<Seen>>,
}

impl Form {
    /// With the table's envelope around the fields, or (`bare`) without it.
    pub(super) fn new(table: &Table, bare: bool) -> Self {
        Form {
            columns: Columns::new(table, bare),
            layouts: Layouts::default(),
            seen: table.format.is_json().then(Box::default),
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
            return self.slow(record, cells, (full, made));
        }
        Ok(())
    }

    /// The columns that are read from fields.
    pub(super) fn columns_mut(&mut self) -> &mut [Column] {
        &mut self.columns.list
    }

    /// The same where a schema beside the record says what values stand for.
    pub(super) fn decode_described(
        &mut self,
        record: &[u8],
        schema: &[u8],
        cells: (&mut [Cell], &mut DayCache),
        (full, made): (&mut Full, &mut Made),
    ) -> Result<(), DecodeError> {
        // It was looked at as a part of its record.
        let schema = std::str::from_utf8(schema).unwrap_or_default();
        match full.describe(schema) {
            true => {
                let decoded = full.decode(record, &self.columns, cells.0, made);
                full.forget_schema();
                decoded
            }
            false => self.decode(record, cells, (full, made)),
        }
    }

    /// The full path, which learns.
    fn slow(
        &mut self,
        record: &[u8],
        cells: &mut [Cell],
        (full, made): (&mut Full, &mut Made),
    ) -> Result<(), DecodeError> {
        let decoded = full.decode(record, &self.columns, cells, made);
        let mut is_new = false;
        if let (Ok(()), Some(fields)) = (&decoded, full.fields()) {
            is_new = self.layouts.learn(record, &self.columns, fields);
        }
        if let Some(seen) = &mut self.seen {
            seen.full(record, &self.columns, full.places(), is_new);
        }
        decoded
    }

    /// After a block of so many records, of which this is the last.
    pub(super) fn settle(&mut self, records: u64, last: &[u8]) {
        if let Some(seen) = &mut self.seen {
            seen.settle(records, last, &self.columns, &mut self.layouts);
        }
    }

    /// Fields that came, went or changed their type since it was last asked.
    pub(super) fn drifts(&mut self) -> Vec<(String, Drift)> {
        self.seen
            .as_mut()
            .map(|seen| seen.take())
            .unwrap_or_default()
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
