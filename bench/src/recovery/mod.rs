//! `bench/recovery`: snapshot cost, and time to the first right commit after kill -9.
//!
//! ```text
//! standings run, until all is read and a snapshot stands ──kill -9──► the same again, until the sink has caught up ──► …
//!       └── changes-0 ──► the same rankings? ◄── changes-1 …
//! ```

mod changes;
mod events;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Args;
use standings_load::Shape;

use crate::harness::folder::Folder;
use crate::harness::measure::{Invocation, pause};
use crate::harness::metrics::Metrics;
use crate::harness::report::Report;
use crate::harness::server::{Server, free_address};
use crate::harness::stats::{median, whole};
use crate::harness::{build, place, rounds, sales};
use crate::problem::Problem;
use changes::Rankings;
use events::{Event, events};

/// Snapshot cost, and time to the first right commit after kill -9, by live (window, key) pairs.
///
/// Makes sales of so many salesmen in one hour, runs `standings run` with snapshots over them until all are read and a
/// snapshot stands, kills it with -9, starts it again, and prints what its log says: rows and bytes of the snapshot, time
/// from its order to its manifest, time from the start of the new process to the loaded state and to the first commit. The
/// run before and the runs after end with the same rankings, or it fails. Needs cargo.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/recovery                   1 M live pairs
  bench/recovery --salesmen 10000000 --sales 30000000
  bench/recovery --salesmen 20000 --sales 100000 --rounds 1
  bench/recovery --held --salesmen 20000 --sales 10000000 --rounds 1   ten million rows that are held")]
pub struct RecoveryArgs {
    /// Who sell, each as much as the others.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    salesmen: u64,
    /// Sales, spread over the workers.
    #[arg(long, value_name = "N", default_value_t = 3_000_000)]
    sales: u64,
    /// How often it is killed.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = rounds::parse)]
    rounds: usize,
    /// The sales are a table whose rows change: each is held by its id, until its windows can change no more.
    #[arg(long)]
    held: bool,
    /// Workers, and files of sales.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    workers: u64,
    /// The binary is there.
    #[arg(long)]
    no_build: bool,
    /// What was found, as text.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How long a run may take to read everything.
const READING: Duration = Duration::from_secs(600);
const MIB: f64 = 1024.0 * 1024.0;

/// Sales as rows that are replaced.
const HELD: &str = "CREATE TABLE sales (sale_id STRING, event_time TIMESTAMP_LTZ(3), city STRING, salesman_id STRING,
  salesman_name STRING, amount DECIMAL(12, 2), PRIMARY KEY (sale_id) NOT ENFORCED,
  WATERMARK FOR event_time AS event_time - INTERVAL '1' MINUTE) WITH ('changelog' = 'upsert', 'format' = 'json');
";

/// Runs `bench/recovery`.
pub fn run(args: &RecoveryArgs) -> Result<(), Problem> {
    if !args.no_build {
        build::measured(&[])?;
    }
    let folder = Folder::new("recovery")?;
    let folder = folder.path();
    let mut report = Report::begin();
    let sources = sources(args)?;
    if args.held {
        held(&folder.join("queries"))?;
    }
    let before = first(args, folder, &sources)?;
    let snapshots = events(&folder.join("log-0"), "snapshot")?;
    let mut text = String::new();
    for one in &snapshots {
        report.keep("snapshot", "ms", one.took_ms);
        report.keep("snapshot", "new bytes", one.new_bytes);
        text += &format!(
            "snapshot {}: wrote {} rows, {:.1} MiB of {} rows in parts; {} ms from order to manifest\n",
            one.snapshot,
            whole(one.new_rows as u64),
            one.new_bytes / MIB,
            whole(one.rows as u64),
            one.took_ms
        );
    }
    if let Some(last) = snapshots.last() {
        text += &format!(
            "the last: {} rows, {:.0} MiB, {} ms from order to manifest\n",
            whole(last.rows as u64),
            last.bytes / MIB,
            last.took_ms
        );
    }
    eprint!("{text}");
    let (mut loads, mut firsts) = (Vec::new(), Vec::new());
    for n in 1..=args.rounds {
        let (loaded, right) = again(args, folder, &sources, n, &before)?;
        let line = format!(
            "restart {n}: loaded after {loaded:.2} s, first right commit after {right:.2} s\n"
        );
        eprint!("{line}");
        text += &line;
        report.keep("restart", "loaded seconds", loaded);
        report.keep("restart", "first right commit seconds", right);
        loads.push(loaded);
        firsts.push(right);
    }
    let line = format!(
        "median of {}: loaded {:.2} s, first right commit {:.2} s\n",
        args.rounds,
        median(loads),
        median(firsts)
    );
    report.end(&(text + &line), args.out.as_deref())
}

/// A file for each worker.
fn sources(args: &RecoveryArgs) -> Result<Vec<String>, Problem> {
    let file = |part| {
        let shape = Shape {
            sales: args.sales / args.workers,
            seed: part,
            salesmen: args.salesmen,
            salesman_exponent: 0.0,
            span: 50 * 60_000,
            ..Shape::default()
        };
        let path = sales::file(&format!("recovery-{}", args.salesmen), &shape)?;
        Ok(sales::source(&path))
    };
    (0..args.workers).map(file).collect()
}

/// The queries of the benches, over a table whose rows are held.
fn held(folder: &Path) -> Result<(), Problem> {
    fs::create_dir(folder).map_err(Problem::file(folder))?;
    let table = folder.join("a_table.sql");
    fs::write(&table, HELD).map_err(Problem::file(&table))?;
    let given = PathBuf::from(place::in_root("bench/queries"));
    for file in fs::read_dir(&given).map_err(Problem::file(&given))? {
        let file = file.map_err(Problem::file(&given))?;
        let to = folder.join(file.file_name());
        fs::copy(file.path(), &to).map_err(Problem::file(&to))?;
    }
    Ok(())
}

/// A process over all sales, and where it says what it did.
struct Running {
    server: Server,
    log: PathBuf,
    changes: PathBuf,
}

fn start(
    args: &RecoveryArgs,
    folder: &Path,
    sources: &[String],
    n: usize,
) -> Result<Running, Problem> {
    let (log, changes) = (
        folder.join(format!("log-{n}")),
        folder.join(format!("changes-{n}")),
    );
    let (address, workers) = (free_address()?, args.workers.to_string());
    let queries = match args.held {
        true => folder.join("queries").display().to_string(),
        false => place::in_root("bench/queries"),
    };
    let mut command = Invocation::new(place::standings())
        .args(["--log", "info", "--log-format", "json", "run"])
        .args(["--queries", &queries, "-w", &workers])
        .args([
            "--sink",
            &format!("file:{}", changes.display()),
            "--http",
            &address,
        ])
        .args([
            "--state",
            &format!("file:{}", folder.join("state").display()),
            "--snapshot-interval",
            "1s",
        ]);
    for source in sources {
        command = command.args(["--source", source]);
    }
    let command = command.errors_to(&log);
    let mut server = Server::start("standings", &command, Stdio::null())?;
    // On a restart the counts come from the snapshot, so it is there when something is read again or nothing is left.
    let all = (args.sales / args.workers * args.workers) as f64;
    let read =
        || Metrics::ask(&address).is_ok_and(|m| m.sum("standings_records_read_total") >= all);
    let done = server.until("all sales are read", READING, read);
    done.map_err(|e| with_log(e, &log))?;
    Ok(Running {
        server,
        log,
        changes,
    })
}

/// A problem of a run, with the end of what it said.
fn with_log(problem: Problem, log: &Path) -> Problem {
    if matches!(problem, Problem::Stopped) {
        return problem;
    }
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let tail: String = text
        .chars()
        .skip(text.chars().count().saturating_sub(2000))
        .collect();
    Problem::said("standings", format!("{problem}\n{tail}"))
}

impl Running {
    /// Kills it, and reads what it wrote.
    fn kill(mut self) -> Result<Rankings, Problem> {
        // What is just being written is written.
        pause(Duration::from_secs(1))?;
        self.server.kill();
        changes::read(&self.changes)
    }
}

/// The run that makes the snapshots.
fn first(args: &RecoveryArgs, folder: &Path, sources: &[String]) -> Result<Rankings, Problem> {
    let mut running = start(args, folder, sources, 0)?;
    let began = Instant::now();
    loop {
        running
            .server
            .check()
            .map_err(|e| with_log(e, &running.log))?;
        let found = events(&running.log, "snapshot")?;
        // The last snapshot stands for everything only when no newer one has followed for long enough to be made.
        let longest = found.iter().map(|e| e.took_ms).fold(0.0, f64::max);
        pause(Duration::from_millis(2000 + 3 * longest as u64))?;
        if !found.is_empty() && events(&running.log, "snapshot")?.len() == found.len() {
            return running.kill();
        }
        if began.elapsed() > READING {
            return Err(Problem::Late {
                what: "the last snapshot".to_owned(),
                seconds: READING.as_secs(),
            });
        }
    }
}

/// Another process after the one that was killed: seconds to the loaded state, and to the first right commit.
fn again(
    args: &RecoveryArgs,
    folder: &Path,
    sources: &[String],
    n: usize,
    before: &Rankings,
) -> Result<(f64, f64), Problem> {
    let mut running = start(args, folder, sources, n)?;
    let log = running.log.clone();
    let caught_up = || events(&log, "sink_caught_up").is_ok_and(|all| !all.is_empty());
    let done = running
        .server
        .until("the sink has caught up", READING, caught_up);
    done.map_err(|e| with_log(e, &log))?;
    if running.kill()? != *before {
        return Err(Problem::Differs(
            "the rankings differ after the restart".to_owned(),
        ));
    }
    let at = |name| -> Result<Vec<Event>, Problem> {
        let all = events(&log, name)?;
        let none = || Problem::said("standings", format!("its log has no event {name}"));
        if all.is_empty() { Err(none()) } else { Ok(all) }
    };
    let start = at("starting")?[0].seconds();
    let loaded = at("snapshot_loaded")?
        .iter()
        .map(Event::seconds)
        .fold(0.0, f64::max);
    Ok((loaded - start, at("sink_caught_up")?[0].seconds() - start))
}
