//! The threads that write: one per process for parts, and on the first process one for manifests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::manifest::{FORMAT, Manifest, fingerprint};
use super::part;
use super::store::{StateUrl, Store, checksum};
use crate::dataflow::control::{Complete, PartFile, PartReport, Taken};
use crate::model::plan::Plan;

/// Snapshots that are kept.
const KEEP: usize = 2;

/// Writes parts, for all workers of a process.
#[derive(Clone)]
pub struct Writer {
    send: Sender<(Taken, usize, Sender<PartReport>)>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(url: &StateUrl, plan: Arc<Plan>) -> Result<Self, String> {
        let store = Store::open(url)?;
        let (send, receive) = unbounded::<(Taken, usize, Sender<PartReport>)>();
        // Parts of different runs never have the same name, so that one cannot write over another's.
        let run = checksum(
            format!("{:?} {}", std::time::SystemTime::now(), std::process::id()).as_bytes(),
        );
        std::thread::Builder::new()
            .name("snapshot-parts".to_owned())
            .spawn(move || {
                for (taken, worker, answer) in receive {
                    let id = taken.order.id;
                    let file = write(&store, &plan, taken, &run, worker);
                    if let Err(problem) = &file {
                        tracing::warn!(event = "snapshot_failed", snapshot = id, problem);
                    }
                    // The worker may have ended.
                    let _ = answer.send(PartReport { id, file });
                }
            })
            .map_err(|e| format!("cannot start a thread: {e}"))?;
        Ok(Writer { send })
    }

    /// Has a part written; the report goes to `answer`.
    pub fn write(&self, taken: Taken, worker: usize, answer: &Sender<PartReport>) {
        // The thread ends only with the process.
        let _ = self.send.send((taken, worker, answer.clone()));
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
    store.put(&file.name, bytes)?;
    Ok(Some(file))
}

/// Writes manifests, when what they stand for is durable.
pub struct Keeper {
    send: Sender<(Complete, Instant)>,
    next: u64,
    interval: Duration,
    last: Instant,
}

impl Keeper {
    /// Starts the thread; `first` is the number of the next snapshot.
    pub fn start(
        url: &StateUrl,
        plan: &Plan,
        durable: Arc<AtomicU64>,
        first: u64,
        interval: Duration,
    ) -> Result<Self, String> {
        let store = Store::open(url)?;
        let queries = fingerprint(plan);
        let (send, receive) = unbounded();
        std::thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || keep(&store, &queries, &durable, &receive))
            .map_err(|e| format!("cannot start a thread: {e}"))?;
        Ok(Keeper {
            send,
            next: first,
            interval,
            last: Instant::now(),
        })
    }

    /// The number of the snapshot to take now, if one is due.
    pub fn due(&mut self) -> Option<u64> {
        if self.last.elapsed() < self.interval {
            return None;
        }
        self.last = Instant::now();
        let id = self.next;
        self.next += 1;
        Some(id)
    }

    /// Has a complete snapshot kept.
    pub fn keep(&self, complete: Complete) {
        let _ = self.send.send((complete, self.last));
    }
}

fn keep(
    store: &Store,
    queries: &str,
    durable: &AtomicU64,
    receive: &Receiver<(Complete, Instant)>,
) {
    for (complete, ordered) in receive {
        while durable.load(Ordering::Acquire) < complete.epoch {
            std::thread::sleep(Duration::from_millis(5));
        }
        let manifest = Manifest {
            format: FORMAT,
            id: complete.id,
            queries: queries.to_owned(),
            state: complete.state,
            parts: complete.parts,
        };
        let rows: u64 = manifest.parts.iter().map(|p| p.rows).sum();
        let bytes: u64 = manifest.parts.iter().map(|p| p.size).sum();
        let done = manifest
            .write(store)
            .and_then(|()| Manifest::collect(store, KEEP));
        match done {
            Ok(()) => tracing::info!(
                event = "snapshot",
                snapshot = manifest.id,
                parts = manifest.parts.len(),
                rows,
                bytes,
                took_ms = ordered.elapsed().as_millis() as u64
            ),
            Err(problem) => tracing::warn!(
                event = "snapshot_failed",
                snapshot = manifest.id,
                problem,
                "an older one stays"
            ),
        }
    }
}
