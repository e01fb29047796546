//! The committer thread of process 0: numbers drafts, writes them to every sink, and says what is durable.
//!
//! 1. A commit's rejects are written before its rows, its rows before it is called durable.
//! 2. A number is used once in a sink; it grows from the greatest that any sink shows. After a restart all sinks are
//!    first brought to the prefix of that greatest commit, whose number a sink that was behind gets too; so what two
//!    sinks show under a number is the same.
//! 3. A commit that changes nothing is not written, except the last of a run, which records how far the input was read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::catch_up::CatchUp;
use super::exit::{self, Failure};
use crate::dataflow::control::{Complete, GatherState, Start};
use crate::dataflow::graph::Gate;
use crate::dataflow::messages::Epoch;
use crate::event_time::BEGINNING;
use crate::model::block::PartitionId;
use crate::model::change::{Change, Commit};
use crate::model::plan::Plan;
use crate::model::reject::RejectKind;
use crate::sink::{Sink, SinkError};
use crate::snapshot::{Keeper, Manifest, StateUrl, Store};

/// Watches commits: metrics, the live page, a demo's summary.
pub trait Observer: Send {
    /// Every sink is open.
    fn opened(&mut self);
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
    pub state: Option<(StateUrl, Duration)>,
}

/// Starts the committer: the gate for worker 0, and the thread to join at the end.
pub fn start(
    plan: Arc<Plan>,
    outputs: Outputs,
    interval: Duration,
) -> std::io::Result<(CommitGate, JoinHandle<()>)> {
    // A draft is made when the last one is written: a draft that waited would only be older than it need be.
    let (send, receive) = bounded(1);
    let writing = Arc::new(AtomicBool::new(false));
    let durable = Arc::new(AtomicU64::new(0));
    let closed = Arc::new(AtomicI64::new(NOT_OPEN));
    let released = Arc::new(AtomicBool::new(false));
    let begin: Arc<Mutex<Option<Begin>>> = Arc::default();
    let wake: Arc<std::sync::OnceLock<Thread>> = Arc::default();
    let committer = Committer {
        plan,
        released: Arc::clone(&released),
        begin: Arc::clone(&begin),
        durable: Arc::clone(&durable),
        closed: Arc::clone(&closed),
        writing: Arc::clone(&writing),
        wake: Arc::clone(&wake),
    };
    let thread = std::thread::Builder::new()
        .name("committer".to_owned())
        .spawn(move || {
            if let Err(failure) = committer.run(outputs, &receive) {
                exit::now(&failure);
            }
        })?;
    Ok((
        CommitGate {
            send,
            durable,
            closed,
            writing,
            released,
            begin,
            keeper: None,
            wake,
            interval,
            last: None,
        },
        thread,
    ))
}

/// Worker 0's side of the committer.
pub struct CommitGate {
    send: Sender<(Commit, Epoch)>,
    durable: Arc<AtomicU64>,
    closed: Arc<AtomicI64>,
    writing: Arc<AtomicBool>,
    released: Arc<AtomicBool>,
    begin: Arc<Mutex<Option<Begin>>>,
    keeper: Option<Keeper>,
    wake: Arc<std::sync::OnceLock<Thread>>,
    interval: Duration,
    last: Option<Instant>,
}

/// How a run begins, and who keeps its snapshots.
struct Begin {
    start: Start,
    state: Option<GatherState>,
    keeper: Option<Keeper>,
}

impl Gate for CommitGate {
    fn start(&mut self) -> Option<(Start, Option<GatherState>)> {
        self.wake.get_or_init(std::thread::current);
        let begin = self
            .begin
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        self.keeper = begin.keeper;
        Some((begin.start, begin.state))
    }

    fn released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    fn snapshot_due(&mut self) -> Option<u64> {
        self.keeper.as_mut()?.due()
    }

    fn snapshot(&mut self, complete: Option<Complete>) {
        if let (Some(keeper), Some(complete)) = (&self.keeper, complete) {
            keeper.keep(complete);
        }
    }

    fn ready(&mut self) -> bool {
        self.wake.get_or_init(std::thread::current);
        self.closed.load(Ordering::Acquire) != NOT_OPEN
            && !self.writing.load(Ordering::Acquire)
            && self.last.is_none_or(|last| last.elapsed() >= self.interval)
    }

    fn offer(&mut self, draft: Commit, up_to: Epoch) {
        if !draft.changes.is_empty() {
            self.last = Some(Instant::now());
        }
        self.writing.store(true, Ordering::Release);
        // The committer ends only after this gate, or takes the process along.
        let _ = self.send.send((draft, up_to));
    }

    fn closed_before(&self) -> i64 {
        self.closed.load(Ordering::Acquire)
    }

    fn durable(&self) -> Epoch {
        self.durable.load(Ordering::Acquire)
    }
}

struct Committer {
    plan: Arc<Plan>,
    durable: Arc<AtomicU64>,
    closed: Arc<AtomicI64>,
    writing: Arc<AtomicBool>,
    released: Arc<AtomicBool>,
    begin: Arc<Mutex<Option<Begin>>>,
    wake: Arc<std::sync::OnceLock<Thread>>,
}

/// No window is closed, because the sinks have not said yet.
const NOT_OPEN: i64 = i64::MIN;
/// No window is closed, as far as the sinks know.
const NONE_CLOSED: i64 = BEGINNING + 1;

struct Slot {
    sink: Box<dyn Sink>,
    catch_up: Option<CatchUp>,
    /// The last commit in the sink when it was opened.
    shown: u64,
    /// The prefix that the sink records last.
    offsets: Option<BTreeMap<PartitionId, u64>>,
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
    fn run(self, outputs: Outputs, drafts: &Receiver<(Commit, Epoch)>) -> Result<(), Failure> {
        let Outputs {
            sinks,
            mut late,
            mut dead,
            mut observers,
            state,
        } = outputs;
        let mut slots = Vec::new();
        let mut opened = Vec::new();
        for mut sink in sinks {
            let shown = sink.open(&self.plan)?;
            opened.push(shown);
            slots.push(Slot {
                sink,
                catch_up: None,
                shown: 0,
                offsets: None,
            });
        }
        let closed = opened.iter().filter_map(|s| s.watermark).max();
        let mut number = opened.iter().map(|s| s.commit).max().unwrap_or(0);
        // The prefix that the sink with the last commit shows: all sinks are brought there, and go on together.
        let ahead = opened.iter().max_by_key(|s| s.commit);
        let hold = ahead.and_then(|s| s.offsets.clone()).unwrap_or_default();
        let begins = ahead.map(|s| s.begins.clone()).unwrap_or_default();
        let begin = self.begin(state, hold.clone(), begins)?;
        let goes_on = !hold.is_empty() || !begin.start.resume.is_empty();
        for (slot, shown) in slots.iter_mut().zip(opened) {
            slot.shown = shown.commit;
            slot.offsets = shown.offsets.clone();
            if goes_on || !shown.rows.is_empty() {
                slot.catch_up = Some(CatchUp::new(shown, hold.clone(), begin.start.horizon));
            }
        }
        for writer in [&mut late, &mut dead].into_iter().flatten() {
            writer.open(goes_on)?;
        }
        *self.begin.lock().unwrap_or_else(PoisonError::into_inner) = Some(begin);
        let none_behind = |slots: &[Slot]| slots.iter().all(|s| s.catch_up.is_none());
        self.released.store(none_behind(&slots), Ordering::Release);
        self.closed.store(
            closed.unwrap_or(NONE_CLOSED).max(NONE_CLOSED),
            Ordering::Release,
        );
        self.wake();
        observers.iter_mut().for_each(|o| o.opened());
        for (mut commit, up_to) in drafts {
            let began = Instant::now();
            // An earlier run wrote the rejects of its commits before their rows.
            commit
                .rejects
                .retain(|r| hold.get(&r.partition).is_none_or(|end| r.offset >= *end));
            self.write_rejects(&commit, late.as_mut(), false)?;
            self.write_rejects(&commit, dead.as_mut(), true)?;
            let behind = !none_behind(&slots);
            number =
                number.max(self.write_all(&mut slots, &mut commit, number, up_to == Epoch::MAX)?);
            if behind && none_behind(&slots) {
                self.released.store(true, Ordering::Release);
            }
            observers
                .iter_mut()
                .for_each(|o| o.committed(&self.plan, &commit));
            tracing::debug!(
                event = "committed",
                commit = commit.number,
                changes = commit.changes.len(),
                took_us = began.elapsed().as_micros() as u64
            );
            self.durable.store(up_to, Ordering::Release);
            self.writing.store(false, Ordering::Release);
            self.wake();
        }
        Ok(())
    }

    /// Chooses the snapshot to start from, and starts the thread that keeps new ones.
    fn begin(
        &self,
        state: Option<(StateUrl, Duration)>,
        hold: BTreeMap<PartitionId, u64>,
        begins: BTreeMap<PartitionId, u64>,
    ) -> Result<Begin, Failure> {
        let mut begin = Begin {
            start: Start::default(),
            state: None,
            keeper: None,
        };
        let mut first = 1;
        if let Some((url, interval)) = state {
            let failed = |e: String| Failure::failed(e);
            let store = Store::open(&url).map_err(Failure::usage)?;
            let newest = Manifest::newest(&store, &self.plan).map_err(failed)?;
            let listed = Manifest::list(&store).map_err(failed)?;
            first = listed.first().map_or(first, |(_, id)| id + 1);
            match newest {
                Some(found) => {
                    tracing::info!(
                        event = "snapshot_chosen",
                        snapshot = found.id,
                        offsets = ?found.state.offsets
                    );
                    begin.start.resume = found.state.offsets.clone();
                    begin.start.greatest = found.state.greatest.clone();
                    begin.start.horizon = found.state.horizon;
                    begin.start.parts = found.parts;
                    begin.state = Some(found.state);
                }
                None => {
                    tracing::info!(event = "no_snapshot", state = %url, "the input is read from its start")
                }
            }
            let durable = Arc::clone(&self.durable);
            let keeper = Keeper::start(&url, &self.plan, durable, first, interval);
            begin.keeper = Some(keeper.map_err(failed)?);
        }
        if begin.state.is_none() {
            // What a sink shows can only be built again from where it was begun.
            begin.start.resume = begins;
        }
        begin.start.hold = hold;
        let resume = &begin.start.resume;
        begin
            .start
            .hold
            .retain(|p, end| resume.get(p).is_none_or(|from| *end > *from));
        Ok(begin)
    }

    fn wake(&self) {
        if let Some(thread) = self.wake.get() {
            thread.unpark();
        }
    }

    fn write_rejects(
        &self,
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
            Some(writer) => writer.write(&self.plan, &rejects)?,
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

    /// Writes a draft to every sink; the greatest number that was used, and the draft's own in `commit`, or 0 there
    /// if no sink had anything to write.
    fn write_all(
        &self,
        slots: &mut [Slot],
        commit: &mut Commit,
        last: u64,
        is_last: bool,
    ) -> Result<u64, Failure> {
        let draft = &*commit;
        let write = |slot: &mut Slot| slot.write(&self.plan, draft, last, is_last);
        let written: Vec<Result<u64, SinkError>> = if let [slot] = slots {
            vec![write(slot)]
        } else {
            std::thread::scope(|scope| {
                let write = &write;
                let threads: Vec<_> = slots
                    .iter_mut()
                    .map(|slot| scope.spawn(move || write(slot)))
                    .collect();
                let lost = || SinkError::Failed("a sink's thread panicked".to_owned());
                threads
                    .into_iter()
                    .map(|t| t.join().unwrap_or_else(|_| Err(lost())))
                    .collect()
            })
        };
        let mut greatest = 0;
        for one in written {
            greatest = greatest.max(one?);
        }
        // Without a sink that is up to date, a commit has a number of its own all the same.
        if greatest == 0 && !commit.changes.is_empty() && slots.iter().all(|s| s.catch_up.is_none())
        {
            greatest = last + 1;
        }
        commit.number = greatest;
        Ok(greatest)
    }
}

impl Slot {
    /// Writes a draft as commit `last` + 1; the number it got in this sink, 0 if there was nothing to write.
    fn write(
        &mut self,
        plan: &Plan,
        draft: &Commit,
        last: u64,
        is_last: bool,
    ) -> Result<u64, SinkError> {
        let Some(catch_up) = &mut self.catch_up else {
            return self.put(plan, draft.clone(), last + 1, is_last);
        };
        catch_up.absorb(draft);
        let reached = catch_up.has_reached(draft);
        if !reached && !is_last {
            return Ok(0);
        }
        if !reached {
            tracing::warn!(
                event = "sink_ahead_of_source",
                sink = self.sink.name(),
                "the sink's last commit stands for more input than the source holds; it is set to the source"
            );
        }
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
        let commit = Commit {
            changes,
            rejects: Vec::new(),
            ..draft.clone()
        };
        self.put(plan, commit, number, is_last || is_behind)
    }

    /// `records_prefix`: also if there is no change, to record how far the input was read.
    fn put(
        &mut self,
        plan: &Plan,
        mut commit: Commit,
        number: u64,
        records_prefix: bool,
    ) -> Result<u64, SinkError> {
        let news = records_prefix && self.offsets.as_ref() != Some(&commit.offsets);
        if commit.changes.is_empty() && !news {
            return Ok(0);
        }
        commit.number = number;
        self.sink.write(plan, &commit)?;
        self.offsets = Some(commit.offsets);
        Ok(number)
    }
}
