//! Calls into a library that may panic at what it is given.
//!
//! The Parquet crate does, at pages that contradict themselves: slices out of range, divisions by zero, sizes that cannot
//! be. What it is given is a file of a user's, or a snapshot of ours whose checksum may be right all the same; the answer
//! is to name that file, not to end with the place in somebody else's code. A panic anywhere else ends the process
//! (`run::exit`), since nobody knows what it left behind: so only calls go in here whose state is dropped when they fail.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread now is an error of a library's, and known to be caught.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// A library panicked, with these words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Panicked(pub String);

/// What `call` returns, or with what words it panicked. Whoever gets an error drops what the call worked on.
pub fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(before);
    outcome.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let word = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        Panicked(text.or(word).unwrap_or_else(|| "it panicked".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_only_within() {
        let inside = guarded(|| {
            assert!(is_guarded());
            let fell: Result<(), Panicked> = guarded(|| panic!("at {}", 7));
            assert!(is_guarded(), "the outer call goes on");
            fell
        });
        assert_eq!(inside, Ok(Err(Panicked("at 7".to_owned()))));
        assert!(!is_guarded());
        assert_eq!(guarded(|| 3), Ok(3));
    }
}
