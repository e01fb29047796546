//! `standings cluster`: starts and supervises the processes of a cluster on this machine.
//!
//! All processes live and die together: when one fails, the others are ended, and all start anew as the next
//! generation, later and later while they keep failing early. Asked for another size ([`control`]), it has all of them
//! end in peace and starts the next generation with the new one.

pub mod control;
mod error;
mod folder;

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use clap::error::ErrorKind;
use crossbeam_channel::Receiver;

use self::control::{Outcome as Resized, Wish};
pub use self::error::SupervisorError;
use self::folder::Folder;
use super::size;
use crate::config;
use standings_edge::peers::secret;
use standings_process::exit::{FAILED, Failure, USAGE};

/// `standings cluster`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings cluster -n 3 -- run -w 2 --queries queries --source kafka://localhost:9092/sales \\
    --sink postgres://standings@localhost/standings")]
pub struct ClusterArgs {
    /// How many processes.
    #[arg(
        short = 'n',
        long,
        env = "STANDINGS_PROCESSES",
        value_name = "N",
        default_value_t = 2
    )]
    pub processes: usize,
    /// Do not start again after a failure.
    #[arg(long, env = "STANDINGS_NO_RESTART")]
    pub no_restart: bool,
    /// The command for every process: `run` and its flags, without -n, -p and --hosts.
    #[arg(last = true, required = true, value_name = "run …")]
    pub command: Vec<String>,
}

/// The variable of `--cluster-secret`.
const SECRET: &str = "STANDINGS_CLUSTER_SECRET";

/// A process that lived shorter than this failed early.
const EARLY: Duration = Duration::from_secs(10);
/// How many early failures in a row end the supervision.
const PATIENCE: u32 = 6;

/// A process that has only just been started may not listen to signals yet.
const ONLY_JUST: Duration = Duration::from_millis(300);

/// Runs `standings cluster` until all processes are done, or one failure too many. `all` is the command line of this program:
/// what each process would refuse is refused here, once.
pub fn run(
    args: &ClusterArgs,
    log: &str,
    stop: &Arc<AtomicBool>,
    all: &clap::Command,
) -> Result<(), Failure> {
    if args.command.first().is_none_or(|c| c != "run") {
        return Err(SupervisorError::NotRun.into());
    }
    size::allowed(args.processes, 1)?;
    can_start(args, all)?;
    let failed = |source| SupervisorError::Folder {
        within: std::env::temp_dir(),
        source,
    };
    let folder = Folder::new().map_err(failed)?;
    let dir = folder.path();
    let (socket, wishes) = control::listen(dir).map_err(failed)?;
    tracing::info!(event = "cluster", processes = args.processes, control = %socket.display(), "the cluster begins; its own folder is removed at its end");
    let supervisor = Supervisor {
        args,
        log,
        stop,
        dir,
        wishes,
        size: (args.processes, None),
        generation: 0,
        secret: own_secret(dir).map_err(failed)?,
    };
    supervisor.run()
}

/// Reads the command line of the first process as that will.
fn can_start(args: &ClusterArgs, all: &clap::Command) -> Result<(), Failure> {
    let words = ["standings"].into_iter();
    let words = words.chain(args.command.iter().map(String::as_str));
    let words = words.map(std::ffi::OsString::from);
    let own = own_words(args.processes, 0, 1, Path::new("hosts"));
    match config::resolve(all, words.chain(own).collect()) {
        Ok(_) => Ok(()),
        Err(config::Problem::Line(error)) if error.kind() == ErrorKind::ArgumentConflict => {
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default();
            Err(SupervisorError::Own(said.trim_start_matches("error: ").to_owned()).into())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// What a cluster adds to the command of each process.
fn own_words(
    processes: usize,
    process: usize,
    generation: u64,
    hosts: &Path,
) -> [std::ffi::OsString; 8] {
    [
        "-n".into(),
        processes.to_string().into(),
        "-p".into(),
        process.to_string().into(),
        "--generation".into(),
        generation.to_string().into(),
        "--hosts".into(),
        hosts.into(),
    ]
}

struct Supervisor<'a> {
    args: &'a ClusterArgs,
    log: &'a str,
    stop: &'a AtomicBool,
    dir: &'a Path,
    wishes: Receiver<Wish>,
    /// Processes, and worker threads where they were asked for.
    size: (usize, Option<usize>),
    generation: u64,
    /// The file with the secret that was made for the processes; none where the user gives one.
    secret: Option<PathBuf>,
}

/// What the processes know each other by: made anew for each cluster, and in a file, since others may look at what a
/// process was started with.
fn own_secret(dir: &Path) -> std::io::Result<Option<PathBuf>> {
    if std::env::var_os(SECRET).is_some() {
        return Ok(None);
    }
    let path = dir.join("secret");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(secret::random()?.as_bytes())?;
    Ok(Some(path))
}

/// What a file holds that the environment names (`STANDINGS_…_FILE`), this process has in its own environment by now. One
/// that it starts reads the file itself: what it was started with can be looked at as long as it runs.
pub(super) fn without_values_of_files(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let of_file = name.to_str().and_then(|n| n.strip_suffix("_FILE"));
        if let Some(value) = of_file.filter(|n| n.starts_with("STANDINGS_")) {
            command.env_remove(value);
        }
    }
}

/// How one generation ended.
enum Ended {
    Done,
    /// One failed with this code; `asked`: after all had been asked to stop.
    Failed {
        code: i32,
        asked: bool,
        /// Another size had been asked for, and this was its first generation.
        resized: Option<Wish>,
    },
    /// In peace, because another size is wanted; it was asked to then.
    Resize(Wish, Instant),
}

impl Supervisor<'_> {
    fn run(mut self) -> Result<(), Failure> {
        let mut early = 0;
        let mut resizing: Option<(Wish, Instant)> = None;
        let mut before = self.size;
        loop {
            self.generation += 1;
            let started = Instant::now();
            let mut children = match (self.start(), resizing.take()) {
                (Ok(children), resized) => {
                    resizing = resized;
                    children
                }
                (Err(failure), Some((wish, _))) => {
                    self.go_back(before, &wish, &failure.to_string());
                    continue;
                }
                (Err(failure), None) => return Err(failure),
            };
            let ended = self.watch(&mut children, resizing.take());
            end(&mut children);
            let (code, asked) = match ended {
                Ended::Done => return Ok(()),
                Ended::Failed {
                    code,
                    resized: Some(wish),
                    ..
                } if !self.is_stopped() => {
                    let why = format!("a process ended with code {code}; see its log");
                    self.go_back(before, &wish, &why);
                    continue;
                }
                Ended::Failed { code, asked, .. } => (code, asked),
                Ended::Resize(wish, asked) => {
                    let wanted = &wish.resize;
                    before = self.size;
                    self.size.0 = wanted.processes.unwrap_or(self.size.0);
                    self.size.1 = wanted.workers.or(self.size.1);
                    tracing::info!(
                        event = "cluster_resize",
                        processes = self.size.0,
                        workers = self.size.1,
                        "the cluster goes on with another size"
                    );
                    resizing = Some((wish, asked));
                    continue;
                }
            };
            if code == USAGE {
                return Err(SupervisorError::Refused.into());
            }
            // Who was asked to stop and failed may not have committed what it had read.
            if self.args.no_restart || (asked && self.is_stopped()) {
                return Err(SupervisorError::Ended(code).into());
            }
            early = match started.elapsed() < EARLY {
                true => early + 1,
                false => 0,
            };
            if early >= PATIENCE {
                return Err(SupervisorError::GivenUp(early).into());
            }
            self.pause(early, code);
            if self.is_stopped() {
                // Nothing runs, and what was not committed is read again by whoever starts next.
                tracing::info!(event = "stopped", "between two generations");
                return Ok(());
            }
        }
    }

    /// Waits before the next start, longer each time that one failed early.
    fn pause(&self, early: u32, code: i32) {
        let wait = Duration::from_millis(100 << early.min(6));
        tracing::warn!(
            event = "cluster_restart",
            generation = self.generation,
            code,
            wait_ms = wait.as_millis() as u64,
            "a process has ended; all are started anew"
        );
        let until = Instant::now() + wait;
        while Instant::now() < until && !self.is_stopped() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The new size cannot start: the one that worked does.
    fn go_back(&mut self, before: (usize, Option<usize>), wish: &Wish, why: &str) {
        tracing::warn!(
            event = "cluster_resize_failed",
            processes = self.size.0,
            workers = self.size.1,
            problem = why,
            "the size of before is started again"
        );
        self.size = before;
        // Who asked may have gone.
        let _ = wish.answer.send(Resized::Failed(format!(
            "{why}. The cluster goes on with the size of before ({} processes)",
            before.0
        )));
    }

    /// Whether another size may be tried at all: what cannot work is refused while the present one runs.
    fn may_become(&self, wish: &Wish) -> Result<(), Failure> {
        let processes = wish.resize.processes.unwrap_or(self.size.0);
        let workers = wish.resize.workers.or(self.size.1);
        size::allowed(processes, workers.unwrap_or(1))?;
        free_ports(processes).map_err(SupervisorError::system("find free ports"))?;
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn start(&self) -> Result<Vec<Child>, Failure> {
        let cannot = SupervisorError::system;
        let program = std::env::current_exe().map_err(cannot("find this program"))?;
        let hosts = self.dir.join("hosts");
        let file = std::fs::File::create(&hosts);
        let mut file = file.map_err(cannot("write the hosts file"))?;
        let (processes, workers) = self.size;
        let listeners = free_ports(processes).map_err(cannot("find free ports"))?;
        for listener in &listeners {
            let address = listener.local_addr();
            let address = address.map_err(cannot("find free ports"))?;
            writeln!(file, "{address}").map_err(cannot("write the hosts file"))?;
        }
        drop(listeners);
        let _ = std::fs::remove_file(self.caught_up());
        let mut children = Vec::new();
        for process in 0..processes {
            let mut command = Command::new(&program);
            command
                .args(&self.args.command)
                .args(own_words(processes, process, self.generation, &hosts))
                .env("STANDINGS_LOG", self.log)
                .env("STANDINGS_CAUGHT_UP", self.caught_up());
            without_values_of_files(&mut command);
            if let Some(secret) = &self.secret {
                command.env(format!("{SECRET}_FILE"), secret);
            }
            ends_with_this_one(&mut command);
            if let Some(workers) = workers {
                command.args(["-w", &workers.to_string()]);
            }
            match command.spawn() {
                Ok(child) => children.push(child),
                Err(e) => {
                    end(&mut children);
                    return Err(cannot("start a process")(e).into());
                }
            }
        }
        Ok(children)
    }

    /// The file that the first process makes when its sinks have caught up.
    fn caught_up(&self) -> std::path::PathBuf {
        self.dir.join("caught-up")
    }

    /// Waits until all are done, one fails, this process is asked to stop, or another size is wanted. `resized` is
    /// answered as soon as this generation has caught up.
    fn watch(&self, children: &mut [Child], mut resized: Option<(Wish, Instant)>) -> Ended {
        let started = Instant::now();
        let mut told = false;
        let mut wish: Option<(Wish, Instant)> = None;
        loop {
            let mut running = false;
            for child in children.iter_mut() {
                match child.try_wait() {
                    // It was asked before it could listen: it has done nothing yet.
                    Ok(Some(status)) if told && status.signal() == Some(libc::SIGTERM) => {}
                    Ok(Some(status)) if !status.success() => {
                        let code = status.code().unwrap_or(FAILED);
                        if let Some((wish, _)) = wish {
                            let why = format!("a process ended with code {code}; see its log");
                            let _ = wish.answer.send(Resized::Failed(why.to_string()));
                        }
                        return Ended::Failed {
                            code,
                            asked: told,
                            resized: resized.map(|(wish, _)| wish),
                        };
                    }
                    Ok(Some(_)) => {}
                    _ => running = true,
                }
            }
            if !running {
                return match wish {
                    Some((wish, asked)) if !self.is_stopped() => Ended::Resize(wish, asked),
                    _ => Ended::Done,
                };
            }
            if resized.is_some()
                && self.caught_up().exists()
                && let Some((wish, asked)) = resized.take()
            {
                // Who asked may have gone.
                let _ = wish.answer.send(Resized::Done {
                    processes: self.size.0,
                    pause_ms: asked.elapsed().as_millis() as u64,
                });
            }
            if wish.is_none() && resized.is_none() && !told {
                wish = self.wishes.try_recv().ok().map(|w| (w, Instant::now()));
                if let Some((refused, _)) = &wish
                    && let Err(why) = self.may_become(refused)
                {
                    // Who asked may have gone.
                    let _ = refused.answer.send(Resized::Failed(why.to_string()));
                    wish = None;
                }
            }
            let ends = self.is_stopped() || wish.is_some();
            if ends && !told && started.elapsed() > ONLY_JUST {
                told = true;
                children.iter().for_each(|c| signal(c, libc::SIGTERM));
            }
            std::thread::sleep(Duration::from_millis(if resized.is_some() {
                2
            } else {
                20
            }));
        }
    }
}

/// So many free ports of this machine. All are held until all are known, so that they differ.
fn free_ports(processes: usize) -> std::io::Result<Vec<TcpListener>> {
    let ports = (0..processes).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    ports.collect()
}

/// A supervisor that is killed takes its processes along: nobody would start them again.
pub(super) fn ends_with_this_one(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        // SAFETY: only a system call, between fork and exec.
        unsafe {
            command.pre_exec(
                || match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                },
            );
        }
    }
}

/// Ends what still runs: asks first, then kills.
fn end(children: &mut [Child]) {
    for child in children.iter_mut() {
        if matches!(child.try_wait(), Ok(None)) {
            signal(child, libc::SIGTERM);
        }
    }
    let deadline = Instant::now() + Duration::from_secs(2);
    for child in children {
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn signal(child: &Child, signal: i32) {
    // SAFETY: the child has not been waited for, so its process id is still its own.
    unsafe {
        libc::kill(child.id() as i32, signal);
    }
}
