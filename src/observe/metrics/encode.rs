//! The metrics as text: what is known only when somebody asks is taken over first.

use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::{encode_eof, encode_registry};

use super::labels::{
    AmountLabel, BurnLabel, CheckLabel, DriftLabel, LimitLabel, NameLabel, ObjectiveLabel, OfLabel,
    PartitionLabel, RankingLabel, RefusalLabel, ServerLabel, SinkLabel, TableLabel,
    WindowCheckLabel, WindowLabel,
};
use super::{Metrics, Seen};
use crate::live::{Export, Limit};
use crate::objectives::{Objective, SPANS};
use crate::waiting::What;
use standings_model::reject::Refusal;

/// Names of the windows in [`Summary`]'s order.
const WINDOWS: [&str; standings_model::amounts::NEWEST] = ["newest", "previous"];
/// Names of the five numbers.
const STATS: [&str; 5] = ["min", "p25", "median", "p75", "max"];

impl Metrics {
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

    /// What schema registries said, and are waited for with.
    /// Ids that a registry is waited for with.
    fn take_registry(&self) {
        let waiting = self.live.waits.number(What::Registry);
        self.registry_waiting
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    fn take_standbys(&self) {
        // One that does not say how far it is, is not as far as it was.
        self.standby_lag.clear();
        self.standby_commits.clear();
        for (server, lag) in self.live.standbys() {
            let label = ServerLabel { server };
            let seconds = lag.time.as_secs_f64();
            self.standby_lag.get_or_create(&label).set(seconds);
            if let Some(commits) = lag.commits {
                let commits = i64::try_from(commits).unwrap_or(i64::MAX);
                self.standby_commits.get_or_create(&label).set(commits);
            }
        }
    }

    fn take_staleness(&self) {
        for (partition, age) in self.live.staleness(Instant::now()) {
            let label = PartitionLabel::of(&self.live, partition);
            self.staleness.get_or_create(&label).set(age.as_secs_f64());
        }
    }

    /// Rows that are held of tables that change.
    fn take_held(&self) {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for (table, (rows, bytes)) in self.live.held() {
            let label = TableLabel { table };
            self.held.rows.get_or_create(&label).set(signed(rows));
            let of_bytes = self.held.bytes.get_or_create(&label);
            of_bytes.set(signed(bytes));
        }
    }

    /// What is held of joins, where there are any.
    fn take_joined(&self) {
        let failed = self.live.failed_behind();
        self.joined.failed.inner().store(failed, Ordering::Relaxed);
        let Some(joined) = self.live.joined() else {
            return;
        };
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let all = [
            ("rows", joined.rows),
            ("keys", joined.keys),
            ("versions", joined.versions),
        ];
        for (of, n) in all {
            self.joined
                .held
                .get_or_create(&OfLabel { of })
                .set(signed(n));
        }
        let bytes = self.joined.bytes.get_or_create(&[]);
        bytes.set(signed(joined.bytes));
    }

    fn take_counted(&self) {
        for (ranking, errors) in self.live.take_value_errors() {
            let label = RankingLabel { ranking };
            self.groups
                .value_errors
                .get_or_create(&label)
                .inc_by(errors);
        }
        for (ranking, keys) in self.live.take_expired() {
            let label = RankingLabel { ranking };
            self.groups.keys_expired.get_or_create(&label).inc_by(keys);
        }
    }

    /// Fields that came, went or changed their type.
    fn take_drifts(&self) {
        for ((table, kind), n) in self.live.schema_drifts() {
            let label = DriftLabel { table, kind };
            let counter = self.schema_drift.get_or_create(&label);
            counter.inner().store(n, Ordering::Relaxed);
        }
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
        self.take_staleness();
        for (sink, histogram) in self.live.commits() {
            let label = SinkLabel { sink };
            self.commit_duration.get_or_create(&label).set(&histogram);
        }
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.in_flight.set(signed(self.live.in_flight()));
        self.live_keys.set(signed(self.live.keys()));
        self.live_windows.set(signed(self.live.windows()));
        self.take_held();
        self.take_counted();
        self.take_joined();
        for limit in Limit::ALL {
            if let Some(most) = self.live.limit(limit) {
                let label = LimitLabel {
                    limit: limit.name(),
                };
                self.limits.get_or_create(&label).set(signed(most));
            }
        }
        for (partition, records) in self.live.lags() {
            let label = PartitionLabel::of(&self.live, partition);
            self.source_lag.get_or_create(&label).set(signed(records));
        }
        self.take_standbys();
        let refused = self.live.refused();
        for (sink, up, retries) in self.live.sinks() {
            // From nothing, so that the first is seen as a rise.
            for reason in Refusal::ALL {
                let of = (sink.clone(), reason);
                let label = RefusalLabel {
                    sink: sink.clone(),
                    reason: reason.word(),
                };
                let counter = self.rows_refused.get_or_create(&label);
                let n = refused.get(&of).copied().unwrap_or(0);
                counter.inner().store(n, Ordering::Relaxed);
            }
            let label = SinkLabel { sink };
            self.sink_up.get_or_create(&label).set(i64::from(up));
            let counter = self.sink_retries.get_or_create(&label);
            counter.inner().store(retries, Ordering::Relaxed);
        }
        self.take_drifts();
        self.take_registry();
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

    /// All metrics as OpenMetrics text (which Prometheus reads); [`CONTENT_TYPE`](super::CONTENT_TYPE) is its type.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        self.take_live();
        let seen = self.seen();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        for (partition, ms) in &seen.watermarks {
            let label = PartitionLabel::of(&self.live, *partition);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::live::{Lag, Live};
    use crate::objectives::ObjectiveArgs;

    #[test]
    fn rows_refused_begin_at_nothing_and_a_copy_is_told_of_while_it_answers() {
        let live = Arc::new(Live::new(1));
        let metrics = Metrics::new(Arc::clone(&live), ObjectiveArgs::default());
        let told = || metrics.encode().unwrap();
        live.sink("p", true);
        let refused = |reason: &str| {
            format!("standings_sink_rows_refused_total{{sink=\"p\",reason=\"{reason}\"}}")
        };
        for reason in Refusal::ALL {
            let line = format!("{} 0\n", refused(reason.word()));
            assert!(told().contains(&line), "{line} in {}", told());
        }
        assert_eq!(live.rows_refused("p", [Refusal::Value; 3]), (0, 3));
        assert_eq!(live.rows_refused("p", [Refusal::Trigger]), (3, 4));
        for (reason, n) in [("value", 3), ("trigger", 1), ("policy", 0)] {
            assert!(told().contains(&format!("{} {n}\n", refused(reason))));
        }

        let lag = |commits| Lag {
            time: Duration::from_millis(1500),
            commits,
        };
        live.standby("replica-1", Some(lag(Some(7))));
        live.standby("from", Some(lag(None)));
        for line in [
            "standings_standby_lag_seconds{server=\"replica-1\"} 1.5\n",
            "standings_standby_lag_seconds{server=\"from\"} 1.5\n",
            "standings_standby_lag_commits{server=\"replica-1\"} 7\n",
        ] {
            assert!(told().contains(line), "{line} in {}", told());
        }
        assert!(!told().contains("lag_commits{server=\"from\"}"));
        live.standby("replica-1", None);
        assert!(!told().contains("replica-1"), "{}", told());
    }
}
