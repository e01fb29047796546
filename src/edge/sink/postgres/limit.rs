//! Waits for an answer of the server as long as its [`Patience`] allows.

use std::time::{Duration, Instant};

use standings_commit::database::{Patience, Trouble};
use tokio::runtime::Runtime;

/// For telling a server that nobody waits for its answer any more.
const CANCEL: Duration = Duration::from_secs(2);

/// How many answers the opening of tables counts for: their rows are read.
pub(super) const OPENING: usize = 12;
/// For how many answers more writing rows counts where those that are refused are looked for.
pub(super) const HALVING: usize = 20;

/// Waits for an answer that counts for `pieces`.
pub(super) fn limit<T>(
    patience: &mut Patience,
    runtime: &Runtime,
    what: &str,
    pieces: usize,
    question: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    let limit = patience.allows(pieces);
    let asked = Instant::now();
    let answer = runtime.block_on(async { tokio::time::timeout(limit, question).await });
    let Ok(answer) = answer else {
        return Err(patience.give_up(what, limit));
    };
    patience.heard(limit, asked.elapsed(), answer.is_ok());
    answer
}

/// Tells the server, where it can be reached.
pub(super) fn cancel(runtime: &Runtime, cancel: impl Future<Output = ()>) {
    // Where it cannot, its own limits end what it does.
    let _ = runtime.block_on(async { tokio::time::timeout(CANCEL, cancel).await });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_answered_is_given_up() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let mut patience = Patience::new(Duration::from_millis(10));
        let never = std::future::pending::<Result<(), Trouble>>();
        let given_up = limit(&mut patience, &runtime, "COMMIT", 1, never);
        assert!(patience.is_over(&given_up));
        let answered = limit(&mut patience, &runtime, "COMMIT", 1, async { Ok(()) });
        assert!(answered.is_ok() && !patience.is_over(&answered));
    }
}
