//! One partition's own clock.

use standings_model::sabotage::{self, Mistake};

/// Out of order without a bound: the watermark stands still until the partition's end (input that is all there, and of
/// which nothing is said).
pub const STANDS_STILL: i64 = i64::MAX;

/// How event time is judged; all in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// `--out-of-orderness`, or the table's `WATERMARK`: how far the watermark stays behind the greatest event time;
    /// [`STANDS_STILL`]: there is none before the end.
    pub out_of_orderness: i64,
    /// `--allowed-lateness`: how long after its end a window still takes sales.
    pub allowed_lateness: i64,
    /// `--max-ahead`: how far an event time may be after its record's timestamp.
    pub max_ahead: i64,
    /// `--retain`: how far the global watermark may pass a window's last chance before it is dropped.
    pub retain: i64,
}

impl Policy {
    /// The watermark of a partition that has shown this as its greatest event time.
    #[inline]
    pub fn watermark(&self, greatest: Option<i64>) -> Option<i64> {
        match self.out_of_orderness {
            STANDS_STILL => None,
            bound => greatest.map(|t| t.saturating_sub(bound)),
        }
    }

    /// The one that waits longest, of several tables'.
    pub fn widest(policies: &[Policy]) -> Policy {
        let widest = policies.iter().max_by_key(|p| p.out_of_orderness);
        widest.copied().unwrap_or_default()
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            out_of_orderness: 60_000,
            allowed_lateness: 3_600_000,
            max_ahead: 86_400_000,
            retain: 7 * 86_400_000,
        }
    }
}

/// What becomes of a sale in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Counted.
    Counted,
    /// Its own partition had passed the window's last chance.
    Late,
    /// In time for its partition, but the window was dropped by `--retain`.
    Retired,
}

/// The greatest event time that a partition has shown.
///
/// # Examples
///
/// ```
/// use standings_engine::event_time::BEGINNING;
/// use standings_engine::event_time::partition::{PartitionClock, Policy, Verdict};
///
/// const HOUR: i64 = 3_600_000;
/// let policy = Policy { out_of_orderness: 60_000, allowed_lateness: 0, ..Policy::default() };
/// let mut clock = PartitionClock::default();
/// // What becomes of a sale in the window that ends after the first hour:
/// let judge = |clock: &PartitionClock| {
///     PartitionClock::judge(clock.watermark(&policy), HOUR, BEGINNING, &policy)
/// };
/// clock.observe(HOUR + 30_000);
/// assert_eq!(judge(&clock), Verdict::Counted, "a minute out of order is allowed for");
/// clock.observe(HOUR + 60_000);
/// assert_eq!(judge(&clock), Verdict::Late);
/// // An older sale does not turn it back.
/// clock.observe(5);
/// assert_eq!(judge(&clock), Verdict::Late);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PartitionClock {
    greatest: Option<i64>,
}

impl PartitionClock {
    /// A clock that has seen this event time as the greatest.
    pub fn new(greatest: Option<i64>) -> Self {
        PartitionClock { greatest }
    }

    /// The greatest event time so far, ms.
    pub fn greatest(&self) -> Option<i64> {
        self.greatest
    }

    /// The partition's own watermark, before the next record is read.
    pub fn watermark(&self, policy: &Policy) -> Option<i64> {
        policy.watermark(self.greatest)
    }

    /// Judges a sale for the window that ends at `window_end`, given the watermark from before it was read.
    pub fn judge(
        watermark: Option<i64>,
        window_end: i64,
        horizon: i64,
        policy: &Policy,
    ) -> Verdict {
        let lateness = match sabotage::is(Mistake::CorrectionDropped) {
            true => 0,
            false => policy.allowed_lateness,
        };
        if watermark.is_some_and(|w| w >= window_end.saturating_add(lateness)) {
            Verdict::Late
        } else if window_end <= horizon {
            Verdict::Retired
        } else {
            Verdict::Counted
        }
    }

    /// Windows that end at or before this take a sale no more, ms, as [`PartitionClock::judge`] says of each.
    pub fn closed(watermark: Option<i64>, horizon: i64, policy: &Policy) -> i64 {
        let lateness = match sabotage::is(Mistake::CorrectionDropped) {
            true => 0,
            false => policy.allowed_lateness,
        };
        let late = watermark.map(|w| w.saturating_sub(lateness));
        late.map_or(horizon, |late| late.max(horizon))
    }

    /// Notes a valid sale's event time.
    pub fn observe(&mut self, event_time: i64) {
        if self.greatest.is_none_or(|g| event_time > g) {
            self.greatest = Some(event_time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_exactly_at_the_boundary() {
        let policy = Policy {
            out_of_orderness: 10,
            allowed_lateness: 5,
            ..Policy::default()
        };
        let mut clock = PartitionClock::default();
        assert_eq!(
            PartitionClock::judge(clock.watermark(&policy), 0, i64::MIN, &policy),
            Verdict::Counted
        );
        clock.observe(114);
        assert_eq!(
            PartitionClock::judge(clock.watermark(&policy), 100, i64::MIN, &policy),
            Verdict::Counted
        );
        clock.observe(115);
        clock.observe(3);
        let watermark = clock.watermark(&policy);
        assert_eq!(watermark, Some(105));
        assert_eq!(
            PartitionClock::judge(watermark, 100, i64::MIN, &policy),
            Verdict::Late
        );
        assert_eq!(
            PartitionClock::judge(watermark, 101, i64::MIN, &policy),
            Verdict::Counted
        );
        assert_eq!(
            PartitionClock::judge(watermark, 101, 101, &policy),
            Verdict::Retired
        );
    }
}
