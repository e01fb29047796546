//! The current rankings in memory, folded from commits: what the page and the API show.
//!
//! 1. The board after commit *c* shows exactly the fold of the changes up to *c*; a reader sees a whole commit or
//!    nothing of it.
//! 2. At most [`MAX_ROWS`] rows per ranking are kept: the oldest windows go first, and a correction of a window that
//!    went does not bring back a part of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::change::{Change, Commit};
use crate::model::plan::Plan;
use crate::model::time::DAY;
use crate::model::value::Value;

/// Rows kept per ranking.
pub const MAX_ROWS: usize = 200_000;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Rank.
    pub rank: u64,
    /// Group keys, as in the plan.
    pub key: Arc<[Value]>,
    /// Measures, as in the plan.
    pub measures: Arc<[Value]>,
    /// Whether the row was written after its window closed.
    pub is_final: bool,
    /// The commit that wrote it last.
    pub commit: u64,
}

/// A window, without its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowInfo {
    /// Start, ms.
    pub start: i64,
    /// End, ms.
    pub end: i64,
    /// Whether it is closed.
    pub is_final: bool,
    /// Rows it has.
    pub rows: usize,
    /// The last commit that changed it.
    pub commit: u64,
    /// Whether its last rows were dropped to stay within [`MAX_ROWS`].
    pub truncated: bool,
}

/// Order of display: partition beyond the window, rank, key.
type Place = (Box<[Value]>, u64, Arc<[Value]>);

#[derive(Debug, Default)]
struct Window {
    end: i64,
    is_final: bool,
    commit: u64,
    truncated: bool,
    rows: HashMap<Arc<[Value]>, Row>,
    order: BTreeSet<Place>,
}

#[derive(Debug)]
struct Shown {
    windows: BTreeMap<i64, Window>,
    rows: usize,
    /// Windows that start before this were dropped.
    dropped_before: i64,
}

#[derive(Debug)]
struct State {
    commit: u64,
    rankings: Vec<Shown>,
}

/// The current rankings. Share it in an `Arc`.
#[derive(Debug)]
pub struct Board {
    max_rows: usize,
    state: RwLock<State>,
}

impl Board {
    /// An empty board for these rankings.
    pub fn new(plan: &Plan) -> Self {
        Board::with_max_rows(plan, MAX_ROWS)
    }

    fn with_max_rows(plan: &Plan, max_rows: usize) -> Self {
        let empty = || Shown {
            windows: BTreeMap::new(),
            rows: 0,
            dropped_before: i64::MIN,
        };
        let rankings = plan.rankings.iter().map(|_| empty()).collect();
        Board {
            max_rows,
            state: RwLock::new(State {
                commit: 0,
                rankings,
            }),
        }
    }

    /// Folds a commit in. `plan` is the plan that the commit's ranking numbers index.
    pub fn apply(&self, plan: &Plan, commit: &Commit) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for change in &commit.changes {
            let Some(ranking) = plan.rankings.get(change.ranking) else {
                continue;
            };
            if let Some(shown) = state.rankings.get_mut(change.ranking) {
                shown.fold(change, &ranking.partition, commit.number);
            }
        }
        for shown in &mut state.rankings {
            shown.bound(self.max_rows);
        }
        state.commit = commit.number;
    }

    /// Looks at one state: all that is asked of the view is of the same commit. Commits wait meanwhile, so take what
    /// is needed and go.
    pub fn view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        look(&View(
            &self.state.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

/// The board at one commit.
pub struct View<'a>(&'a State);

impl View<'_> {
    /// The last commit folded in; 0 before the first.
    pub fn commit(&self) -> u64 {
        self.0.commit
    }

    /// The windows of a ranking, newest first.
    pub fn windows(&self, ranking: usize) -> Vec<WindowInfo> {
        let windows = self.0.rankings.get(ranking).map(|r| &r.windows);
        windows
            .into_iter()
            .flatten()
            .rev()
            .map(|(start, w)| w.info(*start))
            .collect()
    }

    /// The newest window of a ranking, or the newest that starts on a UTC date (its midnight in ms).
    pub fn newest(&self, ranking: usize, date: Option<i64>) -> Option<WindowInfo> {
        let range = date.map_or(i64::MIN..i64::MAX, |d| d..d + DAY);
        let windows = &self.0.rankings.get(ranking)?.windows;
        let (start, window) = windows.range(range).next_back()?;
        Some(window.info(*start))
    }

    /// The first `limit` rows of a window in order, and the window as it was with them.
    pub fn rows(&self, ranking: usize, start: i64, limit: usize) -> Option<(WindowInfo, Vec<Row>)> {
        let window = self.0.rankings.get(ranking)?.windows.get(&start)?;
        let order = window.order.iter().take(limit);
        let rows = order.filter_map(|(_, _, key)| window.rows.get(key).cloned());
        Some((window.info(start), rows.collect()))
    }
}

impl Shown {
    fn fold(&mut self, change: &Change, partition: &[usize], commit: u64) {
        if change.window_start < self.dropped_before {
            return;
        }
        let place = |rank: u64| -> Place {
            let within = partition
                .iter()
                .filter_map(|i| change.key.get(*i).cloned())
                .collect();
            (within, rank, change.key.clone())
        };
        let window = self.windows.entry(change.window_start).or_default();
        window.end = change.window_end;
        window.is_final |= change.is_final;
        window.commit = commit;
        if let Some(old) = window.rows.remove(&change.key) {
            window.order.remove(&place(old.rank));
            self.rows -= 1;
        }
        if let Some(rank) = change.rank {
            window.order.insert(place(rank));
            let (key, measures) = (change.key.clone(), change.measures.clone());
            let row = Row {
                rank,
                key,
                measures,
                is_final: change.is_final,
                commit,
            };
            window.rows.insert(change.key.clone(), row);
            self.rows += 1;
        } else if window.rows.is_empty() {
            self.windows.remove(&change.window_start);
        }
    }

    fn bound(&mut self, max_rows: usize) {
        while self.rows > max_rows && self.windows.len() > 1 {
            let Some((start, window)) = self.windows.pop_first() else {
                break;
            };
            self.rows -= window.rows.len();
            self.dropped_before = start + 1;
        }
        // A single window that is too large keeps its best rows.
        while self.rows > max_rows
            && let Some(mut last) = self.windows.last_entry()
            && let Some((_, _, key)) = last.get_mut().order.pop_last()
        {
            last.get_mut().rows.remove(&key);
            last.get_mut().truncated = true;
            self.rows -= 1;
        }
    }
}

impl Window {
    fn info(&self, start: i64) -> WindowInfo {
        WindowInfo {
            start,
            end: self.end,
            is_final: self.is_final,
            rows: self.rows.len(),
            commit: self.commit,
            truncated: self.truncated,
        }
    }
}
