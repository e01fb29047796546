//! How far a source of changes is: its cursor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::sql::Place;

/// What is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// Nothing.
    #[default]
    New,
    /// The slot may be there, and is ours: it was not when this was written.
    Making,
    /// The slot is there, and what was in the table at its beginning is read.
    Snapshot,
    /// The log is read.
    Streaming,
}

/// A transaction of which a part is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Within {
    /// Where it is committed.
    pub(super) lsn: u64,
    /// Its changes that are written, or were passed over.
    pub(super) changes: u64,
    /// The place of the last of them.
    pub(super) last: u64,
}

/// The last transaction that is whole: it is asked for again, to see that the log is still the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    /// Where it is committed.
    pub(super) lsn: u64,
    /// Its number.
    pub(super) xid: u32,
    /// When it was committed, µs since 1970.
    pub(super) at: i64,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) phase: Phase,
    /// The cluster's identifier.
    pub(super) system: String,
    pub(super) timeline: u32,
    /// The number of the database, and of the table.
    pub(super) database: u32,
    pub(super) table: u32,
    /// All before it is written; of a snapshot, where the slot begins.
    pub(super) lsn: u64,
    /// Of a snapshot: the rows that are written, and the last one.
    pub(super) rows: u64,
    pub(super) behind: Option<Place>,
    pub(super) within: Option<Within>,
    pub(super) last: Option<Last>,
    /// The types of columns that the configuration names.
    pub(super) columns: BTreeMap<String, String>,
}

impl At {
    /// What the server may forget: all before the last transaction, which is asked for again.
    pub(super) fn kept(&self) -> u64 {
        self.last.as_ref().map_or(self.lsn, |last| last.lsn)
    }
}
