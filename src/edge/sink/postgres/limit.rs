//! How long an answer of the server is waited for. A connection may carry nothing any more without being closed: behind a
//! balancer that forgot it, or to a server that hangs. It is given up, and a new one is made.
//!
//! 1. A limit is for one answer; what needs several (rows of many statements, a whole table) has as many times of it.
//! 2. A limit that was not enough is doubled for the next attempt, so that a slow server is waited for in the end; when
//!    answers come quickly again, it goes back.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use standings_commit::database::Trouble;

/// For one answer, at first.
const ANSWER: Duration = Duration::from_secs(10);
/// For one answer, at most.
const LONGEST: Duration = Duration::from_secs(300);
/// For telling a server that nobody waits for its answer any more.
const CANCEL: Duration = Duration::from_secs(2);

/// How many answers the opening of tables counts for: their rows are read.
pub(super) const OPENING: usize = 12;
/// For how many answers more writing rows counts where those that are refused are looked for.
pub(super) const HALVING: usize = 20;

/// How long one answer may take.
pub(super) struct Patience {
    answer: Duration,
    /// The last question was not answered in time.
    over: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            answer: ANSWER,
            over: false,
        }
    }
}

impl Patience {
    /// Waits for an answer that counts for `pieces`.
    pub(super) fn limit<T>(
        &mut self,
        runtime: &Runtime,
        what: &str,
        pieces: usize,
        question: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let pieces = u32::try_from(pieces.max(1)).unwrap_or(u32::MAX);
        let limit = self.answer.saturating_mul(pieces);
        let asked = Instant::now();
        let answer = runtime.block_on(async { tokio::time::timeout(limit, question).await });
        let (answer, over) = match answer {
            Ok(answer) => (answer, false),
            Err(_) => {
                let text = format!("{what} was not answered within {limit:?}; given up");
                (Err(Trouble::Passing(text)), true)
            }
        };
        self.over = over;
        if over {
            self.answer = (self.answer * 2).min(LONGEST);
        } else if self.answer > ANSWER && asked.elapsed() * 4 < limit && answer.is_ok() {
            self.answer = (self.answer / 2).max(ANSWER);
        }
        answer
    }

    /// Whether that is the answer that did not come in time.
    pub(super) fn is_over<T>(&self, answer: &Result<T, Trouble>) -> bool {
        self.over && answer.is_err()
    }

    /// Tells the server, where it can be reached.
    pub(super) fn cancel(runtime: &Runtime, cancel: impl Future<Output = ()>) {
        // Where it cannot, its own limits end what it does.
        let _ = runtime.block_on(async { tokio::time::timeout(CANCEL, cancel).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_was_not_enough_grows_and_goes_back() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let mut patience = Patience {
            answer: Duration::from_millis(10),
            over: false,
        };
        let never = std::future::pending::<Result<(), Trouble>>;
        for ms in [10, 20, 40] {
            let given_up = patience.limit(&runtime, "COMMIT", 1, never());
            let text = given_up.as_ref().err().map(Trouble::text);
            let said = format!("COMMIT was not answered within {ms}ms; given up");
            assert_eq!(text, Some(said));
            assert!(patience.is_over(&given_up));
        }
        patience.answer = Duration::from_secs(40);
        for seconds in [20, 10, 10] {
            let answered = patience.limit(&runtime, "COMMIT", 1, async { Ok(()) });
            assert!(answered.is_ok() && !patience.is_over(&answered));
            assert_eq!(patience.answer, Duration::from_secs(seconds));
        }
        let failed = patience.limit(&runtime, "COMMIT", 1, async {
            Err::<(), _>(Trouble::Passing("x".to_owned()))
        });
        assert!(!patience.is_over(&failed));
    }
}
