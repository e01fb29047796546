//! Every metric with its name, its unit and what it says.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::labels::ObjectiveLabel;
use super::{Metrics, Seen};
use crate::health::{Latencies, Rate};
use crate::histogram::WeightedHistogram;
use crate::live::Live;
use crate::objectives::{Events, Objective, ObjectiveArgs};
use crate::process::Process;
use standings_model::change::Counts;

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
        let mut metrics = Metrics::unregistered(live, objectives);
        metrics.register_plain();
        metrics.register_with_units();
        metrics
            .process
            .register_collector(Box::new(Process::starting()));
        metrics.set_objectives();
        metrics
    }

    fn unregistered(live: Arc<Live>, objectives: ObjectiveArgs) -> Self {
        Metrics {
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
            changed: Default::default(),
            held: Default::default(),
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
            groups: Default::default(),
            joined: Default::default(),
            latency: WeightedHistogram::default(),
            in_flight: Gauge::default(),
            live_keys: Gauge::default(),
            live_windows: Gauge::default(),
            limits: Family::default(),
            sink_up: Family::default(),
            sink_retries: Family::default(),
            rows_refused: Family::default(),
            schema_drift: Family::default(),
            registry_waiting: Gauge::default(),
            standby_lag: Family::default(),
            standby_commits: Family::default(),
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
        }
    }

    /// Counts and other numbers without a unit.
    fn register_plain(&mut self) {
        let m = self;
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
            "records_updated" "Records that made another row of one that was there" m.changed[0];
            "records_unchanged" "Records that changed nothing: the same row again, the end of one that was not there" m.changed[1];
            "records_deleted" "Records that ended a row, or all rows of the partition" m.changed[2];
            "records_skipped" "Records that are of no row: tombstones of Debezium, heartbeats, borders of transactions" m.changed[3];
            "changes_contradicted" "Changes that say of the row before them what is not so" m.changed[4];
            "keys_moved" "Keys that came in a second partition" m.changed[5];
            "rows_held" "Rows of a table that changes that this process holds" m.held.rows;
            "partition_next_offset" "The next offset to read as of the last commit" m.offset;
            "source_lag_records" "Records in the source that are not committed yet" m.source_lag;
            "commits" "Commits written to every sink" m.commits;
            "commit_number" "Number of the last commit" m.commit_number;
            "changes" "Changes of rows committed" m.changes;
            "rows_written" "Rows upserted or deleted" m.rows_written;
            "ranks_changed" "Of the rows written, those whose rank changed" m.ranks_changed;
            "keys_expired" "Keys of rankings of all time that were let go by their time to live" m.groups.keys_expired;
            "value_errors" "Values computed of groups that had an error and are NULL" m.groups.value_errors;
            "joined_held" "What this process holds of joins: rows alike before they are joined, keys and versions of what they are joined with" m.joined.held;
            "joined_rows_failed" "Rows in no group, since what is computed of them behind a join has an error" m.joined.failed;
            "live_keys" "Pairs of window and key that this process holds totals of" m.live_keys;
            "live_windows" "Open windows of the ranking that has most, as one worker holds them" m.live_windows;
            "limit" "What this process may hold: keys, windows of one ranking, bytes of memory" m.limits;
            "sink_up" "1 while the sink takes commits, 0 while it is waited for" m.sink_up;
            "check_failures" "Sales that this process found to fail a data-quality check" m.check_failures;
            "window_checks" "Windows that the watermark has passed, by how they did in a check" m.window_checks;
            "window_check_failed_share" "Share of the sales of the newest finished hour that failed a check" m.window_failed_share;
            "window_check_volume_share" "Sales of the newest finished window by those of the one it is held against" m.window_volume_share;
            "sink_retries" "Attempts that failed and were tried again" m.sink_retries;
            "sink_rows_refused" "Rows that the sink did not take, while it took others" m.rows_refused;
            "schema_drift" "Columns that a schema which appeared dropped, added or retyped" m.schema_drift;
            "registry_waiting" "Ids that this process waits for a schema registry with" m.registry_waiting;
            "standby_lag_commits" "Commits that the database has shown and this copy of it has not" m.standby_commits;
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
    }

    /// Times, sizes and shares.
    fn register_with_units(&mut self) {
        let m = self;
        let r = &mut m.registry;
        register! { r in Unit::Seconds,
            "partition_watermark" "The partition's watermark, Unix time" m.partition_watermark;
            "partition_watermark_lag" "Now minus the partition's watermark" m.partition_lag;
            "watermark" "The global watermark, Unix time" m.watermark;
            "watermark_lag" "Now minus the global watermark" m.watermark_lag;
            "partition_staleness" "For how long the source has shown something that is not committed" m.staleness;
            "standby_lag" "For how long this copy of the database has been behind it" m.standby_lag;
            "commit_duration" "From handing a commit to the sink to its word that it is durable" m.commit_duration;
            "snapshot_last_success_timestamp" "When the last snapshot was kept, Unix time" m.snapshot_last;
            "snapshot_duration" "From the order to the manifest of the last snapshot kept" m.snapshot_duration;
            "window_start" "Start of a window of --summary-window, Unix time" m.window_start;
            "slo_threshold" "Time that an event may take to be good" m.slo_threshold;
            "read_to_commit" "From reading a record to its commit in every sink" m.latency;
        }
        register! { r in Unit::Bytes,
            "in_flight" "Bytes read but not committed" m.in_flight;
            "joined_held" "About how many bytes what is held of joins takes" m.joined.bytes;
            "rows_held" "Bytes that the rows take that this process holds of a table that changes" m.held.bytes;
            "snapshot" "Bytes of the last snapshot kept" m.snapshot_bytes;
        }
        register! { r in Unit::Other("ratio".to_owned()),
            "slo_objective" "Share of events that must be good" m.slo_share;
        }
    }

    /// What the objectives are, which does not change.
    fn set_objectives(&mut self) {
        for objective in Objective::ALL {
            let label = ObjectiveLabel {
                objective: objective.name(),
            };
            if let Some(share) = self.objectives.share(objective) {
                self.slo_share.get_or_create(&label).set(share);
            }
            if let Some(threshold) = self.objectives.threshold(objective) {
                self.slo_threshold
                    .get_or_create(&label)
                    .set(threshold.as_secs_f64());
            }
        }
    }
}
