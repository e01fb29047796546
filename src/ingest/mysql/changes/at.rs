//! How far a source of changes is: its cursor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Gtid;
use crate::postgres::sql::Place;

/// What is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// Nothing.
    #[default]
    New,
    /// What was in the table at the beginning is read.
    Snapshot,
    /// The log is read.
    Streaming,
}

/// The last number of each order: all up to them is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached(pub(super) BTreeMap<u32, Gtid>);

impl Reached {
    /// `0-1-14,2-3-9`
    pub(super) fn read(text: &str) -> Option<Reached> {
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        let all = parts.map(|part| Gtid::parse(part).map(|gtid| (gtid.domain, gtid)));
        all.collect::<Option<_>>().map(Reached)
    }

    pub(super) fn text(&self) -> String {
        let all: Vec<String> = self.0.values().map(Gtid::to_string).collect();
        all.join(",")
    }

    pub(super) fn add(&mut self, gtid: Gtid) {
        self.0.insert(gtid.domain, gtid);
    }

    /// Whether all of the other is within.
    pub(super) fn has(&self, other: &Reached) -> bool {
        let has = |gtid: &Gtid| {
            self.0
                .get(&gtid.domain)
                .is_some_and(|own| own.sequence >= gtid.sequence)
        };
        other.0.values().all(has)
    }
}

/// A transaction of which a part is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Within {
    pub(super) gtid: Gtid,
    /// When it was written, s since 1970: the same number may be another one's. Cursors of before say nothing of it.
    #[serde(default)]
    pub(super) at: Option<u32>,
    /// Its changes that are written, or were passed over.
    pub(super) changes: u64,
}

/// The last transaction that is whole: it is asked for again, to see that the log is still the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) gtid: Gtid,
    /// When it was written, s since 1970.
    pub(super) at: u32,
    /// All before it.
    pub(super) before: Reached,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) phase: Phase,
    /// All up to these is written; of a snapshot, what it has seen.
    pub(super) reached: Reached,
    /// Of a snapshot: the place in the log that this was.
    #[serde(default)]
    pub(super) place: String,
    pub(super) last: Option<Last>,
    pub(super) within: Option<Within>,
    /// Of a snapshot: the rows that are written, and the last one.
    pub(super) rows: u64,
    pub(super) behind: Option<Place>,
    /// The types of columns that the configuration names.
    pub(super) columns: BTreeMap<String, String>,
}
