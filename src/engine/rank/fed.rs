//! Rows of a ranking for those that read it: what changed since they were last told.
//!
//! 1. What was told is taken back before anything else is told of the row, as it was told.
//! 2. Of a window that is dropped all that was told is given once more, and nothing after.

use std::collections::BTreeMap;
use std::sync::Arc;

use standings_model::plan::Ranking;
use standings_model::value::Value;

type Values = Arc<[Value]>;

/// A row that comes, or is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Start and end of its window, ms.
    pub window: (i64, i64),
    /// The values of its key.
    pub key: Values,
    /// Its rank; 0 where rows do not say it.
    pub rank: u64,
    /// Its measures.
    pub measures: Values,
    /// It is taken back.
    pub is_back: bool,
}

/// What was told of the rows of one partition of one window.
#[derive(Default)]
pub(super) struct Told {
    rows: BTreeMap<Arc<[u8]>, Row>,
    /// Keys of rows that changed, where rows are not ranked.
    pub(super) touched: Vec<Arc<[u8]>>,
}

/// A row, as it is told.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: Values,
    pub(super) rank: u64,
    pub(super) measures: Values,
}

impl Row {
    fn fed(self, window: (i64, i64), is_back: bool) -> Fed {
        Fed {
            window,
            key: self.key,
            rank: self.rank,
            measures: self.measures,
            is_back,
        }
    }
}

/// Whether the rows of a ranking are told to others.
pub(super) fn is_read(tables: &[standings_model::table::Table], ranking: &Ranking) -> bool {
    let mut of = tables.iter().filter_map(|t| t.of_ranking.as_ref());
    of.any(|of| *of.ranking == *ranking.name)
}

impl Told {
    /// Tells what became of a row.
    pub(super) fn row(
        &mut self,
        key: &Arc<[u8]>,
        now: Option<Row>,
        window: (i64, i64),
        out: &mut Vec<Fed>,
    ) {
        let before = self.rows.get(key);
        if before == now.as_ref() {
            return;
        }
        out.extend(before.cloned().map(|row| row.fed(window, true)));
        match now {
            Some(row) => {
                out.push(row.clone().fed(window, false));
                self.rows.insert(Arc::clone(key), row);
            }
            None => drop(self.rows.remove(key)),
        }
    }

    /// Tells that of all rows these are there, and no other.
    pub(super) fn all(
        &mut self,
        now: BTreeMap<Arc<[u8]>, Row>,
        window: (i64, i64),
        out: &mut Vec<Fed>,
    ) {
        let gone = self.rows.keys().filter(|key| !now.contains_key(*key));
        let gone: Vec<Arc<[u8]>> = gone.cloned().collect();
        gone.iter().for_each(|key| self.row(key, None, window, out));
        for (key, row) in now {
            self.row(&key, Some(row), window, out);
        }
    }

    /// All that was told.
    pub(super) fn whole(self, window: (i64, i64), out: &mut Vec<Fed>) {
        let rows = self.rows.into_values();
        out.extend(rows.map(|row| row.fed(window, false)));
    }
}
