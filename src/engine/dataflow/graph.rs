//! The wiring: which operator hears whom. See the stage's head for the picture, and each operator for its frontiers.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use standings_model::plan::Plan;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::{Concat, Input, Inspect, Probe};
use timely::dataflow::{Scope, StreamVec};
use timely::progress::frontier::MutableAntichain;
use timely::worker::Worker;

use super::control::Control;
use super::coordinator::Coordinator;
use super::gate::{Gate, Look};
use super::handles::{Cells, FirstInput, Handles, NearInput, ToGather};
use super::messages::{Gathered, Message};
use super::operators::gather::GatherOperator;
use super::operators::totals::TotalsOperator;
use super::{paired, related};
use crate::event_time::partition::Policy;
use crate::nest::Nest;
use crate::pack::deltas::Deltas;
use crate::rank::emit::Emit;
use crate::rank::gather::Gather;
use crate::rank::messages::Epoch;
use crate::rank::totals::Totals;

/// The first epoch that more may come of.
pub(super) fn reached(frontier: &MutableAntichain<Epoch>) -> Epoch {
    frontier.frontier().first().copied().unwrap_or(Epoch::MAX)
}

/// What comes to the owners of groups from behind joins and of pairs: deltas, and what joins have to say beside them.
type BesideOf<'scope> = (
    StreamVec<'scope, Epoch, Deltas>,
    Option<StreamVec<'scope, Epoch, Message>>,
);

/// The joins and the pairs of a plan, as far as it has any.
fn beside<'scope>(
    scope: Scope<'scope, Epoch>,
    plan: &Arc<Plan>,
    cells: &Rc<Cells>,
    workers: usize,
) -> (
    Option<FirstInput>,
    Option<NearInput>,
    Option<BesideOf<'scope>>,
) {
    let is_joined = cells.first.is_some();
    let joined = is_joined.then(|| related::build(scope, plan, cells, workers));
    let pairs = paired::build(scope, plan, cells, workers);
    match (joined, pairs) {
        (None, None) => (None, None, None),
        (Some((first, deltas, passed)), None) => (Some(first), None, Some((deltas, Some(passed)))),
        (None, Some((near, deltas))) => (None, Some(near), Some((deltas, None))),
        (Some((first, deltas, passed)), Some((near, of_pairs))) => {
            let deltas = deltas.concat(of_pairs);
            (Some(first), Some(near), Some((deltas, Some(passed))))
        }
    }
}

/// Builds the same graph on every worker; `gate` is given on worker 0 alone. `applied` is called with the worker's totals
/// after each epoch, before anything of that epoch can be committed.
pub fn build(
    worker: &mut Worker,
    plan: &Arc<Plan>,
    policy: Policy,
    emit: Emit,
    gate: Option<Box<dyn Gate>>,
    applied: impl Fn(&Totals) + 'static,
) -> Handles {
    let workers = worker.peers();
    let plan = &plan.whole();
    let cells = Rc::new(Cells::new(plan));
    let applied = Rc::new(applied);
    let watches = Rc::clone(&applied);
    let mut totals = TotalsOperator::new(Rc::clone(&cells), workers, move |t: &Totals| applied(t));
    let gather = Gather::new(Arc::clone(plan), policy, emit, workers);
    let coordinator = Coordinator::new(gather, Nest::new(plan), workers);
    worker.dataflow::<Epoch, _, _>(|scope| {
        let (input, messages) = scope.new_input();
        let by_owner = Exchange::new(|message: &Message| message.to);
        let (first_input, near, behind) = beside(scope, plan, &cells, workers);
        let owned = match behind {
            None => messages.unary_frontier(by_owner, "Totals", |_, _| {
                move |(input, frontier), output| {
                    input.for_each(|time, messages: &mut Vec<Message>| {
                        for message in messages.drain(..) {
                            totals.take(*time.time(), message.body, || time.retain(0));
                        }
                    });
                    while let Some((capability, sent)) = totals.step(reached(frontier)) {
                        output.session(&capability).give_iterator(sent.into_iter());
                    }
                }
            }),
            Some((deltas, passed)) => {
                let messages = match passed {
                    Some(passed) => messages.concat(passed),
                    None => messages,
                };
                related::owned(messages, deltas, totals)
            }
        };
        let first = scope.index() == 0;
        let mut to_gather = None;
        let controls = owned.unary_frontier(
            Exchange::new(|_: &Gathered| 0),
            "Gather",
            |capability, info| {
                let look = Rc::new(Cell::new(Look::Soon));
                to_gather = gate.as_ref().filter(|_| first).map(|gate| ToGather {
                    look: Rc::clone(&look),
                    bell: gate.bell(),
                    activator: scope.activator_for(Rc::clone(&info.address)),
                });
                let held = first.then_some(capability);
                let cells = Rc::clone(&cells);
                let mut gather = GatherOperator::new(cells, gate, held, coordinator, look);
                gather.watch(move |totals| watches(totals));
                move |(input, frontier), output| {
                    input.for_each(|time, batch| gather.take(*time.time(), batch));
                    if let Some((capability, told)) = gather.step(reached(frontier)) {
                        output.session(&capability).give_iterator(told.into_iter());
                    }
                }
            },
        );
        let (durable, controls) = controls.probe();
        let hears = Rc::clone(&cells);
        controls
            .broadcast()
            .inspect(move |control: &Control| hears.heard.borrow_mut().hear(control));
        Handles {
            input,
            first: first_input,
            near,
            durable,
            cells,
            gather: to_gather,
        }
    })
}
