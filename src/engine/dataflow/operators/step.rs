//! Before a join, at the owner of what rows are joined by: texts become numbers, and versions cover all time.
//!
//! # Frontiers
//!
//! - In: epochs are taken in order, each when it is whole on both sides: a key is covered from the epoch in which a row first
//!   asks for it.
//! - Out: on both sides an epoch's capability is kept from its first message until it is taken.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use standings_model::plan::Plan;
use timely::dataflow::operators::Capability;

use crate::rank::messages::Epoch;
use crate::relate::joins::{Fact, Partner};
use crate::relate::numbers::Numbers;
use crate::relate::parcel::Parcel;
use crate::relate::row::JoinedRow;
use crate::relate::rules::Rules;
use crate::relate::together;
use crate::relate::versions::Update;

/// The capabilities of the outputs.
pub type Both = [Capability<Epoch>; 2];

/// Makes ready what is joined by the join of one number.
pub struct StepOperator {
    step: usize,
    rules: Rc<Rules>,
    /// Of each ranking how far apart its windows are.
    plan: Arc<Plan>,
    numbers: Rc<RefCell<Numbers>>,
    /// Which rows of which tables are asked for: others are another join's.
    sides: Vec<Vec<u8>>,
    waiting: BTreeMap<Epoch, (Both, Came)>,
    row: JoinedRow,
}

/// What came of an epoch.
#[derive(Default)]
struct Came {
    parcels: Vec<Parcel>,
    updates: Vec<Update>,
}

/// Both sides of a join.
#[derive(Default)]
pub struct Ready {
    /// Rows that are joined.
    pub facts: Vec<Fact>,
    /// What they are joined with.
    pub partners: Vec<Partner>,
}

impl StepOperator {
    /// For the join of this number.
    pub fn new(
        step: usize,
        plan: &Arc<Plan>,
        rules: &Rc<Rules>,
        numbers: &Rc<RefCell<Numbers>>,
    ) -> Self {
        StepOperator {
            step,
            sides: rules.sides(step),
            row: rules.row(),
            rules: Rc::clone(rules),
            plan: Arc::clone(plan),
            numbers: Rc::clone(numbers),
            waiting: BTreeMap::new(),
        }
    }

    /// Takes rows of an epoch in; capabilities are asked for if they are the first.
    pub fn take_rows(&mut self, epoch: Epoch, parcel: Parcel, both: impl FnOnce() -> Both) {
        self.of(epoch, both).parcels.push(parcel);
    }

    /// The same of what they are joined with.
    pub fn take_update(&mut self, epoch: Epoch, update: Update, both: impl FnOnce() -> Both) {
        if self.sides.iter().any(|side| update.0.starts_with(side)) {
            self.of(epoch, both).updates.push(update);
        }
    }

    fn of(&mut self, epoch: Epoch, both: impl FnOnce() -> Both) -> &mut Came {
        let waiting = self.waiting.entry(epoch);
        &mut waiting.or_insert_with(|| (both(), Came::default())).1
    }

    /// Takes the next epoch if it is complete: `reached` is the first that may not be.
    pub fn step(&mut self, reached: Epoch) -> Option<(Both, Ready)> {
        let next = *self.waiting.first_key_value()?.0;
        if reached <= next {
            return None;
        }
        let (epoch, (both, came)) = self.waiting.pop_first()?;
        let mut ready = Ready::default();
        for (key, version, sign) in came.updates {
            let mut numbers = self.numbers.borrow_mut();
            numbers.version(epoch, &key, &version, sign > 0);
        }
        for parcel in &came.parcels {
            self.rows(epoch, parcel, &mut ready.facts);
        }
        self.numbers.borrow_mut().told(epoch, &mut ready.partners);
        Some((both, ready))
    }

    fn rows(&mut self, epoch: Epoch, parcel: &Parcel, into: &mut Vec<Fact>) {
        let StepOperator {
            step, rules, row, ..
        } = self;
        let mut numbers = self.numbers.borrow_mut();
        for (text, sent) in parcel.iter() {
            let Some(rule) = rules.of(sent.ranking) else {
                continue;
            };
            let window = &self.plan.rankings[sent.ranking as usize].window;
            let mut describe = || {
                let (key, rows) = together::split(text, *step);
                rule.open(key, &rows, row);
                let by = rule.key(*step, row);
                // Without a key it meets nothing.
                let stays = rule.stays(*step).then(Vec::new);
                (by.or(stays), row.time())
            };
            let mut end = sent.window_end;
            for n in 0..sent.windows.max(1) {
                if n > 0 {
                    end = window.before(end);
                }
                let of = (text, sent.portion.rows());
                let put = numbers.put(epoch, (sent.ranking, end), of, &mut describe);
                if let Some(fact) = put {
                    into.push((fact, epoch, sent.portion.clone()));
                }
            }
        }
    }
}
