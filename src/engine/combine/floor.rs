//! Rows ranked as they are that can no longer be ranked: turned away before anything is kept of them.
//!
//! ```text
//! row ──► its window and partition ──► as many better ones seen here as ranks are kept? ──► it counts, and is gone
//! ```
//!
//! Of each window and partition that this worker has rows of, the first terms of their order are kept, as many as there are
//! ranks; with `DENSE_RANK` different ones. A row whose own is behind the last of these has that many rows before it, whatever
//! comes, since rows only come. One that is equal to it may be ranked, and stays. What is turned away depends on workers and
//! restarts; what is ranked does not.
//!
//! Only for rows that are named by their place ([`RowColumn::is_row_id`]): others may come twice, and are then one. Only where
//! the first term is a number, and a row is in one window.
//!
//! [`RowColumn::is_row_id`]: standings_model::plan::RowColumn::is_row_id

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::combiner::SaleView;
use crate::pack::key::KeyCodec;
use standings_model::plan::{Aggregate, Field, Input, OrderTerm, RankFunction, Ranking};

/// With more ranks it costs more than it saves.
const MOST: u64 = 1024;

/// The best first terms of a partition, best first: the least.
type Best = Vec<i128>;

/// What is kept of one ranking.
pub(super) struct Floors {
    limit: usize,
    /// Only different ones count.
    dense: bool,
    term: OrderTerm,
    /// Of the row: what it is ordered by first, and what it is partitioned by, each with its place in the key.
    column: usize,
    partition: Vec<(usize, usize)>,
    windows: BTreeMap<i64, HashMap<Box<[u8]>, Best>>,
    /// The partition of the present row.
    bytes: Vec<u8>,
}

impl Floors {
    /// For a ranking; none where nothing can be turned away.
    pub(super) fn new(ranking: &Ranking) -> Option<Self> {
        // Where rows are taken back, one that is behind others may come before them.
        let stays = ranking.is_rows && !ranking.retracts;
        let bounded = stays && ranking.limit <= MOST && ranking.having.is_none();
        let is_named = ranking.row.iter().any(|c| c.is_row_id);
        let term = *ranking.order.first()?;
        let columns: Vec<usize> = ranking.key_columns().collect();
        let column = match term.field {
            Field::Key(i) => columns[i],
            Field::Measure(i) => match ranking.measures[i].aggregate {
                Aggregate::LastValue(c) if ranking.measures[i].filter.is_none() => c,
                _ => return None,
            },
        };
        let is_number = !ranking.row[column].kind.is_bytes();
        if !bounded || !is_named || !is_number {
            return None;
        }
        Some(Floors {
            limit: ranking.limit as usize,
            dense: ranking.rank == Some(RankFunction::DenseRank),
            term,
            column,
            partition: ranking
                .partition
                .iter()
                .map(|i| (*i, columns[*i]))
                .collect(),
            windows: BTreeMap::new(),
            bytes: Vec::new(),
        })
    }

    /// Whether a row of a window that ends then can be ranked; it is one of those that others are held against, then.
    pub(super) fn passes(
        &mut self,
        end: i64,
        codec: &KeyCodec,
        input: &Input,
        sale: &impl SaleView,
    ) -> bool {
        self.bytes.clear();
        for (i, column) in &self.partition {
            let column = input.columns[*column];
            match codec.is_bytes(*i) {
                true => codec.push_bytes(&mut self.bytes, *i, sale.bytes(column)),
                false => codec.push_number(&mut self.bytes, *i, sale.number(column)),
            }
            // The last text of a key has no end of its own.
            self.bytes.push(0);
        }
        let first = self.term.turned(sale.number(input.columns[self.column]));
        let window = self.windows.entry(end).or_default();
        let Some(best) = window.get_mut(&self.bytes[..]) else {
            window.insert(self.bytes.as_slice().into(), vec![first]);
            return true;
        };
        if best.len() == self.limit && best.last().is_some_and(|last| first > *last) {
            return false;
        }
        let at = best.partition_point(|b| *b < first);
        if self.dense && best.get(at) == Some(&first) {
            return true;
        }
        if best.len() == self.limit {
            best.pop();
        }
        best.insert(at.min(best.len()), first);
        true
    }

    /// Forgets windows that end at or before a time.
    pub(super) fn retire(&mut self, horizon: i64) {
        while let Some(entry) = self.windows.first_entry()
            && *entry.key() <= horizon
        {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(i128);

    impl SaleView for Row {
        fn event_time(&self) -> i64 {
            0
        }
        fn bytes(&self, _: usize) -> Option<&[u8]> {
            None
        }
        fn number(&self, _: usize) -> Option<i128> {
            Some(self.0)
        }
        fn is_true(&self, _: usize) -> bool {
            true
        }
        fn is_null(&self, _: usize) -> bool {
            false
        }
        fn has_error(&self, _: usize) -> bool {
            false
        }
    }

    /// What is turned away could not be ranked, and of many rows in any order few are kept.
    #[test]
    fn what_is_turned_away_has_as_many_before_it_as_there_are_ranks() {
        let plan = standings_query::load_shipped().unwrap();
        let ranking = &plan.rankings[0];
        let codec = KeyCodec::new(ranking);
        let input = &ranking.inputs[0];
        let mut dice = 7u64;
        for (dense, descending, limit) in [(false, true, 10), (true, false, 3), (false, false, 1)] {
            let mut floors = Floors {
                limit,
                dense,
                term: OrderTerm {
                    descending,
                    ..ranking.order[0]
                },
                column: 0,
                partition: Vec::new(),
                windows: BTreeMap::new(),
                bytes: Vec::new(),
            };
            let (mut seen, mut kept) = (Vec::new(), 0);
            for _ in 0..5_000 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let n = i128::from(dice >> 33) % 500;
                let before = |other: &&i128| match descending {
                    true => **other > n,
                    false => **other < n,
                };
                let mut better: Vec<i128> = seen.iter().filter(before).copied().collect();
                if dense {
                    better.sort_unstable();
                    better.dedup();
                }
                let passes = floors.passes(7, &codec, input, &Row(n));
                assert_eq!(passes, better.len() < limit, "{n}");
                kept += u32::from(passes);
                seen.push(n);
            }
            assert!(kept < 400, "{kept}");
            floors.retire(6);
            assert_eq!(floors.windows.len(), 1);
            floors.retire(7);
            assert!(floors.windows.is_empty());
        }
    }
}
