//! `standings cluster`: starts and supervises the processes of a cluster on this machine.
//!
//! All processes live and die together: when one fails, the others are ended, and all start anew as the next
//! generation, later and later while they keep failing early.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;

use super::exit::{FAILED, Failure, USAGE};

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

/// A process that lived shorter than this failed early.
const EARLY: Duration = Duration::from_secs(10);
/// How many early failures in a row end the supervision.
const PATIENCE: u32 = 6;

/// Runs `standings cluster` until all processes are done, or one failure too many.
pub fn run(args: &ClusterArgs, log: &str, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    if args.command.first().is_none_or(|c| c != "run") {
        return Err(Failure::usage(
            "after -- comes `run` and its flags: standings cluster -n 3 -- run …",
        ));
    }
    if args.processes == 0 {
        return Err(Failure::usage("-n must be at least 1"));
    }
    let dir = std::env::temp_dir().join(format!("standings-cluster-{}", std::process::id()));
    std::fs::create_dir_all(&dir)
        .map_err(|e| Failure::failed(format!("cannot make {}: {e}", dir.display())))?;
    let result = supervise(args, log, stop, &dir);
    let _ = std::fs::remove_dir_all(&dir);
    result
}

fn supervise(args: &ClusterArgs, log: &str, stop: &AtomicBool, dir: &Path) -> Result<(), Failure> {
    let mut early = 0;
    for generation in 1.. {
        let started = Instant::now();
        let mut children = start(args, log, dir)?;
        let outcome = watch(&mut children, stop);
        end(&mut children);
        let code = match outcome {
            Outcome::Done => return Ok(()),
            Outcome::Failed(code) => code,
        };
        if code == USAGE {
            return Err(Failure::usage(
                "a process refused its configuration; its message is above",
            ));
        }
        if args.no_restart || stop.load(Ordering::Relaxed) {
            return Err(Failure::failed(format!("a process ended with code {code}")));
        }
        early = if started.elapsed() < EARLY {
            early + 1
        } else {
            0
        };
        if early >= PATIENCE {
            return Err(Failure::failed(format!(
                "the cluster failed {early} times in a row within seconds; giving up"
            )));
        }
        let wait = Duration::from_millis(250 << early.min(5));
        tracing::warn!(
            event = "cluster_restart",
            generation,
            code,
            wait_ms = wait.as_millis() as u64
        );
        std::thread::sleep(wait);
    }
    Ok(())
}

enum Outcome {
    Done,
    Failed(i32),
}

fn start(args: &ClusterArgs, log: &str, dir: &Path) -> Result<Vec<Child>, Failure> {
    let failed = |what: &str, e: std::io::Error| Failure::failed(format!("cannot {what}: {e}"));
    let program = std::env::current_exe().map_err(|e| failed("find this program", e))?;
    let hosts = dir.join("hosts");
    let mut file = std::fs::File::create(&hosts).map_err(|e| failed("write the hosts file", e))?;
    // All ports are held until all are known, so that they differ.
    let listeners: Vec<TcpListener> = (0..args.processes)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()
        .map_err(|e| failed("find free ports", e))?;
    for listener in &listeners {
        let address = listener
            .local_addr()
            .map_err(|e| failed("find free ports", e))?;
        writeln!(file, "{address}").map_err(|e| failed("write the hosts file", e))?;
    }
    drop(listeners);
    let mut children = Vec::new();
    for process in 0..args.processes {
        let child = Command::new(&program)
            .args(&args.command)
            .args([
                "-n",
                &args.processes.to_string(),
                "-p",
                &process.to_string(),
                "--hosts",
            ])
            .arg(&hosts)
            .env("STANDINGS_LOG", log)
            .spawn();
        match child {
            Ok(child) => children.push(child),
            Err(e) => {
                end(&mut children);
                return Err(failed("start a process", e));
            }
        }
    }
    Ok(children)
}

/// Waits until all are done, one fails, or this process is asked to stop.
fn watch(children: &mut [Child], stop: &AtomicBool) -> Outcome {
    let mut told = false;
    loop {
        let mut running = false;
        for child in children.iter_mut() {
            match child.try_wait() {
                Ok(Some(status)) if !status.success() => {
                    return Outcome::Failed(status.code().unwrap_or(FAILED));
                }
                Ok(Some(_)) => {}
                _ => running = true,
            }
        }
        if !running {
            return Outcome::Done;
        }
        if stop.load(Ordering::Relaxed) && !told {
            told = true;
            children.iter().for_each(|c| signal(c, libc::SIGTERM));
        }
        std::thread::sleep(Duration::from_millis(20));
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
