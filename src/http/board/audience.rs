//! Whether somebody looks at the board.
//!
//! While nobody does, commits are folded a few at a time: the rows are then still in the core's cache from one to the
//! next, and no core is taken just when the next commit wants it. Who comes ends the rest; who comes often sees none.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long somebody who looked is taken to be there.
const STAYS: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Audience {
    /// Somebody looked since this was last asked.
    looked: AtomicBool,
    /// When somebody was last found to have looked.
    last: Mutex<Option<Instant>>,
    came: Condvar,
}

impl Audience {
    /// Somebody looks.
    pub(super) fn look(&self) {
        // Readers of a busy page write nothing that other cores read.
        if self.looked.load(Ordering::Relaxed) {
            return;
        }
        self.looked.store(true, Ordering::Release);
        // Who is about to rest has seen it, or hears of it.
        drop(self.last.lock().unwrap_or_else(PoisonError::into_inner));
        self.came.notify_all();
    }

    /// Waits for `most`, or until somebody comes; not at all while somebody is there.
    pub(super) fn rest(&self, most: Duration) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = Instant::now() + most;
        loop {
            let now = Instant::now();
            if self.looked.swap(false, Ordering::AcqRel) {
                *last = Some(now);
            }
            if now >= ends || last.is_some_and(|last| now.duration_since(last) < STAYS) {
                return;
            }
            let woken = self.came.wait_timeout(last, ends - now);
            last = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than any test may take.
    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn who_comes_ends_the_rest_and_there_is_none_while_somebody_is_there() {
        let audience = Audience::default();
        std::thread::scope(|scope| {
            let rest = scope.spawn(|| audience.rest(LONG));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!rest.is_finished());
            audience.look();
            rest.join().expect("it rested");
        });
        // Still there.
        audience.rest(LONG);
        audience.look();
        audience.rest(LONG);
    }

    #[test]
    fn who_came_before_is_noticed() {
        let audience = Audience::default();
        audience.look();
        audience.rest(LONG);
    }

    #[test]
    fn without_anybody_the_rest_is_whole() {
        let audience = Audience::default();
        let began = Instant::now();
        audience.rest(Duration::from_millis(30));
        assert!(began.elapsed() >= Duration::from_millis(30));
    }
}
