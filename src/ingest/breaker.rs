//! A breaker of one endpoint: what failed again and again is left alone for a while, and then asked once.
//!
//! ```text
//! closed ──[`FAILURES`] one after the other──► open ──[`OPEN`]──► half open ──well──► closed
//!                                               ▲                    └─failed─┐
//!                                               └─────────────────────────────┘
//! ```

use std::time::{Duration, Instant};

use standings_model::clock::Clock;

/// Failures one after the other that open it.
pub const FAILURES: u32 = 5;
/// How long it is open.
pub const OPEN: Duration = Duration::from_secs(30);

/// A breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    clock: Clock,
    failures: u32,
    until: Option<Instant>,
}

impl Breaker {
    /// Closed.
    pub fn new(clock: Clock) -> Self {
        Breaker {
            clock,
            failures: 0,
            until: None,
        }
    }

    /// How long nobody may be asked; none where one may.
    pub fn closed_to(&self) -> Option<Duration> {
        let left = self.until?.checked_duration_since(self.clock.now())?;
        (!left.is_zero()).then_some(left)
    }

    /// It failed; whether this opened it.
    pub fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        let opens = self.failures >= FAILURES;
        if opens {
            self.until = Some(self.clock.now() + OPEN);
        }
        opens
    }

    /// It went well.
    pub fn done(&mut self) {
        (self.failures, self.until) = (0, None);
    }

    /// Whether it is open, or was and has not been well since.
    pub fn is_open(&self) -> bool {
        self.until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_asks_once_and_closes() {
        let clock = Clock::by_hand();
        let mut breaker = Breaker::new(clock.clone());
        for _ in 1..FAILURES {
            assert!(!breaker.failed());
            assert_eq!(breaker.closed_to(), None);
        }
        assert!(breaker.failed());
        assert_eq!(breaker.closed_to(), Some(OPEN));
        clock.sleep(OPEN - Duration::from_secs(1));
        assert_eq!(breaker.closed_to(), Some(Duration::from_secs(1)));
        clock.sleep(Duration::from_secs(1));
        assert_eq!(breaker.closed_to(), None, "one may ask");
        assert!(breaker.is_open());
        assert!(breaker.failed(), "it was asked once, and failed");
        assert_eq!(breaker.closed_to(), Some(OPEN));
        clock.sleep(OPEN);
        breaker.done();
        assert!(!breaker.is_open() && breaker.closed_to().is_none());
    }
}
