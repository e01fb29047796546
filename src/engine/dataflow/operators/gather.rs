//! Worker 0's operator, idle on the others: gathers, offers drafts to the gate, and tells all workers how to go on.
//!
//! # Frontiers
//!
//! - In: when the frontier has passed epoch *e*, every owner has sent all of *e*: what is gathered up to *e* is one consistent
//!   cut of all partitions.
//! - Out: a capability is kept for the first epoch that is not durable. A probe behind it shows every worker which input is
//!   safe, which is what bounds the bytes in flight. When it is given up, everything is durable, and the dataflow ends.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use timely::dataflow::operators::Capability;

use crate::dataflow::control::Control;
use crate::dataflow::coordinator::{Coordinator, Unwritable};
use crate::dataflow::gate::{Gate, Look};
use crate::dataflow::handles::Cells;
use crate::dataflow::messages::Gathered;
use crate::rank::messages::Epoch;
use crate::rank::totals::Totals;

/// Is told totals.
type Watch = Box<dyn Fn(&Totals)>;

/// Gathers on worker 0; without a gate it does nothing.
pub struct GatherOperator {
    cells: Rc<Cells>,
    gate: Option<Box<dyn Gate>>,
    /// For the first epoch that is not durable.
    held: Option<Capability<Epoch>>,
    waiting: BTreeMap<Epoch, Vec<Gathered>>,
    coordinator: Coordinator,
    look: Rc<Cell<Look>>,
    /// Called with totals that cannot be written, before anything of them can be committed.
    watch: Option<Watch>,
}

impl GatherOperator {
    /// On worker 0 with a gate and the capability of the beginning.
    pub fn new(
        cells: Rc<Cells>,
        gate: Option<Box<dyn Gate>>,
        held: Option<Capability<Epoch>>,
        coordinator: Coordinator,
        look: Rc<Cell<Look>>,
    ) -> Self {
        GatherOperator {
            cells,
            gate,
            held,
            waiting: BTreeMap::new(),
            coordinator,
            look,
            watch: None,
        }
    }

    /// Has totals that cannot be written told.
    pub fn watch(&mut self, watch: impl Fn(&Totals) + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// Takes messages of an epoch in.
    pub fn take(&mut self, epoch: Epoch, batch: &mut Vec<Gathered>) {
        self.waiting.entry(epoch).or_default().append(batch);
    }

    /// Gathers what is complete (`reached` is the first epoch that may not be), and offers a draft if one may be made. What is
    /// to be told, and when.
    pub fn step(&mut self, reached: Epoch) -> Option<(Capability<Epoch>, Vec<Control>)> {
        let gate = self.gate.as_deref_mut()?;
        let seat = &mut self.coordinator;
        seat.closed_by(gate.closed_before());
        seat.load(&mut self.cells.nested_kept.borrow_mut());
        seat.apply(&mut self.waiting, reached, gate);
        let again = match seat.nest(&self.cells) {
            Ok(()) => seat.offer(gate),
            Err(Unwritable) => {
                if let Some(watch) = &self.watch {
                    watch(&self.cells.totals.borrow());
                }
                false
            }
        };
        let totals = self.cells.totals.borrow();
        for (ranking, errors) in seat.take_value_errors() {
            totals.add_value_errors(ranking, errors);
        }
        for (ranking, keys) in seat.take_expired() {
            totals.add_expired(ranking, keys);
        }
        drop(totals);
        let durable = gate.durable();
        let mut told = None;
        if let Some(capability) = &mut self.held {
            let orders = seat.orders(gate, self.cells.latest.get());
            told = (!orders.is_empty()).then(|| (capability.clone(), orders));
            if durable == Epoch::MAX {
                self.held = None;
            } else if durable > *capability.time() {
                capability.downgrade(&durable);
            }
        }
        self.look.set(match self.held {
            None => Look::No,
            Some(_) => seat.look(gate, again, durable),
        });
        told
    }
}
