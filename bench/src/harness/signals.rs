//! Ended by a signal, a bench ends what it started too: the side that is just running is told, and everything that waits
//! looks whether it still has to.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::problem::Problem;

static STOPPED: AtomicBool = AtomicBool::new(false);
/// The side that is just running to its end; 0: none.
static RUNNING: AtomicI32 = AtomicI32::new(0);

/// From now on SIGINT and SIGTERM are heard.
pub fn listen() {
    let handler: extern "C" fn(libc::c_int) = heard;
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler touches atomics and calls kill, both of which are allowed in it.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

extern "C" fn heard(_: libc::c_int) {
    STOPPED.store(true, Ordering::SeqCst);
    let running = RUNNING.load(Ordering::SeqCst);
    if running > 0 {
        // SAFETY: it is a child that nobody has waited for yet.
        unsafe { libc::kill(running, libc::SIGTERM) };
    }
}

/// Whether this process is to end.
pub fn stopped() -> bool {
    STOPPED.load(Ordering::SeqCst)
}

/// An error when this process is to end.
pub fn check() -> Result<(), Problem> {
    if stopped() {
        Err(Problem::Stopped)
    } else {
        Ok(())
    }
}

/// As long as this lives, a signal is passed on to a child.
pub struct PassedOn;

/// Passes signals on.
pub fn pass_on(child: u32) -> PassedOn {
    RUNNING.store(child as i32, Ordering::SeqCst);
    PassedOn
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        RUNNING.store(0, Ordering::SeqCst);
    }
}
