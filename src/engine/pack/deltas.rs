//! What crosses from a reader to the owner of a key: one epoch's accumulators per (ranking, window, key).
//!
//! Column by column in flat arrays, so that a batch is a handful of allocations however many keys it has, and
//! moves between processes as a few `memcpy`s.

use serde::{Deserialize, Serialize};

use super::texts::TextTable;

/// How many bins keys fall into; independent of the number of workers.
pub const BINS: u64 = 1024;

/// The bin of a key by its hash.
#[inline]
pub fn bin(hash: u64) -> u64 {
    hash >> (64 - BINS.trailing_zeros())
}

/// The rows of one window of one ranking inside a batch, or of several windows alike: a sale of a hopping window is
/// folded once, and counts in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Ranking number in the plan.
    pub ranking: u32,
    /// How many rows follow.
    pub rows: u32,
    /// Window end, ms; of the latest, if the rows count in several.
    pub window_end: i64,
    /// In how many windows the rows count: each a pane before the other.
    pub windows: u32,
    /// Of sessions: where the window begins, ms; of others it follows from the end, and this is 0.
    pub session_start: i64,
}

/// One epoch's deltas for one worker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Deltas {
    /// The worker they are for.
    pub worker: u64,
    /// Keys, labels and distinct values.
    pub texts: TextTable,
    /// Which window and ranking the rows belong to, in order.
    pub groups: Vec<Group>,
    /// Rows: the key's text number, then the accumulators of the ranking's layout.
    pub words: Vec<u64>,
    /// Distinct values (text numbers), counted values ([`values::WORDS`](super::values::WORDS) each), what sketches were
    /// told, and entries of bags (a number in `entries`, and how many, in two words), row after row, slot after slot; the
    /// slot's word says how many. Where rows are also taken back, how many is a signed number of 64 bits, as all counts and
    /// sums are then in two's complement.
    pub distinct: Vec<u32>,
    /// Entries of bags: what a group has of them is its own, so they are no texts that an owner numbers.
    pub entries: TextTable,
    /// Rows that are [pieces of bytes](super::top).
    pub tops: TopRows,
}

/// Rows that are pieces of bytes, those of a partition one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopRows {
    /// What each is.
    pub heads: Vec<TopHead>,
    /// The bytes of each: its partition's, then its own.
    pub bytes: Vec<u8>,
}

/// What a row is that is a piece of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopHead {
    /// Ranking number in the plan.
    pub ranking: u32,
    /// How many bytes are its partition's.
    pub partition: u32,
    /// How many are its own.
    pub row: u32,
    /// Window end, ms.
    pub window_end: i64,
    /// The hash of its partition's bytes.
    pub hash: u64,
}

impl TopRows {
    /// Appends a row.
    pub fn push(
        &mut self,
        (ranking, window_end): (u32, i64),
        hash: u64,
        partition: &[u8],
        row: &[u8],
    ) {
        self.heads.push(TopHead {
            ranking,
            partition: partition.len() as u32,
            row: row.len() as u32,
            window_end,
            hash,
        });
        self.bytes.extend_from_slice(partition);
        self.bytes.extend_from_slice(row);
    }

    /// All rows: what each is, its partition, its own bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&TopHead, &[u8], &[u8])> {
        let mut rest = &self.bytes[..];
        self.heads.iter().map(move |head| {
            let (partition, behind) = rest.split_at((head.partition as usize).min(rest.len()));
            let (row, behind) = behind.split_at((head.row as usize).min(behind.len()));
            rest = behind;
            (head, partition, row)
        })
    }
}

impl Deltas {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.tops.heads.is_empty()
    }

    /// Forgets all of it; its memory is that of another batch to come.
    pub fn clear(&mut self) {
        self.texts.clear();
        self.groups.clear();
        self.words.clear();
        self.distinct.clear();
        self.entries.clear();
        self.tops.heads.clear();
        self.tops.bytes.clear();
    }
}
