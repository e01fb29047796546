//! Sends sales whose event times are about now, at a steady rate. The next piece is made while one is sent.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use standings_model::time::format_rfc3339;

use crate::harness::measure::{Invocation, pause};
use crate::harness::place;
use crate::harness::server::Server;
use crate::problem::Problem;

/// Seconds of sales that are made and sent at once.
const PIECE: u64 = 30;
/// How long a piece may take to be made, or to be sent beyond its time.
const PATIENCE: Duration = Duration::from_secs(600);

/// A thread that sends.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<u64, Problem>>>,
}

impl Load {
    /// Begins now.
    pub fn start(target: String, rate: u64, folder: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || send(&target, rate, &folder, &told));
        Load {
            stop,
            thread: Some(thread),
        }
    }

    /// An error when it has ended by itself.
    pub fn check(&mut self) -> Result<(), Problem> {
        match &self.thread {
            Some(thread) if !thread.is_finished() => Ok(()),
            _ => Err(self
                .end()
                .err()
                .unwrap_or_else(|| Problem::said("the load", "it has ended"))),
        }
    }

    fn end(&mut self) -> Result<u64, Problem> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().map(JoinHandle::join);
        let gone = || Problem::said("the load", "it ended without a word");
        thread.and_then(Result::ok).ok_or_else(gone)?
    }

    /// Ends with the piece that is being sent; how many sales there were.
    pub fn stop(mut self) -> Result<u64, Problem> {
        self.end()
    }
}

impl Drop for Load {
    /// Only after a failure: what it has started ends with it.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn send(target: &str, rate: u64, folder: &Path, stop: &AtomicBool) -> Result<u64, Problem> {
    let begin = now();
    let (mut sent, mut number) = (0, 0);
    let mut next = make(0, begin, rate, folder)?;
    while !stop.load(Ordering::Relaxed) {
        let (path, mut made) = next;
        ended(&mut made, "load generate")?;
        // From the schedule, not from when this piece is sent: a late one stays late.
        let due = begin + Duration::from_secs(number * PIECE);
        number += 1;
        next = make(
            number,
            begin + Duration::from_secs(number * PIECE),
            rate,
            folder,
        )?;
        pause(due.saturating_sub(now()))?;
        let file = path.display().to_string();
        let replay = [
            "load",
            "replay",
            &file,
            "--to",
            target,
            "--rate",
            &rate.to_string(),
        ];
        let replay = Invocation::new(place::standings())
            .env("STANDINGS_LOG", "error")
            .args(replay);
        ended(
            &mut Server::start("load replay", &replay, Stdio::null())?,
            "load replay",
        )?;
        let text = std::fs::read(&path).map_err(Problem::file(&path))?;
        sent += memchr::memchr_iter(b'\n', &text).count() as u64;
        std::fs::remove_file(&path).map_err(Problem::file(&path))?;
    }
    ended(&mut next.1, "load generate")?;
    Ok(sent)
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Begins to make a piece: a file, and the process that writes it.
fn make(
    number: u64,
    start: Duration,
    rate: u64,
    folder: &Path,
) -> Result<(PathBuf, Server), Problem> {
    let path = folder.join(format!("sales-{number}.ndjson"));
    let whole_seconds = start.as_secs() as i64 * 1000;
    let (standings, out) = (
        place::standings().display().to_string(),
        path.display().to_string(),
    );
    // Not in a hurry: what is measured runs beside it.
    let command = Invocation::new("nice")
        .env("STANDINGS_LOG", "error")
        .args(["-n", "10", &standings, "load", "generate", "--out", &out])
        .args([
            "--sales",
            &(rate * PIECE).to_string(),
            "--seed",
            &number.to_string(),
        ])
        .args([
            "--start",
            &format_rfc3339(whole_seconds),
            "--span",
            &format!("{PIECE}s"),
            "--disorder",
            "2s",
        ])
        .args([
            "--late-share",
            "0.001",
            "--refund-share",
            "0.01",
            "--broken-share",
            "0.0001",
        ]);
    Ok((
        path,
        Server::start("load generate", &command, Stdio::null())?,
    ))
}

/// Waits until a process has done its work.
fn ended(process: &mut Server, what: &str) -> Result<(), Problem> {
    process.success(what, PATIENCE)
}
