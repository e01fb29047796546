//! Held rows on their way into a snapshot, and out of one.

use hashbrown::HashSet;

use super::{Held, Noted};
use standings_model::block::PartitionId;
use standings_model::sabotage::{self, Mistake};

/// A copy of a partition's rows: all of them, or what changed since the copy before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The number of its table in the plan.
    pub table: usize,
    /// Which partition.
    pub partition: PartitionId,
    /// All rows: no copy before this one counts.
    pub all: bool,
    /// What there is, each key once.
    pub entries: Vec<Entry>,
}

/// A row, or the end of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Box<[u8]>,
    /// Until when it counts, ms, and what is behind the key; none where it ended.
    pub row: Option<(i64, Box<[u8]>)>,
}

impl Held {
    /// Copies what changed since the last copy, or (`all`) everything; what changes from here on is noted. None where nothing
    /// did.
    pub fn copy(&mut self, partition: PartitionId, table: usize, all: bool) -> Option<Copied> {
        let Noted {
            mut changed,
            ended,
            all: no_note,
        } = std::mem::replace(&mut self.noted, Noted::since(false));
        let mut copied = Copied {
            table,
            partition,
            all: all || no_note,
            entries: Vec::new(),
        };
        if copied.all {
            copied.entries = self.iter().map(entry).collect();
            return Some(copied);
        }
        changed.sort_unstable();
        changed.dedup();
        let rows = changed.into_iter().filter_map(|place| self.at(place));
        copied.entries = rows.map(entry).collect();
        let mut told = HashSet::new();
        for key in ended {
            if sabotage::is(Mistake::EndedNotCopied) {
                continue;
            }
            if self.find(&key).is_none() && told.insert(key.clone()) {
                copied.entries.push(Entry { key, row: None });
            }
        }
        (!copied.entries.is_empty()).then_some(copied)
    }

    /// It is what the last snapshot has.
    pub fn is_copied(&mut self) {
        self.noted = Noted::since(false);
    }
}

fn entry(row: super::Row<'_>) -> Entry {
    let (key, rest) = row.bytes.split_at(row.key);
    Entry {
        key: key.into(),
        row: Some((row.until, rest.into())),
    }
}
