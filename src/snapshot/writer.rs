//! The threads that write: one per process for parts, and on the first process one for manifests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::manifest::{FORMAT, Manifest, fingerprint, fingerprints};
use super::part;
use super::store::{Store, checksum};
use crate::dataflow::control::{Complete, PartFile, PartReport, Taken};
use crate::model::clock::Clock;
use crate::model::identity::SourceIdentity;
use crate::model::plan::Plan;
use crate::model::sabotage::{self, Mistake};
use crate::observe::live::Live;

/// Snapshots that are kept.
const KEEP: usize = 2;

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
    pub fn start(store: Store, plan: Arc<Plan>, live: Arc<Live>) -> std::io::Result<Self> {
        let run = format!("{:?} {}", std::time::SystemTime::now(), std::process::id());
        let (writer, mut parts) = Writer::new(store, plan, &run);
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
        let (send, receive) = unbounded();
        let parts = Parts {
            store,
            plan,
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
        let file = write(&self.store, &self.plan, job.taken, &self.run, job.worker);
        if let Err(problem) = &file {
            self.live.snapshot_failed();
            tracing::warn!(event = "snapshot_failed", snapshot = id, problem);
        }
        // The worker may have ended.
        let _ = job.answer.send(PartReport { id, file });
    }
}

fn write(
    store: &Store,
    plan: &Plan,
    taken: Taken,
    run: &str,
    worker: usize,
) -> Result<Option<PartFile>, String> {
    let Some(deltas) = taken.rows else {
        return Err("a worker had gone past the epoch".to_owned());
    };
    if deltas.groups.is_empty() {
        return Ok(None);
    }
    let (bytes, rows) = part::write(plan, &deltas)?;
    let file = PartFile {
        name: format!("parts/{:010}-{run}-{worker}.parquet", taken.order.id),
        size: bytes.len() as u64,
        checksum: checksum(&bytes),
        rows,
    };
    if sabotage::is(Mistake::ManifestFirst) {
        return Ok(Some(file));
    }
    store.put(&file.name, bytes)?;
    Ok(Some(file))
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
    /// The two ends; `first` is the number of the next snapshot. What is before `durable` is in every sink.
    pub fn new(
        store: Store,
        plan: &Plan,
        durable: Arc<AtomicU64>,
        first: u64,
        interval: Duration,
        clock: &Clock,
    ) -> (Self, Manifests) {
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
            queries: fingerprint(plan),
            rankings: fingerprints(plan),
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

    /// The number of the snapshot to take now, if one is due.
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

    /// Starts the thread that does all this.
    pub fn start(mut self) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("snapshots".to_owned());
        let work = move || {
            while let Ok(next) = self.receive.recv() {
                self.waiting = Some(next);
                while !self.turn() {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        };
        thread.spawn(work).map(drop)
    }

    /// Writes the manifest that waits, if what it stands for is durable; whether there was one.
    pub fn turn(&mut self) -> bool {
        let durable = self.durable.load(Ordering::Acquire);
        let next = || self.receive.try_recv().ok();
        let Some((complete, ordered)) = self.waiting.take().or_else(next) else {
            return false;
        };
        if durable < complete.epoch && !sabotage::is(Mistake::SnapshotBeforeDurable) {
            self.waiting = Some((complete, ordered));
            return false;
        }
        self.write(complete, ordered);
        true
    }

    fn write(&self, complete: Complete, ordered: Instant) {
        let manifest = Manifest {
            format: FORMAT,
            id: complete.id,
            queries: self.queries.clone(),
            state: complete.state,
            parts: complete.parts,
            rankings: self.rankings.clone(),
            source: self.source.clone(),
        };
        let rows: u64 = manifest.parts.iter().map(|p| p.rows).sum();
        let bytes: u64 = manifest.parts.iter().map(|p| p.size).sum();
        // What this one wrote; the rest was there.
        let own = format!("parts/{:010}-", manifest.id);
        let new = manifest.parts.iter().filter(|p| p.name.starts_with(&own));
        let (new_rows, new_bytes) = new.fold((0, 0), |(r, b), p| (r + p.rows, b + p.size));
        let done = manifest
            .write(&self.store)
            .and_then(|()| Manifest::collect(&self.store, KEEP));
        match done {
            Ok(()) => {
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
                    took_ms = took.as_millis() as u64
                );
            }
            Err(problem) => {
                self.live.snapshot_failed();
                self.lost.store(true, Ordering::Release);
                tracing::warn!(
                    event = "snapshot_failed",
                    snapshot = manifest.id,
                    problem,
                    "an older one stays"
                );
            }
        }
    }
}
