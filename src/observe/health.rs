//! The few numbers a person looks at first: how fast, how late, how much was refused. The page and the demo show them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

/// Health numbers, as the page's events carry them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Health {
    /// Sales read per second, over the last seconds.
    pub sales_per_second: f64,
    /// Records read since the start.
    pub read: u64,
    /// Late and retired sales since the start.
    pub late: u64,
    /// Dead letters since the start.
    pub dead_letters: u64,
    /// Changes committed since the start.
    pub changes: u64,
    /// Median of read to commit over the last seconds, ms; `None` when nothing was read in them.
    pub latency_p50_ms: Option<f64>,
    /// 99th percentile of the same.
    pub latency_p99_ms: Option<f64>,
    /// The global watermark, RFC 3339.
    pub watermark: Option<String>,
}

/// Latency quantiles since the start, for the summary at the end of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatencySummary {
    /// Records measured.
    pub count: u64,
    /// Median, ms.
    pub p50_ms: f64,
    /// 99th percentile, ms.
    pub p99_ms: f64,
    /// Greatest, ms.
    pub max_ms: f64,
}

/// How far back "the last seconds" goes.
const SPAN: Duration = Duration::from_secs(5);

/// Records read, sampled: a rate over the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    /// Notes the total at an instant, at most one sample per 50 ms, which bounds memory.
    pub(super) fn sample(&mut self, at: Instant, total: u64) {
        let n = self.0.len();
        // Against the sample before the last, so that the last one moves on with the time.
        if n > 1 && at.saturating_duration_since(self.0[n - 2].0) < Duration::from_millis(50) {
            self.0[n - 1] = (at, total);
        } else {
            self.0.push_back((at, total));
        }
        self.forget(at);
    }

    fn forget(&mut self, now: Instant) {
        while self.0.len() > 1 && now.saturating_duration_since(self.0[0].0) > SPAN {
            self.0.pop_front();
        }
    }

    /// Per second, up to now: falls to zero when nothing comes.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else {
            return 0.0;
        };
        let seconds = now
            .saturating_duration_since(first.0)
            .as_secs_f64()
            .max(0.1);
        last.1.saturating_sub(first.1) as f64 / seconds
    }
}

/// Latencies: all of them, and those of the last five to ten seconds in two halves that take turns.
#[derive(Debug)]
pub(super) struct Latencies {
    total: Histogram<u64>,
    recent: Histogram<u64>,
    older: Histogram<u64>,
    turned: Instant,
}

/// Greatest latency told apart, in µs: an hour.
const GREATEST: u64 = 3_600_000_000;

impl Latencies {
    pub(super) fn new(now: Instant) -> Self {
        // Cannot fail: 1 < 2 * 1 <= GREATEST and 3 digits are within what the type takes.
        let histogram = || Histogram::new_with_bounds(1, GREATEST, 3).expect("valid bounds");
        Latencies {
            total: histogram(),
            recent: histogram(),
            older: histogram(),
            turned: now,
        }
    }

    fn turn(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.turned);
        if since >= SPAN {
            std::mem::swap(&mut self.recent, &mut self.older);
            self.recent.reset();
            if since >= 2 * SPAN {
                self.older.reset();
            }
            self.turned = now;
        }
    }

    pub(super) fn observe(&mut self, now: Instant, latency: Duration, weight: u64) {
        self.turn(now);
        let us = u64::try_from(latency.as_micros())
            .unwrap_or(GREATEST)
            .clamp(1, GREATEST);
        self.total.saturating_record_n(us, weight);
        self.recent.saturating_record_n(us, weight);
    }

    /// Median and 99th percentile of the last seconds, ms.
    pub(super) fn recent(&mut self, now: Instant) -> Option<(f64, f64)> {
        self.turn(now);
        let mut both = self.older.clone();
        // Cannot fail: the same bounds; and losing a sample of the health strip would be no harm.
        let _ = both.add(&self.recent);
        (!both.is_empty()).then(|| (ms(&both, 0.5), ms(&both, 0.99)))
    }

    pub(super) fn summary(&self) -> LatencySummary {
        LatencySummary {
            count: self.total.len(),
            p50_ms: ms(&self.total, 0.5),
            p99_ms: ms(&self.total, 0.99),
            max_ms: self.total.max() as f64 / 1000.0,
        }
    }
}

fn ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_follows_the_last_seconds_and_falls_to_zero() {
        let start = Instant::now();
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(start), 0.0);
        for i in 0..=1000u64 {
            rate.sample(start + Duration::from_millis(10 * i), 50 * i);
        }
        let now = start + Duration::from_secs(10);
        assert!((rate.per_second(now) - 5000.0).abs() < 100.0);
        // Every second sample is at least 50 ms after the one two before it.
        assert!(rate.0.len() <= 202, "{}", rate.0.len());
        assert_eq!(rate.per_second(now + Duration::from_secs(60)), 0.0);
    }

    #[test]
    fn latencies_are_of_the_last_seconds_and_of_all() {
        let start = Instant::now();
        let mut l = Latencies::new(start);
        assert_eq!(l.recent(start), None);
        l.observe(start, Duration::from_millis(2), 995);
        l.observe(start, Duration::from_millis(900), 5);
        let (p50, p99) = l.recent(start + Duration::from_secs(6)).unwrap();
        assert!((p50 - 2.0).abs() < 0.1 && p99 < 3.0, "{p50} {p99}");
        assert_eq!(l.recent(start + Duration::from_secs(60)), None);
        let all = l.summary();
        assert_eq!(all.count, 1000);
        assert!((all.max_ms - 900.0).abs() < 2.0);
    }
}
