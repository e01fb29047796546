//! How a process ends: exit codes, one readable diagnostic, and panics that take the whole process along.

use std::io::Write;

/// Failed at run time.
pub const FAILED: i32 = 1;
/// Wrong usage or wrong configuration.
pub const USAGE: i32 = 2;

/// An error at the edge: what to tell the person, and the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What was found, where, and what to do.
    pub message: String,
    /// [`FAILED`] or [`USAGE`].
    pub code: i32,
}

impl Failure {
    /// Failed at run time.
    pub fn failed(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            code: FAILED,
        }
    }

    /// Wrong usage or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            code: USAGE,
        }
    }
}

/// Ends the process now, from any thread: other threads may be blocked on each other, so nothing is waited for.
pub fn now(failure: &Failure) -> ! {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {}", failure.message);
    let _ = err.flush();
    std::process::exit(failure.code)
}

/// Says something on standard output. A reader that has gone (`| head`) is no error.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// A panic anywhere ends the process: timely would let the other workers hang, and a cluster without one of its
/// workers cannot go on.
pub fn die_on_panic() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // How timely says that a connection to another process broke; that is no defect of this one.
        match info
            .payload_as_str()
            .and_then(|text| text.strip_prefix("timely communication error: "))
        {
            Some(what) => {
                let thread = std::thread::current();
                let peer = thread.name().and_then(|n| n.rsplit('-').next());
                let peer = peer.unwrap_or("?");
                eprintln!(
                    "error: the connection to process {peer} of the cluster is lost ({what}); this process ends"
                );
            }
            None => default(info),
        }
        // Not `exit`: destructors and exit handlers of a process in an unknown state may block.
        // SAFETY: `_exit` has no preconditions.
        unsafe { libc::_exit(FAILED) }
    }));
}
