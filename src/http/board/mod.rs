//! The current rankings in memory, folded from commits: what the page and the API show.
//!
//! ```text
//! commit ──► Told ──► Board: windows of rows, series, late sales
//!                        └──► Ring: the last commits and what they replaced
//! ```
//!
//! 1. The board after commit *c* shows exactly the fold of the changes up to *c*; a reader sees a whole commit or
//!    nothing of it.
//! 2. At most `--http-rows` rows per ranking are kept: the oldest windows go first, and a correction of a window that
//!    went does not bring back a part of it. Series are kept of rows that are ranked, and of about as many that were;
//!    they and the ring have bounds of their own.
//! 3. While nobody looks, the board may be `REST` behind; the first who comes sees it as it is, and sets it going.

mod audience;
mod ring;
mod series;
mod shown;
mod told;
mod view;
mod window;

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use self::audience::Audience;
use self::ring::{Replaced, Ring};
use self::shown::Shown;
use super::as_of::AsOf;
use standings_engine::event_time::partition::Policy;
use standings_model::block::PartitionId;
use standings_model::plan::{Plan, Ranking};
use standings_model::value::Value;

pub use self::ring::{Entry, MAX_CHANGES};
pub use self::series::SLICES;
pub use self::shown::order_value;
pub(super) use self::told::MOST_LATE;
pub use self::told::{LateSale, Told, now};
pub use self::view::{AsItWas, View};
pub use self::window::{Key, Late, Row, WindowInfo};

/// What is known of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionNow {
    /// Its own watermark, ms.
    pub watermark: Option<i64>,
    /// Since when it is idle, ms since the Unix epoch.
    pub idle_since: Option<i64>,
    /// Will never contribute again.
    pub finished: bool,
}

#[derive(Debug)]
struct Content {
    as_of: AsOf,
    rankings: Vec<Shown>,
    ring: Ring,
    partitions: BTreeMap<PartitionId, PartitionNow>,
    /// The next commit completes what an earlier run left: its changes here are not its changes in the sinks.
    completes: bool,
}

/// The current rankings. Share it in an `Arc`.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use standings_engine::event_time::partition::Policy;
/// use standings_http::board::{AsItWas, Board, Told};
/// use standings_model::{change::{Change, Commit}, value::Value, window::Bounds};
///
/// let plan = standings_query::load_shipped().unwrap();
/// let board = Board::new(&plan, &Policy::default(), 1000);
/// let sold = |number, cents| {
///     let row = Change {
///         ranking: 0,
///         window_start: 0,
///         window_end: 86_400_000,
///         key: Arc::from([Value::text("Lisbon")]),
///         rank: Some(1),
///         previous_rank: None,
///         measures: Arc::from([Value::cents(cents), Value::Integer(1), Value::cents(cents), Value::cents(cents)]),
///         is_final: false,
///     };
///     Told::of(&Commit { number, changes: Arc::new(vec![row]), ..Commit::default() })
/// };
/// board.apply(&plan, sold(1, 500));
/// board.apply(&plan, sold(2, 700));
/// // Now, and as it was at the commit before.
/// let day = Bounds { start: 0, end: 86_400_000 };
/// board.view(|view| {
///     let (_, rows) = view.rows(0, day, 10).unwrap();
///     assert_eq!(rows[0].measures[0].to_string(), "7.00");
///     match view.rows_at(&plan, (0, day), 1, 10) {
///         AsItWas::Rows(_, _, rows) => assert_eq!(rows[0].measures[0].to_string(), "5.00"),
///         other => panic!("{other:?}"),
///     }
/// });
/// ```
#[derive(Debug)]
pub struct Board {
    max_rows: usize,
    out_of_orderness: i64,
    state: RwLock<Content>,
    /// Counts the commits taken over, also those that changed no row.
    ticks: watch::Sender<u64>,
    audience: Audience,
}

/// How long commits wait to be folded while nobody looks.
const REST: Duration = Duration::from_millis(25);

impl Board {
    /// An empty board for these rankings, which keeps so many rows of each.
    pub fn new(plan: &Plan, policy: &Policy, max_rows: usize) -> Self {
        Board::bounded(plan, policy, max_rows, MAX_CHANGES)
    }

    fn bounded(plan: &Plan, policy: &Policy, max_rows: usize, max_changes: usize) -> Self {
        let empty = |_: &Ranking| Shown {
            windows: BTreeMap::new(),
            rows: 0,
            points: 0,
            dropped_before: None,
        };
        Board {
            max_rows,
            out_of_orderness: policy.out_of_orderness,
            state: RwLock::new(Content {
                as_of: AsOf::default(),
                rankings: plan.rankings.iter().map(empty).collect(),
                ring: Ring::new(max_changes),
                partitions: BTreeMap::new(),
                completes: false,
            }),
            ticks: watch::Sender::new(0),
            audience: Audience::default(),
        }
    }

    /// Folds a commit in. `plan` is the plan that the commit's ranking numbers index.
    pub fn apply(&self, plan: &Plan, told: Told) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        state.clock(&told);
        let earlier = state.as_of.clone();
        if let Some(offsets) = told.offsets {
            state.as_of.offsets = offsets;
        }
        state.as_of.watermark = told.watermark.or(state.as_of.watermark);
        let greatest = told
            .watermark
            .or(told.watermarks.iter().filter_map(|(_, w)| *w).max());
        let greatest = greatest.map(|w| w.saturating_add(self.out_of_orderness));
        let number = told.number;
        state.as_of.commit = earlier.commit.max(number);
        let stamp = (state.as_of.commit, if number > 0 { told.at } else { 0 });
        for (ranking, before) in &told.forgets {
            if let Some(shown) = state.rankings.get_mut(*ranking) {
                shown.forget(*before);
            }
        }
        let mut before = Vec::with_capacity(told.changes.len());
        let mut is_kept = false;
        let mut finals = BTreeMap::new();
        for change in told.changes.iter() {
            let at = (change.ranking, change.bounds());
            let (Some(ranking), Some(shown)) =
                (plan.rankings.get(at.0), state.rankings.get_mut(at.0))
            else {
                before.push(Replaced::NotKept);
                continue;
            };
            let windows = &shown.windows;
            let was_final = *finals
                .entry(at)
                .or_insert_with(|| windows.get(&at.1).is_some_and(|w| w.is_final));
            let replaced = shown.fold(change, ranking, stamp, was_final, greatest);
            is_kept |= !matches!(replaced, Replaced::NotKept);
            before.push(replaced);
        }
        for late in told.late {
            state.late(plan, &late);
        }
        for shown in &mut state.rankings {
            shown.bound(self.max_rows);
        }
        let completes = std::mem::take(&mut state.completes);
        if number > earlier.commit && !completes && !told.skips {
            if is_kept {
                let texts = plan.rankings.len() + 1;
                state.ring.push(Entry {
                    at: told.at,
                    from: earlier.offsets,
                    as_of: state.as_of.clone(),
                    changes: told.changes,
                    before,
                    texts: std::iter::repeat_with(Default::default)
                        .take(texts)
                        .collect(),
                });
            }
        } else if completes || !told.changes.is_empty() {
            // Rows of an earlier run come back, most without a number, or commits were skipped: nobody can go on from within
            // them.
            state.ring.restart(state.as_of.clone());
        }
        self.ticks.send_modify(|n| *n += 1);
    }

    /// With the next commit the rows are what every sink shows; this is the last of an earlier run.
    pub fn goes_on(&self, commit: u64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.as_of.commit = state.as_of.commit.max(commit);
        state.completes = commit > 0;
        drop(state);
        self.ticks.send_modify(|n| *n += 1);
    }

    /// Wakes at every commit that is taken over.
    pub fn ticks(&self) -> watch::Receiver<u64> {
        self.audience.look();
        self.ticks.subscribe()
    }

    /// Between commits: waits a little while nobody looks, so that more of them are folded in a row.
    pub fn rest(&self) {
        if self.ticks.receiver_count() == 0 {
            self.audience.rest(REST);
        }
    }

    /// Looks at one state: all that is asked of the view is of the same commit. The next commit is taken over only
    /// afterwards, so take what is needed and go.
    pub fn view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        self.audience.look();
        look(&View(
            &self.state.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

impl Content {
    /// Takes over what a commit says of the partitions.
    fn clock(&mut self, told: &Told) {
        for (partition, watermark) in &told.watermarks {
            let now = self.partitions.entry(*partition).or_default();
            now.watermark = *watermark;
            now.finished = told.finished.contains(partition);
            now.idle_since = match told.idle.contains(partition) {
                true => now.idle_since.or(Some(told.at)),
                false => None,
            };
        }
    }

    /// Counts a late sale for its key in each window that it missed; its key is known if it came as JSON.
    fn late(&mut self, plan: &Plan, late: &LateSale) {
        let Ok(serde_json::Value::Object(sale)) = serde_json::from_slice(&late.bytes) else {
            return;
        };
        for missed in &late.missed {
            let Some(ranking) = plan.rankings.get(missed.ranking) else {
                continue;
            };
            let windows = self
                .rankings
                .get_mut(missed.ranking)
                .map(|s| &mut s.windows);
            let window = windows.and_then(|w| w.get_mut(&missed.bounds()));
            let part = |k: &standings_model::plan::Key| {
                let input = ranking.inputs.iter().find(|i| i.table == late.table)?;
                let column = &plan.tables[late.table].columns[input.columns[k.column]];
                match sale.get(column.name.as_str())? {
                    serde_json::Value::String(text) => Some(Value::text(text.as_str())),
                    serde_json::Value::Number(n) => Some(Value::Integer(n.as_i64()?.into())),
                    _ => None,
                }
            };
            let key: Option<Vec<Value>> = ranking.keys.iter().map(part).collect();
            if let (Some(window), Some(key)) = (window, key) {
                let at = (late.partition, late.offset, late.event_time);
                window.late(Key::from(key), at.0, at.1, at.2, missed.retired);
            }
        }
    }
}

#[cfg(test)]
mod tests;
