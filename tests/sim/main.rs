//! The whole engine on one thread, in a world made of dice: see `world` for what can go wrong and what must hold.
//!
//! ```text
//! feed ──► drivers, dataflow ──► gate ──► committer ──► database, log, rejects
//!             (real)                       (real)          (the world)
//!               └──► parts, manifests (real) ──► object store (the world)
//! ```
//!
//! A seed decides everything: the input, the weather, the number of workers, whose turn it is. A run that fails is
//! named by its seed, and `--seed` runs it again, step for step.

#[allow(dead_code)]
#[path = "../support/changes/mod.rs"]
mod changes;
mod cluster;
mod feed;
mod objects;
mod order;
mod orders;
mod outages;
mod places;
mod play;
mod refusals;
mod sinks;
mod store;
#[path = "../support/reference.rs"]
mod support;
mod topic;
#[path = "../support/watchdog.rs"]
mod watchdog;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use standings_model::sabotage::{self, Mistake};

use watchdog::within;
use world::{Fate, Seen};

/// Runs the engine in a simulated world, seed after seed.
#[derive(Parser, Clone, Debug)]
#[command(
    name = "standings-sim",
    after_long_help = "\
Examples:
  cargo test --test standings-sim -- --for 10m
  cargo test --test standings-sim -- --seed 4711 --count 1
  cargo test --features sabotage --test standings-sim -- --sabotage all --repeat 10"
)]
struct Args {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds; 0: as many as the time allows.
    #[arg(long, default_value_t = 0)]
    count: u64,
    /// For how long, such as 30s or 8h.
    #[arg(long = "for", default_value = "20s", value_parser = standings_model::duration::parse_duration)]
    time: Duration,
    /// Threads; each runs seeds of its own.
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Make this deliberate mistake, and say after how many seeds it is caught; or one after the other `all`, those of tables that
    /// change (`changes`), or the `others`.
    #[arg(long)]
    sabotage: Option<String>,
    /// How often to look for each mistake, from different seeds; the median is given.
    #[arg(long, default_value_t = 3)]
    repeat: u64,
    /// Seeds after which a mistake counts as missed.
    #[arg(long, default_value_t = 400)]
    patience: u64,
    /// With `--sabotage all`: how many mistakes must be caught for a success; all of them without this.
    #[arg(long)]
    at_least: Option<usize>,
    /// Show the engine's log, such as `debug`; with --count 1.
    #[arg(long)]
    log: Option<String>,
    /// Names of tests, as `cargo test NAME` gives them to every harness: with one that is not `sim`, nothing is run.
    #[arg(hide = true)]
    filter: Vec<String>,
    /// As `cargo test -- --exact NAME` gives it to every harness: no test has the name of this one.
    #[arg(long, hide = true)]
    exact: bool,
}

/// No run takes longer: most take some milliseconds.
const HANGS: Duration = Duration::from_secs(300);

/// One run: what was seen, or how it failed.
fn attempt(seed: u64) -> Result<(Seen, u64), String> {
    let run = || catch_unwind(AssertUnwindSafe(|| play::run(seed)));
    within(HANGS, &format!("seed {seed}"), run).map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let word = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        text.or(word).unwrap_or_else(|| "a panic".to_owned())
    })
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.exact
        || args
            .filter
            .iter()
            .any(|name| !"standings-sim".contains(name.as_str()))
    {
        return ExitCode::SUCCESS;
    }
    if let Some(filter) = &args.log {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .without_time()
            .with_target(false)
            .with_writer(std::io::stderr)
            .init();
    }
    if args.count == 1 {
        std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    } else {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let done = match &args.sabotage {
        Some(name) => sabotages(&args, name),
        None => seeds(&args) && sample(&args),
    };
    if done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// As `cargo test` runs it, a sample of mistakes too: those that are caught soon.
fn sample(args: &Args) -> bool {
    let plain = std::env::args().len() == 1;
    if !plain || !cfg!(feature = "sabotage") {
        return true;
    }
    let sample = |of, patience, at_least| {
        let args = Args {
            repeat: 1,
            patience,
            at_least: Some(at_least),
            ..args.clone()
        };
        sabotages(&args, of)
    };
    sample("others", 25, 38) && sample("changes", 100, 20)
}

/// Runs seeds, and says what was seen.
fn seeds(args: &Args) -> bool {
    let began = Instant::now();
    let next = AtomicU64::new(args.seed);
    let failed = AtomicBool::new(false);
    let all: Mutex<(u64, Seen)> = Mutex::default();
    let last = if args.count > 0 {
        args.seed + args.count
    } else {
        u64::MAX
    };
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let late = args.count == 0 && began.elapsed() >= args.time;
                    if seed >= last || late || failed.load(Ordering::Relaxed) {
                        return;
                    }
                    match attempt(seed) {
                        Ok((seen, trace)) => {
                            // Now and then the same again: it must be the same, step for step.
                            if seed % 50 == 1 {
                                let again = attempt(seed);
                                let same =
                                    again.as_ref().is_ok_and(|a| *a == (seen.clone(), trace));
                                if !same {
                                    println!("seed {seed}: a second run differs from the first");
                                    failed.store(true, Ordering::Relaxed);
                                }
                            }
                            let mut all = all.lock().expect("no run panics here");
                            all.0 += 1;
                            add(&mut all.1, seen);
                        }
                        Err(problem) => {
                            println!("seed {seed} failed: {problem}");
                            println!(
                                "again: cargo test --test standings-sim -- --seed {seed} --count 1"
                            );
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let (runs, seen) = all.into_inner().expect("no run panics here");
    let hours = began.elapsed().as_secs_f64() / 3600.0;
    println!(
        "{runs} seeds in {:.1} s ({:.0} an hour): {} sales, {} of them duplicates, {} changes of {} tables, {} commits, each held to the reference, and {} windows with all of their keys; {} kills, {} takeovers, \
         {} damaged objects, {} snapshots; the database put back {} times, {} commits seen late; the store opened {} times, put back {} times; the topic became another {} times, said {} times; \
         {} letters of rows that were refused; {} outages, {} passwords changed, {} logins refused, {} ended by --stop-timeout; the longest end {:?}",
        began.elapsed().as_secs_f64(),
        runs as f64 / hours,
        seen.sales,
        seen.duplicates,
        seen.changes,
        seen.tables,
        seen.commits,
        seen.windows,
        seen.kills,
        seen.takeovers,
        seen.corruptions,
        seen.manifests,
        seen.put_back,
        seen.late_commits,
        seen.fences,
        seen.store_put_back,
        seen.disasters,
        seen.refused,
        seen.letters,
        seen.outages,
        seen.rotations,
        seen.logins,
        seen.stopped_late,
        seen.longest
    );
    println!(
        "{:<20} {:>9} {:>7} {:>8} {:>8} {:>8} {:>7} {:>7}",
        "call", "worked", "failed", "unheard", "killed<", "killed>", "frozen", "silent"
    );
    let calls: std::collections::BTreeSet<&str> =
        seen.fates.keys().map(|(call, _)| *call).collect();
    for call in calls {
        let n = |fate| seen.fates.get(&(call, fate)).copied().unwrap_or(0);
        println!(
            "{call:<20} {:>9} {:>7} {:>8} {:>8} {:>8} {:>7} {:>7}",
            n(Fate::Go),
            n(Fate::Fail),
            n(Fate::LoseAnswer),
            n(Fate::KilledBefore),
            n(Fate::KilledAfter),
            n(Fate::Frozen),
            n(Fate::Silent)
        );
    }
    !failed.load(Ordering::Relaxed)
}

fn add(to: &mut Seen, seen: Seen) {
    to.commits += seen.commits;
    to.kills += seen.kills;
    to.takeovers += seen.takeovers;
    to.corruptions += seen.corruptions;
    to.put_back += seen.put_back;
    to.late_commits += seen.late_commits;
    to.manifests += seen.manifests;
    to.fences += seen.fences;
    to.disasters += seen.disasters;
    to.refused += seen.refused;
    to.store_put_back += seen.store_put_back;
    to.letters += seen.letters;
    to.windows += seen.windows;
    to.outages += seen.outages;
    to.rotations += seen.rotations;
    to.logins += seen.logins;
    to.stopped_late += seen.stopped_late;
    to.longest = to.longest.max(seen.longest);
    to.sales += seen.sales;
    to.duplicates += seen.duplicates;
    to.changes += seen.changes;
    to.tables += seen.tables;
    for (call, n) in seen.fates {
        *to.fates.entry(call).or_default() += n;
    }
}

#[cfg(not(feature = "sabotage"))]
fn sabotages(_: &Args, _: &str) -> bool {
    let _ = (Mistake::ALL, sabotage::is as fn(Mistake) -> bool);
    println!("--sabotage needs a build with --features sabotage");
    false
}

/// Makes mistakes, and says after how many seeds each is caught.
#[cfg(feature = "sabotage")]
fn sabotages(args: &Args, name: &str) -> bool {
    let chosen: Vec<Mistake> = Mistake::ALL
        .iter()
        .copied()
        .filter(|m| match name {
            "all" => true,
            "changes" => m.is_of_changes(),
            "others" => !m.is_of_changes(),
            name => m.name() == name,
        })
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = Mistake::ALL.iter().map(|m| m.name()).collect();
        println!(
            "`{name}` is no mistake; there are all, changes, others, {}",
            names.join(", ")
        );
        return false;
    }
    let next = AtomicU64::new(0);
    let found: Mutex<std::collections::BTreeMap<&str, (Vec<u64>, String)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                while let Some(mistake) = chosen.get(next.fetch_add(1, Ordering::Relaxed) as usize)
                {
                    let outcome = caught(args, *mistake);
                    let mut found = found.lock().expect("no run panics here");
                    found.insert(mistake.name(), outcome);
                }
            });
        }
    });
    let found = found.into_inner().expect("no run panics here");
    println!(
        "{:<26} {:>7} {:>16}   by",
        "mistake", "caught", "seeds (median)"
    );
    let mut all = 0;
    for (name, (mut seeds, by)) in found {
        seeds.sort_unstable();
        let caught = seeds.iter().filter(|n| **n <= args.patience).count() as u64;
        all += usize::from(caught == args.repeat);
        let median = seeds[seeds.len() / 2];
        let by: String = by
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(90)
            .collect();
        let median = match median > args.patience {
            true => format!("> {}", args.patience),
            false => median.to_string(),
        };
        println!(
            "{name:<26} {caught:>3}/{:<3} {median:>16}   {by}",
            args.repeat
        );
    }
    println!("{all} of {} mistakes caught", chosen.len());
    all >= args.at_least.unwrap_or(chosen.len())
}

/// After how many seeds a mistake is caught, for each repetition, and by what.
#[cfg(feature = "sabotage")]
fn caught(args: &Args, mistake: Mistake) -> (Vec<u64>, String) {
    let mut by = String::new();
    let mut counts = Vec::new();
    for repetition in 0..args.repeat {
        let first = args.seed + 1_000_000 * repetition;
        let mut count = args.patience + 1;
        // What is done wrong where rows change shows nowhere else.
        let shows = |seed: &u64| !mistake.is_of_changes() || orders::is_in(*seed);
        for (n, seed) in (0..args.patience).zip((first..).filter(shows)) {
            sabotage::make(Some(mistake));
            let outcome = attempt(seed);
            sabotage::make(None);
            if let Err(problem) = outcome {
                (count, by) = (n + 1, problem);
                break;
            }
        }
        counts.push(count);
    }
    (counts, by)
}
