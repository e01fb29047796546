//! Incremental by time: a pass asks for what changed since a moment, which lies before the greatest time that was seen.
//!
//! ```text
//! pass n:    since ───────── rows ─────────── greatest
//! pass n+1:                      since' ├─ overlap ─┤            what comes again is told apart by its id
//! ```
//!
//! 1. The moment moves at the end of a pass alone: what a pass that was cut off brought is asked for again.
//! 2. It never goes back, and no row moves it beyond the beginning of the pass: a row that was shown later may belong on a page that
//!    was read before, and a clock that is ahead would hide all that comes after.

use std::time::Duration;

use standings_model::sabotage::{self, Mistake};
use standings_model::time::{format_rfc3339, parse_rfc3339};

/// How an endpoint writes times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Written {
    /// `2026-01-01T00:00:00.000Z`
    #[default]
    Rfc3339,
    /// Seconds since the Unix epoch.
    Seconds,
    /// Milliseconds.
    Millis,
}

/// Where the time of a row is, and how it is asked by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// The column; of a row in a row `order.at`.
    pub column: String,
    /// How it is written.
    pub written: Written,
    /// So long before the greatest time the next pass begins.
    pub overlap: Duration,
    /// Where the first begins, ms.
    pub start: i64,
}

impl Times {
    /// The time of a row by its column's JSON, ms; none where it is no time.
    pub fn read(&self, raw: &str) -> Option<i64> {
        let text = serde_json::from_str::<String>(raw);
        let text = text.as_deref().unwrap_or(raw).trim();
        match self.written {
            Written::Rfc3339 => parse_rfc3339(text.as_bytes()),
            Written::Millis => text.parse().ok(),
            Written::Seconds => {
                // A part of a second is below: the overlap has it.
                let whole = text.split('.').next().unwrap_or(text);
                whole.parse::<i64>().ok()?.checked_mul(1_000)
            }
        }
    }

    /// A moment as it is asked for.
    pub fn text(&self, ms: i64) -> String {
        match self.written {
            Written::Rfc3339 => format_rfc3339(ms),
            Written::Seconds => ms.div_euclid(1_000).to_string(),
            Written::Millis => ms.to_string(),
        }
    }

    /// Where the next pass begins, behind one that began at a time.
    pub fn next(&self, since: i64, greatest: Option<i64>, begun: i64) -> i64 {
        let overlap = match sabotage::is(Mistake::IngestNoOverlap) {
            true => 0,
            false => i64::try_from(self.overlap.as_millis()).unwrap_or(i64::MAX),
        };
        let greatest = greatest.map(|at| at.min(begun).saturating_sub(overlap));
        greatest.map_or(since, |at| at.max(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let mut times = Times {
            column: "at".to_owned(),
            written: Written::Rfc3339,
            overlap: Duration::from_secs(60),
            start: 0,
        };
        let at = times.read("\"2026-01-01T01:00:00+01:00\"").unwrap();
        assert_eq!(times.text(at), "2026-01-01T00:00:00Z");
        assert_eq!(times.read("17"), None);
        assert_eq!(times.next(5, Some(100_000), 1_000_000), 40_000);
        // Never back, and not beyond the beginning.
        assert_eq!(times.next(50_000, Some(100_000), 1_000_000), 50_000);
        assert_eq!(times.next(5, Some(i64::MAX), 100_000), 40_000);
        assert_eq!(times.next(5, None, 100_000), 5);
        times.written = Written::Seconds;
        assert_eq!(
            (times.read("1700000000.9"), times.text(1_700)),
            (Some(1_700_000_000_000), "1".to_owned())
        );
        assert_eq!(times.read("\"99999999999999999999\""), None);
        times.written = Written::Millis;
        assert_eq!(
            (times.read("1700"), times.text(1_700)),
            (Some(1_700), "1700".to_owned())
        );
    }
}
