//! The supervisor's control socket: `standings resize` asks for another size through it.
//!
//! A Unix socket in the supervisor's own folder, which only its user can enter. One line of JSON in, one line out.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use serde::{Deserialize, Serialize};

use standings_model::error::{Code, Coded, codes};
use standings_process::exit::{Failure, say};

/// `standings resize`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings resize -n 4
  standings resize -n 2 -w 4 --control /tmp/standings-cluster-4711/control

The cluster commits what it has read, starts anew with the new size from its snapshot (--state), and goes on; the pause
is printed. Without --state the input is read again.")]
pub struct ResizeArgs {
    /// How many processes.
    #[arg(short = 'n', long, value_name = "N")]
    pub processes: Option<usize>,
    /// Worker threads of each process.
    #[arg(short = 'w', long, value_name = "N")]
    pub workers: Option<usize>,
    /// The cluster's control socket, which it logs when it starts; not needed where only one runs.
    #[arg(long, env = "STANDINGS_CONTROL", value_name = "PATH")]
    pub control: Option<PathBuf>,
}

/// Another size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    /// Processes; as before if there is none.
    pub processes: Option<usize>,
    /// Worker threads of each; as before if there is none.
    pub workers: Option<usize>,
}

/// How it went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// It runs with the new size.
    Done {
        /// Processes now.
        processes: usize,
        /// From when the old size was asked to stop until the new one had committed, ms.
        pause_ms: u64,
    },
    /// It does not.
    Failed(String),
}

/// A wish, and where to say how it went.
pub struct Wish {
    /// What is wanted.
    pub resize: Resize,
    /// For the answer.
    pub answer: Sender<Outcome>,
}

/// The name of the socket in the supervisor's folder.
pub(super) const SOCKET: &str = "control";
/// Folders of supervisors in the temporary folder begin so.
pub const FOLDER: &str = "standings-cluster-";
/// How long one resize may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Listens in the supervisor's folder; what is asked for comes through the channel.
pub fn listen(folder: &Path) -> std::io::Result<(PathBuf, Receiver<Wish>)> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    let path = folder.join(SOCKET);
    let listener = UnixListener::bind(&path)?;
    let (send, wishes) = unbounded();
    std::thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                let failed = |e: RequestError| Outcome::Failed(e.to_string());
                let answer = hear(&stream, &send).unwrap_or_else(failed);
                let mut line = serde_json::to_vec(&answer).unwrap_or_default();
                line.push(b'\n');
                // Who asked may have gone.
                let _ = (&stream).write_all(&line);
            }
        })?;
    Ok((path, wishes))
}

/// Why a request has no outcome.
#[derive(Debug, thiserror::Error)]
enum RequestError {
    /// It does not come in time, or not whole.
    #[error("that was no request: {0}")]
    Read(#[from] std::io::Error),
    /// It is none.
    #[error("that was no request: {0}")]
    Odd(#[from] serde_json::Error),
    /// Nobody hears it any more.
    #[error("the cluster is ending")]
    Ending,
    /// Nobody answers it.
    #[error("no answer from the supervisor: {0}")]
    Silent(#[from] RecvTimeoutError),
}

impl Coded for RequestError {
    fn code(&self) -> &'static Code {
        &codes::cluster::RESIZE
    }
}

fn hear(stream: &UnixStream, wishes: &Sender<Wish>) -> Result<Outcome, RequestError> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream).take(4096);
    reader.read_line(&mut line)?;
    let resize: Resize = serde_json::from_str(&line)?;
    let (answer, outcome) = bounded(1);
    let wish = Wish { resize, answer };
    wishes.send(wish).map_err(|_| RequestError::Ending)?;
    Ok(outcome.recv_timeout(PATIENCE)?)
}

/// Runs `standings resize`.
pub fn resize(args: &ResizeArgs) -> Result<(), Failure> {
    if args.processes.is_none() && args.workers.is_none() {
        return Err(Failure::of(
            &codes::line::FLAGS,
            "say the new size: -n, -w, or both",
        ));
    }
    if args.processes == Some(0) || args.workers == Some(0) {
        return Err(Failure::of(
            &codes::line::FLAGS,
            "-n and -w must be at least 1",
        ));
    }
    let path = match &args.control {
        Some(path) => path.clone(),
        None => find()?,
    };
    let failed = |e: &dyn std::fmt::Display| {
        Failure::of(&codes::cluster::RESIZE, format!("{}: {e}", path.display()))
    };
    let mut stream = UnixStream::connect(&path).map_err(|e| failed(&e))?;
    let wanted = Resize {
        processes: args.processes,
        workers: args.workers,
    };
    let mut line = serde_json::to_vec(&wanted).map_err(|e| failed(&e))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(|e| failed(&e))?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .map_err(|e| failed(&e))?;
    match serde_json::from_str(&answer).map_err(|_| failed(&"the cluster ended"))? {
        Outcome::Done {
            processes,
            pause_ms,
        } => {
            say(&format!(
                "{processes} processes; nothing was committed for {pause_ms} ms"
            ));
            Ok(())
        }
        Outcome::Failed(why) => Err(Failure::of(&codes::cluster::RESIZE, why)),
    }
}

/// The socket of the only cluster of this user.
fn find() -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(std::env::temp_dir());
    let entries = entries.map_err(|e| {
        Failure::of(
            &codes::process::SYSTEM,
            format!("the temporary folder: {e}"),
        )
    })?;
    let sockets: Vec<PathBuf> = entries
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with(FOLDER))
        .map(|e| e.path().join(SOCKET))
        // One that nobody listens at was left by a supervisor that was killed.
        .filter(|p| UnixStream::connect(p).is_ok())
        .collect();
    match &sockets[..] {
        [one] => Ok(one.clone()),
        [] => Err(Failure::of(
            &codes::line::FLAGS,
            "no cluster runs here; name its socket with --control",
        )),
        several => Err(Failure::of(
            &codes::line::FLAGS,
            format!(
                "{} clusters run here; name one with --control: {}",
                several.len(),
                several
                    .iter()
                    .map(|p| p.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        )),
    }
}
