//! Elements of an array as rows of their own, each beside all else of its record.
//!
//! A record counts once, whatever its rows: as ranked where one of them is.

use super::refusal::{failed, too_large};
use crate::combine::combiner::{Combiner, Missing, Origin, Outcome, Sign};
use crate::event_time::partition::Verdict;
use standings_decode::Decoder;
use standings_model::plan::Plan;
use standings_model::reject::RejectKind;

/// What of a record's rows was not counted.
#[derive(Default)]
pub(super) struct Lost {
    /// The windows that they missed, each once.
    pub(super) missing: Missing,
    /// Why rankings do not count them: one letter a ranking.
    pub(super) letters: Vec<RejectKind>,
    /// Of which rankings there is one.
    rankings: Vec<usize>,
}

impl Lost {
    /// What a record itself was not counted for.
    pub(super) fn of(missing: Missing) -> Self {
        Lost {
            missing,
            ..Lost::default()
        }
    }

    /// Takes over why rankings do not count a row, as long as it is known what the row is.
    #[cold]
    pub(super) fn letters(&mut self, of: impl Fn(usize, usize) -> RejectKind) {
        for (ranking, column) in std::mem::take(&mut self.missing.failed) {
            if !self.rankings.contains(&ranking) {
                self.rankings.push(ranking);
                self.letters.push(of(ranking, column));
            }
        }
    }
}

/// The record that was decoded last: its bytes, its time, its table, and where it stands. Of an array of records each is one.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) time: i64,
    pub(super) table: usize,
    pub(super) origin: Origin,
}

/// Folds the elements of its arrays in; what became of them. `numbers`: how many rows each array has given of what came at
/// this offset; `sign`: whether the record comes or is taken back, where its table's rows change.
pub(super) fn fold(
    decoder: &mut Decoder,
    of: Of<'_>,
    numbers: &mut Vec<u32>,
    (combiner, plan, sign): (&mut Combiner, &Plan, Option<Sign>),
    judge: impl Fn(i64) -> Verdict,
    lost: &mut Lost,
) -> Outcome {
    let mut outcome = Outcome::Filtered;
    let arrays = combiner.arrays(of.table);
    numbers.resize(arrays, 0);
    for (array, number) in numbers.iter_mut().enumerate() {
        let column = combiner.array(of.table, array);
        let mut nth = 0;
        while let Some(sale) = decoder.element((of.bytes, of.time), column, nth) {
            nth += 1;
            let origin = Origin {
                row: *number,
                ..of.origin
            };
            *number += 1;
            if let Some(kind) = too_large(of.table, &sale, plan) {
                if sign != Some(Sign::Minus) {
                    lost.letters.push(kind);
                }
                outcome = outcome.max(Outcome::Failed);
                continue;
            }
            let at = (of.table, array);
            let missing = &mut lost.missing;
            let became = match sign {
                None => combiner.add_element(at, &sale, origin, &judge, missing),
                Some(sign) => combiner.change_element(at, &sale, origin, sign, &judge, missing),
            };
            outcome = outcome.max(became);
            if !lost.missing.failed.is_empty() {
                lost.letters(|ranking, column| failed(plan, ranking, &sale, column));
            }
        }
    }
    let windows = &mut lost.missing.windows;
    windows.sort_unstable_by_key(|m| (m.ranking, m.start, m.end));
    windows.dedup();
    outcome
}

#[cfg(test)]
mod tests;
