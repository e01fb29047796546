//! Brings a sink that already shows something up to the present, by writing only the difference.
//!
//! After a restart the input is read again from its start. Until the rebuilt rankings have reached the prefix that
//! the sink's last commit stands for, nothing is written: readers would see old totals again. Then the difference
//! between what the sink shows and what it should show is one commit, and from there on commits pass as they are.
//! Because the difference is taken against the sink itself, any batching is right, and rows that somebody else
//! changed are set right too.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::block::PartitionId;
use crate::model::change::{Change, Commit};
use crate::model::sabotage::{self, Mistake};
use crate::model::value::Value;
use crate::sink::{Shown, ShownRow};

type RowKey = (usize, i64, Arc<[Value]>);

/// A sink's way to the present.
pub struct CatchUp {
    offsets: BTreeMap<PartitionId, u64>,
    shown: HashMap<RowKey, ShownRow>,
    should: HashMap<RowKey, Change>,
}

impl CatchUp {
    /// From what the sink shows, up to a prefix. Windows that end at or before `horizon` were dropped before the
    /// snapshot that is started from: their rows stay as they are.
    pub fn new(shown: Shown, offsets: BTreeMap<PartitionId, u64>, horizon: i64) -> Self {
        let shown = shown
            .rows
            .into_iter()
            .filter(|row| row.window_end > horizon)
            .map(|row| ((row.ranking, row.window_start, Arc::clone(&row.key)), row))
            .collect();
        CatchUp {
            offsets,
            shown,
            should: HashMap::new(),
        }
    }

    /// The prefix to catch up with.
    pub fn prefix(&self) -> &BTreeMap<PartitionId, u64> {
        &self.offsets
    }

    /// Takes over a commit's changes without writing them.
    pub fn absorb(&mut self, commit: &Commit) {
        for change in commit.changes.iter() {
            let key = (change.ranking, change.window_start, Arc::clone(&change.key));
            if change.rank.is_some() {
                self.should.insert(key, change.clone());
            } else {
                self.should.remove(&key);
            }
        }
    }

    /// Whether a commit's prefix has reached the one to catch up with.
    pub fn has_reached(&self, commit: &Commit) -> bool {
        self.offsets
            .iter()
            .all(|(p, offset)| commit.offsets.get(p).is_some_and(|o| o >= offset))
    }

    /// The changes that turn what the sink shows into what it should show.
    pub fn difference(mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (key, mut change) in self.should {
            let before = self.shown.remove(&key);
            let same = before.as_ref().is_some_and(|row| {
                Some(row.rank) == change.rank
                    && row.measures == change.measures
                    && row.is_final == change.is_final
            });
            if !same {
                change.previous_rank = before.map(|row| row.rank);
                changes.push(change);
            }
        }
        if sabotage::is(Mistake::GoneRowsKept) {
            self.shown.clear();
        }
        for row in self.shown.into_values() {
            changes.push(Change {
                ranking: row.ranking,
                window_start: row.window_start,
                window_end: row.window_end,
                key: row.key,
                rank: None,
                previous_rank: Some(row.rank),
                measures: Arc::from([]),
                is_final: row.is_final,
            });
        }
        changes.sort_by(|a, b| {
            let place = |c: &Change| (c.ranking, c.window_start, c.rank);
            place(a).cmp(&place(b)).then_with(|| a.key.cmp(&b.key))
        });
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(city: &str, rank: Option<u64>, total: i128) -> Change {
        Change {
            ranking: 0,
            window_start: 0,
            window_end: 10,
            key: Arc::from([Value::text(city)]),
            rank,
            previous_rank: None,
            measures: Arc::from([Value::Decimal(total)]),
            is_final: false,
        }
    }

    fn shown(city: &str, rank: u64, total: i128) -> ShownRow {
        ShownRow {
            ranking: 0,
            window_start: 0,
            window_end: 10,
            key: Arc::from([Value::text(city)]),
            rank,
            measures: Arc::from([Value::Decimal(total)]),
            is_final: false,
        }
    }

    #[test]
    fn only_the_difference_is_left() {
        let rows = vec![shown("a", 1, 30), shown("b", 2, 20), shown("gone", 3, 10)];
        let offsets = BTreeMap::from([(0, 5)]);
        let mut catch_up = CatchUp::new(
            Shown {
                commit: 7,
                offsets: Some(offsets.clone()),
                begins: BTreeMap::new(),
                watermark: None,
                rows,
            },
            offsets,
            0,
        );
        let mut commit = Commit {
            offsets: BTreeMap::from([(0, 4)]),
            ..Commit::default()
        };
        commit.changes = Arc::new(vec![change("a", Some(1), 30), change("b", Some(2), 19)]);
        catch_up.absorb(&commit);
        assert!(!catch_up.has_reached(&commit));
        commit.offsets.insert(0, 6);
        commit.changes = Arc::new(vec![change("b", Some(2), 21)]);
        catch_up.absorb(&commit);
        assert!(catch_up.has_reached(&commit));
        let changes = catch_up.difference();
        assert_eq!(changes.len(), 2);
        assert_eq!((changes[0].rank, changes[0].previous_rank), (None, Some(3)));
        assert_eq!(
            (changes[1].rank, changes[1].previous_rank),
            (Some(2), Some(2))
        );
    }
}
