//! Behind the joins: what came out of them in an epoch becomes deltas for the owners of the rankings' own keys.
//!
//! # Frontiers
//!
//! - In: what joins send of an epoch may come with a capability of an earlier one, and says itself of which it is.
//! - Out: an epoch's capability is kept from the first of it until all of it is there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use standings_model::plan::Plan;
use timely::dataflow::operators::Capability;

use crate::combine::joined::Behind;
use crate::dataflow::handles::Cells;
use crate::event_time::BEGINNING;
use crate::pack::deltas::Deltas;
use crate::pack::portion::Portion;
use crate::rank::messages::Epoch;
use crate::relate::joins::Alike;
use crate::relate::numbers::Numbers;
use crate::relate::row::JoinedRow;
use crate::relate::rules::Rules;
use crate::relate::together;

/// Of which join it came out, rows alike, the number of their partner, and what they came to.
pub type Came = (usize, Alike, u32, Portion);

/// Folds what comes out of the joins.
pub struct BehindOperator {
    cells: Rc<Cells>,
    rules: Rc<Rules>,
    /// Of each join.
    numbers: Vec<Rc<RefCell<Numbers>>>,
    plan: Arc<Plan>,
    behind: Behind,
    waiting: BTreeMap<Epoch, (Capability<Epoch>, Vec<Came>)>,
    /// Windows that end at or before this are dropped.
    horizon: i64,
    row: JoinedRow,
    workers: usize,
}

impl BehindOperator {
    /// For the joined rankings of a plan, of so many workers.
    pub fn new(
        cells: Rc<Cells>,
        plan: &Arc<Plan>,
        rules: Rc<Rules>,
        numbers: Vec<Rc<RefCell<Numbers>>>,
        workers: usize,
    ) -> Self {
        BehindOperator {
            cells,
            row: rules.row(),
            rules,
            numbers,
            plan: Arc::clone(plan),
            behind: Behind::new(plan),
            waiting: BTreeMap::new(),
            horizon: BEGINNING,
            workers,
        }
    }

    /// Takes a row of an epoch in; its capability is asked for if it is the first.
    pub fn take(
        &mut self,
        epoch: Epoch,
        row: Came,
        capability: impl FnOnce() -> Capability<Epoch>,
    ) {
        let waiting = self.waiting.entry(epoch);
        let (_, rows) = waiting.or_insert_with(|| (capability(), Vec::new()));
        rows.push(row);
    }

    /// Folds the next epoch if it is complete: `reached` is the first that may not be.
    pub fn step(&mut self, reached: Epoch) -> Option<(Capability<Epoch>, Vec<Deltas>)> {
        let next = *self.waiting.first_key_value()?.0;
        if reached <= next {
            return None;
        }
        let (epoch, (capability, rows)) = self.waiting.pop_first()?;
        self.cells.dropped.borrow_mut().retain(|(since, horizon)| {
            if *since <= epoch {
                self.horizon = self.horizon.max(*horizon);
            }
            *since > epoch
        });
        let mut failed = 0;
        for (step, alike, partner, portion) in rows {
            let window = &self.plan.rankings[alike.ranking as usize].window;
            if alike.window_end <= window.horizon(self.horizon) {
                continue;
            }
            let Some(rule) = self.rules.of(alike.ranking) else {
                continue;
            };
            let numbers = self.numbers[step].borrow();
            let (key, mut with) = together::split(numbers.text(&alike), step);
            with.push(numbers.partner(partner));
            rule.open(key, &with, &mut self.row);
            let (number, origin) = (alike.ranking as usize, self.row.origin);
            let end = alike.window_end;
            failed += u64::from(!self.behind.add(number, end, &self.row, origin, &portion));
        }
        self.cells
            .failed_behind
            .set(self.cells.failed_behind.get() + failed);
        Some((capability, self.behind.flush(self.workers, &mut Vec::new())))
    }
}
