//! How a process ends: exit codes, one readable diagnostic, and panics that take the whole process along.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::stderr;
use standings_model::error::{Code, Coded, codes};
pub use standings_model::error::{FAILED, Failure, USAGE};
use standings_model::guarded::is_guarded;
use standings_model::printable::printable_lines;

/// Ends the process now, from any thread: other threads may be blocked on each other, so nothing is waited for but the
/// record of the run, and that for `RECORD_WAIT` at most.
pub fn now(failure: &Failure) -> ! {
    let problem = failure.to_string();
    diagnose(&problem, failure.code());
    tell(&problem, true);
    end(failure.exit())
}

/// Ends the process after somebody else has said what is wrong, but for the code.
pub fn said(code: &Code) -> ! {
    stderr::write(format!("[{}]\n", code.id).as_bytes());
    end(code.exit)
}

/// Whether the diagnostic has been written.
static DIAGNOSED: AtomicBool = AtomicBool::new(false);

/// Writes the one diagnostic. What else fails while the process ends follows from that: other processes are told why,
/// and say so on their own end, before this one is gone.
fn diagnose(problem: &str, code: &Code) {
    if !DIAGNOSED.swap(true, Ordering::AcqRel) {
        stderr::write(diagnostic(problem, code).as_bytes());
    }
}

/// The code stands at the end, after several lines on a line of its own: what begins with `error: ` is found as before
/// there were codes.
fn diagnostic(problem: &str, code: &Code) -> String {
    let problem = printable_lines(problem);
    let before = match problem.contains('\n') {
        true => '\n',
        false => ' ',
    };
    format!(
        "error: {}{before}[{}]\n",
        problem.trim_end_matches('\n'),
        code.id
    )
}

/// Ends the process when all is done.
pub fn done() -> ! {
    let _ = std::io::stdout().lock().flush();
    end(0)
}

/// Not `exit`: the exit handlers of C libraries (OpenSSL has one) would take away what the threads of clients still
/// use that are being closed aside. Standard output is not flushed: who holds its lock may be waiting for a reader.
fn end(code: i32) -> ! {
    stderr::flush();
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// How long the end of a failed process waits for all who keep a record of it.
const RECORD_WAIT: Duration = Duration::from_secs(1);

/// How long a process that has lost the connection to another waits for the other's reason: longer than [`RECORD_WAIT`], so
/// that a thread which heard it has ended the process meanwhile.
const REASON_WAIT: Duration = Duration::from_secs(2);

/// Takes the diagnostic; what it returns is disconnected when the record is complete.
type Told = Box<dyn Fn(&str) -> Receiver<()> + Send>;
static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());
/// Those who are told only what this process itself has found.
static TOLD_OWN: Mutex<Vec<Told>> = Mutex::new(Vec::new());

/// Takes the number of a process that is lost; what it returns is disconnected when nothing more can be heard from it.
type Lost = Box<dyn Fn(usize) -> Option<Receiver<()>> + Send>;
static LOST: Mutex<Option<Lost>> = Mutex::new(None);

/// Has somebody told when the process ends by a failure, of whatever thread.
pub fn on_failure(told: Told) {
    all(&TOLD).push(told);
}

/// The same, but not of a lost connection to another process, which that one sees too.
pub fn on_own_failure(told: Told) {
    all(&TOLD_OWN).push(told);
}

/// Asks whether a lost process may still say why it ended.
pub fn on_lost_process(lost: Lost) {
    *all(&LOST) = Some(lost);
}

fn all<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(problem: &str, is_own: bool) {
    // Held while waiting: a second thread that fails meanwhile must not end the process before the record is complete.
    let (mut told, mut told_own) = (all(&TOLD), all(&TOLD_OWN));
    let until = Instant::now() + RECORD_WAIT;
    let own = told_own.drain(..).filter(|_| is_own);
    let waits: Vec<_> = own
        .chain(told.drain(..))
        .map(|told| told(problem))
        .collect();
    for wait in waits {
        let _ = wait.recv_deadline(until);
    }
}

/// Waits until a lost process cannot say any more why it ended. A thread that hears it meanwhile ends this process.
fn hear_out(peer: &str) {
    let lost = all(&LOST);
    let silent = peer.parse().ok().and_then(|n| lost.as_ref()?(n));
    drop(lost);
    if let Some(silent) = silent {
        let _ = silent.recv_timeout(REASON_WAIT);
    }
}

/// A panic is written to standard error by the thread that panics. Where nobody reads it, the process ends all the same.
fn ends_unheard(problem: String) {
    let end = move || {
        std::thread::sleep(RECORD_WAIT);
        if !DIAGNOSED.load(Ordering::Acquire) {
            tell(&problem, true);
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(FAILED) }
        }
    };
    let thread = std::thread::Builder::new().name("end".to_owned());
    // Without the thread there is only this one.
    let _ = thread.spawn(end);
}

/// Says something to a person on standard output. A reader that has gone (`| head`) is no error.
pub fn say(text: &str) {
    write(&printable_lines(text));
}

/// Writes a line for a machine on standard output, byte for byte.
pub fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Ends the process as the system ends one that writes into a pipe of which the reader has gone (`| head -1`): by SIGPIPE,
/// quietly. A shell says 141. Other errors are the caller's.
pub fn if_nobody_reads(error: &std::io::Error) {
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        return;
    }
    stderr::flush();
    // SAFETY: neither has preconditions with these arguments; Rust's own start has the signal ignored.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::raise(libc::SIGPIPE);
    }
    // Where it is blocked.
    end(128 + libc::SIGPIPE)
}

/// The system gives no thread.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a thread: {0}")]
pub struct NoThread(#[from] pub std::io::Error);

impl Coded for NoThread {
    fn code(&self) -> &'static Code {
        &codes::process::SYSTEM
    }
}

/// Another process of the cluster is gone, or the network to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection to process {peer} of the cluster is lost ({what})")]
struct LostPeer {
    /// Its number.
    peer: String,
    /// In timely's words.
    what: String,
}

impl Coded for LostPeer {
    fn code(&self) -> &'static Code {
        &codes::process::LOST
    }
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
                hear_out(peer);
                let lost = LostPeer {
                    peer: peer.to_owned(),
                    what: what.to_owned(),
                };
                diagnose(&format!("{lost}; this process ends"), lost.code());
                tell(&lost.to_string(), false);
            }
            None => {
                let place = info.location().map(ToString::to_string);
                let place = place.unwrap_or_default();
                let problem = format!("a panic at {place}; see its log");
                stderr::flush();
                ends_unheard(problem.clone());
                default(info);
                DIAGNOSED.store(true, Ordering::Release);
                tell(&problem, true);
            }
        }
        stderr::flush();
        // Its state is unknown: not even standard output is flushed, whose lock may be held.
        // SAFETY: `_exit` has no preconditions.
        unsafe { libc::_exit(FAILED) }
    }));
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::process::{Command, Stdio};

    use super::*;

    /// Set in the process that panics, which is this test again.
    const PANICS: &str = "STANDINGS_TEST_PANICS";

    #[test]
    fn the_code_stands_at_the_end() {
        let told = |problem| diagnostic(problem, &codes::query::SQL);
        assert_eq!(told("a thing"), "error: a thing [S0201]\n");
        assert_eq!(told("\n  a\n  b\n"), "error: \n  a\n  b\n[S0201]\n");
        let lost = LostPeer {
            peer: "2".to_owned(),
            what: "reset".to_owned(),
        };
        assert_eq!(lost.code().id, "S0004");
    }

    #[test]
    fn a_panic_that_nobody_reads_ends_the_process() {
        if std::env::var_os(PANICS).is_some() {
            die_on_panic();
            panic!("as it was meant");
        }
        let (_reader, writer) = std::io::pipe().unwrap();
        let set = |flags: libc::c_int| {
            // SAFETY: the pipe is open as long as the call lasts.
            unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, flags) }
        };
        set(libc::O_NONBLOCK);
        for piece in [4096, 1] {
            while (&writer).write(&[b'x'; 4096][..piece]).is_ok() {}
        }
        set(0);
        let name = "exit::tests::a_panic_that_nobody_reads_ends_the_process";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(PANICS, "1")
            .stdout(Stdio::null())
            .stderr(writer)
            .spawn()
            .unwrap();
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(10));
        }
        // One that hangs is ended here, and has no code.
        let _ = child.kill();
        assert_eq!(child.wait().unwrap().code(), Some(FAILED));
    }
}
