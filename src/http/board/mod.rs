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

mod ring;
mod series;
mod told;
mod window;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use self::ring::Ring;
use self::window::{Window, place};
use super::as_of::AsOf;
use crate::event_time::partition::Policy;
use crate::model::block::PartitionId;
use crate::model::plan::{Plan, Ranking};
use crate::model::time::DAY;
use crate::model::value::Value;

pub use self::ring::{Entry, MAX_CHANGES, Past};
pub use self::series::SLICES;
pub(super) use self::told::MOST_LATE;
pub use self::told::{LateSale, Told, now};
pub use self::window::{Key, Late, Row, WindowInfo};

/// Series of a window that are kept beyond twice its rows.
const SPARE_SERIES: usize = 64;
/// Points of series kept per ranking.
const MAX_POINTS: usize = 400_000;

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
struct Shown {
    windows: BTreeMap<i64, Window>,
    rows: usize,
    points: usize,
    /// Windows that start before this were dropped.
    dropped_before: i64,
}

#[derive(Debug)]
struct State {
    as_of: AsOf,
    rankings: Vec<Shown>,
    ring: Ring,
    partitions: BTreeMap<PartitionId, PartitionNow>,
    /// The next commit completes what an earlier run left: its changes here are not its changes in the sinks.
    completes: bool,
}

/// The current rankings. Share it in an `Arc`.
#[derive(Debug)]
pub struct Board {
    max_rows: usize,
    out_of_orderness: i64,
    state: RwLock<State>,
    /// Counts the commits taken over, also those that changed no row.
    ticks: watch::Sender<u64>,
}

/// The rows of a window as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsItWas {
    /// These.
    Rows(AsOf, WindowInfo, Vec<Row>),
    /// There was no such window.
    NoWindow,
    /// That commit is older than what is kept: from this one on.
    TooOld(u64),
    /// That commit is not there yet: this is the last.
    NotYet(u64),
}

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
            dropped_before: i64::MIN,
        };
        Board {
            max_rows,
            out_of_orderness: policy.out_of_orderness,
            state: RwLock::new(State {
                as_of: AsOf::default(),
                rankings: plan.rankings.iter().map(empty).collect(),
                ring: Ring::new(max_changes),
                partitions: BTreeMap::new(),
                completes: false,
            }),
            ticks: watch::Sender::new(0),
        }
    }

    /// Folds a commit in. `plan` is the plan that the commit's ranking numbers index.
    pub fn apply(&self, plan: &Plan, told: Told) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        state.clock(&told);
        let before = state.as_of.clone();
        if let Some(offsets) = told.offsets {
            state.as_of.offsets = offsets;
        }
        state.as_of.watermark = told.watermark.or(state.as_of.watermark);
        let greatest = told
            .watermark
            .or(told.watermarks.iter().filter_map(|(_, w)| *w).max());
        let greatest = greatest.map(|w| w.saturating_add(self.out_of_orderness));
        let number = told.number;
        state.as_of.commit = before.commit.max(number);
        let stamp = (state.as_of.commit, if number > 0 { told.at } else { 0 });
        for (ranking, before) in &told.forgets {
            if let Some(shown) = state.rankings.get_mut(*ranking) {
                shown.forget(*before);
            }
        }
        let mut past = Vec::with_capacity(told.changes.len());
        let mut finals = BTreeMap::new();
        for change in &told.changes {
            let at = (change.ranking, change.window_start);
            let (Some(ranking), Some(shown)) =
                (plan.rankings.get(at.0), state.rankings.get_mut(at.0))
            else {
                continue;
            };
            let windows = &shown.windows;
            let was_final = *finals
                .entry(at)
                .or_insert_with(|| windows.get(&at.1).is_some_and(|w| w.is_final));
            if let Some(one) = shown.fold(change, ranking, stamp, was_final, greatest) {
                past.push(one);
            }
        }
        for late in told.late {
            state.late(plan, &late);
        }
        for shown in &mut state.rankings {
            shown.bound(self.max_rows);
        }
        let completes = std::mem::take(&mut state.completes);
        if number > before.commit && !completes && !told.skips {
            if !past.is_empty() {
                let texts = plan.rankings.len() + 1;
                state.ring.push(Entry {
                    at: told.at,
                    from: before.offsets,
                    as_of: state.as_of.clone(),
                    changes: past,
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
        self.ticks.subscribe()
    }

    /// Looks at one state: all that is asked of the view is of the same commit. The next commit is taken over only
    /// afterwards, so take what is needed and go.
    pub fn view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        look(&View(
            &self.state.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

/// The board at one commit.
pub struct View<'a>(&'a State);

impl View<'_> {
    /// What this is a view of.
    pub fn as_of(&self) -> &AsOf {
        &self.0.as_of
    }

    /// What is known of the partitions.
    pub fn partitions(&self) -> &BTreeMap<PartitionId, PartitionNow> {
        &self.0.partitions
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
        let range = date.map_or(i64::MIN..i64::MAX, |d| d..d.saturating_add(DAY));
        let windows = &self.0.rankings.get(ranking)?.windows;
        let (start, window) = windows.range(range).next_back()?;
        Some(window.info(*start))
    }

    fn window(&self, ranking: usize, start: i64) -> Option<&Window> {
        self.0.rankings.get(ranking)?.windows.get(&start)
    }

    /// The first `limit` rows of a window in order, and the window as it was with them.
    pub fn rows(&self, ranking: usize, start: i64, limit: usize) -> Option<(WindowInfo, Vec<Row>)> {
        let window = self.window(ranking, start)?;
        let rows = window.ordered().take(limit).cloned();
        Some((window.info(start), rows.collect()))
    }

    /// The first `limit` rows of a window as they were at a commit.
    pub fn rows_at(
        &self,
        plan: &Plan,
        (ranking, start): (usize, i64),
        commit: u64,
        limit: usize,
    ) -> AsItWas {
        if commit > self.0.as_of.commit {
            return AsItWas::NotYet(self.0.as_of.commit);
        }
        let Some((as_of, later)) = self.0.ring.back_to(commit) else {
            return AsItWas::TooOld(self.0.ring.oldest());
        };
        let (Some(partition), Some(shown)) = (
            plan.rankings.get(ranking).map(|r| &r.partition),
            self.0.rankings.get(ranking),
        ) else {
            return AsItWas::NoWindow;
        };
        let window = shown.windows.get(&start);
        if start < shown.dropped_before || window.is_some_and(|w| w.truncated) {
            return AsItWas::TooOld(self.0.as_of.commit);
        }
        let mut rows = window.map(|w| w.rows.clone()).unwrap_or_default();
        let mut end = window.map(|w| w.end);
        for entry in later {
            for past in entry.changes.iter().rev() {
                let change = &past.change;
                if (change.ranking, change.window_start) != (ranking, start) {
                    continue;
                }
                end = Some(change.window_end);
                match &past.before {
                    Some(row) => rows.insert(Key::clone(&row.key), row.clone()),
                    None => rows.remove(&change.key),
                };
            }
        }
        let (Some(end), false) = (end, rows.is_empty()) else {
            return AsItWas::NoWindow;
        };
        let info = WindowInfo {
            start,
            end,
            is_final: rows.values().any(|r| r.is_final),
            rows: rows.len(),
            commit: rows.values().map(|r| r.commit).max().unwrap_or(0),
            truncated: false,
        };
        let mut rows: Vec<Row> = rows.into_values().collect();
        rows.sort_by_cached_key(|row| place(partition, &row.key, row.rank));
        rows.truncate(limit);
        AsItWas::Rows(as_of, info, rows)
    }

    /// A key's rows, newest window first.
    pub fn history(&self, ranking: usize, key: &[Value], limit: usize) -> Vec<(WindowInfo, Row)> {
        let windows = self.0.rankings.get(ranking).map(|r| &r.windows);
        let windows = windows.into_iter().flatten().rev();
        windows
            .filter_map(|(start, w)| Some((w.info(*start), w.rows.get(key)?.clone())))
            .take(limit)
            .collect()
    }

    /// Rows whose key or label satisfies `holds`, each key once, where it was ranked last.
    pub fn search(
        &self,
        ranking: usize,
        limit: usize,
        holds: impl Fn(&Row) -> bool,
    ) -> Vec<(i64, Row)> {
        let mut found: Vec<(i64, Row)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let windows = self.0.rankings.get(ranking).map(|r| &r.windows);
        for (start, window) in windows.into_iter().flatten().rev() {
            for row in window.ordered() {
                if found.len() >= limit {
                    return found;
                }
                if !seen.contains(&row.key) && holds(row) {
                    seen.insert(Key::clone(&row.key));
                    found.push((*start, row.clone()));
                }
            }
        }
        found
    }

    /// How the ordering measure of these keys went, one value a slice; up to the slice that event time has reached.
    pub fn series(
        &self,
        ranking: usize,
        start: i64,
        keys: &[Key],
        out_of_orderness: i64,
    ) -> Vec<Vec<Option<Value>>> {
        let Some(window) = self.window(ranking, start) else {
            return Vec::new();
        };
        let reached = match self.0.as_of.watermark {
            Some(w) if !window.is_final => w.saturating_add(out_of_orderness),
            _ => i64::MAX,
        };
        let last = series::slice(start, window.end, reached);
        keys.iter().map(|k| window.series.values(k, last)).collect()
    }

    /// Late sales of a key.
    pub fn late(&self, ranking: usize, start: i64, key: &[Value]) -> Late {
        let window = self.window(ranking, start);
        window
            .and_then(|w| w.late.get(key))
            .copied()
            .unwrap_or_default()
    }

    /// The commits after `commit`, at most `most`; `None` if that is older than what is kept, or not there yet.
    pub fn after(&self, commit: u64, most: usize) -> Option<Vec<Arc<Entry>>> {
        if commit > self.0.as_of.commit {
            return None;
        }
        self.0.ring.after(commit, most)
    }

    /// A commit of the ring.
    pub fn entry(&self, commit: u64) -> Option<Arc<Entry>> {
        self.0.ring.entry(commit).cloned()
    }
}

/// The value that a ranking is ordered by first.
pub fn order_value<'a>(
    ranking: &Ranking,
    key: &'a [Value],
    measures: &'a [Value],
) -> Option<&'a Value> {
    use crate::model::plan::Field;
    match ranking.order.first()?.field {
        Field::Key(i) => key.get(i),
        Field::Measure(i) => measures.get(i),
    }
}

impl State {
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
            let window = windows.and_then(|w| w.get_mut(&missed.start));
            let part = |k: &crate::model::plan::Key| {
                let column = plan.schema.columns.get(k.column)?;
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

impl Shown {
    fn fold(
        &mut self,
        change: &crate::model::change::Change,
        ranking: &Ranking,
        stamp: (u64, i64),
        was_final: bool,
        greatest: Option<i64>,
    ) -> Option<Past> {
        if change.window_start < self.dropped_before {
            return None;
        }
        let window = self.windows.entry(change.window_start).or_default();
        window.end = change.window_end;
        window.is_final |= change.is_final;
        window.commit = stamp.0;
        let past = window.fold(change, &ranking.partition, stamp, was_final);
        self.rows -= usize::from(past.before.is_some());
        self.rows += usize::from(change.rank.is_some());
        if change.rank.is_none() && window.rows.is_empty() {
            if let Some(gone) = self.windows.remove(&change.window_start) {
                self.points -= gone.series.len();
            }
            return Some(past);
        }
        if self.points < MAX_POINTS
            && change.rank.is_some()
            && let Some(value) = order_value(ranking, &change.key, &change.measures)
        {
            let time = greatest.unwrap_or(change.window_start);
            let at = series::slice(change.window_start, change.window_end, time);
            self.points += window.series.note(&change.key, at, value.clone());
            // With many keys on the edge of the top, most series would be of keys that were there once.
            if window.series.keys() > 2 * window.rows.len() + SPARE_SERIES {
                let rows = &window.rows;
                self.points -= window.series.retain(|key| rows.contains_key(key));
            }
        }
        Some(past)
    }

    /// Drops the windows that start before this.
    fn forget(&mut self, before: i64) {
        while let Some(first) = self.windows.first_entry().filter(|w| *w.key() < before) {
            let window = first.remove();
            self.rows -= window.rows.len();
            self.points -= window.series.len();
        }
        self.dropped_before = self.dropped_before.max(before);
    }

    fn bound(&mut self, max_rows: usize) {
        while self.rows > max_rows && self.windows.len() > 1 {
            let Some(oldest) = self.windows.keys().next().copied() else {
                break;
            };
            self.forget(oldest + 1);
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
        if self.points >= MAX_POINTS {
            self.forget_series();
        }
    }

    /// The oldest windows lose their series, until half is free.
    fn forget_series(&mut self) {
        let newest = self.windows.len().saturating_sub(1);
        for window in self.windows.values_mut().take(newest) {
            if self.points <= MAX_POINTS / 2 {
                break;
            }
            self.points -= window.series.len();
            window.series = Default::default();
        }
    }
}

#[cfg(test)]
mod tests;
