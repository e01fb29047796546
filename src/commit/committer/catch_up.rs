//! Brings a sink that already shows something up to the present, by writing only the difference.
//!
//! ```text
//! rows that the sink shows ──┐
//!                            ├──► difference: one commit ──► from here on commits pass as they are
//! all rows as of a draft ────┘
//! ```
//!
//! After a restart the input is read again. Until the rebuilt rankings have reached the prefix that the sink's last
//! commit stands for, nothing is written: readers would see old totals again. Then the gate asks for all rows. The same
//! is done when a sink is found to show less than it had acknowledged (a standby that was promoted a moment behind).
//!
//! Because the difference is taken against the sink itself, any batching is right, and rows that somebody else changed
//! are set right too. Where only moves are written ([`Emit::Ranks`]), a row whose rank is right stays as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gate::has_reached;
use crate::sink::ShownRow;
use standings_engine::rank::emit::Emit;
use standings_model::block::PartitionId;
use standings_model::change::{Change, Commit, Whole};
use standings_model::sabotage::{self, Mistake};
use standings_model::value::Value;
use standings_model::window::Bounds;

type RowKey = (usize, Bounds, Arc<[Value]>);

/// A sink's way to the present.
pub struct CatchUp {
    offsets: BTreeMap<PartitionId, u64>,
    shown: Vec<ShownRow>,
    emit: Emit,
    /// It fell behind in the midst of a run.
    pub(super) fell_behind: bool,
}

impl CatchUp {
    /// From the rows that the sink shows, up to a prefix.
    pub fn new(shown: Vec<ShownRow>, offsets: BTreeMap<PartitionId, u64>, emit: Emit) -> Self {
        CatchUp {
            offsets,
            shown,
            emit,
            fell_behind: false,
        }
    }

    /// The prefix to catch up with.
    pub fn prefix(&self) -> &BTreeMap<PartitionId, u64> {
        &self.offsets
    }

    /// Whether a commit's prefix has reached the one to catch up with.
    pub fn has_reached(&self, commit: &Commit) -> bool {
        has_reached(&commit.offsets, &self.offsets)
    }

    /// The changes that turn what the sink shows into all rows. Windows that were dropped before are not among these, and
    /// their rows stay as they are.
    pub fn difference(self, whole: &Whole) -> Vec<Change> {
        let shown = self.shown.into_iter();
        let mut shown: BTreeMap<RowKey, ShownRow> = shown
            .filter(|row| row.window_end > whole.horizon_of(row.ranking))
            .map(|row| ((row.ranking, row.bounds(), Arc::clone(&row.key)), row))
            .collect();
        let mut changes = Vec::new();
        for row in &whole.rows {
            let key = (row.ranking, row.bounds(), Arc::clone(&row.key));
            let before = shown.remove(&key);
            let moves_only = self.emit == Emit::Ranks && !row.is_final;
            let same = before.as_ref().is_some_and(|before| {
                Some(before.rank) == row.rank
                    && before.is_final == row.is_final
                    && (moves_only || before.measures == row.measures)
            });
            if !same {
                changes.push(Change {
                    previous_rank: before.map(|row| row.rank),
                    ..row.clone()
                });
            }
        }
        if sabotage::is(Mistake::GoneRowsKept) {
            shown.clear();
        }
        for row in shown.into_values() {
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
            let place = |c: &Change| (c.ranking, c.bounds(), c.rank);
            place(a).cmp(&place(b)).then_with(|| a.key.cmp(&b.key))
        });
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(city: &str, rank: u64, total: i128) -> Change {
        Change {
            ranking: 0,
            window_start: 0,
            window_end: 10,
            key: Arc::from([Value::text(city)]),
            rank: Some(rank),
            previous_rank: None,
            measures: Arc::from([Value::cents(total)]),
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
            measures: Arc::from([Value::cents(total)]),
            is_final: false,
        }
    }

    fn difference(emit: Emit, horizon: i64) -> Vec<(Option<u64>, Option<u64>)> {
        let rows = vec![shown("a", 1, 30), shown("b", 2, 20), shown("gone", 3, 10)];
        let catch_up = CatchUp::new(rows, BTreeMap::new(), emit);
        let whole = Whole {
            rows: vec![change("a", 1, 30), change("b", 2, 21)],
            horizon,
            later: BTreeMap::new(),
        };
        let changes = catch_up.difference(&whole);
        let ranks = changes.iter().map(|c| (c.rank, c.previous_rank));
        ranks.collect()
    }

    #[test]
    fn only_the_difference_is_left() {
        let gone = (None, Some(3));
        assert_eq!(difference(Emit::Rows, 0), [gone, (Some(2), Some(2))]);
        assert_eq!(
            difference(Emit::Ranks, 0),
            [gone],
            "a rank that is right is no move"
        );
        let kept = difference(Emit::Rows, 10);
        assert!(!kept.contains(&gone), "the window was dropped");
    }

    #[test]
    fn a_prefix_is_reached_in_every_partition() {
        let offsets = BTreeMap::from([(0, 5), (1, 1)]);
        let catch_up = CatchUp::new(Vec::new(), offsets, Emit::Rows);
        let mut commit = Commit {
            offsets: BTreeMap::from([(0, 6)]),
            ..Commit::default()
        };
        assert!(!catch_up.has_reached(&commit));
        commit.offsets.insert(1, 1);
        assert!(catch_up.has_reached(&commit));
    }
}
