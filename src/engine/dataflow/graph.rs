//! The timely operators around [`Totals`] and [`Gather`]. See the stage's head for the picture.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::probe::Handle as ProbeHandle;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::{Input, Inspect, Probe};
use timely::scheduling::Activator;
use timely::worker::Worker;

use super::control::{Complete, Control, GatherState, Order, PartReport, Start, Taken};
use super::gather::{Emit, Gather};
use super::messages::{Candidate, Epoch, Progress, Promise};
use super::snapshots::Snapshots;
use super::totals::Totals;
use crate::combine::deltas::Deltas;
use crate::event_time::BEGINNING;
use crate::event_time::partition::Policy;
use standings_model::block::PartitionId;
use standings_model::change::Commit;
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};

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
    /// Its totals were loaded from a snapshot before this epoch: they are candidates now.
    Loaded,
    /// For worker 0: a part of a snapshot.
    Part(PartReport),
    /// The sender has gone on to this epoch: whoever is behind should follow, so that its data can be committed.
    Tick(Epoch),
    /// The sender's process was asked to stop: none can go on without the others.
    Stop,
    /// This worker's input has ended. It goes on taking part until all have.
    Ended(u64),
}

/// From the owners of keys to worker 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Gathered {
    Candidates(Vec<Candidate>),
    Progress(Box<Progress>),
    Promise(Promise),
    Part(PartReport),
}

/// Where drafts go; decides when one may be made.
pub trait Gate {
    /// Rung when there is something to look at that no message announces.
    fn bell(&self) -> Bell;
    /// Whether a draft is being written: the bell rings when that is done.
    fn is_writing(&self) -> bool;
    /// How to begin, once it is known; asked until it is. With worker 0's part of the snapshot, if there is one.
    fn start(&mut self) -> Option<(Start, Option<GatherState>)>;
    /// Whether reading may go on past the hold.
    fn released(&self) -> bool;
    /// The number of the snapshot to take now, if one is due.
    fn snapshot_due(&mut self) -> Option<u64>;
    /// Whether a complete snapshot could not be kept since this was last asked: the next one is news.
    fn snapshot_lost(&mut self) -> bool {
        false
    }
    /// Takes a complete snapshot; it counts once everything before its epoch is durable. `None`: it failed.
    fn snapshot(&mut self, complete: Option<Complete>);
    /// Whether a draft would be taken now; `more`: of a backlog, of which much more will be read soon.
    fn ready(&mut self, more: bool) -> bool;
    /// When a draft would be taken, if only time is missing.
    fn ready_at(&self, _more: bool) -> Option<Instant> {
        None
    }
    /// Whether the next draft should bring all rows, not only what changed: of this prefix, and everything before
    /// epoch `up_to`.
    fn wants_whole(&self, _offsets: &BTreeMap<PartitionId, u64>, _up_to: Epoch) -> bool {
        false
    }
    /// Whether a draft is wanted although nothing is new: a sink that fell behind is to be brought to it.
    fn wants_again(&self) -> bool {
        false
    }
    /// Takes a draft of everything before epoch `up_to` ([`Epoch::MAX`]: of everything, the input has ended).
    fn offer(&mut self, draft: Commit, up_to: Epoch);
    /// Windows up to this time (ms) were closed by an earlier run, and stay closed; asked when ready.
    fn closed_before(&self) -> i64;
    /// Everything before this epoch is durable.
    fn durable(&self) -> Epoch;
}

/// Rung by who writes commits, answered by worker 0.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<AtomicBool>);

impl Bell {
    /// There is something to look at.
    pub fn ring(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was rung since this was last asked.
    pub fn answer(&self) -> bool {
        // Most of the time it was not: no write to what the other thread reads.
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Acquire)
    }
}

/// When gather looks again at what no message and no bell announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// There is nothing to look at.
    No,
    /// Soon, and again soon after: nobody knows when.
    Soon,
    /// A draft may be made then.
    At(Instant),
}

/// Worker 0's way to gather.
pub struct ToGather {
    /// Whether it has something to do that nothing will announce.
    pub look: Rc<Cell<Look>>,
    /// It should look now.
    pub bell: Bell,
    /// Wakes it.
    pub activator: Activator,
}

/// A worker's ends of the dataflow.
pub struct Wiring {
    /// Messages in. Its epoch is the reader's epoch.
    pub input: InputHandle<Epoch, timely::container::CapacityContainerBuilder<Vec<Message>>>,
    /// Its frontier is the first epoch that is not durable.
    pub durable: ProbeHandle<Epoch>,
    /// The greatest epoch that some worker has gone on to.
    pub latest: Rc<Cell<Epoch>>,
    /// What worker 0 said.
    pub told: Rc<RefCell<Told>>,
    /// The totals of this worker, for loading a snapshot before anything is sent.
    pub totals: Rc<RefCell<Totals>>,
    /// What was copied for a snapshot, for the driver to have written.
    pub taken: Rc<RefCell<Option<Taken>>>,
    /// Batches that are applied, for the driver to use again; as many as it sends in an epoch.
    pub spent: Rc<RefCell<Vec<Deltas>>>,
    /// On worker 0.
    pub gather: Option<ToGather>,
}

/// What worker 0 said, and whether any worker's process was asked to stop.
#[derive(Debug)]
pub struct Told {
    /// How to begin.
    pub start: Option<Start>,
    /// The horizon to promise next.
    pub horizon: i64,
    /// Reading may go on past the hold.
    pub released: bool,
    /// A snapshot that is not taken yet.
    pub snapshot: Option<Order>,
    /// Another process was asked to stop.
    pub stop: bool,
    /// The other workers whose inputs have ended.
    pub ended: BTreeSet<u64>,
}

impl Default for Told {
    fn default() -> Self {
        Told {
            start: None,
            horizon: BEGINNING,
            released: false,
            snapshot: None,
            stop: false,
            ended: BTreeSet::new(),
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
) -> Wiring {
    let latest = Rc::new(Cell::new(0));
    let told = Rc::new(RefCell::new(Told::default()));
    let totals = Rc::new(RefCell::new(Totals::new(Arc::clone(plan))));
    let taken: Rc<RefCell<Option<Taken>>> = Rc::default();
    let spent: Rc<RefCell<Vec<Deltas>>> = Rc::default();
    let workers = worker.peers();
    worker.dataflow::<Epoch, _, _>(|scope| {
        let (input, messages) = scope.new_input();

        let owned = {
            let (totals, taken) = (Rc::clone(&totals), Rc::clone(&taken));
            let spent = Rc::clone(&spent);
            let asked = Rc::clone(&told);
            // Everything before this epoch is applied, and something of the epoch before it.
            let mut applied_to: Epoch = 0;
            let mut promises = vec![BEGINNING; workers];
            let mut retired = BEGINNING;
            let mut waiting = BTreeMap::new();
            let latest = Rc::clone(&latest);
            messages.unary_frontier(
                Exchange::new(|m: &Message| m.to),
                "Totals",
                move |capability, _| {
                    drop(capability);
                    move |(input, frontier), output| {
                        input.for_each(|time, messages: &mut Vec<Message>| {
                            for message in messages.drain(..) {
                                // These are news at once, not when their epoch is complete.
                                match message.body {
                                    Body::Tick(epoch) => {
                                        latest.set(latest.get().max(epoch));
                                        continue;
                                    }
                                    Body::Stop => {
                                        asked.borrow_mut().stop = true;
                                        continue;
                                    }
                                    Body::Ended(worker) => {
                                        asked.borrow_mut().ended.insert(worker);
                                        continue;
                                    }
                                    _ => {}
                                }
                                waiting
                                    .entry(*time.time())
                                    .or_insert_with(|| (time.retain(0), Vec::new()))
                                    .1
                                    .push(message.body);
                            }
                        });
                        let mut totals = totals.borrow_mut();
                        loop {
                            let next = waiting.first_entry();
                            let due = next.as_ref().map(|e| *e.key());
                            if let Some(order) = asked.borrow().snapshot
                                && taken.borrow().is_none()
                                && (sabotage::is(Mistake::CopyTooEarly)
                                    || !frontier.frontier().less_than(&order.epoch)
                                        && due.is_none_or(|epoch| epoch >= order.epoch))
                            {
                                let passed = applied_to > order.epoch;
                                let rows = (!passed).then(|| totals.copy(order.full));
                                *taken.borrow_mut() = Some(Taken { order, rows });
                            }
                            let Some(entry) = next else { break };
                            if frontier.less_equal(entry.key())
                                && !sabotage::is(Mistake::FrontierIgnored)
                            {
                                break;
                            }
                            applied_to = entry.key() + 1;
                            let (capability, bodies) = entry.remove();
                            let mut session = output.session(&capability);
                            for body in bodies {
                                match body {
                                    Body::Deltas(deltas) => {
                                        totals.apply(&deltas);
                                        let mut spent = spent.borrow_mut();
                                        if spent.len() < workers {
                                            spent.push(*deltas);
                                        }
                                    }
                                    Body::Progress(progress) => {
                                        session.give(Gathered::Progress(progress))
                                    }
                                    Body::Promise(promise) => {
                                        let known = &mut promises[promise.worker as usize];
                                        *known = promise.horizon.max(*known);
                                        session.give(Gathered::Promise(promise));
                                    }
                                    Body::Part(part) => session.give(Gathered::Part(part)),
                                    Body::Tick(_) | Body::Stop | Body::Ended(_) | Body::Loaded => {}
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
                            applied(&totals);
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
        let latest_epoch = Rc::clone(&latest);
        let controls = owned.unary_frontier(
            Exchange::new(|_: &Gathered| 0),
            "Gather",
            |capability, info| {
                let look = Rc::new(Cell::new(Look::Soon));
                if let Some(gate) = gate.as_ref().filter(|_| index == 0) {
                    control = Some(ToGather {
                        look: Rc::clone(&look),
                        bell: gate.bell(),
                        activator: activator(&info),
                    });
                }
                let mut held = (index == 0).then_some(capability);
                let gather = Gather::new(Arc::clone(plan), policy, emit, workers);
                let mut gate = gate;
                let mut waiting: BTreeMap<Epoch, Vec<Gathered>> = BTreeMap::new();
                let mut seat = Seat {
                    gather,
                    applied: 0,
                    offered: 0,
                    horizon: BEGINNING,
                    started: false,
                    released: false,
                    more: None,
                    snapshots: Snapshots::new(workers),
                };
                let latest = Rc::clone(&latest);
                move |(input, frontier), output| {
                    input.for_each(|time, batch: &mut Vec<Gathered>| {
                        waiting.entry(*time.time()).or_default().append(batch);
                    });
                    let Some(gate) = &mut gate else { return };
                    let reached = frontier.frontier().first().copied().unwrap_or(Epoch::MAX);
                    seat.apply(&mut waiting, reached, gate.as_mut());
                    let again = seat.started && gate.wants_again();
                    if seat.started
                        && (again || seat.applied > seat.offered)
                        && gate.ready(seat.has_more())
                    {
                        let whole = gate.wants_whole(seat.gather.offsets(), seat.applied);
                        let draft = seat.gather.draft(gate.closed_before(), whole);
                        gate.offer(draft, seat.applied);
                        seat.offered = seat.applied;
                        seat.more = None;
                    }
                    let durable = gate.durable();
                    if let Some(capability) = &mut held {
                        let orders = seat.orders(gate.as_mut(), latest.get());
                        if !orders.is_empty() {
                            let mut session = output.session(&*capability);
                            orders.into_iter().for_each(|order| session.give(order));
                        }
                        if durable == Epoch::MAX {
                            held = None;
                        } else if durable > *capability.time() {
                            capability.downgrade(&durable);
                        }
                    }
                    // A draft that is being written rings when it is done; one that may not be made yet does not.
                    let rests = (again || seat.applied > durable) && !gate.is_writing();
                    look.set(match (held.is_some(), seat.started && seat.released) {
                        (false, _) => Look::No,
                        (true, false) => Look::Soon,
                        (true, true) if rests => {
                            gate.ready_at(seat.has_more()).map_or(Look::Soon, Look::At)
                        }
                        (true, true) => Look::No,
                    });
                }
            },
        );
        let heard = Rc::clone(&told);
        let (durable, control_stream) = controls.probe();
        control_stream
            .broadcast()
            .inspect(move |control: &Control| {
                let mut told = heard.borrow_mut();
                match control {
                    Control::Start(start) => told.start = Some((**start).clone()),
                    Control::Horizon(horizon) => told.horizon = told.horizon.max(*horizon),
                    Control::Release => told.released = true,
                    Control::Snapshot(order) => told.snapshot = Some(*order),
                }
            });
        Wiring {
            input,
            durable,
            latest: latest_epoch,
            told,
            totals,
            taken,
            spent,
            gather: control,
        }
    })
}

/// Worker 0's seat: what it has gathered, and what it has told the others.
struct Seat {
    gather: Gather,
    /// Everything before this epoch is gathered.
    applied: Epoch,
    /// Everything before this epoch was drafted.
    offered: Epoch,
    horizon: i64,
    started: bool,
    released: bool,
    /// Whether every reader that has told of something since the last draft has much more; `None` if none has told.
    more: Option<bool>,
    snapshots: Snapshots,
}

impl Seat {
    /// Whether what is gathered is part of a backlog. The end of the input has nothing after it.
    fn has_more(&self) -> bool {
        self.more == Some(true) && self.applied < Epoch::MAX
    }

    fn apply(
        &mut self,
        waiting: &mut BTreeMap<Epoch, Vec<Gathered>>,
        reached: Epoch,
        gate: &mut dyn Gate,
    ) {
        let reached = match waiting.last_key_value() {
            Some((last, _)) if sabotage::is(Mistake::CutIgnored) => reached.max(last + 1),
            _ => reached,
        };
        if reached <= self.applied {
            return;
        }
        loop {
            let next = waiting.first_entry().filter(|e| *e.key() < reached);
            let due = next.as_ref().map(|e| *e.key());
            self.snapshots
                .look(reached, due, &self.gather, self.applied);
            let Some(entry) = next else { break };
            self.applied = self.applied.max(entry.key() + 1);
            for message in entry.remove() {
                match message {
                    Gathered::Candidates(all) => {
                        all.into_iter().for_each(|c| self.gather.candidate(c))
                    }
                    Gathered::Progress(progress) => {
                        self.more = Some(progress.more && self.more.unwrap_or(true));
                        self.gather.progress(*progress);
                    }
                    Gathered::Promise(promise) => self.gather.promise(promise),
                    Gathered::Part(part) => self.snapshots.part(part),
                }
            }
        }
        self.applied = reached;
        self.gather.advance();
        if let Some(outcome) = self.snapshots.finished() {
            gate.snapshot(outcome);
        }
    }

    /// What is to be told now.
    fn orders(&mut self, gate: &mut dyn Gate, latest: Epoch) -> Vec<Control> {
        let mut orders = Vec::new();
        if !self.started {
            let Some((start, state)) = gate.start() else {
                return orders;
            };
            self.started = true;
            self.released = start.hold.is_nothing();
            self.horizon = start.horizon;
            if let Some(state) = state {
                self.gather.restore(state);
            }
            orders.push(Control::Start(Box::new(start)));
        }
        let target = self.gather.target_horizon();
        if target > self.horizon {
            self.horizon = target;
            orders.push(Control::Horizon(target));
        }
        if gate.released() {
            self.gather.caught_up();
            if !self.released {
                self.released = true;
                orders.push(Control::Release);
            }
        }
        if gate.snapshot_lost() {
            self.snapshots.lost();
        }
        // The end of the input leaves no epoch to aim at.
        if self.released
            && self.applied < Epoch::MAX
            && self.snapshots.is_idle()
            && let Some(id) = gate.snapshot_due()
            && self.snapshots.is_news(&self.gather)
        {
            let order = self.snapshots.order(id, latest.max(self.applied));
            orders.push(Control::Snapshot(order));
        }
        orders
    }
}
