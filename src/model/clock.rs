//! Where waits and intervals take their time from: the machine, or a simulator that turns the hands itself. Event time
//! never comes from here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A clock; copies of it show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Hands>>);

#[derive(Debug)]
struct Hands {
    start: Instant,
    /// Nanoseconds since `start`.
    passed: AtomicU64,
}

impl Clock {
    /// A clock that stands still until [`Clock::sleep`] turns it. Its first hour has passed already, so that
    /// "long ago" can be said.
    pub fn by_hand() -> Self {
        Clock(Some(Arc::new(Hands {
            start: Instant::now(),
            passed: AtomicU64::new(3_600_000_000_000),
        })))
    }

    /// Now.
    pub fn now(&self) -> Instant {
        match &self.0 {
            None => Instant::now(),
            Some(hands) => hands.start + Duration::from_nanos(hands.passed.load(Ordering::Relaxed)),
        }
    }

    /// Now, as people write it.
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(hands) => {
                SystemTime::UNIX_EPOCH + Duration::from_nanos(hands.passed.load(Ordering::Relaxed))
            }
        }
    }

    /// How long ago an instant was.
    pub fn since(&self, then: Instant) -> Duration {
        self.now().saturating_duration_since(then)
    }

    /// Waits; a clock by hand is turned on by as much.
    pub fn sleep(&self, time: Duration) {
        match &self.0 {
            None => std::thread::sleep(time),
            Some(hands) => {
                hands
                    .passed
                    .fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_turn_together() {
        let clock = Clock::by_hand();
        let (then, copy) = (clock.now(), clock.clone());
        copy.sleep(Duration::from_secs(5));
        assert_eq!(clock.since(then), Duration::from_secs(5));
    }
}
