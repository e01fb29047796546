//! The owner of keys: applies each epoch when it is complete on every reader, and sends its best rows on.
//!
//! # Frontiers
//!
//! - In: when the frontier has passed epoch *e*, no reader will say more of *e*. Epochs are applied in order, each whole.
//! - Out: an epoch's capability is kept from its first message until it is applied, and no longer. So when the frontier of the
//!   output has passed *e*, worker 0 has the candidates and the progress of everything up to *e*.
//! - Ticks, stops and ends are news at once: they say nothing of totals, and are not held back until their epoch is complete.

use std::collections::BTreeMap;
use std::rc::Rc;

use standings_model::sabotage::{self, Mistake};
use timely::dataflow::operators::Capability;

use crate::dataflow::handles::Cells;
use crate::dataflow::messages::{Body, Gathered};
use crate::event_time::BEGINNING;
use crate::held::Copied;
use crate::pack::deltas::Deltas;
use crate::rank::copy::TooLarge;
use crate::rank::keys::Keys;
use crate::rank::messages::Epoch;
use crate::rank::totals::Totals;
use crate::snapshot::order::{Order, Taken};

/// Applies epochs to a worker's totals.
pub struct TotalsOperator<A> {
    cells: Rc<Cells>,
    /// Called with the totals after each epoch, before anything of that epoch can be committed.
    applied: A,
    /// Messages of epochs that are not complete, and the right to send at their time.
    waiting: BTreeMap<Epoch, (Capability<Epoch>, Vec<Body>)>,
    /// Everything before this epoch is applied, and something of the epoch before it.
    applied_to: Epoch,
    /// By worker: it sends nothing more for windows that end at or before this.
    promises: Vec<i64>,
    retired: i64,
    /// The keys of rows that are held, where one might be in several partitions.
    keys: Keys,
}

impl<A: Fn(&Totals)> TotalsOperator<A> {
    /// Over the totals in `cells`, of so many workers.
    pub fn new(cells: Rc<Cells>, workers: usize, applied: A) -> Self {
        TotalsOperator {
            cells,
            applied,
            waiting: BTreeMap::new(),
            applied_to: 0,
            promises: vec![BEGINNING; workers],
            retired: BEGINNING,
            keys: Keys::default(),
        }
    }

    /// Takes a message of an epoch in; `capability` is asked for if it has to wait.
    pub fn take(
        &mut self,
        epoch: Epoch,
        body: Body,
        capability: impl FnOnce() -> Capability<Epoch>,
    ) {
        match body {
            Body::Tick(next) => self.cells.latest.set(self.cells.latest.get().max(next)),
            Body::Stop => self.cells.heard.borrow_mut().stop = true,
            Body::Ended(worker) => {
                self.cells.heard.borrow_mut().ended.insert(worker);
            }
            body => {
                let waiting = self.waiting.entry(epoch);
                let (_, bodies) = waiting.or_insert_with(|| (capability(), Vec::new()));
                bodies.push(body);
            }
        }
    }

    /// Applies the next epoch if it is complete: `reached` is the first that may not be. What is sent of it, and when.
    pub fn step(&mut self, reached: Epoch) -> Option<(Capability<Epoch>, Vec<Gathered>)> {
        let next = self.waiting.first_key_value().map(|(epoch, _)| *epoch);
        self.copy_for_snapshot(reached, next);
        if reached <= next? && !sabotage::is(Mistake::FrontierIgnored) {
            return None;
        }
        let (epoch, (capability, bodies)) = self.waiting.pop_first()?;
        self.applied_to = epoch + 1;
        Some((capability, self.apply(bodies)))
    }

    /// Copies what a snapshot is to hold, between the last epoch before it and the first that is not of it.
    fn copy_for_snapshot(&self, reached: Epoch, next: Option<Epoch>) {
        let Some(order) = self.cells.heard.borrow().snapshot else {
            return;
        };
        let is_time = reached >= order.epoch && next.is_none_or(|epoch| epoch >= order.epoch);
        let mut taken = self.cells.taken.borrow_mut();
        if taken.is_none() && (is_time || sabotage::is(Mistake::CopyTooEarly)) {
            let passed = self.applied_to > order.epoch;
            let rows = (!passed).then(|| self.cells.totals.borrow_mut().copy(order.full));
            let rows = self.with_firsts(order, rows);
            let pairs = self.pairs(order);
            let rows = rows.filter(|_| pairs.is_some());
            // What its reader holds, its driver copied when it came to the epoch, and adds.
            let held = pairs;
            *taken = Some(Taken { order, rows, held });
        }
    }

    /// The rows that are kept for pairs, copied as of the same epoch; none where that went by.
    fn pairs(&self, order: Order) -> Option<Vec<Copied>> {
        let Some(pairs) = &self.cells.pairs else {
            return Some(Vec::new());
        };
        let taken = self.cells.pairs_taken.borrow_mut().take();
        match taken.filter(|(of, _)| *of == order) {
            Some((_, copied)) => Some(copied),
            None if self.cells.pairs_applied.get() > order.epoch => None,
            None => Some(pairs.borrow_mut().copy(order.full)),
        }
    }

    /// What was copied, with the first levels of rankings that are joined: copied as of the same epoch.
    fn with_firsts(
        &self,
        order: Order,
        rows: Option<Result<Vec<Deltas>, TooLarge>>,
    ) -> Option<Result<Vec<Deltas>, TooLarge>> {
        let Some(first) = &self.cells.first else {
            return rows;
        };
        if sabotage::is(Mistake::FirstLevelNotCopied) {
            return rows;
        }
        let taken = self.cells.first_taken.borrow_mut().take();
        let firsts = match taken.filter(|(of, _)| *of == order) {
            Some((_, copied)) => copied,
            // It went past the epoch before it was asked.
            None if self.cells.first_applied.get() > order.epoch => return None,
            None => first.borrow_mut().copy(order.full),
        };
        let all = rows?.and_then(|mut rows| {
            rows.extend(firsts?);
            Ok(rows)
        });
        Some(all)
    }

    fn apply(&mut self, bodies: Vec<Body>) -> Vec<Gathered> {
        let mut totals = self.cells.totals.borrow_mut();
        if let Some(watches) = self.cells.heard.borrow_mut().watches.take() {
            totals.watch(&watches);
        }
        let mut sent = Vec::with_capacity(bodies.len() + 1);
        let mut keys = Vec::new();
        for body in bodies {
            match body {
                Body::Deltas(deltas) => {
                    totals.apply(&deltas);
                    let mut spent = self.cells.spent.borrow_mut();
                    if spent.len() < self.promises.len() {
                        spent.push(*deltas);
                    }
                }
                Body::Keys(new) => keys.extend(new),
                Body::Passed(passed) => sent.push(Gathered::Passed(passed)),
                Body::Progress(progress) => sent.push(Gathered::Progress(progress)),
                Body::Promise(promise) => {
                    let known = &mut self.promises[promise.worker as usize];
                    *known = promise.horizon.max(*known);
                    sent.push(Gathered::Promise(promise));
                }
                Body::Part(part) => sent.push(Gathered::Part(part)),
                Body::Tick(_) | Body::Stop | Body::Ended(_) | Body::Loaded | Body::Tell => {}
            }
        }
        let moved = self.keys.see(keys);
        if !moved.is_empty() {
            sent.push(Gathered::Moved(moved));
        }
        let candidates = totals.settle();
        if !candidates.is_empty() {
            sent.push(Gathered::Candidates(candidates));
        }
        sent.extend(totals.settle_tops().into_iter().map(Gathered::Tops));
        let promised = self.promises.iter().copied().min().unwrap_or(BEGINNING);
        if promised > self.retired {
            self.retired = promised;
            totals.retire(promised);
            self.keys.retire(promised);
        }
        let (told, tells) = totals.tell(self.promises.len() as u32);
        self.cells.tells.set(tells);
        if !told.is_empty() {
            sent.push(Gathered::Placed(told));
        }
        (self.applied)(&totals);
        sent
    }
}
