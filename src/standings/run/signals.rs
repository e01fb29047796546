//! What a process does when it is asked to end: SIGTERM, SIGINT, SIGHUP.
//!
//! ```text
//! main: held back ──► listened to ──first──► stop: what was read is committed ──► 0
//!                                    │
//!                                    ├─ another, later than [`ONE`] ──► ends at once, 1
//!                                    └─ `--stop-timeout` over ────────► says what was not committed, 1
//! ```
//!
//! `--connect-timeout` has a thread of its own, until the first commit.
//!
//! 1. A signal that comes before anybody listens is held back, and heard then.
//! 2. Two within a tenth of a second are one: a terminal and a supervisor both pass on what a person did once.
//! 3. Whatever is down or hangs: this thread waits for nobody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use standings_model::error::codes;
use standings_observe::live::Live;
use standings_observe::stopping::{over, unreached};
use standings_process::exit::{self, Failure, NoThread};

/// Signals within this time are one.
const ONE: Duration = Duration::from_millis(100);
/// How often it is looked whether the time is over.
const LOOK: Duration = Duration::from_millis(50);

/// How long a run may take to end, and where it tells what it waits for.
static LIMIT: Mutex<Option<(Duration, Arc<Live>)>> = Mutex::new(None);

/// `--connect-timeout`: this process ends where it waits longer than that before its first commit, unless it is asked to stop.
pub fn end_unreached(
    limit: Duration,
    live: &Arc<Live>,
    stop: &Arc<AtomicBool>,
) -> Result<(), NoThread> {
    let (live, stop) = (Arc::clone(live), Arc::clone(stop));
    let thread = std::thread::Builder::new().name("unreached".to_owned());
    let look = move || {
        while !stop.load(Ordering::Relaxed) && !live.has_committed() {
            if let Some(failure) = unreached(limit, &live) {
                exit::now(&failure);
            }
            std::thread::sleep(LOOK);
        }
    };
    thread.spawn(look).map(drop).map_err(NoThread)
}

/// `--stop-timeout`: asked to stop, this process ends within it.
pub fn end_within(limit: Duration, live: &Arc<Live>) {
    let mut set = LIMIT.lock().unwrap_or_else(PoisonError::into_inner);
    *set = Some((limit, Arc::clone(live)));
}

/// Keeps signals back until somebody listens to them. To be called first, before there is another thread.
pub fn hold_back() {
    mask(libc::SIG_BLOCK);
}

/// Lets signals through again, to whoever listens; if nobody does, they end the process.
pub fn let_through() {
    mask(libc::SIG_UNBLOCK);
}

fn mask(how: libc::c_int) {
    // SAFETY: the set is made empty before anything else looks at it, and lives as long as the calls.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut());
    }
}

/// Set by SIGINT, SIGTERM and SIGHUP: reading stops, what was read is committed, and the process ends with 0.
pub fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let failed = |e: std::io::Error| {
        Failure::of(
            &codes::process::SYSTEM,
            format!("cannot listen for signals: {e}"),
        )
    };
    let runtime = runtime.map_err(failed)?;
    // Heard from here on, not from when the thread gets its turn.
    let mut signals = {
        let _inside = runtime.enter();
        Signals {
            term: signal(SignalKind::terminate()).map_err(failed)?,
            int: signal(SignalKind::interrupt()).map_err(failed)?,
            hup: signal(SignalKind::hangup()).map_err(failed)?,
        }
    };
    let_through();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                signals.next().await;
                set.store(true, Ordering::Relaxed);
                let asked = Instant::now();
                tracing::info!(
                    event = "stopping",
                    "committing what was read; ask again to stop at once"
                );
                loop {
                    tokio::select! {
                        () = signals.next() => {
                            if asked.elapsed() > ONE {
                                // Asked twice: do not wait for sinks that may be down.
                                let early = "stopped before everything was committed";
                                exit::now(&Failure::of(&codes::process::STOPPED, early));
                            }
                        }
                        () = tokio::time::sleep(LOOK) => {
                            if let Some(failure) = is_over(asked) {
                                exit::now(&failure);
                            }
                        }
                    }
                }
            });
        })
        .map_err(failed)?;
    Ok(stop)
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! { _ = self.term.recv() => {}, _ = self.int.recv() => {}, _ = self.hup.recv() => {} }
    }
}

/// What is said when the time is over.
fn is_over(asked: Instant) -> Option<Failure> {
    let limit = LIMIT.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (limit, live) = limit?;
    over(asked.elapsed(), limit, &live)
}
