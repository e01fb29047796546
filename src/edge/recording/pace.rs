//! When the next record is due.

use std::time::{Duration, Instant};

/// How fast records are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it goes.
    Unbounded,
    /// As they arrived when they were recorded.
    Recorded,
    /// So many a second.
    Rate(u64),
}

impl std::fmt::Display for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pace::Unbounded => f.write_str("max"),
            Pace::Recorded => f.write_str("recorded"),
            Pace::Rate(n) => write!(f, "{n}"),
        }
    }
}

/// A text that is no pace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pace; write max, recorded, or records a second such as 5000")]
pub struct NoPace(String);

/// Parses `max`, `recorded`, or records a second.
pub fn parse(text: &str) -> Result<Pace, NoPace> {
    match text {
        "max" => Ok(Pace::Unbounded),
        "recorded" => Ok(Pace::Recorded),
        n => match n.parse() {
            Ok(n) if (1..=1_000_000_000).contains(&n) => Ok(Pace::Rate(n)),
            _ => Err(NoPace(text.to_owned())),
        },
    }
}

/// Keeps a pace from its start on; the schedule does not slip when a record was given late.
pub struct Pacer {
    pace: Pace,
    started: Instant,
    given: u64,
}

impl Pacer {
    /// Starts now.
    pub fn new(pace: Pace) -> Self {
        Pacer {
            pace,
            started: Instant::now(),
            given: 0,
        }
    }

    /// How long the next record, which arrived `arrived` µs after the recording began, is not due yet.
    pub fn wait(&self, arrived: u64, now: Instant) -> Duration {
        let due = match self.pace {
            Pace::Unbounded => return Duration::ZERO,
            Pace::Recorded => Duration::from_micros(arrived),
            Pace::Rate(n) => Duration::from_secs_f64(self.given as f64 / n as f64),
        };
        due.saturating_sub(now.saturating_duration_since(self.started))
    }

    /// A record was given.
    pub fn given(&mut self) {
        self.given += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_kept() {
        let mut pacer = Pacer::new(Pace::Rate(10));
        let start = pacer.started;
        assert_eq!(pacer.wait(0, start), Duration::ZERO);
        pacer.given();
        assert_eq!(pacer.wait(0, start), Duration::from_millis(100));
        assert_eq!(
            pacer.wait(0, start + Duration::from_secs(1)),
            Duration::ZERO
        );
        let recorded = Pacer::new(Pace::Recorded);
        assert_eq!(
            recorded.wait(5000, recorded.started),
            Duration::from_millis(5)
        );
        assert_eq!(
            Pacer::new(Pace::Unbounded).wait(5000, start),
            Duration::ZERO
        );
        assert_eq!(parse("max"), Ok(Pace::Unbounded));
        assert!(parse("0").is_err() && parse("fast").is_err());
    }
}
