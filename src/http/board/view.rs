//! The board at one commit, as readers ask for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ring::Entry;
use super::series;
use super::window::{Key, Late, Row, WindowInfo, WindowRows, place};
use super::{Content, PartitionNow};
use crate::as_of::AsOf;
use standings_model::block::PartitionId;
use standings_model::plan::Plan;
use standings_model::time::DAY;
use standings_model::value::Value;
use standings_model::window::Bounds;

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

/// The board at one commit.
pub struct View<'a>(pub(super) &'a Content);

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
            .map(|(bounds, w)| w.info(*bounds))
            .collect()
    }

    /// The newest window of a ranking, or the newest that starts on a UTC date (its midnight in ms).
    pub fn newest(&self, ranking: usize, date: Option<i64>) -> Option<WindowInfo> {
        let range = date.map_or(i64::MIN..i64::MAX, |d| d..d.saturating_add(DAY));
        let first = |start| Bounds {
            start,
            end: i64::MIN,
        };
        let windows = &self.0.rankings.get(ranking)?.windows;
        let mut on_date = windows.range(first(range.start)..first(range.end));
        let (bounds, window) = on_date.next_back()?;
        Some(window.info(*bounds))
    }

    fn window(&self, ranking: usize, bounds: Bounds) -> Option<&WindowRows> {
        self.0.rankings.get(ranking)?.windows.get(&bounds)
    }

    /// The first `limit` rows of a window in order, and the window as it was with them.
    pub fn rows(
        &self,
        ranking: usize,
        bounds: Bounds,
        limit: usize,
    ) -> Option<(WindowInfo, Vec<Row>)> {
        let window = self.window(ranking, bounds)?;
        let rows = window.ordered().take(limit).cloned();
        Some((window.info(bounds), rows.collect()))
    }

    /// The first `limit` rows of a window as they were at a commit.
    pub fn rows_at(
        &self,
        plan: &Plan,
        (ranking, bounds): (usize, Bounds),
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
        let window = shown.windows.get(&bounds);
        if shown.dropped(bounds) || window.is_some_and(|w| w.truncated) {
            return AsItWas::TooOld(self.0.as_of.commit);
        }
        let mut rows = window.map(|w| w.rows.clone()).unwrap_or_default();
        let mut was_there = window.is_some();
        for entry in later {
            for (change, before) in entry.changes().rev() {
                if (change.ranking, change.bounds()) != (ranking, bounds) {
                    continue;
                }
                was_there = true;
                match before {
                    Some(row) => rows.insert(Key::clone(&row.key), row.clone()),
                    None => rows.remove(&change.key),
                };
            }
        }
        if !was_there || rows.is_empty() {
            return AsItWas::NoWindow;
        }
        let info = WindowInfo {
            bounds,
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
            .filter_map(|(bounds, w)| Some((w.info(*bounds), w.rows.get(key)?.clone())))
            .take(limit)
            .collect()
    }

    /// Rows whose key or label satisfies `holds`, each key once, where it was ranked last.
    pub fn search(
        &self,
        ranking: usize,
        limit: usize,
        holds: impl Fn(&Row) -> bool,
    ) -> Vec<(Bounds, Row)> {
        let mut found: Vec<(Bounds, Row)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let windows = self.0.rankings.get(ranking).map(|r| &r.windows);
        for (bounds, window) in windows.into_iter().flatten().rev() {
            for row in window.ordered() {
                if found.len() >= limit {
                    return found;
                }
                if !seen.contains(&row.key) && holds(row) {
                    seen.insert(Key::clone(&row.key));
                    found.push((*bounds, row.clone()));
                }
            }
        }
        found
    }

    /// How the ordering measure of these keys went, one value a slice; up to the slice that event time has reached.
    pub fn series(
        &self,
        ranking: usize,
        bounds: Bounds,
        keys: &[Key],
        out_of_orderness: i64,
    ) -> Vec<Vec<Option<Value>>> {
        let Some(window) = self.window(ranking, bounds) else {
            return Vec::new();
        };
        let reached = match self.0.as_of.watermark {
            Some(w) if !window.is_final => w.saturating_add(out_of_orderness),
            _ => i64::MAX,
        };
        let last = series::slice(bounds, reached);
        keys.iter().map(|k| window.series.values(k, last)).collect()
    }

    /// Late sales of a key.
    pub fn late(&self, ranking: usize, bounds: Bounds, key: &[Value]) -> Late {
        let window = self.window(ranking, bounds);
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
