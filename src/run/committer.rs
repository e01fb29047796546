//! The committer thread of process 0: numbers drafts, writes them to every sink, and says what is durable.
//!
//! 1. A commit's rejects are written before its rows, its rows before it is called durable.
//! 2. A number is used once; it grows from the greatest that any sink shows.
//! 3. A commit that changes nothing is not written, except the last of a run, which records how far the input was read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::catch_up::CatchUp;
use super::exit::{self, Failure};
use crate::dataflow::graph::Gate;
use crate::dataflow::messages::Epoch;
use crate::event_time::BEGINNING;
use crate::model::change::{Change, Commit};
use crate::model::plan::Plan;
use crate::model::reject::RejectKind;
use crate::sink::{Sink, SinkError};

/// Watches commits: metrics, the live page, a demo's summary.
pub trait Observer: Send {
    /// Every sink is open.
    fn opened(&mut self);
    /// A commit is durable; its number is 0 if it changed nothing.
    fn committed(&mut self, plan: &Plan, commit: &Commit);
}

/// Where rejected records go.
pub trait RejectWriter: Send {
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
    let wake: Arc<std::sync::OnceLock<Thread>> = Arc::default();
    let committer = Committer {
        plan,
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
    wake: Arc<std::sync::OnceLock<Thread>>,
    interval: Duration,
    last: Option<Instant>,
}

impl Gate for CommitGate {
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
    wake: Arc<std::sync::OnceLock<Thread>>,
}

/// No window is closed, because the sinks have not said yet.
const NOT_OPEN: i64 = i64::MIN;
/// No window is closed, as far as the sinks know.
const NONE_CLOSED: i64 = BEGINNING + 1;

struct Slot {
    sink: Box<dyn Sink>,
    catch_up: Option<CatchUp>,
    /// The prefix that the sink records last.
    offsets: Option<std::collections::BTreeMap<u32, u64>>,
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
        } = outputs;
        let mut number = 0;
        let mut slots = Vec::new();
        let mut closed = NONE_CLOSED;
        for mut sink in sinks {
            let shown = sink.open(&self.plan)?;
            number = number.max(shown.commit);
            let offsets = shown.offsets.clone();
            closed = closed.max(shown.watermark.unwrap_or(NONE_CLOSED));
            slots.push(Slot {
                sink,
                catch_up: CatchUp::new(shown),
                offsets,
            });
        }
        self.closed.store(closed, Ordering::Release);
        self.wake();
        observers.iter_mut().for_each(|o| o.opened());
        for (mut commit, up_to) in drafts {
            let began = Instant::now();
            self.write_rejects(&commit, late.as_mut(), false)?;
            self.write_rejects(&commit, dead.as_mut(), true)?;
            commit.number = number + 1;
            if self.write_all(&mut slots, &commit, up_to == Epoch::MAX)?
                || !commit.changes.is_empty()
            {
                number = commit.number;
            } else {
                commit.number = 0;
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

    /// Whether any sink wrote something.
    fn write_all(
        &self,
        slots: &mut [Slot],
        commit: &Commit,
        is_last: bool,
    ) -> Result<bool, Failure> {
        if let [slot] = slots {
            return Ok(slot.write(&self.plan, commit, is_last)?);
        }
        let written: Vec<Result<bool, SinkError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = slots
                .iter_mut()
                .map(|slot| scope.spawn(|| slot.write(&self.plan, commit, is_last)))
                .collect();
            let lost = || SinkError::Failed("a sink's thread panicked".to_owned());
            threads
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|_| Err(lost())))
                .collect()
        });
        written
            .into_iter()
            .try_fold(false, |any, one| Ok(any | one?))
    }
}

impl Slot {
    fn write(&mut self, plan: &Plan, commit: &Commit, is_last: bool) -> Result<bool, SinkError> {
        if let Some(catch_up) = &mut self.catch_up {
            catch_up.absorb(commit);
            let reached = catch_up.has_reached(commit);
            if !reached && !is_last {
                return Ok(false);
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
            return self.put(
                plan,
                &Commit {
                    changes,
                    rejects: Vec::new(),
                    ..commit.clone()
                },
                is_last,
            );
        }
        self.put(plan, commit, is_last)
    }

    fn put(&mut self, plan: &Plan, commit: &Commit, is_last: bool) -> Result<bool, SinkError> {
        let records_prefix = is_last && self.offsets.as_ref() != Some(&commit.offsets);
        if commit.changes.is_empty() && !records_prefix {
            return Ok(false);
        }
        self.sink.write(plan, commit)?;
        self.offsets = Some(commit.offsets.clone());
        Ok(true)
    }
}
