//! How a process ends: exit codes, one readable diagnostic, and panics that take the whole process along.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::model::guarded::is_guarded;

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

/// Ends the process now, from any thread: other threads may be blocked on each other, so nothing is waited for but the
/// record of the run, and that for [`RECORD_WAIT`] at most.
pub fn now(failure: &Failure) -> ! {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {}", failure.message);
    let _ = err.flush();
    drop(err);
    tell(&failure.message);
    std::process::exit(failure.code)
}

/// How long the end of a failed process waits for all who keep a record of it.
const RECORD_WAIT: Duration = Duration::from_secs(1);

/// Takes the diagnostic; what it returns is disconnected when the record is complete.
type Told = Box<dyn Fn(&str) -> Receiver<()> + Send>;
static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());

/// Has somebody told when the process ends by a failure, of whatever thread.
pub fn on_failure(told: Told) {
    let mut all = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(told);
}

fn tell(problem: &str) {
    // Held while waiting: a second thread that fails meanwhile must not end the process before the record is complete.
    let mut all = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let until = Instant::now() + RECORD_WAIT;
    let waits: Vec<_> = all.drain(..).map(|told| told(problem)).collect();
    for wait in waits {
        let _ = wait.recv_deadline(until);
    }
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
        // It is caught, and told as an error of what was read.
        if is_guarded() {
            return;
        }
        // How timely says that a connection to another process broke; that is no defect of this one.
        match info
            .payload_as_str()
            .and_then(|text| text.strip_prefix("timely communication error: "))
        {
            Some(what) => {
                let thread = std::thread::current();
                let peer = thread.name().and_then(|n| n.rsplit('-').next());
                let peer = peer.unwrap_or("?");
                let problem =
                    format!("the connection to process {peer} of the cluster is lost ({what})");
                eprintln!("error: {problem}; this process ends");
                tell(&problem);
            }
            None => {
                default(info);
                let place = info.location().map(ToString::to_string);
                tell(&format!(
                    "a panic at {}; see its log",
                    place.unwrap_or_default()
                ));
            }
        }
        // Not `exit`: destructors and exit handlers of a process in an unknown state may block.
        // SAFETY: `_exit` has no preconditions.
        unsafe { libc::_exit(FAILED) }
    }));
}
