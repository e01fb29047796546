//! `bench/latency`: open loop, from a sale's intended send time to what it changed being visible.
//!
//! ```text
//! sides at a rate, in turn ──► between (ours, a relay, Flink) ──► clients::open_loop (sender, watcher) ──► table
//! ```

mod between;
mod side;
mod summary;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use crate::clients::open_loop::Outcome;
use crate::harness::measure::{self, Invocation, said};
use crate::harness::report::Report;
use crate::harness::services::Services;
use crate::harness::stats::whole;
use crate::harness::{build, place, quiet, rounds};
use crate::problem::Problem;
use between::Between;
use side::{Kind, Side};
use summary::{Cores, Found};

/// Latency, open loop, from a sale's intended send time to what it changed being visible; with real Kafka and Postgres.
///
/// A broker that was started for tests compiles little, takes the cores for itself, and stops for 20 ms each second or two to
/// collect its garbage, which is then the 99th percentile: for figures start it with the options that Kafka's own start
/// script gives it, STANDINGS_KAFKA_JAVA=as-shipped deploy/services up. One that was just started compiles what it runs, and
/// takes the cores for that: so all sides run first for --warm-services seconds each, which do not count. Each side's topics
/// are deleted after it.
///
/// Sides, in turn at each rate: the floor (produce to consume through Kafka alone), on request (--only) a relay that copies
/// each sale from one topic into another (what any job between two topics takes) or writes as many and as large messages as
/// ours ("relay-rows"), the change topic at least once, the change topic exactly once (read by a read_committed consumer),
/// Postgres (the row's commit). No coordinated omission: sales go out on a schedule, and what is late is counted from when
/// it was due. After --warm-up seconds. Prints p50, p90, p99, p99.9 and max in milliseconds, and each side beyond the floor
/// of the same rate; --out writes it as Markdown. Needs cargo; the Flink sides a JDK 17 and, once, Maven.
///
/// Flink SQL runs only when --only names it: "flink" and then, in this order, any of -growing, -unranked, -minibatch and
/// -exactly (bench/peers/flink/README.md says what each is, and what is not comparable). It has as many task slots as we have
/// workers, reads the same topic and writes its changes by upsert-kafka; the sender starts when all its tasks run. "flink" at
/// least once takes no checkpoints; "-exactly" has a transaction for each, every second unless --flink says otherwise. With
/// its rank in every row, plain "flink" sends up to two rows for each place below a sale's: with 300 cities it does not keep
/// up with 1,000 sales a second on two cores, so that its latency only grows. --cities 10 is what it can be asked.
/// Percentiles are of the sales seen: with many "not seen" (ten seconds after the last) they are too good.
#[derive(Args)]
#[command(after_help = "\
Examples:
  deploy/services up && eval \"$(deploy/services env)\" && bench/latency
  bench/latency --rates 1000,10000,50000,100000 --seconds 60        the whole table, about twenty minutes
  bench/latency --rates 50000 --seconds 15 --only floor,least
  bench/latency --rates 50000 --seconds 10 --rounds 5 --only floor,least --beside OTHER   in turn with another binary
  bench/latency --rates 1000,10000 --only floor,least,flink-unranked,exactly,flink-unranked-exactly   beside Flink SQL")]
pub struct LatencyArgs {
    /// Sales a second.
    #[arg(
        long,
        value_name = "N,N",
        value_delimiter = ',',
        default_value = "1000,10000,50000,100000"
    )]
    rates: Vec<u64>,
    /// Seconds that count, at each rate.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// How often each side runs at each rate.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = rounds::parse)]
    rounds: usize,
    /// Seconds at the rate that do not count: 5, with a Flink side 20, as a JVM compiles.
    #[arg(long, value_name = "N")]
    warm_up: Option<u64>,
    /// Seconds for which each side runs before the first that counts, at 50,000 a second or the greatest rate; 0 if the
    /// broker has just done so.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    warm_services: u64,
    /// That are sold in; all of them are ranked, by every side.
    #[arg(long, value_name = "N", default_value_t = 300)]
    cities: u64,
    /// How far apart commits are at least.
    #[arg(long, value_name = "D", default_value = "1ms")]
    commit_interval: String,
    /// For the Flink sides, as in --flink='--buffer-timeout 100 --checkpoint-interval 200'; bench/peers/flink/latency --help
    /// lists them.
    #[arg(long, value_name = "OPTIONS", default_value = "")]
    flink: String,
    /// Workers of the run, and task slots of Flink.
    #[arg(long, value_name = "N", default_value = "1")]
    workers: String,
    /// Sides: floor, relay, relay-rows, least, exactly, postgres, flink…
    #[arg(long, value_name = "SIDES", value_delimiter = ',', default_value = "floor,least,exactly,postgres", value_parser = side::parse)]
    only: Vec<Kind>,
    /// Another binary of standings, in turn with this one.
    #[arg(long, value_name = "OTHER")]
    beside: Option<PathBuf>,
    /// The binaries are there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown; target/bench/latency.md unless told otherwise.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl LatencyArgs {
    fn has_flink(&self) -> bool {
        self.only.iter().any(|k| matches!(k, Kind::Flink(_)))
    }

    fn warm_up(&self) -> u64 {
        self.warm_up
            .unwrap_or(if self.has_flink() { 20 } else { 5 })
    }

    /// Each kind, ours with both binaries where there are two.
    fn sides(&self) -> Vec<Side> {
        let other = self.beside.as_deref().map(place::absolute);
        let turns = |kind: &Kind| {
            let own = Side::new(kind.clone(), None);
            let twin = other
                .clone()
                .filter(|_| kind.is_ours())
                .map(|o| Side::new(kind.clone(), Some(o)));
            [Some(own), twin]
        };
        self.only.iter().flat_map(turns).flatten().collect()
    }
}

/// The most sales a second of the warm-up.
const WARM_RATE: u64 = 50_000;

/// Runs `bench/latency`.
pub fn run(args: &LatencyArgs) -> Result<(), Problem> {
    let services = Services::needed()?;
    if !args.no_build {
        build::measured(&[])?;
    }
    if args.has_flink() {
        said(&Invocation::new(
            place::root().join("bench/peers/flink/setup"),
        ))?;
    }
    let mut report = Report::begin();
    let sides = args.sides();
    // The floor asks nothing of the services that the others do not.
    let warm = sides
        .iter()
        .filter(|s| s.kind.is_ours() && s.other.is_none() && args.warm_services > 0);
    let greatest = args.rates.iter().copied().max().unwrap_or(1);
    for side in warm {
        let rate = greatest.min(WARM_RATE);
        let found = one(&services, side, rate, args, "warm", args.warm_services)?;
        println!(
            "warming up, {}: p50 {} p99 {} ms",
            side.kind, found.outcome.p50, found.outcome.p99
        );
    }
    let mut results: Vec<(u64, usize, Vec<Found>)> = Vec::new();
    for rate in &args.rates {
        let first = results.len();
        results.extend((0..sides.len()).map(|at| (*rate, at, Vec::new())));
        for round in 0..args.rounds {
            for at in rounds::order(sides.len(), round) {
                let side = &sides[at];
                let found = one(
                    &services,
                    side,
                    *rate,
                    args,
                    &round.to_string(),
                    args.seconds,
                )?;
                println!("{}/s, {}: {found}", whole(*rate), side.key());
                keep(&mut report, side, *rate, &found);
                results[first + at].2.push(found);
            }
        }
    }
    let text = summary::table(&results, &sides, args, &report.machine);
    let usual = place::work().join("latency.md");
    report.end(&text, Some(args.out.as_deref().unwrap_or(&usual)))
}

fn keep(report: &mut Report, side: &Side, rate: u64, found: &Found) {
    let name = format!("{rate}/s, {}", side.key());
    let of = &found.outcome;
    for (measure, value) in [
        ("p50 ms", of.p50),
        ("p90 ms", of.p90),
        ("p99 ms", of.p99),
        ("p99.9 ms", of.p999),
        ("max ms", of.max),
        ("missing sales", of.missing as f64),
        ("cores", found.cores.all),
    ] {
        report.keep(&name, measure, value);
    }
}

/// One side at one rate; what it made is gone after it.
fn one(
    services: &Services,
    side: &Side,
    rate: u64,
    args: &LatencyArgs,
    n: &str,
    seconds: u64,
) -> Result<Found, Problem> {
    let tag = format!(
        "{}_{rate}_{}_{n}",
        std::process::id(),
        side.key().replace('@', "_")
    );
    let (topic, changes, schema) = (
        format!("latency_{tag}"),
        format!("latency_changes_{tag}"),
        format!("latency_{tag}"),
    );
    services.make_topic(&topic, 3)?;
    services.make_topic(&changes, 1)?;
    let found = measured(
        services,
        side,
        rate,
        args,
        [&topic, &changes, &schema],
        seconds,
    );
    let mut forgotten = services.forget_topics(&[&topic, &changes, &format!("{changes}-progress")]);
    if side.kind == Kind::Postgres {
        forgotten = forgotten.and(services.forget_schema(&schema));
    }
    // What failed first is told first.
    let found = found?;
    forgotten?;
    quiet::wait(Duration::from_secs(5))?;
    Ok(found)
}

fn measured(
    services: &Services,
    side: &Side,
    rate: u64,
    args: &LatencyArgs,
    [topic, changes, schema]: [&str; 3],
    seconds: u64,
) -> Result<Found, Problem> {
    let (mut between, watch) = Between::start(services, side, args, [topic, changes, schema])?;
    let numbers = [rate, seconds, args.warm_up(), args.cities].map(|n| n.to_string());
    let ends = Invocation::own(&[
        "side",
        "open-loop",
        "--brokers",
        &services.brokers,
        "--topic",
        topic,
    ]);
    let ends = ends.args([
        "--rate",
        &numbers[0],
        "--seconds",
        &numbers[1],
        "--warm-up",
        &numbers[2],
    ]);
    let ends = ends.args(["--cities", &numbers[3], "--watch", &watch]);
    let (began, busy, its) = (Instant::now(), quiet::busy_seconds(), between.cpu_seconds());
    let took = measure::run(&ends)?;
    let passed = began.elapsed().as_secs_f64();
    let cores = Cores::new(
        passed,
        quiet::busy_seconds() - busy,
        between.cpu_seconds() - its,
        took.cpu,
    );
    let outcome: Outcome = serde_json::from_str(took.text.trim())
        .map_err(|e| Problem::said("the sender and watcher", format!("{:?}: {e}", took.text)))?;
    between.stop();
    Ok(Found { outcome, cores })
}
