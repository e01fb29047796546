//! Rankings of rankings: the rows of one, as they are in a cut, are what another one counts.
//!
//! ```text
//! gather: rows of the inner ranking, now and as they were fed ──± rows──► fold ──► totals ──► candidates ──► gather
//!                                                │ its window is dropped: they change no more
//!                                                └──► frozen ──► a snapshot
//! ```
//!
//! It all happens on worker 0, between a cut that is gathered and the draft that is made of it: both levels are in one commit. What
//! is fed is the difference to what was, so it costs what changed.
//!
//! 1. An outer ranking is what its inner ones show at the same cut, whatever the batches, the workers and the pace.
//! 2. An outer window lives as long as its inner ones may change, and is dropped with them.
//! 3. A snapshot has of an outer ranking what is of inner windows that were dropped. What is of others is fed again, out of the
//!    inner ranking's own totals, which are in the same snapshot.

mod row;

use std::collections::BTreeMap;
use std::sync::Arc;

use standings_model::plan::{Plan, Ranking};
use standings_scalar::Zone;

use self::row::RankedRow;
use crate::combine::combiner::{Combiner, Missing, Sign};
use crate::pack::deltas::Deltas;
use crate::rank::copy::TooLarge;
use crate::rank::fed::Fed;
use crate::rank::gather::Gather;
use crate::rank::totals::Totals;

/// A ranking by number, and which of its inputs.
type Reader = (usize, usize);

/// What a ranking's rows are to those that read it.
struct Source {
    /// The ranking that is read.
    inner: u32,
    readers: Vec<Reader>,
    row: RankedRow,
}

/// Deltas on their way, and what they come to.
struct Half {
    combiner: Combiner,
    totals: Totals,
    missing: Missing,
}

/// The rankings of a plan that are made of others.
pub struct Nest {
    /// Those that are read, by how deep they are: what is made of tables first.
    levels: BTreeMap<usize, Vec<Source>>,
    /// All that is fed.
    now: Half,
    /// What is of windows that are dropped.
    frozen: Half,
    spent: Vec<Deltas>,
    /// Rows that no group is for, since what is computed of them has an error; since this was taken.
    failed: u64,
}

impl Nest {
    /// Of a plan; none where no ranking reads another.
    pub fn new(plan: &Arc<Plan>) -> Option<Self> {
        let zone = plan.zone.as_deref().and_then(Zone::named);
        let zone = zone.unwrap_or(Zone::UTC);
        let mut levels: BTreeMap<usize, Vec<Source>> = BTreeMap::new();
        for (number, table) in plan.tables.iter().enumerate() {
            let Some(of) = &table.of_ranking else {
                continue;
            };
            let inner = plan.rankings.iter().position(|r| r.name == *of.ranking);
            let Some(inner) = inner else { continue };
            let rankings = plan.rankings.iter().enumerate();
            let readers = rankings.flat_map(|(reader, ranking)| {
                let inputs = ranking.inputs.iter().enumerate();
                let of_it = inputs.filter(move |(_, input)| input.table == number);
                of_it.map(move |(input, _)| (reader, input))
            });
            let ranking = &plan.rankings[inner];
            levels
                .entry(depth(plan, ranking))
                .or_default()
                .push(Source {
                    inner: inner as u32,
                    readers: readers.collect(),
                    row: RankedRow::new(ranking, table, &zone),
                });
        }
        (!levels.is_empty()).then(|| Nest {
            levels,
            now: Half::new(plan),
            frozen: Half::new(plan),
            spent: Vec::new(),
            failed: 0,
        })
    }

    /// Brings the outer rankings to what the inner ones are now, level by level.
    pub fn settle(&mut self, gather: &mut Gather) {
        for level in self.levels.values_mut() {
            for source in level {
                for fed in gather.fed(source.inner) {
                    let sign = if fed.is_back { Sign::Minus } else { Sign::Plus };
                    self.failed += self.now.add(source, &fed, sign);
                }
            }
            self.now.apply(&mut self.spent);
            let candidates = self.now.totals.settle();
            candidates.into_iter().for_each(|c| gather.candidate(c));
        }
        self.freeze(gather);
    }

    /// What is of windows that are dropped changes no more.
    fn freeze(&mut self, gather: &mut Gather) {
        for source in self.levels.values_mut().flatten() {
            for fed in gather.freeze(source.inner) {
                self.frozen.add(source, &fed, Sign::Plus);
            }
        }
        self.frozen.apply(&mut self.spent);
        // Nobody is shown it.
        drop(self.frozen.totals.settle());
        let horizon = gather.promised();
        self.now.totals.retire(horizon);
        self.frozen.totals.retire(horizon);
    }

    /// What a snapshot keeps, as deltas from nothing: what changed since the last, or all.
    pub fn copy(&mut self, full: bool) -> Result<Vec<Deltas>, TooLarge> {
        self.frozen.totals.copy(full)
    }

    /// Goes on from what a snapshot kept.
    pub fn load(&mut self, kept: &[Deltas], gather: &mut Gather) {
        for deltas in kept {
            self.now.totals.apply(deltas);
            self.frozen.totals.apply(deltas);
        }
        drop(self.frozen.totals.settle());
        self.frozen.totals.forget_changes();
        let candidates = self.now.totals.settle();
        candidates.into_iter().for_each(|c| gather.candidate(c));
    }

    /// What is held of the outer rankings.
    pub fn totals(&self) -> &Totals {
        &self.now.totals
    }

    /// How many rows there were that what is computed of them has an error for, since this was asked last.
    pub fn take_failed(&mut self) -> u64 {
        std::mem::take(&mut self.failed)
    }
}

impl Half {
    fn new(plan: &Arc<Plan>) -> Self {
        Half {
            combiner: Combiner::new(plan),
            totals: Totals::new(Arc::clone(plan)),
            missing: Missing::default(),
        }
    }

    /// Adds a row to those that read it, or takes it from them; how many it is none for, since it has an error.
    fn add(&mut self, source: &mut Source, fed: &Fed, sign: Sign) -> u64 {
        source.row.open(fed);
        let mut failed = 0;
        for reader in &source.readers {
            self.missing.clear();
            let end = fed.window.1;
            self.combiner
                .put_row(*reader, &source.row, end, sign, &mut self.missing);
            failed += u64::from(!self.missing.failed.is_empty() && sign == Sign::Plus);
        }
        failed
    }

    fn apply(&mut self, spent: &mut Vec<Deltas>) {
        for mut deltas in self.combiner.flush(1, spent) {
            self.totals.apply(&deltas);
            deltas.clear();
            spent.push(deltas);
        }
    }
}

/// How many rankings lie below one.
fn depth(plan: &Plan, ranking: &Ranking) -> usize {
    let below = ranking.inputs.iter().filter_map(|input| plan.below(input));
    below.map(|inner| 1 + depth(plan, inner)).max().unwrap_or(0)
}
