//! What is said of those who are turned away at this process's port. Anybody who can reach it may come as often as it
//! likes, and must not fill the log: the first is told at once, then how many more there were, once a minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is told of more.
const EVERY: Duration = Duration::from_secs(60);

/// Those of one kind. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<Strangers>>);

#[derive(Default)]
struct Strangers {
    /// When it was told of last; `None` if the last minute was quiet.
    told: Option<Instant>,
    /// How many came since, and what the last of them was.
    more: u64,
    last: String,
}

impl Refusals {
    /// One was refused: whether to tell of it now.
    pub(super) fn one(&self, now: Instant, what: impl FnOnce() -> String) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.told.is_none() {
            state.told = Some(now);
            return true;
        }
        state.more += 1;
        state.last = what();
        false
    }

    /// How many have come beside those that were told of, and the last of them, if it is time to tell.
    pub(super) fn others(&self, now: Instant) -> Option<(u64, String)> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = state.told?;
        if now.saturating_duration_since(told) < EVERY {
            return None;
        }
        let more = std::mem::take(&mut state.more);
        state.told = (more > 0).then_some(now);
        (more > 0).then(|| (more, std::mem::take(&mut state.last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_of_a_minute_are_two_lines() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let come = |n: u64| refusals.one(at(n), || n.to_string());
        assert_eq!((0..1_000).filter(|n| come(*n)).count(), 1);
        assert_eq!(refusals.others(at(59_999)), None);
        assert_eq!(refusals.others(at(60_000)), Some((999, "999".to_owned())));
        // The next minute goes on from there, and after a quiet one the first is told again.
        assert!(!come(60_001));
        assert_eq!(refusals.others(at(119_999)), None);
        assert_eq!(refusals.others(at(120_000)), Some((1, "60001".to_owned())));
        assert_eq!(refusals.others(at(180_000)), None);
        assert!(come(180_001));
    }
}
