//! The fold behind joins: what rows alike came to, by what they are joined with, becomes deltas of the ranking's own keys.

use std::sync::Arc;

use super::columns::UNKNOWN;
use super::combiner::{Combiner, Missing, Origin, SaleView};
use super::rows::{Fold, Span};
use crate::pack::deltas::Deltas;
use crate::pack::layout::Layout;
use crate::pack::level::Level;
use crate::pack::portion::{Place, Portion, places};
use standings_model::plan::Plan;

/// One epoch's fold of what comes out of joins, on one worker.
pub struct Behind {
    combiner: Combiner,
    /// By ranking: what of a portion goes where.
    added: Vec<Vec<Added>>,
    missing: Missing,
}

/// A part of a portion, and the accumulator that it is added to.
struct Added {
    place: Place,
    at: usize,
    /// A condition that is decided behind the join.
    filter: Option<usize>,
}

impl Behind {
    /// For the rankings of a plan that are joined.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let mut behind = Plan::clone(plan);
        for ranking in &mut behind.rankings {
            if let (Some(joined), Some(input)) = (&ranking.joined, ranking.inputs.first_mut()) {
                input.filter = joined.filter;
                input.unnest = None;
            }
        }
        let mut combiner = Combiner::new(&Arc::new(behind));
        let mut added = Vec::new();
        for (number, ranking) in plan.rankings.iter().enumerate() {
            let level = Level::new(ranking, &plan.tables);
            added.push(
                level
                    .as_ref()
                    .map_or_else(Vec::new, |l| parts(l, &plan.tables)),
            );
            if let Some(level) = level {
                combiner.rankings[number].sources[0].slots = level.of_rows;
            }
        }
        Behind {
            combiner,
            added,
            missing: Missing::default(),
        }
    }

    /// Adds rows alike to a ranking, in the window that ends then. `false` where what is computed of them has an error: such rows
    /// are in no group.
    pub fn add(
        &mut self,
        number: usize,
        end: i64,
        row: &impl SaleView,
        origin: Origin,
        portion: &Portion,
    ) -> bool {
        let (fold, texts, columns) = self.combiner.of_ranking(number);
        columns.ids.fill(UNKNOWN);
        self.missing.clear();
        if !fold.takes(0, row, &mut self.missing) {
            return self.missing.failed.is_empty();
        }
        let key = fold.key(0, texts, columns, row, origin);
        let span = Span {
            latest: end,
            windows: 1,
        };
        let at = fold.row(span, key);
        fold.change(portion.rows(), (0, at), row, (row.event_time(), origin));
        let words = fold.words_mut(at);
        for part in &self.added[number] {
            if part.filter.is_none_or(|condition| row.is_true(condition)) {
                portion.add_to(part.place, words, part.at);
            }
        }
        true
    }

    /// Ends the epoch, as [`Combiner::flush`].
    pub fn flush(&mut self, workers: usize, spent: &mut Vec<Deltas>) -> Vec<Deltas> {
        self.combiner.flush(workers, spent)
    }
}

impl Fold {
    /// The accumulators of a row.
    fn words_mut(&mut self, row: usize) -> &mut [u64] {
        let stride = self.layout.width + 1;
        &mut self.rows[row * stride + 1..(row + 1) * stride]
    }
}

fn parts(level: &Level, tables: &[standings_model::table::Table]) -> Vec<Added> {
    let layout = Layout::new(&level.ranking);
    let places = places(&layout);
    let table = &tables[level.ranking.inputs[0].table];
    let added = level.added.iter().filter_map(|(to, from)| {
        let slot = layout.slots.iter().position(|slot| slot.at == from.at)?;
        let filter = to.filter.filter(|c| table.columns[*c].origin.is_behind());
        Some(Added {
            place: places[slot],
            at: to.at,
            filter,
        })
    });
    added.collect()
}
