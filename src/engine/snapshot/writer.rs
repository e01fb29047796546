//! The threads that write: one per process for parts, and on the first process one for manifests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::collect::{Before, collect};
use super::error::{LogError, WriteError};
use super::held;
use super::log::{Log, parts_of};
use super::manifest::{Manifest, fingerprint, fingerprints};
use super::part;
use super::store::{Store, checksum};
use super::zones::Zones;
use crate::pack::level::folded;
use crate::snapshot::order::{Complete, PartFile, PartReport, Taken};
use standings_model::clock::Clock;
use standings_model::error::Coded;
use standings_model::identity::SourceIdentity;
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};
use standings_observe::live::Live;
use standings_process::exit::{self, Failure};

/// Has parts written, for all workers of a process.
#[derive(Clone)]
pub struct Writer {
    send: Sender<Job>,
}

/// A part to write.
struct Job {
    taken: Taken,
    worker: usize,
    answer: Sender<PartReport>,
}

/// Writes the parts that a [`Writer`] is given.
pub struct Parts {
    store: Store,
    plan: Arc<Plan>,
    run: String,
    receive: Receiver<Job>,
    live: Arc<Live>,
}

impl Writer {
    /// Starts the thread that writes.
    pub fn start(
        store: Store,
        plan: Arc<Plan>,
        live: Arc<Live>,
        run: &str,
    ) -> std::io::Result<Self> {
        let (writer, mut parts) = Writer::new(store, plan, run);
        parts.live = live;
        std::thread::Builder::new()
            .name("snapshot-parts".to_owned())
            .spawn(move || {
                while let Ok(job) = parts.receive.recv() {
                    parts.write(job);
                }
            })?;
        Ok(writer)
    }

    /// The two ends, for who writes in its own time. `run` is unlike any other run's: parts of different runs never
    /// have the same name, so that one cannot write over another's.
    pub fn new(store: Store, plan: Arc<Plan>, run: &str) -> (Self, Parts) {
        #[expect(
            clippy::disallowed_methods,
            reason = "a worker orders its next part when this one is reported"
        )]
        let (send, receive) = unbounded();
        let parts = Parts {
            store,
            // Of rankings that are joined their first level is kept.
            plan: folded(&plan.whole()),
            run: checksum(run.as_bytes()),
            receive,
            live: Arc::default(),
        };
        (Writer { send }, parts)
    }

    /// Has a part written; the report goes to `answer`.
    pub fn write(&self, taken: Taken, worker: usize, answer: &Sender<PartReport>) {
        // The other end goes only with the process.
        let _ = self.send.send(Job {
            taken,
            worker,
            answer: answer.clone(),
        });
    }
}

impl Parts {
    /// Writes a part if one waits; whether one did.
    pub fn turn(&mut self) -> bool {
        let Ok(job) = self.receive.try_recv() else {
            return false;
        };
        self.write(job);
        true
    }

    fn write(&mut self, job: Job) {
        let id = job.taken.order.id;
        let files = write(&self.store, &self.plan, job.taken, &self.run, job.worker);
        if let Err(problem) = &files {
            self.live.snapshot_failed();
            tracing::warn!(event = "snapshot_failed", snapshot = id, %problem, "no snapshot this time; the next is tried in its turn");
        }
        // It goes to another process, in words.
        let files = files.map_err(|e| e.to_string());
        // The worker may have ended.
        let _ = job.answer.send(PartReport { id, files });
    }
}

fn write(
    store: &Store,
    plan: &Plan,
    taken: Taken,
    run: &str,
    worker: usize,
) -> Result<Vec<PartFile>, WriteError> {
    let (Some(pieces), Some(held)) = (taken.rows, taken.held) else {
        return Err(WriteError::Past);
    };
    let mut files = Vec::new();
    if !held.is_empty() {
        let (bytes, rows) = held::write(plan, &held)?;
        drop(held);
        let name = format!("{}{run}-{worker}-held.parquet", parts_of(taken.order.id));
        let file = part_file(name, &bytes, rows, true);
        store.put(&file.name, bytes)?;
        files.push(file);
    }
    // One after the other: what is written need not be in memory beside what comes next.
    for (number, piece) in pieces?.into_iter().enumerate() {
        let (bytes, rows) = part::write(plan, &piece)?;
        drop(piece);
        let piece = match number {
            0 => String::new(),
            n => format!("-{n}"),
        };
        let name = format!("{}{run}-{worker}{piece}.parquet", parts_of(taken.order.id));
        let file = part_file(name, &bytes, rows, false);
        if !sabotage::is(Mistake::ManifestFirst) {
            store.put(&file.name, bytes)?;
        }
        files.push(file);
    }
    Ok(files)
}

fn part_file(name: String, bytes: &[u8], rows: u64, held: bool) -> PartFile {
    PartFile {
        name,
        size: bytes.len() as u64,
        checksum: checksum(bytes),
        rows,
        held,
    }
}

/// Says when a snapshot is due, and hands complete ones over.
pub struct Keeper {
    send: Sender<(Complete, Instant)>,
    next: u64,
    interval: Duration,
    last: Instant,
    lost: Arc<AtomicBool>,
    clock: Clock,
}

/// Writes the manifests of complete snapshots, when what they stand for is durable.
pub struct Manifests {
    store: Store,
    log: Log,
    plan: Plan,
    queries: String,
    rankings: BTreeMap<String, String>,
    /// What the offsets are of.
    source: Option<SourceIdentity>,
    durable: Arc<AtomicU64>,
    receive: Receiver<(Complete, Instant)>,
    waiting: Option<(Complete, Instant)>,
    /// A manifest could not be written.
    lost: Arc<AtomicBool>,
    clock: Clock,
    live: Arc<Live>,
}

impl Keeper {
    /// The two ends, over a log that was opened and the number of the first attempt. What is before `durable` is in
    /// every sink.
    pub fn new(
        store: Store,
        plan: &Plan,
        durable: Arc<AtomicU64>,
        (log, first): (Log, u64),
        interval: Duration,
        clock: &Clock,
    ) -> (Self, Manifests) {
        #[expect(clippy::disallowed_methods, reason = "one snapshot an interval")]
        let (send, receive) = unbounded();
        let lost = Arc::new(AtomicBool::new(false));
        let keeper = Keeper {
            send,
            next: first,
            interval,
            last: clock.now(),
            lost: Arc::clone(&lost),
            clock: clock.clone(),
        };
        let manifests = Manifests {
            store,
            log,
            queries: fingerprint(plan),
            rankings: fingerprints(plan),
            plan: plan.clone(),
            source: None,
            durable,
            receive,
            waiting: None,
            lost,
            clock: clock.clone(),
            live: Arc::default(),
        };
        (keeper, manifests)
    }

    /// The number of the attempt to make now, if a snapshot is due.
    pub fn due(&mut self) -> Option<u64> {
        if self.clock.since(self.last) < self.interval {
            return None;
        }
        self.last = self.clock.now();
        let id = self.next;
        self.next += 1;
        Some(id)
    }

    /// Whether a complete snapshot could not be kept since this was last asked.
    pub fn lost(&self) -> bool {
        self.lost.swap(false, Ordering::AcqRel)
    }

    /// Has a complete snapshot kept.
    pub fn keep(&self, complete: Complete) {
        let _ = self.send.send((complete, self.last));
    }
}

impl Manifests {
    /// Says in each manifest what its offsets are of.
    pub fn of(mut self, source: Option<SourceIdentity>) -> Self {
        self.source = source;
        self
    }

    /// Tells there how snapshots go.
    pub fn telling(mut self, live: &Arc<Live>) -> Self {
        self.live = Arc::clone(live);
        self
    }

    /// Starts the thread that does all this; the process ends with it where another cluster has the store now.
    pub fn start(mut self) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("snapshots".to_owned());
        let work = move || {
            while let Ok(next) = self.receive.recv() {
                self.waiting = Some(next);
                loop {
                    match self.turn() {
                        Ok(true) => break,
                        Ok(false) => self.clock.sleep(Duration::from_millis(5)),
                        Err(failure) => exit::now(&failure),
                    }
                }
            }
        };
        thread.spawn(work).map(drop)
    }

    /// Writes the manifest that waits, if what it stands for is durable; whether there was one. An error where another
    /// cluster has opened the store since: it goes on from there, and this one must end.
    pub fn turn(&mut self) -> Result<bool, Failure> {
        let durable = self.durable.load(Ordering::Acquire);
        let next = || self.receive.try_recv().ok();
        let Some((complete, ordered)) = self.waiting.take().or_else(next) else {
            return Ok(false);
        };
        if durable < complete.epoch && !sabotage::is(Mistake::SnapshotBeforeDurable) {
            self.waiting = Some((complete, ordered));
            return Ok(false);
        }
        self.write(complete, ordered).map(|()| true)
    }

    fn write(&mut self, complete: Complete, ordered: Instant) -> Result<(), Failure> {
        let mut manifest = Manifest {
            attempt: complete.id,
            queries: self.queries.clone(),
            zones: Zones::of(&self.plan, &complete.state),
            state: complete.state,
            parts: complete.parts,
            rankings: self.rankings.clone(),
            source: self.source.clone(),
            // Which form, number and generation: the log says it.
            ..Manifest::default()
        };
        let rows: u64 = manifest.parts.iter().map(|p| p.rows).sum();
        let bytes: u64 = manifest.parts.iter().map(|p| p.size).sum();
        // What this one wrote; the rest was there.
        let own = parts_of(complete.id);
        let new = manifest.parts.iter().filter(|p| p.name.starts_with(&own));
        let (new_rows, new_bytes) = new.fold((0, 0), |(r, b), p| (r + p.rows, b + p.size));
        let before = Before::look(&self.store);
        match self.log.append(&mut manifest) {
            Ok(()) => {}
            Err(error @ LogError::Fenced { .. }) => return Err(fenced(error)),
            Err(problem) => {
                self.live.snapshot_failed();
                self.lost.store(true, Ordering::Release);
                tracing::warn!(
                    event = "snapshot_failed",
                    snapshot = complete.id,
                    %problem,
                    code = problem.code().id,
                    "an older one stays"
                );
                return Ok(());
            }
        }
        let took = self.clock.since(ordered);
        self.live.snapshot_kept(took, rows, bytes);
        tracing::info!(
            event = "snapshot",
            snapshot = manifest.id,
            parts = manifest.parts.len(),
            rows,
            bytes,
            new_rows,
            new_bytes,
            took_ms = took.as_millis() as u64,
            "the state is kept"
        );
        let collected = before
            .map_err(LogError::from)
            .and_then(|before| collect(&self.store, &mut self.log, &before, &manifest));
        match collected {
            Ok(()) => Ok(()),
            Err(error @ LogError::Fenced { .. }) => Err(fenced(error)),
            Err(problem) => {
                tracing::warn!(
                    event = "snapshots_not_collected",
                    %problem,
                    code = problem.code().id,
                    "what is not needed any more stays for now"
                );
                Ok(())
            }
        }
    }
}

fn fenced(error: LogError) -> Failure {
    tracing::error!(
        event = "snapshot_fenced",
        problem = %error,
        code = error.code().id, "another run writes snapshots to this place now");
    error.into()
}
