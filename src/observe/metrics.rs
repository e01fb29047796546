//! Prometheus metrics of a run, all named `standings_…`, and the health numbers drawn from the same observations.
//!
//! `read = ranked + late + retired + dead-lettered + duplicate + filtered` holds at every commit, in the counters too: they are
//! set together from one commit's counts while [`Metrics::encode`] waits.
//! Rows written per rank changed is `standings_rows_written_total / standings_ranks_changed_total`, by ranking.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::health::{Health, Latencies, LatencySummary, Rate};
use super::histogram::WeightedHistogram;
use super::live::{Export, Limit, Live};
use super::objectives::{Burn, Events, Objective, ObjectiveArgs, SPANS};
use super::process::Process;
use crate::model::amounts::Summary;
use crate::model::block::PartitionId;
use crate::model::change::{Commit, Counts};
use crate::model::plan::Plan;
use crate::model::time::format_rfc3339;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartitionLabel {
    partition: PartitionId,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabel {
    ranking: String,
    op: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RankingLabel {
    ranking: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabel {
    sink: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabel {
    check: String,
    action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WindowCheckLabel {
    check: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabel {
    check: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectiveLabel {
    objective: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BurnLabel {
    objective: &'static str,
    span: &'static str,
}

/// A window by its place, not by its time: the number of series stays the same for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WindowLabel {
    window: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AmountLabel {
    window: &'static str,
    stat: &'static str,
}

/// Names of the windows in [`Summary`]'s order.
const WINDOWS: [&str; crate::model::amounts::NEWEST] = ["newest", "previous"];
/// Names of the five numbers.
const STATS: [&str; 5] = ["min", "p25", "median", "p75", "max"];

type Seconds = Gauge<f64, AtomicU64>;
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
                good: c.ranked + c.filtered,
            },
            Objective::Lateness => Events {
                total: c.read - (c.dead + c.duplicate).min(c.read),
                good: c.ranked + c.filtered,
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
    latency: WeightedHistogram,
    in_flight: Gauge,
    live_keys: Gauge,
    live_windows: Gauge,
    limits: Family<LimitLabel, Gauge>,
    sink_up: Family<SinkLabel, Gauge>,
    sink_retries: Family<SinkLabel, Counter>,
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

macro_rules! register {
    ($registry:ident, $($name:literal $help:literal $metric:expr;)*) => {
        $($registry.register($name, $help, $metric.clone());)*
    };
    ($registry:ident in $unit:expr, $($name:literal $help:literal $metric:expr;)*) => {
        $($registry.register_with_unit($name, $help, $unit, $metric.clone());)*
    };
}

impl Metrics {
    /// All at zero.
    pub fn new(live: Arc<Live>, objectives: ObjectiveArgs) -> Self {
        let mut m = Metrics {
            registry: Registry::with_prefix("standings"),
            process: Registry::default(),
            objectives,
            read: Family::default(),
            ranked: Family::default(),
            late: Family::default(),
            partly_late: Family::default(),
            retired: Family::default(),
            dead: Family::default(),
            duplicate: Family::default(),
            filtered: Family::default(),
            offset: Family::default(),
            source_lag: Family::default(),
            partition_watermark: Family::default(),
            partition_lag: Family::default(),
            watermark: Family::default(),
            watermark_lag: Family::default(),
            commits: Counter::default(),
            commit_number: Gauge::default(),
            changes: Family::default(),
            rows_written: Family::default(),
            ranks_changed: Family::default(),
            latency: WeightedHistogram::default(),
            in_flight: Gauge::default(),
            live_keys: Gauge::default(),
            live_windows: Gauge::default(),
            limits: Family::default(),
            sink_up: Family::default(),
            sink_retries: Family::default(),
            check_failures: Family::default(),
            window_checks: Family::default(),
            window_failed_share: Family::default(),
            window_volume_share: Family::default(),
            event_clients: Gauge::default(),
            event_resyncs: Counter::default(),
            staleness: Family::default(),
            commit_duration: Family::default(),
            snapshot_last: Family::default(),
            snapshot_duration: Family::default(),
            snapshot_bytes: Family::default(),
            snapshot_rows: Family::default(),
            snapshots: Counter::default(),
            snapshot_failures: Counter::default(),
            exports: Default::default(),
            window_start: Family::default(),
            window_sales: Family::default(),
            window_sum: Family::default(),
            window_amount: Family::default(),
            slo_share: Family::default(),
            slo_threshold: Family::default(),
            slo_events: Family::default(),
            slo_good: Family::default(),
            slo_burn: Family::default(),
            seen: Mutex::new(Seen {
                totals: Counts::default(),
                changes: 0,
                ranks: 0,
                watermark: None,
                watermarks: Vec::new(),
                rate: Rate::default(),
                latencies: Latencies::new(Instant::now()),
                amounts: Arc::default(),
                in_time: Events::default(),
                fresh: Events::default(),
                burns: Default::default(),
            }),
            live,
        };
        let r = &mut m.registry;
        register! { r,
            "records_read" "Records read" m.read;
            "records_ranked" "Records counted in at least one window" m.ranked;
            "records_late" "Sales too late for every window" m.late;
            "records_partly_late" "Sales ranked, but too late for some window" m.partly_late;
            "records_retired" "Sales whose windows were all dropped by --retain" m.retired;
            "records_dead_lettered" "Records that could not be read as a sale" m.dead;
            "records_duplicate" "Sales that a check of uniqueness made dead letters" m.duplicate;
            "records_filtered" "Sales that pass no ranking's WHERE" m.filtered;
            "partition_next_offset" "The next offset to read as of the last commit" m.offset;
            "source_lag_records" "Records in the source that are not committed yet" m.source_lag;
            "commits" "Commits written to every sink" m.commits;
            "commit_number" "Number of the last commit" m.commit_number;
            "changes" "Changes of rows committed" m.changes;
            "rows_written" "Rows upserted or deleted" m.rows_written;
            "ranks_changed" "Of the rows written, those whose rank changed" m.ranks_changed;
            "live_keys" "Pairs of window and key that this process holds totals of" m.live_keys;
            "live_windows" "Open windows of the ranking that has most, as one worker holds them" m.live_windows;
            "limit" "What this process may hold: keys, windows of one ranking, bytes of memory" m.limits;
            "sink_up" "1 while the sink takes commits, 0 while it is waited for" m.sink_up;
            "check_failures" "Sales that this process found to fail a data-quality check" m.check_failures;
            "window_checks" "Windows that the watermark has passed, by how they did in a check" m.window_checks;
            "window_check_failed_share" "Share of the sales of the newest finished hour that failed a check" m.window_failed_share;
            "window_check_volume_share" "Sales of the newest finished window by those of the one it is held against" m.window_volume_share;
            "sink_retries" "Attempts that failed and were tried again" m.sink_retries;
            "http_event_clients" "Pages that follow the events now" m.event_clients;
            "http_event_resyncs" "Times a page was given a snapshot instead of changes" m.event_resyncs;
            "snapshots" "Snapshots kept" m.snapshots;
            "snapshot_failures" "Parts or manifests of snapshots that could not be written" m.snapshot_failures;
            "lineage_events" "Lineage events that were taken" m.exports[0];
            "lineage_events_dropped" "Lineage events that were refused, or waited too long" m.exports[1];
            "trace_spans" "Spans that were taken" m.exports[2];
            "trace_spans_dropped" "Spans that were refused, or waited too long" m.exports[3];
            "snapshot_rows" "Rows of the last snapshot kept" m.snapshot_rows;
            "window_sales" "Sales counted in a window of --summary-window" m.window_sales;
            "window_amount" "Five numbers of the sales' amounts in a window of --summary-window" m.window_amount;
            "window_turnover" "Sum of the sales' amounts in a window of --summary-window" m.window_sum;
            "slo_events" "Events that an objective is about" m.slo_events;
            "slo_good_events" "Of these, events that kept the objective" m.slo_good;
            "slo_burn_rate" "Share of bad events over the span, in shares that may be bad" m.slo_burn;
        }
        register! { r in Unit::Seconds,
            "partition_watermark" "The partition's watermark, Unix time" m.partition_watermark;
            "partition_watermark_lag" "Now minus the partition's watermark" m.partition_lag;
            "watermark" "The global watermark, Unix time" m.watermark;
            "watermark_lag" "Now minus the global watermark" m.watermark_lag;
            "partition_staleness" "For how long the source has shown something that is not committed" m.staleness;
            "commit_duration" "From handing a commit to the sink to its word that it is durable" m.commit_duration;
            "snapshot_last_success_timestamp" "When the last snapshot was kept, Unix time" m.snapshot_last;
            "snapshot_duration" "From the order to the manifest of the last snapshot kept" m.snapshot_duration;
            "window_start" "Start of a window of --summary-window, Unix time" m.window_start;
            "slo_threshold" "Time that an event may take to be good" m.slo_threshold;
            "read_to_commit" "From reading a record to its commit in every sink" m.latency;
        }
        register! { r in Unit::Bytes,
            "in_flight" "Bytes read but not committed" m.in_flight;
            "snapshot" "Bytes of the last snapshot kept" m.snapshot_bytes;
        }
        register! { r in Unit::Other("ratio".to_owned()),
            "slo_objective" "Share of events that must be good" m.slo_share;
        }
        r.register(
            "build",
            "Which build this is",
            Info::new([
                ("version", env!("CARGO_PKG_VERSION")),
                (
                    "revision",
                    option_env!("STANDINGS_REVISION").unwrap_or("unknown"),
                ),
            ]),
        );
        m.process.register_collector(Box::new(Process::starting()));
        for objective in Objective::ALL {
            let label = ObjectiveLabel {
                objective: objective.name(),
            };
            if let Some(share) = m.objectives.share(objective) {
                m.slo_share.get_or_create(&label).set(share);
            }
            if let Some(threshold) = m.objectives.threshold(objective) {
                m.slo_threshold
                    .get_or_create(&label)
                    .set(threshold.as_secs_f64());
            }
        }
        m
    }

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
            self.set_counts(*partition, counts);
        }
        if !commit.counts.is_empty() {
            seen.totals = totals;
        }
        for (partition, offset) in &commit.offsets {
            let offset = i64::try_from(*offset).unwrap_or(i64::MAX);
            self.offset
                .get_or_create(&PartitionLabel {
                    partition: *partition,
                })
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
    fn set_counts(&self, partition: PartitionId, c: &Counts) {
        let label = PartitionLabel { partition };
        for (family, value) in [
            (&self.read, c.read),
            (&self.ranked, c.ranked),
            (&self.late, c.late),
            (&self.partly_late, c.partly_late),
            (&self.retired, c.retired),
            (&self.dead, c.dead),
            (&self.duplicate, c.duplicate),
            (&self.filtered, c.filtered),
        ] {
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
        for change in &commit.changes {
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

    fn encode_objectives(&self, seen: &Seen) {
        let now = Instant::now();
        for (n, objective) in Objective::ALL.into_iter().enumerate() {
            let Some(share) = self.objectives.share(objective) else {
                continue;
            };
            let name = objective.name();
            let events = seen.events(objective);
            let label = ObjectiveLabel { objective: name };
            for (family, value) in [
                (&self.slo_events, events.total),
                (&self.slo_good, events.good),
            ] {
                family
                    .get_or_create(&label)
                    .inner()
                    .store(value, Ordering::Relaxed);
            }
            for (span, length) in SPANS {
                let rate = seen.burns[n].rate(now, events, length, share);
                let label = BurnLabel {
                    objective: name,
                    span,
                };
                self.slo_burn.get_or_create(&label).set(rate);
            }
        }
    }

    fn encode_amounts(&self, seen: &Seen) {
        for (window, summary) in WINDOWS.into_iter().zip(seen.amounts.iter()) {
            let label = WindowLabel { window };
            let start = summary.window_start as f64 / 1000.0;
            self.window_start.get_or_create(&label).set(start);
            let sales = i64::try_from(summary.count).unwrap_or(i64::MAX);
            self.window_sales.get_or_create(&label).set(sales);
            // Minor units to units: for eyes, not for books.
            self.window_sum
                .get_or_create(&label)
                .set(summary.sum as f64 / 100.0);
            for (stat, value) in STATS.into_iter().zip(summary.five_numbers()) {
                let label = AmountLabel { window, stat };
                self.window_amount
                    .get_or_create(&label)
                    .set(value as f64 / 100.0);
            }
        }
    }

    fn take_snapshots(&self) {
        let state = self.live.snapshots();
        self.snapshots.inner().store(state.kept, Ordering::Relaxed);
        self.snapshot_failures
            .inner()
            .store(state.failures, Ordering::Relaxed);
        let Some(last) = state.last else {
            return;
        };
        let at = last
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        self.snapshot_last.get_or_create(&[]).set(at);
        self.snapshot_duration
            .get_or_create(&[])
            .set(state.took.as_secs_f64());
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.snapshot_bytes
            .get_or_create(&[])
            .set(signed(state.bytes));
        self.snapshot_rows
            .get_or_create(&[])
            .set(signed(state.rows));
    }

    /// Takes over what the threads of this process say of themselves.
    fn take_live(&self) {
        self.take_snapshots();
        let exports = [
            Export::Lineage,
            Export::LineageDropped,
            Export::Spans,
            Export::SpansDropped,
        ];
        for (counter, what) in self.exports.iter().zip(exports) {
            counter
                .inner()
                .store(self.live.exports(what), Ordering::Relaxed);
        }
        for (partition, age) in self.live.staleness(Instant::now()) {
            let label = PartitionLabel { partition };
            self.staleness.get_or_create(&label).set(age.as_secs_f64());
        }
        for (sink, histogram) in self.live.commits() {
            let label = SinkLabel { sink };
            self.commit_duration.get_or_create(&label).set(&histogram);
        }
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.in_flight.set(signed(self.live.in_flight()));
        self.live_keys.set(signed(self.live.keys()));
        self.live_windows.set(signed(self.live.windows()));
        for limit in Limit::ALL {
            if let Some(most) = self.live.limit(limit) {
                let label = LimitLabel {
                    limit: limit.name(),
                };
                self.limits.get_or_create(&label).set(signed(most));
            }
        }
        for (partition, records) in self.live.lags() {
            let label = PartitionLabel { partition };
            self.source_lag.get_or_create(&label).set(signed(records));
        }
        for (sink, up, retries) in self.live.sinks() {
            let label = SinkLabel { sink };
            self.sink_up.get_or_create(&label).set(i64::from(up));
            let counter = self.sink_retries.get_or_create(&label);
            counter.inner().store(retries, Ordering::Relaxed);
        }
        for (check, action, failed) in self.live.checks() {
            let counter = self
                .check_failures
                .get_or_create(&CheckLabel { check, action });
            counter.inner().store(failed, Ordering::Relaxed);
        }
        for (check, seen) in self.live.window_checks() {
            for (outcome, n) in seen.outcomes() {
                let (check, outcome) = (check.clone(), outcome.word());
                let label = WindowCheckLabel { check, outcome };
                let counter = self.window_checks.get_or_create(&label);
                counter.inner().store(n, Ordering::Relaxed);
            }
            let label = NameLabel { check };
            if let Some(share) = seen.failed_share {
                self.window_failed_share.get_or_create(&label).set(share);
            }
            if let Some(share) = seen.volume_share {
                self.window_volume_share.get_or_create(&label).set(share);
            }
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

    /// Latencies since the start.
    pub fn latency(&self) -> LatencySummary {
        self.seen().latencies.summary()
    }

    /// All metrics as OpenMetrics text (which Prometheus reads); [`CONTENT_TYPE`] is its type.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        self.take_live();
        let seen = self.seen();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        for (partition, ms) in &seen.watermarks {
            let label = PartitionLabel {
                partition: *partition,
            };
            let seconds = *ms as f64 / 1000.0;
            self.partition_watermark.get_or_create(&label).set(seconds);
            self.partition_lag.get_or_create(&label).set(now - seconds);
        }
        if let Some(ms) = seen.watermark {
            let seconds = ms as f64 / 1000.0;
            self.watermark.get_or_create(&[]).set(seconds);
            self.watermark_lag.get_or_create(&[]).set(now - seconds);
        }
        self.encode_objectives(&seen);
        self.encode_amounts(&seen);
        drop(seen);
        let mut text = String::with_capacity(16_384);
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &self.process)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}
