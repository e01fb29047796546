//! Between two joins: what came out of one goes on to the owner of what it is joined by next.
//!
//! # Frontiers
//!
//! - In: what a join sends of an epoch may come with a capability of an earlier one, and says itself of which it is.
//! - Out: an epoch's capability is kept from the first of it until all of it is there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use timely::dataflow::operators::Capability;

use crate::pack::portion::Portion;
use crate::rank::messages::Epoch;
use crate::relate::joins::Alike;
use crate::relate::numbers::Numbers;
use crate::relate::parcel::{Parcel, Parcels, Sent};
use crate::relate::row::JoinedRow;
use crate::relate::rules::Rules;
use crate::relate::together;

/// Sends on what came out of the join of one number.
pub struct OnwardOperator {
    step: usize,
    rules: Rc<Rules>,
    numbers: Rc<RefCell<Numbers>>,
    waiting: BTreeMap<Epoch, (Capability<Epoch>, Vec<Out>)>,
    parcels: Parcels,
    own: u64,
    row: JoinedRow,
}

/// Rows alike, the number of their partner, and what they came to.
type Out = (Alike, u32, Portion);

impl OnwardOperator {
    /// Behind the join of this number, on one of so many workers.
    pub fn new(
        step: usize,
        rules: &Rc<Rules>,
        numbers: &Rc<RefCell<Numbers>>,
        (own, workers): (u64, usize),
    ) -> Self {
        OnwardOperator {
            step,
            row: rules.row(),
            rules: Rc::clone(rules),
            numbers: Rc::clone(numbers),
            waiting: BTreeMap::new(),
            parcels: Parcels::new(workers),
            own,
        }
    }

    /// Which join it is behind.
    pub fn number(&self) -> usize {
        self.step
    }

    /// Takes rows of an epoch in; its capability is asked for if they are the first.
    pub fn take(&mut self, epoch: Epoch, out: Out, capability: impl FnOnce() -> Capability<Epoch>) {
        let waiting = self.waiting.entry(epoch);
        let (_, rows) = waiting.or_insert_with(|| (capability(), Vec::new()));
        rows.push(out);
    }

    /// Sends the next epoch on if it is complete: `reached` is the first that may not be.
    pub fn step(&mut self, reached: Epoch) -> Option<(Capability<Epoch>, Vec<Parcel>)> {
        let next = *self.waiting.first_key_value()?.0;
        if reached <= next {
            return None;
        }
        let (_, (capability, rows)) = self.waiting.pop_first()?;
        let numbers = self.numbers.borrow();
        let mut text = Vec::new();
        for (alike, partner, portion) in rows {
            let Some(rule) = self.rules.of(alike.ranking) else {
                continue;
            };
            let mut parts = together::split(numbers.text(&alike), self.step);
            parts.1.push(numbers.partner(partner));
            let mut to = self.own;
            if self.parcels.are_several() {
                rule.open(parts.0, &parts.1, &mut self.row);
                to = rule.owner(self.step + 1, &self.row, &self.parcels).unwrap_or(to);
            }
            text.clear();
            together::push(&mut text, &parts);
            let sent = Sent {
                ranking: alike.ranking,
                windows: 1,
                window_end: alike.window_end,
                portion,
            };
            self.parcels.put(to, &text, sent);
        }
        Some((capability, self.parcels.take()))
    }
}
