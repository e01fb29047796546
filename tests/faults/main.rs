//! Real faults on real parts: processes killed and stopped, connections cut and slowed, Kafka and Postgres killed, the
//! disk full, snapshots damaged, the size changed. While they happen sales go on, and every commit that is seen is held
//! to the reference; afterwards both sinks are.
//!
//! ```text
//! sales ──► Kafka ──► cluster ──► proxy ──► Postgres ◄── watcher: I2 and I4 of every commit, I7
//!                        │  └───────────► Kafka, changes ◄── at the end: I1, I3, I5
//!                        └──► snapshots
//! ```

mod bed;
mod cases;
mod edges;
#[path = "../support/mod.rs"]
mod support;
mod watcher;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use bed::{Bed, Cluster};
use support::watchdog::within;

/// Runs the matrix of faults against real Kafka and Postgres, and prints it.
#[derive(Parser, Debug)]
#[command(
    name = "faults",
    after_long_help = "\
Examples:
  cargo test --test faults
  cargo test --test faults -- --rounds 20
  cargo test --test faults -- --only kill-all --for 8h"
)]
struct Args {
    /// Only faults whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// How often each fault is brought about.
    #[arg(long, default_value_t = 1)]
    rounds: u64,
    /// Go on for so long, such as 8h, however many rounds that makes.
    #[arg(long = "for", value_parser = standings_model::duration::parse_duration)]
    time: Option<Duration>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do more of it in each round, and more slowly: the long form.
    #[arg(long)]
    long: bool,
    /// Names of tests, as `cargo test NAME` gives them to every harness: with one that is not `faults`, nothing is run.
    #[arg(hide = true)]
    filter: Vec<String>,
    /// As `cargo test -- --exact NAME` gives it to every harness: no test has the name of this one.
    #[arg(long, hide = true)]
    exact: bool,
}

/// No round takes longer: everything in it is waited for in less.
const HANGS: Duration = Duration::from_secs(600);

/// What one round of a fault came to.
#[derive(Default)]
pub struct Found {
    /// How often it happened.
    pub faults: u64,
    /// From the fault, or from its end where nothing can go on before, to the next commit.
    pub recoveries: Vec<Duration>,
    /// A figure of its own.
    pub note: String,
    /// What goes on until both sinks show all of the input.
    pub cluster: Option<Cluster>,
}

/// One line of the matrix.
#[derive(Default)]
struct Line {
    runs: u64,
    faults: u64,
    commits: u64,
    failures: Vec<String>,
    recoveries: Vec<Duration>,
    note: String,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.exact
        || args
            .filter
            .iter()
            .any(|name| !"faults".contains(name.as_str()))
    {
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let chosen: Vec<_> = cases::ALL
        .iter()
        .filter(|(name, _, _)| args.only.as_deref().is_none_or(|only| name.contains(only)))
        .collect();
    let mut lines: Vec<Line> = chosen.iter().map(|_| Line::default()).collect();
    let mut round = 0;
    while match args.time {
        Some(time) => began.elapsed() < time,
        None => round < args.rounds,
    } {
        for ((name, _, case), line) in chosen.iter().zip(&mut lines) {
            let seed = args.seed + round;
            let started = Instant::now();
            let run = || {
                let mut bed = Bed::new(seed);
                let mut found = case(&mut bed, args.long);
                let commits = bed.settle();
                drop(found.cluster.take());
                (found, commits)
            };
            let what = format!("{name}, seed {seed}");
            let limit = if args.long { 10 * HANGS } else { HANGS };
            let outcome = within(limit, &what, || catch_unwind(AssertUnwindSafe(run)));
            line.runs += 1;
            match outcome {
                Ok((found, commits)) => {
                    line.faults += found.faults;
                    line.commits += commits;
                    line.recoveries.extend(found.recoveries);
                    line.note = found.note;
                }
                Err(payload) => {
                    let text = payload.downcast_ref::<String>().cloned();
                    let word = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
                    let problem = text.or(word).unwrap_or_else(|| "a panic".to_owned());
                    line.failures.push(format!("{what}: {problem}"));
                }
            }
            eprintln!(
                "faults: {name}, round {}: {:.1} s",
                round + 1,
                started.elapsed().as_secs_f32()
            );
        }
        round += 1;
    }
    print(&chosen, &mut lines);
    let failures: Vec<&String> = lines.iter().flat_map(|l| &l.failures).collect();
    for failure in &failures {
        println!("FAILED {failure}");
    }
    let faults: u64 = lines.iter().map(|l| l.faults).sum();
    println!(
        "{faults} faults in {:.0} s, {} failures",
        began.elapsed().as_secs_f32(),
        failures.len()
    );
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print(chosen: &[&(&str, &str, cases::Case)], lines: &mut [Line]) {
    println!(
        "{:<20} {:>4} {:>6} {:>7} {:>8}   {:>24}   {:<18} note",
        "fault", "runs", "faults", "commits", "failures", "recovery p50/p99/max ms", "must hold"
    );
    for ((name, holds, _), line) in chosen.iter().zip(lines) {
        line.recoveries.sort();
        let at = |q: f64| {
            let last = line.recoveries.len().checked_sub(1)?;
            Some(line.recoveries[(last as f64 * q).ceil() as usize].as_millis())
        };
        let recovery = match (at(0.5), at(0.99), at(1.0)) {
            (Some(a), Some(b), Some(c)) => format!("{a} / {b} / {c}"),
            _ => "-".to_owned(),
        };
        println!(
            "{name:<20} {:>4} {:>6} {:>7} {:>8}   {recovery:>24}   {holds:<18} {}",
            line.runs,
            line.faults,
            line.commits,
            line.failures.len(),
            line.note
        );
    }
}
