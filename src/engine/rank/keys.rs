//! Keys of a table that changes, seen in a second partition: noticed beside the counting, and not ruled on.
//!
//! ```text
//! reader: a row is held of a key that was not ─► hash decides ─► owner: of which partition was it? ─► worker 0: counts, says so once
//! ```
//!
//! A row is (partition, key): its reader needs nobody to know it. So that a key is in two partitions (a topic that was given more of
//! them, a producer that places keys otherwise) only who hears of all readers can see. 16 bytes a key are kept, no text: two keys
//! of one hash of 64 bits are taken for one, so that a notice may be false where there are thousands of millions of keys.
//!
//! 1. An epoch's keys are looked at together and in order, so that what is noticed does not depend on how they came.
//! 2. A key is let go when all windows that its rows were in are gone.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use super::gather::Gather;
use crate::pack::hash::{hash, mix};
use standings_decode::Keep;
use standings_model::block::PartitionId;

/// With fewer keys none is looked for that could go.
const FEW: usize = 1024;

/// A key of which a row is held now, and was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// Of the key and its table.
    pub hash: u64,
    /// The number of its table in the plan.
    pub table: u32,
    /// Where it is held.
    pub partition: PartitionId,
    /// The end of the last window that the row is in, ms.
    pub until: i64,
    /// It was there when the run began: no news.
    pub known: bool,
    /// As the row has it.
    pub key: Box<[u8]>,
}

impl NewKey {
    /// Of a key's bytes.
    pub fn new(table: usize, partition: PartitionId, until: i64, key: &[u8], known: bool) -> Self {
        NewKey {
            hash: hash(key) ^ mix(table as u64),
            table: table as u32,
            partition,
            until,
            known,
            key: key.into(),
        }
    }

    /// The worker that hears of all its partitions.
    pub fn owner(&self, workers: usize) -> u64 {
        self.hash % workers as u64
    }
}

/// A key that was seen in a second partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The number of its table in the plan.
    pub table: u32,
    /// Where it came second.
    pub partition: PartitionId,
    /// Where it was first.
    pub first: PartitionId,
    /// As the row has it.
    pub key: Box<[u8]>,
}

/// What is kept of a key: where it was first, whether it was seen elsewhere, and until when it is kept, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known(u64);

const PARTITION: u64 = (1 << 23) - 1;
const MOVED: u64 = 1 << 23;
/// The greatest time, some 34,000 years from 1970.
const ALWAYS: u64 = (1 << 40) - 1;

impl Known {
    fn new(first: PartitionId, until: i64) -> Self {
        Known(u64::from(first) & PARTITION).until(until)
    }

    fn first(self) -> PartitionId {
        (self.0 & PARTITION) as PartitionId
    }

    fn is_moved(self) -> bool {
        self.0 & MOVED != 0
    }

    fn moved(self) -> Self {
        Known(self.0 | MOVED)
    }

    /// The same, kept until then too; seconds are cut up.
    fn until(self, ms: i64) -> Self {
        let seconds = (ms.max(0) as u64).div_ceil(1000).min(ALWAYS);
        Known(self.0 & (PARTITION | MOVED) | seconds.max(self.0 >> 24) << 24)
    }

    fn is_gone(self, horizon: i64) -> bool {
        let until = self.0 >> 24;
        until != ALWAYS && (until as i64) * 1000 <= horizon
    }
}

/// The keys of one owner.
#[derive(Debug, Default)]
pub struct Keys {
    known: BTreeMap<u64, Known>,
    /// Keys that were left when some were let go last.
    kept: usize,
}

impl Keys {
    /// Takes the new keys of an epoch in: those that were of another partition.
    pub fn see(&mut self, mut keys: Vec<NewKey>) -> Vec<Moved> {
        keys.sort_unstable_by_key(|key| (!key.known, key.hash, key.partition));
        let mut moved = Vec::new();
        for key in keys {
            let mut known = match self.known.entry(key.hash) {
                Entry::Vacant(place) => {
                    place.insert(Known::new(key.partition, key.until));
                    continue;
                }
                Entry::Occupied(place) => place,
            };
            let before = known.get().until(key.until);
            known.insert(before);
            let first = before.first();
            if before.is_moved() || u64::from(key.partition) & PARTITION == u64::from(first) {
                continue;
            }
            known.insert(before.moved());
            if !key.known {
                moved.push(Moved {
                    table: key.table,
                    partition: key.partition,
                    first,
                    key: key.key,
                });
            }
        }
        moved
    }

    /// Lets keys go whose windows end at or before this, ms, if it may be many.
    pub fn retire(&mut self, horizon: i64) {
        if self.known.len() < (2 * self.kept).max(FEW) {
            return;
        }
        self.known.retain(|_, known| !known.is_gone(horizon));
        self.kept = self.known.len();
    }
}

impl Gather {
    /// Counts keys that were seen in a second partition, and names each.
    pub fn moved(&mut self, moved: Vec<Moved>) {
        for moved in moved {
            self.counts.entry(moved.partition).or_default().keys_moved += 1;
            let table = &self.plan.tables[moved.table as usize];
            tracing::warn!(
                event = "key_moved",
                table = %table.name,
                key = %Keep::new(table).show_key(table, &moved.key),
                first = moved.first,
                partition = moved.partition,
                "a key is in two partitions: of each it has a row of its own"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(partition: PartitionId, until: i64, key: &str) -> NewKey {
        NewKey::new(0, partition, until, key.as_bytes(), false)
    }

    fn said(moved: &[Moved]) -> Vec<(PartitionId, PartitionId, &str)> {
        let key = |m: &Moved| String::from_utf8(m.key.to_vec()).unwrap().leak() as &str;
        moved
            .iter()
            .map(|m| (m.first, m.partition, key(m)))
            .collect()
    }

    #[test]
    fn a_second_partition_is_noticed_once() {
        let mut keys = Keys::default();
        assert!(keys.see(vec![key(1, 0, "a"), key(1, 0, "b")]).is_empty());
        // Again where it was is no news.
        assert!(keys.see(vec![key(1, 5_000, "a")]).is_empty());
        let moved = keys.see(vec![key(3, 0, "a"), key(2, 0, "a")]);
        // The lowest of an epoch comes first, whatever the order.
        assert_eq!(said(&moved), [(1, 2, "a")]);
        assert!(keys.see(vec![key(0, 0, "a"), key(2, 0, "a")]).is_empty());
        assert_eq!(said(&keys.see(vec![key(0, 0, "b")])), [(1, 0, "b")]);
        // Of another table it is another key.
        let other = NewKey::new(1, 2, 0, b"b", false);
        assert!(keys.see(vec![other]).is_empty());
    }

    #[test]
    fn within_an_epoch_the_order_does_not_matter() {
        let all = [key(2, 0, "x"), key(0, 0, "x"), key(1, 0, "x")];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let given = order.map(|n: usize| all[n].clone()).to_vec();
            assert_eq!(said(&Keys::default().see(given)), [(0, 1, "x")]);
        }
    }

    #[test]
    fn what_was_there_is_no_news() {
        let mut keys = Keys::default();
        let known = |mut key: NewKey| {
            key.known = true;
            key
        };
        let begun = vec![
            key(4, 0, "a"),
            known(key(0, 0, "a")),
            known(key(0, 0, "b")),
            known(key(1, 0, "b")),
        ];
        // What was there counts as there before what comes, in the same epoch too.
        assert_eq!(said(&keys.see(begun)), [(0, 4, "a")]);
        // And of two partitions it was counted by the run before.
        assert!(keys.see(vec![key(2, 0, "b")]).is_empty());
    }

    #[test]
    fn keys_go_with_their_windows() {
        let mut keys = Keys::default();
        let many = (0..FEW).map(|n| key(0, (n as i64 % 2) * 10_000, &n.to_string()));
        keys.see(many.collect());
        keys.see(vec![key(0, i64::MAX, "1")]);
        keys.retire(9_999);
        assert_eq!(keys.known.len(), FEW / 2);
        // Not before there are twice as many.
        keys.retire(10_000);
        assert_eq!(keys.known.len(), FEW / 2);
        let more = (0..FEW).map(|n| key(0, 0, &format!("x{n}")));
        keys.see(more.collect());
        keys.retire(10_000);
        // Of all time nothing goes.
        assert_eq!(keys.known.len(), 1);
        assert_eq!(said(&keys.see(vec![key(1, 0, "1")])), [(0, 1, "1")]);
        assert!(keys.see(vec![key(1, 0, "3")]).is_empty());
        assert_eq!(size_of::<(u64, Known)>(), 16);
    }
}
