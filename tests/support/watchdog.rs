//! An end for what hangs, in a harness that no runner ends: the process says what it was at, and ends.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// What `work` gives; when it takes longer than this, the process ends with 1.
pub fn within<T>(limit: Duration, what: &str, work: impl FnOnce() -> T) -> T {
    let (done, waited) = channel::<()>();
    let what = what.to_owned();
    std::thread::spawn(move || {
        // Dropped by whoever ends, also by a panic.
        if waited.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            println!("FAILED {what}: it hangs, for {limit:?}");
            std::process::exit(1);
        }
    });
    let result = work();
    drop(done);
    result
}
