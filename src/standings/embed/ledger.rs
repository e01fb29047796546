//! What was committed: the rows as they are, and as they were when somebody last asked what has changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use standings_commit::committer::Observer;
use standings_model::change::{Change, Commit, Counts};
use standings_model::plan::Plan;
use standings_model::value::Value;
use standings_model::window::Bounds;

use super::row::Row;

/// Names a row: ranking, window, group keys.
type Key = (usize, Bounds, Arc<[Value]>);

/// Rows, and what is known beside them.
#[derive(Default)]
pub(super) struct Ledger {
    /// Rows, with the commit that changed each last.
    rows: BTreeMap<Key, (Change, u64)>,
    /// Rows that were touched since changes were last taken, as they were then; `None`: not there. As many as there are
    /// rows at most, however often they change.
    before: BTreeMap<Key, Option<Change>>,
    commit: u64,
    pub(super) counts: Counts,
    pub(super) watermark: Option<i64>,
    /// Partitions that have ended.
    pub(super) finished: usize,
}

impl Ledger {
    fn change(&mut self, change: &Change, commit: u64) {
        let key: Key = (change.ranking, change.bounds(), Arc::clone(&change.key));
        let old = match change.rank {
            Some(_) => self.rows.insert(key.clone(), (change.clone(), commit)),
            None => self.rows.remove(&key),
        };
        let old = old.map(|(change, _)| change);
        self.before.entry(key).or_insert(old);
    }

    /// What has changed since this was last called.
    pub(super) fn take_changes(&mut self, plan: &Arc<Plan>) -> Vec<Row> {
        let mut rows = Vec::new();
        for (key, before) in std::mem::take(&mut self.before) {
            let previous_rank = before.as_ref().and_then(|b| b.rank);
            let (change, commit) = match (before, self.rows.get(&key)) {
                (Some(before), Some((now, _))) if is_same(&before, now) => continue,
                (_, Some((now, commit))) => (now.clone(), *commit),
                (Some(before), None) => {
                    let gone = Change {
                        rank: None,
                        measures: Arc::from([]),
                        ..before
                    };
                    (gone, self.commit)
                }
                (None, None) => continue,
            };
            let change = Change {
                previous_rank,
                ..change
            };
            rows.push(Row::new(plan, change, commit));
        }
        rows.sort_by(Row::in_order);
        rows
    }

    /// The rows of a ranking.
    pub(super) fn rows(&self, plan: &Arc<Plan>, ranking: usize) -> Vec<Row> {
        let of = self.rows.values().filter(|(row, _)| row.ranking == ranking);
        let mut rows: Vec<Row> = of
            .map(|(row, commit)| Row::new(plan, row.clone(), *commit))
            .collect();
        rows.sort_by(Row::in_order);
        rows
    }

    /// Rows of windows that end at or before this are as if they had not been.
    pub(super) fn forget(&mut self, end: i64) {
        self.rows.retain(|_, (row, _)| row.window_end > end);
        let rows = &self.rows;
        self.before.retain(|key, before| {
            rows.contains_key(key) || before.as_ref().is_some_and(|b| b.window_end > end)
        });
    }
}

fn is_same(a: &Change, b: &Change) -> bool {
    (a.rank, &a.measures, a.is_final) == (b.rank, &b.measures, b.is_final)
}

/// The committer's side.
pub(super) struct Watching(pub(super) Arc<Mutex<Ledger>>);

impl Observer for Watching {
    fn opened(&mut self) {}

    fn committed(&mut self, _: &Plan, commit: &Commit) {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if commit.number > 0 {
            ledger.commit = commit.number;
        }
        for change in commit.changes.iter() {
            ledger.change(change, commit.number);
        }
        let mut counts = Counts::default();
        commit.counts.values().for_each(|c| counts.add(c));
        ledger.counts = counts;
        ledger.watermark = commit.watermark.or(ledger.watermark);
        ledger.finished = commit.finished.len();
    }
}
