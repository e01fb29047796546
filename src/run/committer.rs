//! The committer thread of process 0: numbers drafts, writes them to every sink, and says what is durable.
//!
//! 1. A commit's rejects are written before its rows, its rows before it is called durable.
//! 2. A number is used once in a sink; it grows from the greatest that any sink shows. After a restart all sinks are
//!    first brought to the prefix of that greatest commit, whose number a sink that was behind gets too; so what two
//!    sinks show under a number is the same.
//! 3. A commit that changes nothing is not written, except the last of a run, which records how far the input was read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::catch_up::CatchUp;
use super::exit::{self, Failure};
use crate::dataflow::control::{Complete, GatherState, Start};
use crate::dataflow::graph::{Bell, Gate};
use crate::dataflow::messages::Epoch;
use crate::event_time::BEGINNING;
use crate::model::block::PartitionId;
use crate::model::change::{Change, Commit};
use crate::model::clock::Clock;
use crate::model::hold::Hold;
use crate::model::plan::Plan;
use crate::model::reject::RejectKind;
use crate::model::sabotage::{self, Mistake};
use crate::observe::live::Live;
use crate::observe::trace::{Span, Stamps, Tracer};
use crate::sink::{Sink, SinkError};
use crate::snapshot::{Keeper, Manifest, Manifests, Store};

/// Watches commits: metrics, the live page, a demo's summary.
pub trait Observer: Send {
    /// Every sink is open.
    fn opened(&mut self);
    /// Every sink shows at least what the one with the last commit showed when they were opened.
    fn caught_up(&mut self) {}
    /// Every sink shows this commit, the last of an earlier run: what is committed next goes on from it.
    fn goes_on(&mut self, _last: u64) {}
    /// A commit is durable; its number is 0 if it changed nothing.
    fn committed(&mut self, plan: &Plan, commit: &Commit);
}

/// Where rejected records go.
pub trait RejectWriter: Send {
    /// Opens. `goes_on`: what an earlier run wrote is not written again.
    fn open(&mut self, goes_on: bool) -> Result<(), SinkError>;
    /// Writes these records durably.
    fn write(
        &mut self,
        plan: &Plan,
        rejects: &[&crate::model::reject::Reject],
    ) -> Result<(), SinkError>;
}

/// What the committer writes to.
#[derive(Default)]
pub struct Outputs {
    /// `--sink`.
    pub sinks: Vec<Box<dyn Sink>>,
    /// `--late`.
    pub late: Option<Box<dyn RejectWriter>>,
    /// `--dead-letter`.
    pub dead: Option<Box<dyn RejectWriter>>,
    /// Who watches.
    pub observers: Vec<Box<dyn Observer>>,
    /// Where snapshots go, and how often.
    pub state: Option<(Store, Duration)>,
    /// Sinks are written one after the other, on the caller's thread (a simulator has only one).
    pub one_by_one: bool,
    /// Where it is told how commits and snapshots go.
    pub live: Arc<Live>,
    /// Who is told of sampled commits.
    pub tracer: Option<Tracer>,
}

/// Starts the committer: the gate for worker 0, and the thread to join at the end.
pub fn start(
    plan: Arc<Plan>,
    outputs: Outputs,
    interval: Duration,
    stop: Arc<AtomicBool>,
) -> std::io::Result<(CommitGate, JoinHandle<()>)> {
    let (gate, desk) = CommitGate::new(interval, stop, Clock::default());
    let thread = std::thread::Builder::new()
        .name("committer".to_owned())
        .spawn(move || {
            if let Err(failure) = work(plan, outputs, desk) {
                exit::now(&failure);
            }
        })?;
    Ok((gate, thread))
}

fn work(plan: Arc<Plan>, outputs: Outputs, desk: Desk) -> Result<(), Failure> {
    let mut committer = Committer::open(plan, outputs, desk)?;
    if let Some(manifests) = committer.manifests.take() {
        let started = manifests.start();
        started.map_err(|e| Failure::failed(format!("cannot start a thread: {e}")))?;
    }
    while let Ok((draft, up_to)) = committer.desk.drafts.recv() {
        committer.commit(draft, up_to)?;
    }
    Ok(())
}

/// What the committer and its gate both see.
struct Shared {
    /// A draft is being written.
    writing: AtomicBool,
    /// Everything before this epoch is durable.
    durable: Arc<AtomicU64>,
    /// Windows up to this time were closed by an earlier run; [`NOT_OPEN`] before the sinks are open.
    closed: AtomicI64,
    /// Every sink has caught up.
    released: AtomicBool,
    begin: Mutex<Option<Begin>>,
    /// Rung for worker 0, and its thread, which may be waiting.
    bell: Bell,
    wake: OnceLock<Thread>,
}

/// The committer's end of the gate.
pub struct Desk {
    drafts: Receiver<(Commit, Epoch)>,
    shared: Arc<Shared>,
    /// Asked to stop: the last draft is not the input's end.
    stop: Arc<AtomicBool>,
    clock: Clock,
}

/// Worker 0's side of the committer.
pub struct CommitGate {
    send: Sender<(Commit, Epoch)>,
    shared: Arc<Shared>,
    keeper: Option<Keeper>,
    interval: Duration,
    last: Option<Instant>,
    clock: Clock,
}

impl CommitGate {
    /// A gate and the desk behind it; a draft is taken each `interval` at most. `stop` says that the input did not end
    /// by itself.
    pub fn new(interval: Duration, stop: Arc<AtomicBool>, clock: Clock) -> (Self, Desk) {
        // A draft is made when the last one is written: a draft that waited would only be older than it need be.
        let (send, drafts) = bounded(1);
        let shared = Arc::new(Shared {
            writing: AtomicBool::new(false),
            durable: Arc::default(),
            closed: AtomicI64::new(NOT_OPEN),
            released: AtomicBool::new(false),
            begin: Mutex::default(),
            bell: Bell::default(),
            wake: OnceLock::new(),
        });
        let gate = CommitGate {
            send,
            shared: Arc::clone(&shared),
            keeper: None,
            interval,
            last: None,
            clock: clock.clone(),
        };
        let desk = Desk {
            drafts,
            shared,
            stop,
            clock,
        };
        (gate, desk)
    }
}

/// How a run begins, and who keeps its snapshots.
struct Begin {
    start: Start,
    state: Option<GatherState>,
    keeper: Option<Keeper>,
}

impl Gate for CommitGate {
    fn bell(&self) -> Bell {
        self.shared.bell.clone()
    }

    fn is_writing(&self) -> bool {
        self.shared.writing.load(Ordering::Acquire)
    }

    fn start(&mut self) -> Option<(Start, Option<GatherState>)> {
        self.shared.wake.get_or_init(std::thread::current);
        let begin = self
            .shared
            .begin
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        self.keeper = begin.keeper;
        Some((begin.start, begin.state))
    }

    fn released(&self) -> bool {
        self.shared.released.load(Ordering::Acquire)
    }

    fn snapshot_due(&mut self) -> Option<u64> {
        self.keeper.as_mut()?.due()
    }

    fn snapshot_lost(&mut self) -> bool {
        self.keeper.as_ref().is_some_and(Keeper::lost)
    }

    fn snapshot(&mut self, complete: Option<Complete>) {
        if let (Some(keeper), Some(complete)) = (&self.keeper, complete) {
            keeper.keep(complete);
        }
    }

    fn ready(&mut self) -> bool {
        let shared = &self.shared;
        shared.wake.get_or_init(std::thread::current);
        let rested = |last| self.clock.since(last) >= self.interval;
        shared.closed.load(Ordering::Acquire) != NOT_OPEN
            && !shared.writing.load(Ordering::Acquire)
            && self.last.is_none_or(rested)
    }

    fn offer(&mut self, mut draft: Commit, up_to: Epoch) {
        draft.drafted = Some(self.clock.wall());
        if !draft.changes.is_empty() {
            self.last = Some(self.clock.now());
        }
        self.shared.writing.store(true, Ordering::Release);
        // The committer ends only after this gate, or takes the process along.
        let _ = self.send.send((draft, up_to));
    }

    fn closed_before(&self) -> i64 {
        self.shared.closed.load(Ordering::Acquire)
    }

    fn durable(&self) -> Epoch {
        self.shared.durable.load(Ordering::Acquire)
    }
}

/// Numbers drafts and has every sink write them.
pub struct Committer {
    plan: Arc<Plan>,
    desk: Desk,
    slots: Vec<Slot>,
    late: Option<Box<dyn RejectWriter>>,
    dead: Option<Box<dyn RejectWriter>>,
    observers: Vec<Box<dyn Observer>>,
    one_by_one: bool,
    live: Arc<Live>,
    tracer: Option<Tracer>,
    /// The last number used.
    number: u64,
    /// What was committed before this run: its rejects were written then.
    hold: BTreeMap<PartitionId, u64>,
    /// Keeps snapshots; for who runs the committer to run.
    pub manifests: Option<Manifests>,
}

/// No window is closed, because the sinks have not said yet.
const NOT_OPEN: i64 = i64::MIN;
/// No window is closed, as far as the sinks know.
const NONE_CLOSED: i64 = BEGINNING + 1;

/// Whether a draft is the last one of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    No,
    /// The input has ended.
    Ended,
    /// Reading was stopped.
    Stopped,
}

struct Slot {
    sink: Box<dyn Sink>,
    catch_up: Option<CatchUp>,
    /// The last commit in the sink when it was opened.
    shown: u64,
    /// The prefix that the sink records last.
    offsets: Option<BTreeMap<PartitionId, u64>>,
    /// When the present draft's write began, and what it took; `None` if there was nothing to write.
    wrote: Option<(Instant, Duration)>,
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Configuration(m) => Failure::usage(m),
            SinkError::Fenced(m) | SinkError::Failed(m) => Failure::failed(m),
        }
    }
}

impl Committer {
    /// Opens every sink, chooses the snapshot to start from, and says so at the gate.
    pub fn open(plan: Arc<Plan>, outputs: Outputs, desk: Desk) -> Result<Self, Failure> {
        let mut slots: Vec<Slot> = outputs.sinks.into_iter().map(Slot::new).collect();
        let open = |slot: &mut Slot| slot.sink.open(&plan);
        let opened = each(&mut slots, outputs.one_by_one, &open)?;
        if slots.len() > 1 && !sabotage::is(Mistake::SinksNotConfirmed) {
            // Two clusters that open at once could have one sink each. Only who still has the first after it got the
            // last has them all.
            for slot in &mut slots {
                slot.sink.confirm(&plan)?;
            }
        }
        let closed = opened.iter().filter_map(|s| s.watermark).max();
        let number = opened.iter().map(|s| s.commit).max().unwrap_or(0);
        // The prefix that the sink with the last commit shows: all sinks are brought there, and go on together.
        let ahead = opened.iter().max_by_key(|s| s.commit);
        let hold = ahead.and_then(|s| s.offsets.clone()).unwrap_or_default();
        let begins = ahead.map(|s| s.begins.clone()).unwrap_or_default();
        let mut committer = Committer {
            plan,
            desk,
            slots,
            late: outputs.late,
            dead: outputs.dead,
            observers: outputs.observers,
            one_by_one: outputs.one_by_one,
            live: outputs.live,
            tracer: outputs.tracer,
            number,
            hold,
            manifests: None,
        };
        let begin = committer.begin(outputs.state, begins)?;
        let goes_on = !committer.hold.is_empty() || !begin.start.resume.is_empty();
        for (slot, shown) in committer.slots.iter_mut().zip(opened) {
            slot.shown = shown.commit;
            slot.offsets = shown.offsets.clone();
            let catches_up = goes_on || !shown.rows.is_empty();
            if catches_up && !sabotage::is(Mistake::CatchUpSkipped) {
                let hold = committer.hold.clone();
                slot.catch_up = Some(CatchUp::new(shown, hold, begin.start.horizon));
            }
        }
        for writer in [&mut committer.late, &mut committer.dead]
            .into_iter()
            .flatten()
        {
            writer.open(goes_on)?;
        }
        let shared = &committer.desk.shared;
        *shared.begin.lock().unwrap_or_else(PoisonError::into_inner) = Some(begin);
        let caught_up = committer.is_caught_up();
        shared.released.store(caught_up, Ordering::Release);
        let closed = closed.unwrap_or(NONE_CLOSED).max(NONE_CLOSED);
        shared.closed.store(closed, Ordering::Release);
        committer.wake();
        committer.observers.iter_mut().for_each(|o| o.opened());
        if caught_up {
            let number = committer.number;
            for observer in &mut committer.observers {
                observer.goes_on(number);
                observer.caught_up();
            }
        }
        Ok(committer)
    }

    /// Whether every sink shows at least what the one with the last commit showed when they were opened.
    pub fn is_caught_up(&self) -> bool {
        self.slots.iter().all(|s| s.catch_up.is_none())
    }

    /// Commits the draft that waits at the gate, if there is one; whether there was.
    pub fn turn(&mut self) -> Result<bool, Failure> {
        let Ok((draft, up_to)) = self.desk.drafts.try_recv() else {
            return Ok(false);
        };
        self.commit(draft, up_to)?;
        Ok(true)
    }

    fn commit(&mut self, mut commit: Commit, up_to: Epoch) -> Result<(), Failure> {
        let began = self.desk.clock.now();
        // An earlier run wrote the rejects of its commits before their rows.
        let hold = &self.hold;
        commit
            .rejects
            .retain(|r| hold.get(&r.partition).is_none_or(|end| r.offset >= *end));
        let due = |tracer: &Tracer| tracer.is_due(began);
        let traced = self.tracer.as_ref().is_some_and(due);
        let taken = self.desk.clock.wall();
        let rejects_after = sabotage::is(Mistake::RejectsAfterRows);
        if !rejects_after {
            self.write_rejects(&commit)?;
        }
        let rejects = (taken, self.desk.clock.wall());
        let last = match up_to {
            Epoch::MAX
                if self.desk.stop.load(Ordering::Relaxed)
                    && !sabotage::is(Mistake::StopTakenForEnd) =>
            {
                Last::Stopped
            }
            Epoch::MAX => Last::Ended,
            _ => Last::No,
        };
        let used = self.write_all(&mut commit, last)?;
        self.number = self.number.max(used);
        if rejects_after {
            self.write_rejects(&commit)?;
        }
        let shared = &self.desk.shared;
        if !shared.released.load(Ordering::Acquire) && self.is_caught_up() {
            shared.released.store(true, Ordering::Release);
            for observer in &mut self.observers {
                observer.goes_on(self.number);
                observer.caught_up();
            }
        }
        let plan = &self.plan;
        self.observers
            .iter_mut()
            .for_each(|o| o.committed(plan, &commit));
        tracing::debug!(
            event = "committed",
            commit = commit.number,
            changes = commit.changes.len(),
            took_us = self.desk.clock.since(began).as_micros() as u64
        );
        shared.durable.store(up_to, Ordering::Release);
        shared.writing.store(false, Ordering::Release);
        self.wake();
        if traced && commit.number > 0 {
            self.trace(&commit, began, taken, rejects);
        }
        Ok(())
    }

    /// After the commit: what comes next does not wait for it.
    fn trace(&mut self, commit: &Commit, began: Instant, taken: SystemTime, rejects: Span) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        let mut stamps = Stamps::of(commit, taken);
        stamps.durable = self.desk.clock.wall();
        stamps.rejects = Some(rejects).filter(|_| !commit.rejects.is_empty());
        let now = Instant::now();
        for slot in &self.slots {
            if let Some((from, took)) = slot.wrote {
                // By the clock that does not jump.
                let from = stamps.durable - now.saturating_duration_since(from);
                let name = slot.sink.name().to_owned();
                stamps.writes.push((name, (from, from + took)));
            }
        }
        tracer.tell(began, stamps);
    }

    /// Chooses the snapshot to start from, and makes ready to keep new ones.
    fn begin(
        &mut self,
        state: Option<(Store, Duration)>,
        begins: BTreeMap<PartitionId, u64>,
    ) -> Result<Begin, Failure> {
        let mut begin = Begin {
            start: Start::default(),
            state: None,
            keeper: None,
        };
        if let Some((store, interval)) = state {
            let newest = Manifest::newest(&store, &self.plan).map_err(Failure::failed)?;
            let listed = Manifest::list(&store).map_err(Failure::failed)?;
            let first = listed.first().map_or(1, |(_, id)| id + 1);
            match newest {
                Some(found) => {
                    tracing::info!(
                        event = "snapshot_chosen",
                        snapshot = found.id,
                        offsets = ?found.state.offsets
                    );
                    begin.start.resume = found.state.offsets.clone();
                    if !sabotage::is(Mistake::ClockNotRestored) {
                        begin.start.greatest = found.state.greatest.clone();
                    }
                    if !sabotage::is(Mistake::IdsNotReadBack) {
                        begin.start.ids_from = found.state.ids_from.clone();
                    }
                    begin.start.horizon = found.state.horizon;
                    begin.start.parts = found.parts;
                    begin.state = Some(found.state);
                }
                None => {
                    tracing::info!(
                        event = "no_snapshot",
                        state = store.name(),
                        "the input is read from its start"
                    );
                }
            }
            let durable = Arc::clone(&self.desk.shared.durable);
            let clock = &self.desk.clock;
            let (keeper, manifests) =
                Keeper::new(store, &self.plan, durable, first, interval, clock);
            begin.keeper = Some(keeper);
            self.manifests = Some(manifests.telling(&self.live));
        }
        if begin.state.is_none() {
            // What a sink shows can only be built again from where it was begun.
            begin.start.resume = begins;
        }
        if !sabotage::is(Mistake::HoldIgnored) {
            begin.start.hold = Hold::at(self.hold.clone());
        }
        Ok(begin)
    }

    fn wake(&self) {
        self.desk.shared.bell.ring();
        if let Some(thread) = self.desk.shared.wake.get() {
            thread.unpark();
        }
    }

    fn write_rejects(&mut self, commit: &Commit) -> Result<(), Failure> {
        write_rejects(&self.plan, commit, self.late.as_mut(), false)?;
        write_rejects(&self.plan, commit, self.dead.as_mut(), true)
    }

    /// Writes a draft to every sink; the greatest number that was used, and the draft's own in `commit`, or 0 there
    /// if no sink had anything to write.
    fn write_all(&mut self, commit: &mut Commit, end: Last) -> Result<u64, Failure> {
        // What a sink gets that is up to date.
        commit.number = self.number + 1;
        let (plan, last, draft, live) = (&self.plan, self.number, &*commit, &self.live);
        let write = |slot: &mut Slot| slot.write(plan, draft, last, end, live);
        let written = each(&mut self.slots, self.one_by_one, &write)?;
        let mut greatest = written.into_iter().max().unwrap_or(0);
        // Without a sink that is up to date, a commit has a number of its own all the same.
        if greatest == 0 && !commit.changes.is_empty() && self.is_caught_up() {
            greatest = self.number + 1;
        }
        commit.number = greatest;
        Ok(greatest)
    }
}

/// Does the same to every sink, side by side unless `one_by_one`; the first failure, in the sinks' order.
fn each<R: Send>(
    slots: &mut [Slot],
    one_by_one: bool,
    act: &(impl Fn(&mut Slot) -> Result<R, SinkError> + Sync),
) -> Result<Vec<R>, SinkError> {
    if one_by_one || slots.len() == 1 {
        return slots.iter_mut().map(act).collect();
    }
    let Some((first, others)) = slots.split_first_mut() else {
        return Ok(Vec::new());
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = others.iter_mut().map(|s| scope.spawn(|| act(s))).collect();
        let lost = || SinkError::Failed("a sink's thread panicked".to_owned());
        let mut all = vec![act(first)];
        for thread in threads {
            all.push(thread.join().unwrap_or_else(|_| Err(lost())));
        }
        all.into_iter().collect()
    })
}

fn write_rejects(
    plan: &Plan,
    commit: &Commit,
    to: Option<&mut Box<dyn RejectWriter>>,
    dead: bool,
) -> Result<(), Failure> {
    let rejects: Vec<_> = commit
        .rejects
        .iter()
        .filter(|r| matches!(r.kind, RejectKind::Dead { .. }) == dead)
        .collect();
    if rejects.is_empty() {
        return Ok(());
    }
    match to {
        Some(writer) => writer.write(plan, &rejects)?,
        None => {
            let what = if dead { "dead_letters" } else { "late_sales" };
            let flag = if dead { "--dead-letter" } else { "--late" };
            tracing::warn!(
                event = what,
                count = rejects.len(),
                "counted, and kept nowhere: no {flag} is set"
            );
        }
    }
    Ok(())
}

impl Slot {
    fn new(sink: Box<dyn Sink>) -> Self {
        Slot {
            sink,
            catch_up: None,
            shown: 0,
            offsets: None,
            wrote: None,
        }
    }

    /// Writes a draft, whose number is `last` + 1; the number it got in this sink, 0 if there was nothing to write.
    fn write(
        &mut self,
        plan: &Plan,
        draft: &Commit,
        last: u64,
        end: Last,
        live: &Live,
    ) -> Result<u64, SinkError> {
        self.wrote = None;
        let is_last = end != Last::No;
        let Some(catch_up) = &mut self.catch_up else {
            return self.put(plan, draft, is_last, live);
        };
        catch_up.absorb(draft);
        let reached = catch_up.has_reached(draft);
        if !reached && end != Last::Ended {
            // Stopped on the way: the sink shows more than was read again, and keeps it.
            return Ok(0);
        }
        if !reached {
            tracing::warn!(
                event = "sink_ahead_of_source",
                sink = self.sink.name(),
                "the sink's last commit stands for more input than the source holds; it is set to the source"
            );
        }
        let prefix = catch_up.prefix().clone();
        let changes: Vec<Change> = self
            .catch_up
            .take()
            .map(CatchUp::difference)
            .unwrap_or_default();
        tracing::info!(
            event = "sink_caught_up",
            sink = self.sink.name(),
            changes = changes.len()
        );
        // A sink that was behind the others gets the last commit under its own number: from here on all agree.
        let is_behind = self.shown < last && reached;
        let number = if is_behind { last } else { last + 1 };
        let mut commit = Commit {
            number,
            changes,
            rejects: Vec::new(),
            ..draft.clone()
        };
        if is_behind {
            // A snapshot may stand for more than that commit, by records that changed nothing; the number stands for
            // what it stands for in the other sink.
            commit.offsets = prefix;
        }
        self.put(plan, &commit, is_last || is_behind, live)
    }

    /// Writes a commit under its own number; 0 if there was nothing to write. `records_prefix`: also if there is no
    /// change, to record how far the input was read.
    fn put(
        &mut self,
        plan: &Plan,
        commit: &Commit,
        records_prefix: bool,
        live: &Live,
    ) -> Result<u64, SinkError> {
        let news = records_prefix && self.offsets.as_ref() != Some(&commit.offsets);
        if commit.changes.is_empty() && !news {
            return Ok(0);
        }
        let began = Instant::now();
        self.sink.write(plan, commit)?;
        let took = began.elapsed();
        live.commit_took(self.sink.name(), took);
        self.wrote = Some((began, took));
        // No allocation where the partitions are the same, as they nearly always are.
        self.offsets
            .get_or_insert_default()
            .clone_from(&commit.offsets);
        Ok(commit.number)
    }
}
