//! One worker's loop: takes blocks, decodes and folds them, ends epochs, steps the dataflow.
//!
//! Epochs are adaptive. A worker that finds little to read ends the epoch at once, so a lone sale is on its way within
//! a millisecond; one that finds more than it can take doubles what it puts into an epoch, so that the cost of an
//! epoch is spread over many sales.
//!
//! 1. An epoch ends only after the worker's first partitions are known: so no cut is taken that misses some.
//! 2. What is read and not yet durable is at most the byte bound plus one block.
//! 3. A promised horizon is taken over only between epochs.
//! 4. Nothing is read before worker 0 has said how to begin, and nothing past the hold before it releases it.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender};
use timely::worker::Worker;

use super::exit::Failure;
use super::partition::Partition;
use crate::combine::combiner::Combiner;
use crate::dataflow::control::{PartReport, Start};
use crate::dataflow::graph::{Body, Message, Wiring};
use crate::dataflow::messages::{Epoch, Progress, Promise};
use crate::decode::Decoder;
use crate::event_time::partition::Policy;
use crate::model::block::{PartitionId, SourceEvent};
use crate::model::plan::Plan;
use crate::model::reject::Reject;
use crate::observe::live::Live;
use crate::snapshot::{self, StateUrl, Store, Writer};

/// Where a driver gets its events: a reader thread, or a test.
pub trait Feed {
    /// The next event, if one is there.
    fn try_next(&self) -> Option<SourceEvent>;
    /// Everything before these offsets is durable.
    fn durable(&self, offsets: &[(PartitionId, u64)]);
    /// Reading may go on past the hold of its [`Start`].
    fn release(&self) {}
}

/// Where a run's snapshots lie, and who writes their parts.
#[derive(Clone)]
pub struct Snapshots {
    /// `--state`.
    pub url: StateUrl,
    /// Writes parts.
    pub writer: Writer,
}

/// What a driver needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The rankings.
    pub plan: Arc<Plan>,
    /// How event time is judged.
    pub policy: Policy,
    /// `--idle-timeout`.
    pub idle_timeout: Duration,
    /// `--until-end`.
    pub until_end: bool,
    /// Whether a partition that has ended can never contribute again (files).
    pub ends_are_final: bool,
    /// `--max-record-bytes`.
    pub max_record_bytes: usize,
    /// Bytes that this worker may have in flight.
    pub in_flight_bytes: usize,
    /// Least and most bytes of an epoch under load.
    pub epoch_bytes: (usize, usize),
    /// Set when the process is asked to stop.
    pub stop: Arc<AtomicBool>,
    /// `--state`, if there is one.
    pub snapshots: Option<Snapshots>,
    /// Where the worker tells how it goes, for metrics and probes.
    pub live: Arc<Live>,
}

/// Runs one worker until its input ends or the process is asked to stop, and everything is durable. Its feed is opened
/// when it is known how to begin.
pub fn run<F: Feed>(
    worker: &mut Worker,
    wiring: Wiring,
    settings: Settings,
    open: impl FnOnce(&Start) -> F,
) -> Result<F, Failure> {
    let start = wait_for_start(worker, &wiring, &settings).unwrap_or_default();
    if !start.parts.is_empty() {
        load(worker, &wiring, &settings, &start)?;
    }
    let feed = open(&start);
    Driver::new(
        worker.index(),
        worker.peers(),
        wiring,
        settings,
        &feed,
        start,
    )
    .run(worker)?;
    Ok(feed)
}

/// What worker 0 says once the sinks are open; `None` when asked to stop before.
fn wait_for_start(worker: &mut Worker, wiring: &Wiring, settings: &Settings) -> Option<Start> {
    while !settings.stop.load(Ordering::Relaxed) {
        settings.live.pulse(worker.index(), Instant::now());
        if let Some(start) = wiring.told.borrow_mut().start.take() {
            return Some(start);
        }
        if let Some((_, activator)) = &wiring.gather {
            activator.activate();
        }
        worker.step_or_park(Some(Duration::from_millis(2)));
    }
    None
}

fn load(
    worker: &Worker,
    wiring: &Wiring,
    settings: &Settings,
    start: &Start,
) -> Result<(), Failure> {
    let began = Instant::now();
    let failed = |e: String| Failure::failed(format!("loading the snapshot failed: {e}"));
    let Some(snapshots) = &settings.snapshots else {
        let e = "the first process has --state and this one has not; give all the same flags";
        return Err(Failure::usage(e));
    };
    let store = Store::open(&snapshots.url).map_err(failed)?;
    let rows = snapshot::load(
        &store,
        &settings.plan,
        &start.parts,
        start.horizon,
        (worker.index(), worker.peers()),
        &mut wiring.totals.borrow_mut(),
    )
    .map_err(failed)?;
    let took_ms = began.elapsed().as_millis() as u64;
    tracing::info!(
        event = "snapshot_loaded",
        worker = worker.index(),
        rows,
        took_ms
    );
    Ok(())
}

struct Driver<'a> {
    index: usize,
    peers: usize,
    wiring: Wiring,
    settings: Settings,
    feed: &'a dyn Feed,
    partitions: BTreeMap<PartitionId, Partition>,
    combiner: Combiner,
    rejects: Vec<Reject>,
    arrived: Vec<(SystemTime, u64)>,
    epoch: Epoch,
    ready: bool,
    promised: i64,
    /// Bytes of the present epoch, and how many it may have.
    bytes: usize,
    target: usize,
    in_flight: VecDeque<(Epoch, usize, Offsets)>,
    in_flight_bytes: usize,
    required: Vec<usize>,
    blocked: Cell<bool>,
    start: Start,
    released: bool,
    parts: (Sender<PartReport>, Receiver<PartReport>),
    /// A promise was sent in the present epoch, which must end for it to count.
    owes_epoch: bool,
    last_end: Instant,
}

/// The next offset to read of some partitions.
type Offsets = Vec<(PartitionId, u64)>;

/// The least time between two epochs of a worker that is not under load.
const QUIET_EPOCH: Duration = Duration::from_millis(1);

impl<'a> Driver<'a> {
    fn new(
        index: usize,
        peers: usize,
        wiring: Wiring,
        settings: Settings,
        feed: &'a dyn Feed,
        start: Start,
    ) -> Self {
        Driver {
            index,
            peers,
            wiring,
            feed,
            partitions: BTreeMap::new(),
            combiner: Combiner::new(&settings.plan),
            rejects: Vec::new(),
            arrived: Vec::new(),
            epoch: 0,
            ready: false,
            promised: start.horizon,
            start,
            released: false,
            parts: crossbeam_channel::unbounded(),
            bytes: 0,
            target: settings.epoch_bytes.0,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            required: settings.plan.required_columns(),
            settings,
            blocked: Cell::new(false),
            owes_epoch: false,
            last_end: Instant::now(),
        }
    }

    fn run(mut self, worker: &mut Worker) -> Result<(), Failure> {
        if !self.start.parts.is_empty() {
            self.send(self.index as u64, Body::Loaded);
            self.owes_epoch = true;
        }
        loop {
            self.settings.live.pulse(self.index, Instant::now());
            self.listen();
            let full = self.pull()?;
            let mut wait = self.check_idle();
            if self.ready && self.wants_epoch() {
                let rest = QUIET_EPOCH.saturating_sub(self.last_end.elapsed());
                if full || rest.is_zero() {
                    self.end_epoch();
                } else {
                    wait = Some(wait.unwrap_or(rest).min(rest));
                }
            }
            // More than an epoch could take: make the next one larger, down to the least when nothing waits.
            let (least, most) = self.settings.epoch_bytes;
            self.target = if full {
                (self.target * 2).min(most)
            } else {
                (self.target / 2).max(least)
            };
            self.release();
            let stop = self.settings.stop.load(Ordering::Relaxed);
            if stop || self.has_ended() {
                break;
            }
            self.step(worker, full, wait);
        }
        // Closing the input lets the frontier pass everything; what was read is committed before the end.
        self.end_epoch();
        let Wiring {
            input,
            durable,
            gather,
            ..
        } = self.wiring;
        input.close();
        while !durable.done() {
            if let Some((pending, activator)) = &gather
                && pending.get()
            {
                activator.activate();
            }
            worker.step_or_park(Some(Duration::from_millis(1)));
            self.settings.live.pulse(self.index, Instant::now());
        }
        let last: Vec<_> = self
            .partitions
            .iter()
            .map(|(p, state)| (*p, state.next_offset()))
            .collect();
        self.settings.live.set_durable(&last);
        self.feed.durable(&last);
        self.settings.live.ended(self.index);
        Ok(())
    }

    /// Takes what is there, up to the epoch's share and the byte bound; whether more may be waiting.
    fn pull(&mut self) -> Result<bool, Failure> {
        let horizon = self.wiring.told.borrow().horizon;
        if horizon > self.promised && self.bytes == 0 {
            self.adopt_horizon(horizon);
        }
        loop {
            if self.bytes >= self.target {
                return Ok(true);
            }
            let bounded = self.in_flight_bytes + self.bytes >= self.settings.in_flight_bytes;
            self.blocked.set(bounded);
            if bounded {
                return Ok(false);
            }
            let Some(event) = self.feed.try_next() else {
                return Ok(false);
            };
            self.take(event)?;
        }
    }

    fn take(&mut self, event: SourceEvent) -> Result<(), Failure> {
        let now = Instant::now();
        match event {
            SourceEvent::Assigned { partition, offset } => {
                let greatest = self.start.greatest.get(&partition).copied();
                let decoder = Decoder::new(
                    &self.settings.plan.schema,
                    &self.required,
                    self.settings.max_record_bytes,
                );
                self.partitions.insert(
                    partition,
                    Partition::new(partition, offset, greatest, decoder),
                );
            }
            SourceEvent::Block(block) => {
                let Some(partition) = self.partitions.get_mut(&block.partition) else {
                    return Ok(());
                };
                let policy = &self.settings.policy;
                partition.fold(
                    &block,
                    policy,
                    self.promised,
                    &mut self.combiner,
                    &mut self.rejects,
                );
                // Even a block without a record counts, so that its offset is committed.
                self.bytes += block.bytes.len().max(1);
                let read = SystemTime::now() - block.arrived.elapsed();
                self.arrived.push((read, block.records.len() as u64));
            }
            SourceEvent::CaughtUp { partition } => {
                if let Some(partition) = self.partitions.get_mut(&partition) {
                    partition.caught_up(now);
                }
            }
            SourceEvent::Ended { partition } => {
                let finished = self.settings.until_end && self.settings.ends_are_final;
                if let Some(partition) = self.partitions.get_mut(&partition) {
                    partition.end(finished, now);
                }
            }
            SourceEvent::Ready => self.ready = true,
            SourceEvent::Failed(message) => return Err(Failure::failed(message)),
        }
        Ok(())
    }

    /// Does what worker 0 said, and passes on what was written for a snapshot.
    fn listen(&mut self) {
        if !self.released && self.wiring.told.borrow().released {
            self.released = true;
            self.feed.release();
        }
        let taken = self.wiring.taken.borrow_mut().take();
        if let (Some(taken), Some(snapshots)) = (taken, &self.settings.snapshots) {
            let mut told = self.wiring.told.borrow_mut();
            if told.snapshot == Some(taken.order) {
                told.snapshot = None;
            }
            snapshots.writer.write(taken, self.index, &self.parts.0);
        }
        // The owners copy when the frontier reaches the epoch, so this worker goes on until they have.
        self.owes_epoch |= self.wiring.told.borrow().snapshot.is_some();
        while let Ok(report) = self.parts.1.try_recv() {
            self.send(0, Body::Part(report));
            self.owes_epoch = true;
        }
    }

    fn adopt_horizon(&mut self, horizon: i64) {
        self.promised = horizon;
        self.owes_epoch = true;
        let promise = Promise {
            worker: self.index as u32,
            horizon: self.promised,
        };
        for to in 0..self.peers {
            self.send(to as u64, Body::Promise(promise));
        }
    }

    fn check_idle(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let timeout = self.settings.idle_timeout;
        self.partitions
            .values_mut()
            .filter_map(|p| p.check_idle(now, timeout))
            .min()
    }

    fn wants_epoch(&self) -> bool {
        self.epoch == 0
            || self.wiring.latest.get() > self.epoch
            || self.owes_epoch
            || self.partitions.values().any(Partition::is_changed)
    }

    fn end_epoch(&mut self) {
        let policy = self.settings.policy;
        let partitions: Vec<_> = self
            .partitions
            .values_mut()
            .filter_map(|p| p.progress(&policy))
            .collect();
        for deltas in self.combiner.flush(self.peers) {
            let to = deltas.worker;
            self.send(to, Body::Deltas(Box::new(deltas)));
        }
        let followed = partitions.is_empty();
        if !followed {
            let offsets = partitions
                .iter()
                .map(|p| (p.partition, p.next_offset))
                .collect();
            self.in_flight.push_back((self.epoch, self.bytes, offsets));
            self.in_flight_bytes += self.bytes;
            self.settings.live.add_in_flight(self.bytes as i64);
            let progress = Progress {
                partitions,
                rejects: std::mem::take(&mut self.rejects),
                arrived: std::mem::take(&mut self.arrived),
            };
            self.send(0, Body::Progress(Box::new(progress)));
        }
        self.bytes = 0;
        self.owes_epoch = false;
        self.last_end = Instant::now();
        let mut next = (self.epoch + 1).max(self.wiring.latest.get());
        if let Some(order) = self.wiring.told.borrow().snapshot {
            next = next.max(order.epoch);
        }
        if !followed && self.peers > 1 {
            for to in 0..self.peers {
                if to != self.index {
                    self.send(to as u64, Body::Tick(next));
                }
            }
        }
        self.epoch = next;
        self.wiring.input.advance_to(next);
    }

    fn send(&mut self, to: u64, body: Body) {
        self.wiring.input.send(Message { to, body });
    }

    /// Forgets what has become durable, and tells the source.
    fn release(&mut self) {
        let durable = self
            .wiring
            .durable
            .with_frontier(|f| f.first().copied().unwrap_or(Epoch::MAX));
        let mut offsets = BTreeMap::new();
        while let Some((epoch, bytes, _)) = self.in_flight.front()
            && *epoch < durable
        {
            self.in_flight_bytes -= bytes;
            self.settings.live.add_in_flight(-(*bytes as i64));
            if let Some((_, _, passed)) = self.in_flight.pop_front() {
                offsets.extend(passed);
            }
        }
        if !offsets.is_empty() {
            self.tell_durable(&offsets.into_iter().collect::<Vec<_>>());
        }
    }

    fn tell_durable(&self, offsets: &[(PartitionId, u64)]) {
        self.settings.live.set_durable(offsets);
        self.feed.durable(offsets);
    }

    fn has_ended(&self) -> bool {
        self.ready && self.settings.until_end && self.partitions.values().all(Partition::has_ended)
    }

    fn step(&mut self, worker: &mut Worker, full: bool, idle: Option<Duration>) {
        if full {
            worker.step();
            return;
        }
        let mut wait = Duration::from_millis(50).min(idle.unwrap_or(Duration::MAX));
        if let Some((pending, activator)) = &self.wiring.gather {
            if pending.get() {
                activator.activate();
                wait = wait.min(Duration::from_millis(1));
            } else if self.settings.snapshots.is_some() {
                // The time for a snapshot comes without a message.
                activator.activate();
            }
        }
        worker.step_or_park(Some(wait));
    }
}
