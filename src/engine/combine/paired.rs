//! The fold of pairs: each becomes deltas of its ranking's own keys, as a row of a table does.

use std::sync::Arc;

use super::combiner::{Combiner, Missing, Origin, SaleView};
use crate::event_time::partition::Verdict;
use crate::pack::deltas::Deltas;
use standings_model::plan::Plan;

/// One epoch's fold of pairs, on one worker.
pub struct PairFold {
    combiner: Combiner,
    missing: Missing,
}

impl PairFold {
    /// For the rankings of a plan that are of pairs.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let mut of_pairs = Plan::clone(plan);
        for ranking in &mut of_pairs.rankings {
            if let (Some(paired), Some(input)) = (&ranking.paired, ranking.inputs.first_mut()) {
                input.filter = paired.filter;
            }
        }
        PairFold {
            combiner: Combiner::new(&Arc::new(of_pairs)),
            missing: Missing::default(),
        }
    }

    /// Adds a pair to a ranking, in its windows that end after `closed`, ms. `false` where what is computed of it has an error: such
    /// a pair is in no group.
    pub fn add(
        &mut self,
        ranking: usize,
        pair: &impl SaleView,
        origin: Origin,
        closed: i64,
    ) -> bool {
        self.missing.clear();
        let judge = |end| match end > closed {
            true => Verdict::Counted,
            false => Verdict::Late,
        };
        self.combiner
            .add_pair(ranking, pair, origin, judge, &mut self.missing);
        self.missing.failed.is_empty()
    }

    /// Ends the epoch, as [`Combiner::flush`].
    pub fn flush(&mut self, workers: usize) -> Vec<Deltas> {
        self.combiner.flush(workers, &mut Vec::new())
    }
}
