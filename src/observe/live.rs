//! What the threads of a process tell of themselves as they go, for metrics and probes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::block::PartitionId;

/// A worker that has not moved for this long is stuck.
const STUCK: Duration = Duration::from_secs(30);
/// The pulse of a worker that has ended.
const ENDED: u64 = u64::MAX;

/// A partition as its reader sees it.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The next offset that the broker will give out.
    end: Option<u64>,
    /// The next offset that is not durable yet.
    durable: u64,
}

/// A sink as the committer sees it.
#[derive(Clone, Copy, Debug)]
struct SinkState {
    up: bool,
    retries: u64,
}

/// Shared by the threads of one process.
#[derive(Debug)]
pub struct Live {
    started: Instant,
    /// Milliseconds since `started` of each worker's last turn; 0 before the first.
    pulses: Vec<AtomicU64>,
    in_flight: AtomicI64,
    /// Live (window, key) pairs of each worker.
    keys: Vec<AtomicU64>,
    partitions: Mutex<BTreeMap<PartitionId, Place>>,
    sinks: Mutex<BTreeMap<String, SinkState>>,
}

impl Default for Live {
    fn default() -> Self {
        Live::new(1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// For a process of so many workers.
    pub fn new(workers: usize) -> Self {
        Live {
            started: Instant::now(),
            pulses: (0..workers.max(1)).map(|_| AtomicU64::new(0)).collect(),
            in_flight: AtomicI64::new(0),
            keys: (0..workers.max(1)).map(|_| AtomicU64::new(0)).collect(),
            partitions: Mutex::default(),
            sinks: Mutex::default(),
        }
    }

    /// A worker takes a turn. `worker` is its number in the cluster.
    pub fn pulse(&self, worker: usize, now: Instant) {
        let ms = now.saturating_duration_since(self.started).as_millis() as u64;
        self.pulses[worker % self.pulses.len()].store(ms, Ordering::Relaxed);
    }

    /// A worker has ended as it should.
    pub fn ended(&self, worker: usize) {
        self.pulses[worker % self.pulses.len()].store(ENDED, Ordering::Relaxed);
    }

    /// A worker of this process that does not move, and for how long.
    pub fn stuck_worker(&self) -> Option<(usize, Duration)> {
        let now = self.started.elapsed();
        let still = |(i, pulse): (usize, &AtomicU64)| {
            let last = Duration::from_millis(pulse.load(Ordering::Relaxed));
            Some((i, now.checked_sub(last)?)).filter(|(_, since)| *since > STUCK)
        };
        self.pulses.iter().enumerate().find_map(still)
    }

    /// Bytes were read (or, negative, became durable).
    pub fn add_in_flight(&self, bytes: i64) {
        self.in_flight.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes read and not yet durable.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed).max(0) as u64
    }

    /// How many (window, key) pairs a worker holds. `worker` is its number in the cluster.
    pub fn set_keys(&self, worker: usize, keys: usize) {
        self.keys[worker % self.keys.len()].store(keys as u64, Ordering::Relaxed);
    }

    /// (Window, key) pairs that the workers of this process hold.
    pub fn keys(&self) -> u64 {
        self.keys.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    /// A partition's end in the source.
    pub fn set_end(&self, partition: PartitionId, end: u64) {
        lock(&self.partitions).entry(partition).or_default().end = Some(end);
    }

    /// Everything before these offsets is durable.
    pub fn set_durable(&self, offsets: &[(PartitionId, u64)]) {
        let mut partitions = lock(&self.partitions);
        for (partition, offset) in offsets {
            partitions.entry(*partition).or_default().durable = *offset;
        }
    }

    /// Records that the source holds and that are not durable yet, by partition, where the end is known.
    pub fn lags(&self) -> Vec<(PartitionId, u64)> {
        let partitions = lock(&self.partitions);
        let lag = |(id, place): (&PartitionId, &Place)| {
            Some((*id, place.end?.saturating_sub(place.durable)))
        };
        partitions.iter().filter_map(lag).collect()
    }

    /// A sink took a commit, or is waited for. `sink` is its name without secrets.
    pub fn sink(&self, sink: &str, up: bool) {
        let mut sinks = lock(&self.sinks);
        match sinks.get_mut(sink) {
            Some(state) => {
                state.up = up;
                state.retries += u64::from(!up);
            }
            None => {
                let retries = u64::from(!up);
                sinks.insert(sink.to_owned(), SinkState { up, retries });
            }
        }
    }

    /// Every sink: its name, whether it takes commits, how often an attempt failed.
    pub fn sinks(&self) -> Vec<(String, bool, u64)> {
        let sinks = lock(&self.sinks);
        sinks
            .iter()
            .map(|(name, s)| (name.clone(), s.up, s.retries))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_does_not_move_is_found() {
        let mut live = Live::new(2);
        live.started = Instant::now() - Duration::from_secs(100);
        live.pulse(0, Instant::now());
        let (worker, since) = live.stuck_worker().unwrap();
        assert!(worker == 1 && since >= Duration::from_secs(99));
        live.ended(3); // worker 1 of the second process
        assert_eq!(live.stuck_worker(), None);
    }

    #[test]
    fn lag_is_what_is_not_durable() {
        let live = Live::default();
        live.set_durable(&[(0, 7), (1, 3)]);
        live.set_end(0, 10);
        assert_eq!(live.lags(), [(0, 3)]);
        live.set_durable(&[(0, 10)]);
        assert_eq!(live.lags(), [(0, 0)]);
    }
}
