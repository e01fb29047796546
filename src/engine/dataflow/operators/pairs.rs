//! The owner of what rows are pairs by: rows of both tables meet, and what their pairs come to goes to the owners of groups.
//!
//! # Frontiers
//!
//! - In: as of the owner of keys: epochs are taken in order, each whole.
//! - Out: an epoch's capability is kept from its first message until it is taken.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use standings_model::plan::Plan;
use timely::dataflow::operators::Capability;

use crate::combine::paired::PairFold;
use crate::dataflow::handles::Cells;
use crate::dataflow::messages::Near;
use crate::event_time::BEGINNING;
use crate::pack::deltas::Deltas;
use crate::rank::messages::Epoch;
use crate::relate::row::JoinedRow;

/// Makes pairs.
pub struct PairsOperator {
    cells: Rc<Cells>,
    fold: PairFold,
    waiting: BTreeMap<Epoch, (Capability<Epoch>, Vec<Near>)>,
    /// By worker: it sends nothing more for windows that end at or before this.
    promises: Vec<i64>,
    retired: i64,
    row: JoinedRow,
    workers: usize,
}

impl PairsOperator {
    /// Over the pairs in `cells`, of so many workers; none of a plan without any.
    pub fn new(cells: &Rc<Cells>, plan: &Arc<Plan>, workers: usize) -> Option<Self> {
        let row = cells.pairs.as_ref()?.borrow().pairings().row(plan);
        Some(PairsOperator {
            cells: Rc::clone(cells),
            fold: PairFold::new(plan),
            waiting: BTreeMap::new(),
            promises: vec![BEGINNING; workers],
            retired: BEGINNING,
            row,
            workers,
        })
    }

    /// Takes a message of an epoch in; a capability is asked for if it has to wait.
    pub fn take(
        &mut self,
        epoch: Epoch,
        body: Near,
        capability: impl FnOnce() -> Capability<Epoch>,
    ) {
        let waiting = self.waiting.entry(epoch);
        let (_, bodies) = waiting.or_insert_with(|| (capability(), Vec::new()));
        bodies.push(body);
    }

    /// Takes the next epoch if it is complete: `reached` is the first that may not be.
    pub fn step(&mut self, reached: Epoch) -> Option<(Capability<Epoch>, Vec<Deltas>)> {
        let next = *self.waiting.first_key_value()?.0;
        if reached <= next {
            return None;
        }
        self.copy_for_snapshot(next);
        let (epoch, (capability, bodies)) = self.waiting.pop_first()?;
        self.cells.pairs_applied.set(epoch + 1);
        let mut pairs = self.cells.pairs.as_ref()?.borrow_mut();
        let (fold, mut failed) = (&mut self.fold, 0);
        for body in bodies {
            match body {
                Near::Events(events) => {
                    for event in events {
                        pairs.come(event, &mut self.row, &mut |pair| {
                            let number = pair.ranking as usize;
                            let is_whole = fold.add(number, pair.row, pair.origin, pair.closed);
                            failed += u64::from(!is_whole);
                        });
                    }
                }
                Near::Promise(promise) => {
                    let known = &mut self.promises[promise.worker as usize];
                    *known = promise.horizon.max(*known);
                }
            }
        }
        let promised = self.promises.iter().copied().min().unwrap_or(BEGINNING);
        if promised > self.retired {
            self.retired = promised;
            pairs.retire(promised);
        }
        let before = self.cells.failed_behind.get();
        self.cells.failed_behind.set(before + failed);
        Some((capability, self.fold.flush(self.workers)))
    }

    /// Copies the rows for a snapshot before something of an epoch that is not of it is taken.
    fn copy_for_snapshot(&self, next: Epoch) {
        let Some(order) = self.cells.heard.borrow().snapshot else {
            return;
        };
        let mut taken = self.cells.pairs_taken.borrow_mut();
        let is_taken = taken.as_ref().is_some_and(|(of, _)| *of == order);
        if next >= order.epoch && !is_taken && self.cells.pairs_applied.get() <= order.epoch {
            let pairs = self.cells.pairs.as_ref();
            *taken = pairs.map(|pairs| (order, pairs.borrow_mut().copy(order.full)));
        }
    }
}
