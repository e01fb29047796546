//! How long an answer of the server is waited for. A connection may carry nothing any more without being closed: behind a
//! balancer that forgot it, or to a server that hangs. It is given up, and a new one is made.
//!
//! 1. A limit is for one answer; what needs several (rows of many statements, a whole table) has as many times of it.
//! 2. A limit that was not enough is doubled for the next attempt, so that a slow server is waited for in the end; when
//!    answers come quickly again, it goes back.

use std::time::Duration;

use standings_model::sabotage::{self, Mistake};

use super::Trouble;

/// For one answer, at first.
const ANSWER: Duration = Duration::from_secs(10);
/// For one answer, at most.
const LONGEST: Duration = Duration::from_secs(300);
/// How long one answer may take.
pub struct Patience {
    pub(super) answer: Duration,
    /// The last question was not answered in time.
    over: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Patience::new(ANSWER)
    }
}

impl Patience {
    /// Begins with so long for one answer.
    pub fn new(answer: Duration) -> Self {
        Patience {
            answer,
            over: false,
        }
    }

    /// How long an answer may take that counts for `pieces`.
    pub fn allows(&self, pieces: usize) -> Duration {
        let pieces = u32::try_from(pieces.max(1)).unwrap_or(u32::MAX);
        self.answer.saturating_mul(pieces)
    }

    /// An answer came within its limit.
    pub fn heard(&mut self, limit: Duration, took: Duration, is_ok: bool) {
        self.over = false;
        if self.answer > ANSWER && took * 4 < limit && is_ok {
            self.answer = (self.answer / 2).max(ANSWER);
        }
    }

    /// None came: the next attempt waits longer.
    pub fn give_up(&mut self, what: &str, limit: Duration) -> Trouble {
        self.over = true;
        if !sabotage::is(Mistake::LimitNotDoubled) {
            self.answer = (self.answer * 2).min(LONGEST);
        }
        Trouble::Passing(format!(
            "{what} was not answered within {limit:?}; given up"
        ))
    }

    /// Whether that is the answer that did not come in time.
    pub fn is_over<T>(&self, answer: &Result<T, Trouble>) -> bool {
        self.over && answer.is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_was_not_enough_grows_and_goes_back() {
        let mut patience = Patience {
            answer: Duration::from_millis(10),
            over: false,
        };
        for ms in [10, 20, 40] {
            let limit = patience.allows(1);
            let given_up = Err::<(), _>(patience.give_up("COMMIT", limit));
            let text = given_up.as_ref().err().map(Trouble::text);
            let said = format!("COMMIT was not answered within {ms}ms; given up");
            assert_eq!(text, Some(said));
            assert!(patience.is_over(&given_up));
        }
        patience.answer = Duration::from_secs(40);
        for seconds in [20, 10, 10] {
            let limit = patience.allows(1);
            patience.heard(limit, Duration::ZERO, true);
            assert!(!patience.is_over(&Ok(())));
            assert_eq!(patience.answer, Duration::from_secs(seconds));
        }
        let failed = Err::<(), _>(Trouble::Passing("x".to_owned()));
        assert!(!patience.is_over(&failed));
    }
}
