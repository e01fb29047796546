//! What a record is, and what it is folded into.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::combine::combiner::Combiner;
use crate::quality::Judge;
use crate::rank::keys::NewKey;
use crate::relate::dimension::Dimensions;
use crate::relate::events::Events;
use standings_decode::{About, DecodeError, Decoder, Sale};
use standings_model::amounts::Amounts;
use standings_model::block::{NO_TIMESTAMP, PartitionId, RecordRef};
use standings_model::plan::Plan;
use standings_model::reject::Reject;
use standings_model::rows::Row;
use standings_model::table::Table;

/// A record as it is decoded, and as it came.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    /// Of a row of columns those of its block.
    pub(super) bytes: &'a [u8],
    pub(super) original: &'a [u8],
    /// Where it is no record but a row of columns.
    pub(super) columns: Option<Row<'a>>,
    pub(super) about: About<'a>,
    /// Of an array that is a record, which of its elements.
    pub(super) row: u32,
}

impl<'a> Bytes<'a> {
    /// Decodes it, by whichever it is.
    #[inline(always)]
    pub(super) fn decode(&self, decoder: &'a mut Decoder) -> Result<Sale<'a>, DecodeError> {
        match self.columns {
            None => decoder.decode_about(self.bytes, self.about),
            Some(row) => decoder.decode_row(row, self.bytes, self.about),
        }
    }

    /// The record as it came; of a row of columns the one that it would have been.
    pub(super) fn came(&self) -> Cow<'a, [u8]> {
        match self.columns {
            Some(row) => Cow::Owned(row.record()),
            None => Cow::Borrowed(self.original),
        }
    }
}

/// Since when a row that others are joined with is so, ms: `time` is its event time, where its table has one.
pub(super) fn since(table: &Table, record: &RecordRef, time: i64) -> i64 {
    match table.event_time {
        Some(_) => time,
        None => of_record(record),
    }
}

/// When a record came to be, ms; one without a time, ever.
pub(super) fn of_record(record: &RecordRef) -> i64 {
    match record.timestamp {
        NO_TIMESTAMP => i64::MIN,
        timestamp => timestamp,
    }
}

/// What a worker folds its partitions' sales into.
pub struct Folds<'a> {
    /// Per ranking, window and key.
    pub combiner: &'a mut Combiner,
    /// Rows that others are joined with.
    pub dimensions: &'a mut Dimensions,
    /// Rows that may be ones of pairs.
    pub events: &'a mut Events,
    /// Amounts per window, if `--summary-window` asks for them.
    pub amounts: Option<&'a mut Amounts>,
    /// Asks of every sale what is declared.
    pub judge: &'a mut Judge,
    /// Late sales and dead letters.
    pub rejects: &'a mut Vec<Reject>,
    /// Keys of which rows are held now.
    pub keys: &'a mut Keys,
    /// What a sale may be.
    pub plan: &'a Plan,
}

/// A row that others are joined with, of a partition of a table; without its bytes one that an earlier run has read.
pub(super) fn put(
    (to, plan): (&mut Dimensions, &Plan),
    (table, partition): (usize, PartitionId),
    (record, bytes): (&RecordRef, Option<&[u8]>),
    sale: &Sale<'_>,
) {
    let time = since(&plan.tables[table], record, sale.event_time);
    let place = (table, partition, record.offset);
    match bytes {
        Some(bytes) => to.put((place, time, bytes), sale, false),
        None => to.put_again(place, time, sale, false),
    }
}

/// Keys of which rows are held now, of tables that have several partitions.
#[derive(Debug, Default)]
pub struct Keys {
    /// Other workers may have partitions of any table.
    pub of_all: bool,
    /// Tables of which this worker has several.
    pub of: BTreeSet<usize>,
    /// Those that were not told.
    pub new: Vec<NewKey>,
}

impl Keys {
    /// Whether keys of a table are told.
    pub fn asks(&self, table: usize) -> bool {
        self.of_all || self.of.contains(&table)
    }
}
