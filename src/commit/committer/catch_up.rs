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
//! are set right too. Where only moves are written ([`Emit::Ranks`]), a row that has not moved stays as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gate::has_reached;
use crate::sink::ShownRow;
use standings_engine::rank::emit::Emit;
use standings_model::block::PartitionId;
use standings_model::change::{Change, Commit, Whole};
use standings_model::plan::Ranking;
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

    /// The changes that turn what the sink shows into all rows of these rankings. Windows that were dropped before are not among
    /// these, and their rows stay as they are.
    pub fn difference(self, rankings: &[Ranking], whole: &Whole) -> Vec<Change> {
        let shown = self.shown.into_iter();
        let mut shown: BTreeMap<RowKey, ShownRow> = shown
            .filter(|row| row.window_end > whole.horizon_of(row.ranking))
            .map(|row| ((row.ranking, row.bounds(), Arc::clone(&row.key)), row))
            .collect();
        let mut changes = Vec::new();
        for row in &whole.rows {
            let key = (row.ranking, row.bounds(), Arc::clone(&row.key));
            let before = shown.remove(&key);
            let same = before.as_ref().is_some_and(|before| {
                Some(before.rank) == row.rank
                    && before.is_final == row.is_final
                    && !self
                        .emit
                        .tells(&rankings[row.ranking], &before.measures, row)
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
        let rankings = standings_query::load_shipped().unwrap().rankings;
        let changes = catch_up.difference(&rankings, &whole);
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

    /// The rank is what it was, among others than before.
    #[test]
    fn a_row_among_others_has_moved() {
        let table = "CREATE TABLE t (id BIGINT, city STRING, n INT, PRIMARY KEY (id) NOT ENFORCED)
            WITH ('changelog' = 'upsert', 'format' = 'json')";
        let ranked = "SELECT * FROM (SELECT id, city, n, ROW_NUMBER() OVER (PARTITION BY city ORDER BY n) AS r FROM t)";
        let unsaid = "SELECT id, city, n FROM (SELECT id, city, n, ROW_NUMBER() OVER (PARTITION BY city ORDER BY n) AS r FROM t) WHERE r < 3";
        for (sql, rank) in [(ranked, 1), (unsaid, 0)] {
            let plan = standings_query::load_texts(&[("t", table), ("q", sql)]);
            let rankings = plan
                .unwrap_or_else(|e| panic!("{}", e.render()))
                .plan
                .rankings;
            let place = rankings[0].shown_places().collect::<Vec<_>>();
            assert_eq!(place.len(), 1);
            let row = |city: &str, n: i128| {
                let mut measures = vec![Value::Integer(n); rankings[0].measures.len()];
                measures[place[0]] = Value::text(city);
                Arc::from(measures)
            };
            let before = ShownRow {
                measures: row("Porto", 1),
                ..shown("a", rank, 0)
            };
            let changed = |emit, city, n| {
                let whole = Whole {
                    rows: vec![Change {
                        measures: row(city, n),
                        ..change("a", rank, 0)
                    }],
                    horizon: 0,
                    later: BTreeMap::new(),
                };
                let catch_up = CatchUp::new(vec![before.clone()], BTreeMap::new(), emit);
                catch_up.difference(&rankings, &whole).len()
            };
            assert_eq!(changed(Emit::Ranks, "Porto", 1), 0);
            assert_eq!(changed(Emit::Ranks, "Faro", 1), 1);
            // Another value is a move only where no ranks are said.
            assert_eq!(changed(Emit::Ranks, "Porto", 2), usize::from(rank == 0));
            assert_eq!(changed(Emit::Rows, "Porto", 2), 1);
        }
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
