//! Service level objectives: what was promised, how often it was kept, and how fast the error budget burns.
//!
//! An objective is a share of events that must be good: records committed in time, seconds in which the rows shown were
//! fresh, records that were ranked, sales that were not late. Its burn rate is the share of bad events over a span of
//! time, in shares that may be bad: at 1 the budget lasts exactly as long as the objective is kept for, at 14.4 a budget
//! of 30 days is gone in two.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clap::Args;

use standings_model::duration::parse_duration;

/// `--slo-…`. Without one there is no such objective.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct ObjectiveArgs {
    /// Objective: 99 % of records are committed to every sink within this time of being read.
    #[arg(long, env = "STANDINGS_SLO_LATENCY_P99", value_name = "D", value_parser = parse_duration)]
    pub slo_latency_p99: Option<Duration>,
    /// Objective: in 99.9 % of all seconds, no record that the source shows is older than this and not yet committed.
    #[arg(long, env = "STANDINGS_SLO_FRESHNESS", value_name = "D", value_parser = parse_duration)]
    pub slo_freshness: Option<Duration>,
    /// Objective: so many percent of all records read count (neither late nor dead letters), such as 99.9.
    #[arg(long, env = "STANDINGS_SLO_COMPLETENESS", value_name = "PERCENT", value_parser = percent)]
    pub slo_completeness: Option<f64>,
    /// Objective: at most so many percent of all sales are late, such as 0.1.
    #[arg(long, env = "STANDINGS_SLO_LATENESS", value_name = "PERCENT", value_parser = percent)]
    pub slo_lateness: Option<f64>,
}

/// A text that is no percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a percentage above 0 and below 100, such as 99.9")]
struct NoPercentage;

fn percent(text: &str) -> Result<f64, NoPercentage> {
    let number = text.trim_end_matches('%').parse::<f64>().ok();
    number
        .filter(|p| *p > 0.0 && *p < 100.0)
        .ok_or(NoPercentage)
}

/// Which objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Objective {
    /// `--slo-latency-p99`.
    Latency,
    /// `--slo-freshness`.
    Freshness,
    /// `--slo-completeness`.
    Completeness,
    /// `--slo-lateness`.
    Lateness,
}

impl Objective {
    /// All of them.
    pub const ALL: [Objective; 4] = [
        Objective::Latency,
        Objective::Freshness,
        Objective::Completeness,
        Objective::Lateness,
    ];

    /// The label's value.
    pub fn name(self) -> &'static str {
        match self {
            Objective::Latency => "latency",
            Objective::Freshness => "freshness",
            Objective::Completeness => "completeness",
            Objective::Lateness => "lateness",
        }
    }
}

impl ObjectiveArgs {
    /// The share of events that must be good, if there is such an objective.
    pub fn share(&self, of: Objective) -> Option<f64> {
        match of {
            Objective::Latency => self.slo_latency_p99.map(|_| 0.99),
            Objective::Freshness => self.slo_freshness.map(|_| 0.999),
            Objective::Completeness => self.slo_completeness.map(|p| p / 100.0),
            Objective::Lateness => self.slo_lateness.map(|p| 1.0 - p / 100.0),
        }
    }

    /// The time that an event may take to be good, where it is about time.
    pub fn threshold(&self, of: Objective) -> Option<Duration> {
        match of {
            Objective::Latency => self.slo_latency_p99,
            Objective::Freshness => self.slo_freshness,
            Objective::Completeness | Objective::Lateness => None,
        }
    }
}

/// Events of an objective since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// All.
    pub total: u64,
    /// Those that kept the objective.
    pub good: u64,
}

/// Spans over which burn rates are told, and their labels.
pub const SPANS: [(&str, Duration); 2] = [
    ("5m", Duration::from_secs(300)),
    ("1h", Duration::from_secs(3600)),
];

/// Between two samples that are kept.
const EVERY: Duration = Duration::from_secs(10);

/// Samples of [`Events`] over the longest span: 362 at most.
#[derive(Debug, Default)]
pub struct Burn(VecDeque<(Instant, Events)>);

impl Burn {
    /// Keeps what the counters show now, at most one sample each ten seconds.
    pub fn sample(&mut self, now: Instant, events: Events) {
        if let Some((last, before)) = self.0.back() {
            if now.saturating_duration_since(*last) < EVERY {
                return;
            }
            // Counts of a snapshot were taken over: what is before is of another life.
            if events.total < before.total || events.good < before.good {
                self.0.clear();
            }
        }
        self.0.push_back((now, events));
        let longest = SPANS[SPANS.len() - 1].1 + EVERY;
        while self.0.len() > 2 && now.saturating_duration_since(self.0[0].0) > longest {
            self.0.pop_front();
        }
    }

    /// The burn rate over a span up to now (since the start if that is shorter). Without events it is 0.
    pub fn rate(&self, now: Instant, events: Events, span: Duration, share: f64) -> f64 {
        // The newest sample that is at least as old as the span; else the oldest there is.
        let old_enough = |(at, _): &&(Instant, Events)| now.saturating_duration_since(*at) >= span;
        let Some((_, then)) = self.0.iter().rev().find(old_enough).or(self.0.front()) else {
            return 0.0;
        };
        let total = events.total.saturating_sub(then.total);
        let bad = total.saturating_sub(events.good.saturating_sub(then.good));
        match total {
            0 => 0.0,
            _ => bad as f64 / total as f64 / (1.0 - share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burn_rate_is_of_its_span() {
        let start = Instant::now();
        let mut burn = Burn::default();
        let mut events = Events::default();
        burn.sample(start, events);
        // An hour without fault, then five minutes with one event in ten bad.
        for second in 1..=3900u64 {
            events.total += 10;
            events.good += if second > 3600 { 9 } else { 10 };
            burn.sample(start + Duration::from_secs(second), events);
        }
        let now = start + Duration::from_secs(3900);
        let rate = |span| burn.rate(now, events, Duration::from_secs(span), 0.99);
        assert!((rate(300) - 10.0).abs() < 1e-9, "{}", rate(300));
        assert!((rate(3600) - 10.0 / 12.0).abs() < 1e-9, "{}", rate(3600));
        assert!(burn.0.len() <= 363);
        // A quarter of an hour later without an event.
        let later = now + Duration::from_secs(900);
        burn.sample(later, events);
        assert_eq!(
            burn.rate(later, events, Duration::from_secs(300), 0.99),
            0.0
        );
    }

    #[test]
    fn percentages_that_promise_all_or_nothing_are_refused() {
        assert_eq!(percent("99.9"), Ok(99.9));
        assert_eq!(percent("0.1%"), Ok(0.1));
        for wrong in ["0", "100", "-1", "NaN", "x"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
