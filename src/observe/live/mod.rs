//! What the threads of a process tell of themselves as they go, for metrics and probes.

mod checks;
mod drift;
mod held;
mod inputs;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use self::checks::Checks;
pub use self::checks::WindowsSeen;
pub use self::held::Joined;
use super::histogram::WeightedHistogram;
use super::waiting::Waits;
use standings_model::block::PartitionId;
use standings_model::reject::Refusal;

/// A worker that has not moved for this long is stuck.
const STUCK: Duration = Duration::from_secs(30);
/// The pulse of a worker that has ended.
const ENDED: u64 = u64::MAX;

/// A partition as its reader sees it.
#[derive(Clone, Debug, Default)]
struct Reach {
    /// The next offset that the broker will give out.
    end: Option<u64>,
    /// The next offset that is not durable yet.
    durable: u64,
    /// Ends that the broker named and that are not durable yet, and when: about one a second, at most [`ENDS`].
    ends: VecDeque<(Instant, u64)>,
}

/// Named ends that are remembered per partition; beyond it the newer of them is forgotten, and the oldest stays.
const ENDS: usize = 1024;

/// Snapshots as the first process sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SnapshotState {
    /// When the last one was kept.
    pub last: Option<SystemTime>,
    /// How long it took from its order to its manifest.
    pub took: Duration,
    /// Bytes of all its parts.
    pub bytes: u64,
    /// Rows of all its parts.
    pub rows: u64,
    /// Snapshots kept since the start.
    pub kept: u64,
    /// Parts or manifests that could not be written since the start.
    pub failures: u64,
}

/// How far a copy of a database is behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// For how long.
    pub time: Duration,
    /// Commits that it does not show; `None` where nothing newer is known.
    pub commits: Option<u64>,
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
    /// Windows of the ranking that has most, of each worker.
    windows: Vec<AtomicU64>,
    /// By [`Limit`]; 0 for no limit.
    limits: [AtomicU64; 3],
    partitions: Mutex<BTreeMap<PartitionId, Reach>>,
    /// Where several inputs are read beside each other, what each is called.
    inputs: OnceLock<Vec<Option<String>>>,
    sinks: Mutex<BTreeMap<String, SinkState>>,
    commits: Mutex<BTreeMap<String, WeightedHistogram>>,
    snapshots: Mutex<SnapshotState>,
    exports: [AtomicU64; 4],
    checks: Mutex<Checks>,
    /// Rows that sinks did not take, by sink and why.
    refused: Mutex<BTreeMap<(String, Refusal), u64>>,
    /// Values computed of groups that had an error and are NULL, by ranking, since they were taken last.
    value_errors: Mutex<BTreeMap<String, u64>>,
    expired: Mutex<BTreeMap<String, u64>>,
    /// Rows that workers hold of tables that change, and their bytes, by table and worker.
    held: Mutex<BTreeMap<(String, usize), (u64, u64)>>,
    /// What workers hold of joins.
    joined: Mutex<BTreeMap<usize, Joined>>,
    /// Rows that are in no group, since what is computed of them behind a join has an error.
    failed_behind: AtomicU64,
    /// Columns that a schema dropped, added or retyped, by table and which of these.
    drifts: Mutex<BTreeMap<(String, &'static str), u64>>,
    /// Servers that `standings serve` reads and that copy another, by how they are called.
    standbys: Mutex<BTreeMap<String, Lag>>,
    /// Event times that no clock of today shows: how many, and the first, ms.
    odd_times: Mutex<Option<(u64, i64)>>,
    /// What is waited for.
    pub waits: Waits,
}

/// What is told elsewhere, counted by what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Lineage events that were taken.
    Lineage,
    /// Lineage events that never were.
    LineageDropped,
    /// Spans that were taken.
    Spans,
    /// Spans that never were.
    SpansDropped,
}

/// What of a process may be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// (Window, key) pairs of the process.
    Keys,
    /// Windows of one ranking.
    Windows,
    /// Bytes of memory.
    MemoryBytes,
}

impl Limit {
    /// All of them.
    pub const ALL: [Limit; 3] = [Limit::Keys, Limit::Windows, Limit::MemoryBytes];

    /// As labels name it.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Keys => "keys",
            Limit::Windows => "windows",
            Limit::MemoryBytes => "memory_bytes",
        }
    }
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
            windows: (0..workers.max(1)).map(|_| AtomicU64::new(0)).collect(),
            limits: Default::default(),
            partitions: Mutex::default(),
            inputs: OnceLock::new(),
            sinks: Mutex::default(),
            commits: Mutex::default(),
            snapshots: Mutex::default(),
            exports: Default::default(),
            checks: Mutex::default(),
            refused: Mutex::default(),
            value_errors: Mutex::default(),
            expired: Mutex::default(),
            joined: Mutex::default(),
            failed_behind: AtomicU64::new(0),
            held: Mutex::default(),
            drifts: Mutex::default(),
            standbys: Mutex::default(),
            odd_times: Mutex::default(),
            waits: Waits::default(),
        }
    }

    /// A sink did not take more rows; how many all sinks had not taken before, and now.
    pub fn rows_refused(
        &self,
        sink: &str,
        reasons: impl IntoIterator<Item = Refusal>,
    ) -> (u64, u64) {
        let mut refused = lock(&self.refused);
        let before = refused.values().sum();
        for reason in reasons {
            *refused.entry((sink.to_owned(), reason)).or_default() += 1;
        }
        (before, refused.values().sum())
    }

    /// Rows that sinks did not take.
    pub fn refused(&self) -> BTreeMap<(String, Refusal), u64> {
        lock(&self.refused).clone()
    }

    /// Event times before 1990 or after 2100 were read, the first of them of this time, ms.
    pub fn odd_times_read(&self, count: u64, first: i64) {
        let mut odd = lock(&self.odd_times);
        odd.get_or_insert((0, first)).0 += count;
    }

    /// How many of these there were, and the first, ms.
    pub fn odd_times(&self) -> Option<(u64, i64)> {
        *lock(&self.odd_times)
    }

    /// How far a copy is behind; `None` while it does not say.
    pub fn standby(&self, server: &str, lag: Option<Lag>) {
        let mut standbys = lock(&self.standbys);
        match lag {
            Some(lag) => standbys.insert(server.to_owned(), lag),
            None => standbys.remove(server),
        };
    }

    /// Every copy that has said how far it is behind.
    pub fn standbys(&self) -> BTreeMap<String, Lag> {
        lock(&self.standbys).clone()
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

    /// So many more of this.
    pub fn exported(&self, what: Export, n: u64) {
        self.exports[what as usize].fetch_add(n, Ordering::Relaxed);
    }

    /// How many of this there were.
    pub fn exports(&self, what: Export) -> u64 {
        self.exports[what as usize].load(Ordering::Relaxed)
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

    /// How many windows a worker holds of the ranking that has most. `worker` is its number in the cluster.
    pub fn set_windows(&self, worker: usize, windows: usize) {
        self.windows[worker % self.windows.len()].store(windows as u64, Ordering::Relaxed);
    }

    /// The most windows of one ranking that a worker of this process holds.
    pub fn windows(&self) -> u64 {
        let all = self.windows.iter().map(|n| n.load(Ordering::Relaxed));
        all.max().unwrap_or(0)
    }

    /// So many more values of a ranking, computed of its groups, had an error and are NULL.
    pub fn count_value_errors(&self, ranking: &str, errors: u64) {
        *lock(&self.value_errors)
            .entry(ranking.to_owned())
            .or_default() += errors;
    }

    /// What was counted of values with an error since this was asked last, by ranking.
    pub fn take_value_errors(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut lock(&self.value_errors))
    }

    /// So many more keys of a ranking were let go: the watermark has passed their last rows by its time to live.
    pub fn count_expired(&self, ranking: &str, keys: u64) {
        *lock(&self.expired).entry(ranking.to_owned()).or_default() += keys;
    }

    /// What was counted of keys that were let go since this was asked last, by ranking.
    pub fn take_expired(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut lock(&self.expired))
    }

    /// What this process may hold; 0 for no limit.
    pub fn set_limit(&self, what: Limit, most: u64) {
        self.limits[what as usize].store(most, Ordering::Relaxed);
    }

    /// What this process may hold, where there is a limit.
    pub fn limit(&self, what: Limit) -> Option<u64> {
        Some(self.limits[what as usize].load(Ordering::Relaxed)).filter(|most| *most > 0)
    }

    /// A partition's end in the source.
    pub fn set_end(&self, partition: PartitionId, end: u64) {
        let mut partitions = lock(&self.partitions);
        let place = partitions.entry(partition).or_default();
        place.end = Some(end);
        let news = place.ends.back().is_none_or(|(_, last)| *last < end);
        if news && end > place.durable {
            if place.ends.len() >= ENDS {
                place.ends.pop_back();
            }
            place.ends.push_back((Instant::now(), end));
        }
    }

    /// Everything before these offsets is durable.
    pub fn set_durable(&self, offsets: &[(PartitionId, u64)]) {
        let mut partitions = lock(&self.partitions);
        for (partition, offset) in offsets {
            let place = partitions.entry(*partition).or_default();
            place.durable = *offset;
            while place.ends.front().is_some_and(|(_, end)| end <= offset) {
                place.ends.pop_front();
            }
        }
    }

    /// Records that the source holds and that are not durable yet, by partition, where the end is known.
    pub fn lags(&self) -> Vec<(PartitionId, u64)> {
        let partitions = lock(&self.partitions);
        let lag = |(id, place): (&PartitionId, &Reach)| {
            Some((*id, place.end?.saturating_sub(place.durable)))
        };
        partitions.iter().filter_map(lag).collect()
    }

    /// For how long there has been something in a partition that is not durable: 0 where all that the source shows is.
    /// Known to about a second, and only where the end is.
    pub fn staleness(&self, now: Instant) -> Vec<(PartitionId, Duration)> {
        let partitions = lock(&self.partitions);
        let stale = |(id, place): (&PartitionId, &Reach)| {
            place.end?;
            let since = place
                .ends
                .front()
                .map(|(at, _)| now.saturating_duration_since(*at));
            Some((*id, since.unwrap_or_default()))
        };
        partitions.iter().filter_map(stale).collect()
    }

    /// A sink has written a commit; `sink` is its name without secrets.
    pub fn commit_took(&self, sink: &str, took: Duration) {
        let mut commits = lock(&self.commits);
        if !commits.contains_key(sink) {
            commits.insert(sink.to_owned(), WeightedHistogram::default());
        }
        if let Some(histogram) = commits.get(sink) {
            histogram.observe(took.as_secs_f64(), 1);
        }
    }

    /// Whether a sink has written a commit of this process.
    pub fn has_committed(&self) -> bool {
        !lock(&self.commits).is_empty()
    }

    /// What commits took, by sink.
    pub(super) fn commits(&self) -> Vec<(String, WeightedHistogram)> {
        let commits = lock(&self.commits);
        commits
            .iter()
            .map(|(sink, h)| (sink.clone(), h.clone()))
            .collect()
    }

    /// A snapshot was kept: what it took, and what all its parts hold.
    pub fn snapshot_kept(&self, took: Duration, rows: u64, bytes: u64) {
        let mut state = lock(&self.snapshots);
        state.last = Some(SystemTime::now());
        (state.took, state.rows, state.bytes) = (took, rows, bytes);
        state.kept += 1;
    }

    /// A part or a manifest of a snapshot could not be written.
    pub fn snapshot_failed(&self) {
        lock(&self.snapshots).failures += 1;
    }

    /// Snapshots so far.
    pub fn snapshots(&self) -> SnapshotState {
        *lock(&self.snapshots)
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

    #[test]
    fn what_is_shown_is_as_old_as_the_oldest_end_that_is_not_durable() {
        let live = Live::default();
        live.set_end(0, 5);
        let first = Instant::now();
        live.set_durable(&[(1, 7)]);
        live.set_end(1, 7);
        let later = first + Duration::from_secs(9);
        let stale = live.staleness(later);
        assert_eq!((stale[0].0, stale[1]), (0, (1, Duration::ZERO)));
        assert!((8.9..10.0).contains(&stale[0].1.as_secs_f64()), "{stale:?}");
        // Half of it is not enough; that it went on since does not make it older.
        live.set_durable(&[(0, 4)]);
        live.set_end(0, 8);
        assert!(live.staleness(later)[0].1 >= Duration::from_secs(8));
        live.set_durable(&[(0, 8)]);
        assert_eq!(live.staleness(later)[0].1, Duration::ZERO);
        for end in 9..5_000 {
            live.set_end(0, end);
        }
        assert_eq!(lock(&live.partitions)[&0].ends.len(), ENDS);
        live.set_durable(&[(0, 5_000)]);
        assert_eq!(live.staleness(later)[0].1, Duration::ZERO);
    }
}
