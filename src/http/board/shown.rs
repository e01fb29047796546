//! The windows of one ranking: commits folded in, and how much of them is kept.

use std::collections::BTreeMap;

use super::ring::Replaced;
use super::series;
use super::window::WindowRows;
use standings_model::change::Change;
use standings_model::plan::{Field, Ranking};
use standings_model::value::Value;
use standings_model::window::Bounds;

/// Series of a window that are kept beyond twice its rows.
pub(super) const SPARE_SERIES: usize = 64;
/// Points of series kept per ranking.
const MAX_POINTS: usize = 400_000;

#[derive(Debug)]
pub(super) struct Shown {
    pub(super) windows: BTreeMap<Bounds, WindowRows>,
    pub(super) rows: usize,
    pub(super) points: usize,
    /// Windows before this were dropped.
    pub(super) dropped_before: Option<Bounds>,
}

/// The value that a ranking is ordered by first.
pub fn order_value<'a>(
    ranking: &Ranking,
    key: &'a [Value],
    measures: &'a [Value],
) -> Option<&'a Value> {
    match ranking.order.first()?.field {
        Field::Key(i) => key.get(i),
        Field::Measure(i) => measures.get(i),
    }
}

impl Shown {
    pub(super) fn fold(
        &mut self,
        change: &Change,
        ranking: &Ranking,
        stamp: (u64, i64),
        was_final: bool,
        greatest: Option<i64>,
    ) -> Replaced {
        let at = change.bounds();
        if self.dropped(at) {
            return Replaced::NotKept;
        }
        let window = self.windows.entry(at).or_default();
        window.is_final |= change.is_final;
        window.commit = stamp.0;
        let replaced = window.fold(change, &ranking.partition, stamp, was_final);
        self.rows -= usize::from(matches!(replaced, Replaced::Row(_)));
        self.rows += usize::from(change.rank.is_some());
        if change.rank.is_none() && window.rows.is_empty() {
            if let Some(gone) = self.windows.remove(&at) {
                self.points -= gone.series.len();
            }
            return replaced;
        }
        if self.points < MAX_POINTS
            && change.rank.is_some()
            && !at.is_always()
            && let Some(value) = order_value(ranking, &change.key, &change.measures)
        {
            let slice = series::slice(at, greatest.unwrap_or(at.start));
            self.points += window.series.note(&change.key, slice, value.clone());
            // With many keys on the edge of the top, most series would be of keys that were there once.
            if window.series.keys() > 2 * window.rows.len() + SPARE_SERIES {
                let rows = &window.rows;
                self.points -= window.series.retain(|key| rows.contains_key(key));
            }
        }
        replaced
    }

    /// Whether a window is before those that are kept.
    pub(super) fn dropped(&self, window: Bounds) -> bool {
        self.dropped_before.is_some_and(|before| window < before)
    }

    /// Drops the windows before this.
    pub(super) fn forget(&mut self, before: Bounds) {
        while let Some(first) = self.windows.first_entry().filter(|w| *w.key() < before) {
            let window = first.remove();
            self.rows -= window.rows.len();
            self.points -= window.series.len();
        }
        self.dropped_before = self.dropped_before.max(Some(before));
    }

    pub(super) fn bound(&mut self, max_rows: usize) {
        while self.rows > max_rows && self.windows.len() > 1 {
            let Some(oldest) = self.windows.keys().next().copied() else {
                break;
            };
            self.forget(oldest.after());
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
