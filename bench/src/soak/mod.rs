//! `bench/soak`: a long run at a steady rate, with windows that open, close and are dropped all the time.
//!
//! ```text
//! load (generate, replay) ──► Kafka ──► standings run ──► Postgres
//!                                          └── each --every: memory, disk, p99, threads, files, keys ──► bounds
//! ```

mod bounds;
mod load;
mod sample;

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use standings_model::duration::parse_duration;

use crate::harness::folder::Folder;
use crate::harness::measure::{Invocation, pause, shown};
use crate::harness::metrics::Metrics;
use crate::harness::place;
use crate::harness::report::Report;
use crate::harness::server::{Server, free_address};
use crate::harness::services::Services;
use crate::harness::stats::whole;
use crate::problem::Problem;
use load::Load;
use sample::{Sample, Samples};

/// A long run at a steady rate, with windows that open, close and are dropped all the time; real Kafka and Postgres.
///
/// Every --every it takes memory (resident), bytes on disk (snapshots; Kafka and Postgres are not counted), p99 from reading
/// a sale to its commit, threads, open files and keys. Fails (exit code 1) when the last third is worse than the first by
/// more than
///
///   memory  x 1.15 + 32 MiB     disk  x 1.25 + 16 MiB     p99   x 1.5 + 20 ms
///   threads + 2                 files + 8                 keys  x 1.25 + 1,000
///
/// each the median of its third, the first --warm-up left out (p99 x 3 + 500 ms in less than ten minutes: a third is then a
/// few seconds of a machine that may do other things); or when sales were not counted: at the end all that was sent must be
/// read, and read = ranked + late + retired + dead-lettered + duplicate + filtered. --out keeps the samples as CSV.
///
/// Needs a built binary: $STANDINGS_BENCH_BINARY, or the release build.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  deploy/services up && eval \"$(deploy/services env)\" && bench/soak --for 2h
  bench/soak --for 75s --every 1s --warm-up 45s --rate 1000
                                 the bounded form, in which only leaks by the second show"
)]
pub struct SoakArgs {
    /// How long.
    #[arg(long = "for", value_name = "D", default_value = "2h", value_parser = parse_duration)]
    length: Duration,
    /// How often a sample is taken.
    #[arg(long, value_name = "D", default_value = "10s", value_parser = parse_duration)]
    every: Duration,
    /// Left out at the beginning: a tenth, at least 15s and at most 5m.
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    warm_up: Option<Duration>,
    /// Sales a second.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Workers of the run.
    #[arg(long, value_name = "N", default_value = "1")]
    workers: String,
    /// Where the samples go, as CSV; target/bench/soak.csv unless told otherwise.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl SoakArgs {
    fn warm(&self) -> Duration {
        let usual = (self.length / 10).clamp(Duration::from_secs(15), Duration::from_secs(300));
        self.warm_up.unwrap_or(usual)
    }
}

/// What becomes of a record that was read.
const FATES: [&str; 6] = [
    "ranked",
    "late",
    "retired",
    "dead_lettered",
    "duplicate",
    "filtered",
];
/// How long all that was sent may take to be read.
const LAST: Duration = Duration::from_secs(60);

/// How it ended.
struct Ended {
    status: ExitStatus,
    sent: u64,
    metrics: Metrics,
    samples: Vec<Sample>,
}

/// Runs `bench/soak`.
pub fn run(args: &SoakArgs) -> Result<(), Problem> {
    let services = Services::needed()?;
    let name = format!("soak_{}", std::process::id());
    let mut report = Report::begin();
    let ended = with_all(args, &services, &name);
    let forgotten = services
        .forget_topics(&[&name])
        .and_then(|()| services.forget_schema(&name));
    let ended = ended?;
    forgotten?;
    for sample in &ended.samples {
        sample.keep(&mut report);
    }
    let mut faults = counted(&ended);
    let (text, worse) = bounds::compared(&ended.samples, args.warm(), args.length)?;
    faults.extend(worse);
    let fates = FATES.map(|f| format!("{} {f}", whole(fate(&ended.metrics, f))));
    let head = format!(
        "{} sales at {} a second, {} s, {} samples; {}",
        whole(ended.sent),
        whole(args.rate),
        args.length.as_secs(),
        ended.samples.len(),
        fates.join(", ")
    );
    report.end(&format!("{head}\n\n{text}"), None)?;
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Problem::Worse(faults))
    }
}

/// Everything that the bench starts has ended when this returns.
fn with_all(args: &SoakArgs, services: &Services, name: &str) -> Result<Ended, Problem> {
    let folder = Folder::new("soak")?;
    let state = folder.path().join("state");
    let address = free_address()?;
    services.make_topic(name, 3)?;
    let schema = services.make_schema(name)?;
    let command = Invocation::new(place::standings())
        .env("STANDINGS_LOG", "error")
        .args(["run", "--queries", &place::in_root("bench/soak-queries")])
        .args(["--source", &services.url(name), "--sink", &schema])
        .args([
            "--state",
            &format!("file:{}", state.display()),
            "--snapshot-interval",
            "5s",
        ])
        .args([
            "-w",
            &args.workers,
            "--http",
            &address,
            "--http-rows",
            "10000",
        ])
        .args([
            "--out-of-orderness",
            "3s",
            "--allowed-lateness",
            "10s",
            "--idle-timeout",
            "10s",
        ]);
    let mut server = Server::start("standings", &command, Stdio::null())?;
    let mut load = Load::start(services.url(name), args.rate, folder.path().to_owned());
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| place::work().join("soak.csv"));
    let mut samples = Samples::new(&out, state)?;
    let began = Instant::now();
    while began.elapsed() < args.length {
        pause(args.every)?;
        server.check()?;
        load.check()?;
        match Metrics::ask(&address) {
            Ok(metrics) => samples.take(began.elapsed(), server.id(), &metrics)?,
            // It is only just starting.
            Err(_) if samples.all.len() < 3 => {}
            Err(e) => return Err(Problem::said("standings", format!("no metrics: {e}"))),
        }
    }
    let sent = load.stop()?;
    let mut metrics = Metrics::default();
    let all_read = || {
        metrics = Metrics::ask(&address).unwrap_or_default();
        metrics.sum("standings_records_read_total") >= sent as f64
    };
    match server.until("all that was sent is read", LAST, all_read) {
        // It is counted below.
        Ok(()) | Err(Problem::Late { .. }) => {}
        Err(problem) => return Err(problem),
    }
    Ok(Ended {
        status: server.stop(Duration::from_secs(60))?,
        sent,
        metrics,
        samples: samples.all,
    })
}

fn fate(metrics: &Metrics, fate: &str) -> u64 {
    metrics.sum(&format!("standings_records_{fate}_total")) as u64
}

/// What is wrong with the end and the counts.
fn counted(ended: &Ended) -> Vec<String> {
    let mut faults = Vec::new();
    if !ended.status.success() {
        faults.push(format!("standings ended with {}", shown(ended.status)));
    }
    let read = ended.metrics.sum("standings_records_read_total") as u64;
    if read != ended.sent {
        faults.push(format!("{} sales were sent, {read} read", ended.sent));
    }
    let parts = FATES.map(|f| (f, fate(&ended.metrics, f)));
    if parts.iter().map(|(_, n)| n).sum::<u64>() != read {
        faults.push(format!("{read} were read, but {parts:?}"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn every_sale_must_be_counted() {
        let text = "standings_records_read_total 10\nstandings_records_ranked_total 7\nstandings_records_late_total 3\n";
        let mut ended = Ended {
            status: ExitStatus::from_raw(0),
            sent: 10,
            metrics: Metrics::parse(text),
            samples: Vec::new(),
        };
        assert!(counted(&ended).is_empty());
        ended.sent = 11;
        assert_eq!(counted(&ended), ["11 sales were sent, 10 read"]);
        ended.metrics = Metrics::parse(&text.replace("total 3", "total 2"));
        assert_eq!(counted(&ended).len(), 2);
    }
}
