//! The timely operators around [`Totals`] and [`Gather`]. See the stage's head for the picture.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::probe::Handle as ProbeHandle;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::{Input, Inspect, Probe};
use timely::scheduling::Activator;
use timely::worker::Worker;

use super::gather::{Emit, Gather};
use super::messages::{Candidate, Epoch, Progress, Promise};
use super::totals::Totals;
use crate::combine::deltas::Deltas;
use crate::event_time::BEGINNING;
use crate::event_time::partition::Policy;
use crate::model::change::Commit;
use crate::model::plan::Plan;

/// What a reader sends into the dataflow, addressed to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The worker it is for.
    pub to: u64,
    /// What it says.
    pub body: Body,
}

/// The kinds of message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Body {
    /// Totals to add.
    Deltas(Box<Deltas>),
    /// For worker 0, which gathers.
    Progress(Box<Progress>),
    /// For every worker.
    Promise(Promise),
    /// The sender has gone on to this epoch: whoever is behind should follow, so that its data can be committed.
    Tick(Epoch),
}

/// From the owners of keys to worker 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Gathered {
    Candidates(Vec<Candidate>),
    Progress(Box<Progress>),
    Promise(Promise),
}

/// Where drafts go; decides when one may be made.
pub trait Gate {
    /// Whether a draft would be taken now.
    fn ready(&mut self) -> bool;
    /// Takes a draft of everything before epoch `up_to` ([`Epoch::MAX`]: of everything, the input has ended).
    fn offer(&mut self, draft: Commit, up_to: Epoch);
    /// Windows up to this time (ms) were closed by an earlier run, and stay closed; asked when ready.
    fn closed_before(&self) -> i64;
    /// Everything before this epoch is durable.
    fn durable(&self) -> Epoch;
}

/// A worker's ends of the dataflow.
pub struct Wiring {
    /// Messages in. Its epoch is the reader's epoch.
    pub input: InputHandle<Epoch, timely::container::CapacityContainerBuilder<Vec<Message>>>,
    /// Its frontier is the first epoch that is not durable.
    pub durable: ProbeHandle<Epoch>,
    /// The greatest epoch that some worker has gone on to.
    pub latest: Rc<Cell<Epoch>>,
    /// The horizon to promise next.
    pub horizon: Rc<Cell<i64>>,
    /// Live (window, key) pairs of this worker.
    pub live_keys: Rc<Cell<usize>>,
    /// On worker 0: whether gather has something to do that no message announces, and how to wake it.
    pub gather: Option<(Rc<Cell<bool>>, Activator)>,
}

/// Builds the same graph on every worker; `gate` is given on worker 0 alone.
pub fn build(
    worker: &mut Worker,
    plan: &Arc<Plan>,
    policy: Policy,
    emit: Emit,
    gate: Option<Box<dyn Gate>>,
) -> Wiring {
    let latest = Rc::new(Cell::new(0));
    let horizon = Rc::new(Cell::new(BEGINNING));
    let live_keys = Rc::new(Cell::new(0));
    let workers = worker.peers();
    worker.dataflow::<Epoch, _, _>(|scope| {
        let (input, messages) = scope.new_input();

        let owned = {
            let mut totals = Totals::new(Arc::clone(plan));
            let mut promises = vec![BEGINNING; workers];
            let mut retired = BEGINNING;
            let mut waiting = BTreeMap::new();
            let (latest, live_keys) = (Rc::clone(&latest), Rc::clone(&live_keys));
            messages.unary_frontier(
                Exchange::new(|m: &Message| m.to),
                "Totals",
                move |capability, _| {
                    drop(capability);
                    move |(input, frontier), output| {
                        input.for_each(|time, messages: &mut Vec<Message>| {
                            for message in messages.drain(..) {
                                if let Body::Tick(epoch) = message.body {
                                    latest.set(latest.get().max(epoch));
                                    continue;
                                }
                                waiting
                                    .entry(*time.time())
                                    .or_insert_with(|| (time.retain(0), Vec::new()))
                                    .1
                                    .push(message.body);
                            }
                        });
                        while let Some(entry) = waiting.first_entry() {
                            if frontier.less_equal(entry.key()) {
                                break;
                            }
                            let (capability, bodies) = entry.remove();
                            let mut session = output.session(&capability);
                            for body in bodies {
                                match body {
                                    Body::Deltas(deltas) => totals.apply(&deltas),
                                    Body::Progress(progress) => {
                                        session.give(Gathered::Progress(progress))
                                    }
                                    Body::Promise(promise) => {
                                        let known = &mut promises[promise.worker as usize];
                                        *known = promise.horizon.max(*known);
                                        session.give(Gathered::Promise(promise));
                                    }
                                    Body::Tick(_) => {}
                                }
                            }
                            let candidates = totals.settle();
                            if !candidates.is_empty() {
                                session.give(Gathered::Candidates(candidates));
                            }
                            let promised = promises.iter().copied().min().unwrap_or(BEGINNING);
                            if promised > retired {
                                retired = promised;
                                totals.retire(retired);
                            }
                            live_keys.set(totals.live_keys());
                        }
                    }
                },
            )
        };

        let mut control = None;
        let index = scope.index();
        let activator = |info: &timely::dataflow::operators::generic::OperatorInfo| {
            scope.activator_for(Rc::clone(&info.address))
        };
        let horizons = owned.unary_frontier(
            Exchange::new(|_: &Gathered| 0),
            "Gather",
            |capability, info| {
                let pending = Rc::new(Cell::new(false));
                if index == 0 {
                    control = Some((Rc::clone(&pending), activator(&info)));
                }
                let mut held = (index == 0).then_some(capability);
                let mut gather = Gather::new(Arc::clone(plan), policy, emit, workers);
                let mut gate = gate;
                let mut waiting: BTreeMap<Epoch, Vec<Gathered>> = BTreeMap::new();
                let (mut applied, mut offered, mut sent) = (0, 0, BEGINNING);
                move |(input, frontier), output| {
                    input.for_each(|time, batch: &mut Vec<Gathered>| {
                        waiting.entry(*time.time()).or_default().append(batch);
                    });
                    let Some(gate) = &mut gate else { return };
                    let reached = frontier.frontier().first().copied().unwrap_or(Epoch::MAX);
                    if reached > applied {
                        while let Some(entry) = waiting.first_entry()
                            && *entry.key() < reached
                        {
                            for message in entry.remove() {
                                match message {
                                    Gathered::Candidates(all) => {
                                        all.into_iter().for_each(|c| gather.candidate(c))
                                    }
                                    Gathered::Progress(progress) => gather.progress(*progress),
                                    Gathered::Promise(promise) => gather.promise(promise),
                                }
                            }
                        }
                        applied = reached;
                        gather.advance();
                    }
                    if applied > offered && gate.ready() {
                        gate.offer(gather.draft(gate.closed_before()), applied);
                        offered = applied;
                    }
                    let durable = gate.durable();
                    if let Some(capability) = &mut held {
                        let target = gather.target_horizon();
                        if target > sent {
                            sent = target;
                            output.session(&*capability).give(target);
                        }
                        if durable == Epoch::MAX {
                            held = None;
                        } else if durable > *capability.time() {
                            capability.downgrade(&durable);
                        }
                    }
                    pending.set(held.is_some() && applied > durable);
                }
            },
        );
        let told = Rc::clone(&horizon);
        let (durable, horizons) = horizons.probe();
        horizons
            .broadcast()
            .inspect(move |h: &i64| told.set(told.get().max(*h)));
        Wiring {
            input,
            durable,
            latest,
            horizon,
            live_keys,
            gather: control,
        }
    })
}
