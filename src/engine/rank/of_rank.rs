//! What is computed of the rank: `CASE WHEN rownum = 1 THEN …`, `WHERE rownum IN (1, 3)`, a second rank function.
//!
//! Who owns a key does not know its rank, so this is computed where rows are ranked: a row's measures as they are told, and the ranks
//! that each function gives it, come to its measures as they are shown.
//!
//! 1. What is shown is a function of the rows that are ranked alone: it is computed anew at each draft.
//! 2. What was told of a row for this alone is NULL in what is shown, so that a change of it alone is none.

use std::cell::Cell;
use std::sync::Arc;

use super::computed::{Values, kind_of};
use super::order::OrderKey;
use standings_model::plan::{Bound, RankFunction, Ranking};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_scalar::{Program, Zone};

/// The measures of a ranking that are computed of the rank.
pub struct OfRank {
    /// By measure.
    measures: Vec<What>,
    bounds: [Type; 3],
    errors: Cell<u64>,
}

/// What a measure is where rows are ranked.
enum What {
    /// As it is told.
    Told,
    /// Nothing: it is not shown.
    Hidden,
    Computed(Box<Program>, Type),
}

/// The ranks that each function gives a row.
pub type AllRanks = [u64; RankFunction::ALL.len()];

impl OfRank {
    /// Those of a ranking; none where it has none. Local times are those of a zone.
    pub fn new(ranking: &Ranking, zone: Option<&str>) -> Option<Self> {
        let count = ranking.measures.len();
        if !(0..count).any(|m| ranking.is_of_rank(m)) {
            return None;
        }
        let zone = zone.and_then(Zone::named).unwrap_or(Zone::UTC);
        let first = ranking.keys.len() + count;
        let kind = |bound: Bound| {
            let mut all = ranking.computed.iter();
            all.find_map(|expr| kind_of(expr, first + bound as usize))
        };
        let bounds = Bound::ALL.map(|bound| kind(bound).unwrap_or(Type::Instant(3)));
        let measures = (0..count).map(|m| match ranking.computed(m) {
            Some(expr) if ranking.is_of_rank(m) => {
                let program = Program::new(expr, &zone, &|n| n.to_string());
                What::Computed(Box::new(program), expr.kind.clone())
            }
            _ if ranking.shows(m) => What::Told,
            _ => What::Hidden,
        });
        Some(OfRank {
            measures: measures.collect(),
            bounds,
            errors: Cell::new(0),
        })
    }

    /// The measures of a row as they are shown, but for a condition, which stays for who asks it.
    pub fn measures(
        &self,
        ranking: &Ranking,
        key: &[Value],
        told: &[Value],
        ranks: AllRanks,
        window: (i64, i64),
    ) -> Arc<[Value]> {
        let bounds = Bound::ALL.iter().zip(&self.bounds).map(|(bound, kind)| {
            let us = i128::from(bound.of(window)) * 1_000;
            Value::of_number(us, kind)
        });
        let ranks = ranks.iter().map(|rank| Value::Integer(i128::from(*rank)));
        let keys = key.iter().take(ranking.keys.len());
        let row = keys.chain(told).cloned().chain(bounds).chain(ranks);
        let row = Values(row.collect());
        let all = self.measures.iter().enumerate();
        all.map(|(m, what)| match what {
            What::Told => told[m].clone(),
            What::Hidden if ranking.shown_if == Some(m) => told[m].clone(),
            What::Hidden => Value::Null,
            What::Computed(program, kind) => match program.eval(&row) {
                Ok(datum) => datum.into_value(kind),
                Err(_) => {
                    self.errors.set(self.errors.get() + 1);
                    Value::Null
                }
            },
        })
        .collect()
    }

    /// How many values had an error since this was asked last.
    pub fn take_errors(&self) -> u64 {
        self.errors.take()
    }
}

/// The ranks of rows that come in order, by each function.
#[derive(Default)]
pub struct Counting {
    ranks: AllRanks,
    last: Option<OrderKey>,
}

impl Counting {
    /// The ranks of the next row.
    pub fn next(&mut self, order: &OrderKey) -> AllRanks {
        let [rows, rank, dense] = &mut self.ranks;
        *rows += 1;
        if self.last.as_ref() != Some(order) {
            (*rank, *dense) = (*rows, *dense + 1);
            self.last = Some(order.clone());
        }
        self.ranks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_counts_ties_its_own_way() {
        let mut counting = Counting::default();
        let ranks = [5, 5, 7, 9, 9].map(|n| counting.next(&OrderKey::of(n)));
        let want = [[1, 1, 1], [2, 1, 1], [3, 3, 2], [4, 4, 3], [5, 4, 3]];
        assert_eq!(ranks, want);
    }
}
