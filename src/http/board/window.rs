//! One window of one ranking: its rows, in order, and what happened to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::ring::Replaced;
use super::series::Series;
use standings_model::block::PartitionId;
use standings_model::change::Change;
use standings_model::value::Value;
use standings_model::window::Bounds;

/// Group keys.
pub type Key = Arc<[Value]>;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Rank.
    pub rank: u64,
    /// Group keys, as in the plan.
    pub key: Key,
    /// Measures, as in the plan.
    pub measures: Arc<[Value]>,
    /// Whether the row was written after its window closed.
    pub is_final: bool,
    /// The commit that wrote it last.
    pub commit: u64,
    /// When it did, ms since the Unix epoch; 0 if that was before this process.
    pub at: i64,
    /// Rank and measures before; `None` for a key that was not ranked.
    pub before: Option<(u64, Arc<[Value]>)>,
    /// Whether the last change was a correction: the window was final before it.
    pub corrected: bool,
    /// Corrections, and the commit of the last.
    pub corrections: (u64, u64),
}

/// A window, without its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowInfo {
    /// Which it is.
    pub bounds: Bounds,
    /// Whether it is closed.
    pub is_final: bool,
    /// Rows it has.
    pub rows: usize,
    /// The last commit that changed it.
    pub commit: u64,
    /// Whether its last rows were dropped to stay within the board's bound.
    pub truncated: bool,
}

/// Late sales of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Late {
    /// How many.
    pub count: u64,
    /// Partition, offset and event time (ms) of the last, and whether it was retired rather than late.
    pub last: Option<(PartitionId, u64, i64, bool)>,
}

/// Order of display: partition beyond the window, rank, key.
pub(super) type DisplayOrder = (Box<[Value]>, u64, Key);

/// Keys whose late sales are counted, by window.
const MOST_LATE_KEYS: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct WindowRows {
    pub(super) is_final: bool,
    pub(super) commit: u64,
    pub(super) truncated: bool,
    pub(super) rows: HashMap<Key, Row>,
    pub(super) order: BTreeSet<DisplayOrder>,
    pub(super) series: Series,
    pub(super) late: HashMap<Key, Late>,
}

/// A row's place among the others.
pub(super) fn place(partition: &[usize], key: &Key, rank: u64) -> DisplayOrder {
    let within = partition.iter().filter_map(|i| key.get(*i).cloned());
    (within.collect(), rank, Arc::clone(key))
}

impl WindowRows {
    /// Takes a change over; what it replaced. `was_final` is of the window before the change's commit.
    pub(super) fn fold(
        &mut self,
        change: &Change,
        partition: &[usize],
        (commit, at): (u64, i64),
        was_final: bool,
    ) -> Replaced {
        let Some(rank) = change.rank else {
            let before = self.rows.remove(&change.key);
            if let Some(old) = &before {
                self.order.remove(&place(partition, &old.key, old.rank));
            }
            return before.map_or(Replaced::Nothing, Replaced::Row);
        };
        let row = |before: Option<&Row>| {
            let mut corrections = before.map_or((0, 0), |old| old.corrections);
            if was_final {
                corrections = (corrections.0 + 1, commit);
            }
            Row {
                rank,
                key: Arc::clone(&change.key),
                measures: Arc::clone(&change.measures),
                is_final: change.is_final,
                commit,
                at,
                before: before.map(|o| (o.rank, Arc::clone(&o.measures))),
                corrected: was_final,
                corrections,
            }
        };
        let before = match self.rows.get_mut(&change.key) {
            Some(shown) => {
                let new = row(Some(shown));
                Some(std::mem::replace(shown, new))
            }
            None => {
                self.rows.insert(Arc::clone(&change.key), row(None));
                None
            }
        };
        let was = before.as_ref().map(|old| old.rank);
        if was != Some(rank) {
            if let Some(was) = was {
                self.order.remove(&place(partition, &change.key, was));
            }
            self.order.insert(place(partition, &change.key, rank));
        }
        before.map_or(Replaced::Nothing, Replaced::Row)
    }

    /// Counts a late sale.
    pub(super) fn late(
        &mut self,
        key: Key,
        partition: PartitionId,
        offset: u64,
        time: i64,
        retired: bool,
    ) {
        if self.late.len() >= MOST_LATE_KEYS && !self.late.contains_key(&key) {
            return;
        }
        let late = self.late.entry(key).or_default();
        late.count += 1;
        late.last = Some((partition, offset, time, retired));
    }

    pub(super) fn info(&self, bounds: Bounds) -> WindowInfo {
        WindowInfo {
            bounds,
            is_final: self.is_final,
            rows: self.rows.len(),
            commit: self.commit,
            truncated: self.truncated,
        }
    }

    /// The rows in order.
    pub(super) fn ordered(&self) -> impl Iterator<Item = &Row> {
        self.order
            .iter()
            .filter_map(|(_, _, key)| self.rows.get(key))
    }
}
