//! Prometheus metrics of a run, all named `standings_…`, and the health numbers drawn from the same observations.
//!
//! `read = ranked + late + retired + dead-lettered + duplicate + filtered` (of tables that change `+ updated + unchanged + deleted +
//! skipped`) holds at every commit, in the counters too: they are set together from one commit's counts while [`Metrics::encode`] waits.
//! Rows written per rank changed is `standings_rows_written_total / standings_ranks_changed_total`, by ranking.

mod encode;
mod labels;
mod registry;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use self::labels::{
    AmountLabel, BurnLabel, ChangeLabel, CheckLabel, DriftLabel, LimitLabel, NameLabel,
    ObjectiveLabel, OfLabel, PartitionLabel, RankingLabel, RefusalLabel, ServerLabel, SinkLabel,
    TableLabel, WindowCheckLabel, WindowLabel,
};
use super::health::{Health, Latencies, LatencySummary, Rate};
use super::histogram::WeightedHistogram;
use super::live::Live;
use super::objectives::{Burn, Events, Objective, ObjectiveArgs};
use standings_model::amounts::Summary;
use standings_model::block::PartitionId;
use standings_model::change::{Commit, Counts};
use standings_model::plan::Plan;
use standings_model::time::format_rfc3339;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted of groups, by ranking.
#[derive(Debug, Default)]
struct OfGroups {
    value_errors: Family<RankingLabel, Counter>,
    keys_expired: Family<RankingLabel, Counter>,
}

type Seconds = Gauge<f64, AtomicU64>;
/// Of joins: what is held, about how many bytes that takes, rows that are in no group.
#[derive(Debug, Default)]
struct OfJoins {
    held: Family<OfLabel, Gauge>,
    bytes: Family<NoLabels, Gauge>,
    failed: Counter,
}

/// Rows that are held of tables that change, and their bytes.
#[derive(Debug, Default)]
struct OfRows {
    rows: Family<TableLabel, Gauge>,
    bytes: Family<TableLabel, Gauge>,
}

/// A family without labels: a gauge that is absent until it has a value, where zero would be a lie.
type NoLabels = [(String, String); 0];
type ByPartition<M> = Family<PartitionLabel, M>;

/// What was written since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows upserted or deleted.
    pub changes: u64,
    /// Of these, rows whose rank changed.
    pub ranks: u64,
    /// Commits.
    pub commits: u64,
}

/// What the counters alone do not hold.
#[derive(Debug)]
struct Seen {
    totals: Counts,
    changes: u64,
    ranks: u64,
    watermark: Option<i64>,
    watermarks: Vec<(PartitionId, i64)>,
    rate: Rate,
    latencies: Latencies,
    amounts: Arc<Vec<Summary>>,
    /// Records committed, and those of them in time.
    in_time: Events,
    /// Seconds looked at, and those of them in which all was fresh.
    fresh: Events,
    burns: [Burn; 4],
}

impl Seen {
    fn events(&self, objective: Objective) -> Events {
        let c = &self.totals;
        match objective {
            Objective::Latency => self.in_time,
            Objective::Freshness => self.fresh,
            Objective::Completeness => Events {
                total: c.read,
                good: c.ranked + c.filtered + c.changes(),
            },
            Objective::Lateness => Events {
                total: c.read - (c.dead + c.duplicate).min(c.read),
                good: c.ranked + c.filtered + c.changes(),
            },
        }
    }
}

/// Every metric of a process. Cheap to share in an `Arc`; all methods take `&self`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    process: Registry,
    objectives: ObjectiveArgs,
    read: ByPartition<Counter>,
    ranked: ByPartition<Counter>,
    late: ByPartition<Counter>,
    partly_late: ByPartition<Counter>,
    retired: ByPartition<Counter>,
    dead: ByPartition<Counter>,
    duplicate: ByPartition<Counter>,
    filtered: ByPartition<Counter>,
    /// Of tables that change: updated, unchanged, deleted, skipped, contradicted, keys moved.
    changed: [ByPartition<Counter>; 6],
    held: OfRows,
    offset: ByPartition<Gauge>,
    source_lag: ByPartition<Gauge>,
    partition_watermark: ByPartition<Seconds>,
    partition_lag: ByPartition<Seconds>,
    watermark: Family<NoLabels, Seconds>,
    watermark_lag: Family<NoLabels, Seconds>,
    commits: Counter,
    commit_number: Gauge,
    changes: Family<ChangeLabel, Counter>,
    rows_written: Family<RankingLabel, Counter>,
    ranks_changed: Family<RankingLabel, Counter>,
    groups: OfGroups,
    joined: OfJoins,
    latency: WeightedHistogram,
    in_flight: Gauge,
    live_keys: Gauge,
    live_windows: Gauge,
    limits: Family<LimitLabel, Gauge>,
    sink_up: Family<SinkLabel, Gauge>,
    sink_retries: Family<SinkLabel, Counter>,
    rows_refused: Family<RefusalLabel, Counter>,
    schema_drift: Family<DriftLabel, Counter>,
    registry_waiting: Gauge,
    standby_lag: Family<ServerLabel, Seconds>,
    standby_commits: Family<ServerLabel, Gauge>,
    check_failures: Family<CheckLabel, Counter>,
    window_checks: Family<WindowCheckLabel, Counter>,
    window_failed_share: Family<NameLabel, Seconds>,
    window_volume_share: Family<NameLabel, Seconds>,
    event_clients: Gauge,
    event_resyncs: Counter,
    staleness: ByPartition<Seconds>,
    commit_duration: Family<SinkLabel, WeightedHistogram>,
    snapshot_last: Family<NoLabels, Seconds>,
    snapshot_duration: Family<NoLabels, Seconds>,
    snapshot_bytes: Family<NoLabels, Gauge>,
    snapshot_rows: Family<NoLabels, Gauge>,
    snapshots: Counter,
    snapshot_failures: Counter,
    /// By [`Export`]'s order.
    exports: [Counter; 4],
    window_start: Family<WindowLabel, Seconds>,
    window_sales: Family<WindowLabel, Gauge>,
    window_sum: Family<WindowLabel, Seconds>,
    window_amount: Family<AmountLabel, Seconds>,
    slo_share: Family<ObjectiveLabel, Seconds>,
    slo_threshold: Family<ObjectiveLabel, Seconds>,
    slo_events: Family<ObjectiveLabel, Counter>,
    slo_good: Family<ObjectiveLabel, Counter>,
    slo_burn: Family<BurnLabel, Seconds>,
    seen: Mutex<Seen>,
    live: Arc<Live>,
}

impl Metrics {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a commit that every sink has written. `now` is when it was; latencies are `now` minus when each part
    /// of the commit's input was read.
    pub fn observe_commit(&self, commit: &Commit, plan: &Plan, now: SystemTime) {
        let at = Instant::now();
        let mut seen = self.seen();
        let mut totals = Counts::default();
        for (partition, counts) in &commit.counts {
            totals.add(counts);
            self.set_counts(*partition, counts, plan.changes());
        }
        if !commit.counts.is_empty() {
            seen.totals = totals;
        }
        for (partition, offset) in &commit.offsets {
            let offset = i64::try_from(*offset).unwrap_or(i64::MAX);
            self.offset
                .get_or_create(&PartitionLabel::of(&self.live, *partition))
                .set(offset);
        }
        seen.watermark = commit.watermark.or(seen.watermark);
        seen.watermarks = commit
            .watermarks
            .iter()
            .filter_map(|(p, w)| w.map(|w| (*p, w)))
            .collect();
        // A commit without a number changed nothing and was not written.
        if commit.number > 0 {
            self.commits.inc();
            self.commit_number
                .set(i64::try_from(commit.number).unwrap_or(i64::MAX));
        }
        seen.changes += commit.changes.len() as u64;
        seen.ranks += self.count_changes(commit, plan);
        seen.amounts = Arc::clone(&commit.amounts);
        let in_time = self.objectives.slo_latency_p99;
        for (arrived, records) in &commit.arrived {
            let latency = now.duration_since(*arrived).unwrap_or_default();
            seen.in_time.total += records;
            if in_time.is_some_and(|most| latency <= most) {
                seen.in_time.good += records;
            }
            self.latency.observe(latency.as_secs_f64(), *records);
            seen.latencies.observe(at, latency, *records);
        }
        let read = seen.totals.read;
        seen.rate.sample(at, read);
    }

    /// The counts of a commit are totals, so they are stored, not added.
    fn set_counts(&self, partition: PartitionId, c: &Counts, changes: bool) {
        let label = PartitionLabel::of(&self.live, partition);
        let always = [
            (&self.read, c.read),
            (&self.ranked, c.ranked),
            (&self.late, c.late),
            (&self.partly_late, c.partly_late),
            (&self.retired, c.retired),
            (&self.dead, c.dead),
            (&self.duplicate, c.duplicate),
            (&self.filtered, c.filtered),
        ];
        let [updated, unchanged, deleted, skipped, contradicted, moved] = &self.changed;
        // From nothing, so that the first is seen as a rise; and none where no table changes.
        let of_changes = [
            (updated, c.updated),
            (unchanged, c.unchanged),
            (deleted, c.deleted),
            (skipped, c.skipped),
            (contradicted, c.contradicted),
            (moved, c.keys_moved),
        ];
        let of_changes = of_changes.into_iter().filter(|_| changes);
        for (family, value) in always.into_iter().chain(of_changes) {
            family
                .get_or_create(&label)
                .inner()
                .store(value, Ordering::Relaxed);
        }
    }

    /// Adds a commit's changes; how many of them moved a rank.
    fn count_changes(&self, commit: &Commit, plan: &Plan) -> u64 {
        // Per ranking: upserts, deletes, rank changed. One label look-up each, however many changes.
        let mut by_ranking = vec![[0u64; 3]; plan.rankings.len()];
        for change in commit.changes.iter() {
            if let Some(n) = by_ranking.get_mut(change.ranking) {
                n[usize::from(change.rank.is_none())] += 1;
                n[2] += u64::from(change.rank != change.previous_rank);
            }
        }
        let ranks = by_ranking.iter().map(|n| n[2]).sum();
        for (ranking, [upserts, deletes, moved]) in plan.rankings.iter().zip(by_ranking) {
            if upserts + deletes == 0 {
                continue;
            }
            for (op, n) in [("upsert", upserts), ("delete", deletes)] {
                let label = ChangeLabel {
                    ranking: ranking.name.clone(),
                    op,
                };
                self.changes.get_or_create(&label).inc_by(n);
            }
            let label = RankingLabel {
                ranking: ranking.name.clone(),
            };
            self.rows_written
                .get_or_create(&label)
                .inc_by(upserts + deletes);
            self.ranks_changed.get_or_create(&label).inc_by(moved);
        }
        ranks
    }

    /// What the threads of this process say of themselves.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// A worker of this process that does not move, and for how long.
    pub fn stuck_worker(&self) -> Option<(usize, std::time::Duration)> {
        self.live.stuck_worker()
    }

    /// Looks each second whether what is shown is fresh, and keeps what burn rates are made from; until these metrics are
    /// dropped.
    pub fn start_sampling(self: &Arc<Self>) -> std::io::Result<()> {
        let metrics: Weak<Metrics> = Arc::downgrade(self);
        let thread = std::thread::Builder::new().name("objectives".to_owned());
        let look = move || {
            while let Some(metrics) = metrics.upgrade() {
                metrics.sample(Instant::now());
                drop(metrics);
                std::thread::sleep(Duration::from_secs(1));
            }
        };
        thread.spawn(look).map(drop)
    }

    fn sample(&self, now: Instant) {
        let stale = self
            .live
            .staleness(now)
            .into_iter()
            .map(|(_, age)| age)
            .max();
        let mut seen = self.seen();
        // Before the source has said where it ends there is nothing to be fresh or stale about.
        if let (Some(most), Some(stale)) = (self.objectives.slo_freshness, stale) {
            seen.fresh.total += 1;
            seen.fresh.good += u64::from(stale <= most);
        }
        for (n, objective) in Objective::ALL.into_iter().enumerate() {
            let events = seen.events(objective);
            seen.burns[n].sample(now, events);
        }
    }

    /// A page began (+1) or ceased (-1) to follow the events; how many do now.
    pub fn event_clients(&self, by: i64) -> i64 {
        self.event_clients.inc_by(by) + by
    }

    /// A page was given a fresh snapshot.
    pub fn event_resynced(&self) {
        self.event_resyncs.inc();
    }

    /// The health numbers now.
    pub fn health(&self) -> Health {
        let now = Instant::now();
        let mut seen = self.seen();
        let recent = seen.latencies.recent(now);
        Health {
            sales_per_second: (seen.rate.per_second(now) * 10.0).round() / 10.0,
            read: seen.totals.read,
            late: seen.totals.late + seen.totals.retired,
            dead_letters: seen.totals.dead,
            changes: seen.changes,
            latency_p50_ms: recent.map(|(p50, _)| p50),
            latency_p99_ms: recent.map(|(_, p99)| p99),
            watermark: seen.watermark.map(format_rfc3339),
        }
    }

    /// The counts over all partitions as of the last commit.
    pub fn totals(&self) -> Counts {
        self.seen().totals
    }

    /// What was written since the start.
    pub fn written(&self) -> Written {
        let seen = self.seen();
        Written {
            changes: seen.changes,
            ranks: seen.ranks,
            commits: self.commits.get(),
        }
    }

    /// The newest windows of `--summary-window`: what was sold in each.
    pub fn amounts(&self) -> Arc<Vec<Summary>> {
        Arc::clone(&self.seen().amounts)
    }

    /// Latencies since the start.
    pub fn latency(&self) -> LatencySummary {
        self.seen().latencies.summary()
    }
}
