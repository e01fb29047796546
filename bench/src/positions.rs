//! `bench/positions`: where any key stands, asked of the engine while sales come in, beside Redis and Postgres.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use standings_load::Shape;

use crate::clients::asks::Asks;
use crate::harness::measure::{Invocation, pause, said};
use crate::harness::metrics::{self, Metrics};
use crate::harness::report::Report;
use crate::harness::server::{Server, free_address};
use crate::harness::services::{Services, execute};
use crate::harness::stats::grouped;
use crate::harness::table::Table;
use crate::harness::{build, machine, place, quiet, sales};
use crate::problem::Problem;

/// The rank of any key, asked many times a second while sales come in: an engine, Redis with the same keys, Postgres.
///
/// Sales come from a recording at a pace (Redis gets as many ZINCRBY). Asks are open loop on connections that stay open: one that
/// waits makes those behind it late. Then the longest ask while the recording is read as fast as it goes, and what the stream
/// loses by being asked. All on one machine: the clients take their share of it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  deploy/services up && eval \"$(deploy/services env)\" && bench/positions
  bench/positions --seconds 5 --rate 20000 --asks 1000      on a small machine

Redis is Debian's redis-server, where it is installed; without it that side is left out, and said so.")]
pub struct PositionsArgs {
    /// Cargo's profile of the binary that is measured; STANDINGS_BENCH_PROFILE, or release, unless told otherwise.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Seconds of each side.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// Asks a second.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    asks: u64,
    /// Sales a second.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    rate: u64,
    /// Keys.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    keys: u64,
    /// The binary is there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const SET: &str = "sales";
const NAMES: [&str; 5] = ["asks/s", "p50 ms", "p99 ms", "longest ms", "no position"];

impl PositionsArgs {
    fn profile(&self) -> String {
        self.profile.clone().unwrap_or_else(place::profile)
    }

    fn standings(&self) -> PathBuf {
        place::given().unwrap_or_else(|| place::built_in(&self.profile(), "standings"))
    }

    /// Asks of one side.
    fn client(&self, what: &[&str], rate: u64, seconds: u64) -> Result<Asks, Problem> {
        let client = Invocation::own(&["side", "asks"]).args(what.iter().copied());
        let numbers = [rate.to_string(), seconds.to_string(), self.keys.to_string()];
        let client = client.args(["--rate", &numbers[0], "--seconds", &numbers[1]]);
        let text = said(&client.args(["--keys", &numbers[2]]))?;
        serde_json::from_str(&text)
            .map_err(|e| Problem::said("the client", format!("{text:?}: {e}")))
    }

    /// An engine over the recording, at a pace.
    fn engine(&self, recording: &str, pace: &str) -> Result<(Server, String), Problem> {
        let address = free_address()?;
        let queries = place::in_root("queries");
        let source = format!("recording:{recording}?pace={pace}");
        let engine = Invocation::new(self.standings());
        let engine = engine.args(["run", "--queries", &queries, "--source", &source]);
        let engine = engine.args([
            "--http-rate",
            "0",
            "--http",
            &address,
            "--idle-timeout",
            "1h",
        ]);
        let folder = place::work().join(format!("positions-{}.out", std::process::id()));
        let sink = format!("file:{}", folder.display());
        let engine = engine.args(["--sink", &sink]);
        let mut server = Server::start("the engine", &engine, Stdio::null())?;
        server.ready(&address)?;
        Ok((server, address))
    }
}

/// Runs `bench/positions`.
pub fn run(args: &PositionsArgs) -> Result<(), Problem> {
    let services = Services::needed()?;
    if !args.no_build && place::given().is_none() {
        build::cargo(&args.profile(), &["standings"])?;
    }
    let mut report = Report::begin();
    let recording = recording(args, &services)?;
    let mut table = Table::new(1, &[&["side"][..], &NAMES].concat());
    let mut row = |side: &str, asks: &Asks| {
        report.keep(side, "p50 ms", asks.p50_ms);
        report.keep(side, "p99 ms", asks.p99_ms);
        report.keep(side, "longest ms", asks.max_ms);
        table.push([
            side.to_owned(),
            grouped(asks.asks_per_second, 0),
            format!("{:.3}", asks.p50_ms),
            format!("{:.3}", asks.p99_ms),
            format!("{:.1}", asks.max_ms),
            asks.refused.to_string(),
        ]);
    };
    let (engine, stream) = paced(args, &recording)?;
    row("engine", &engine);
    match redis(args)? {
        Some(redis) => row("Redis, ZREVRANK", &redis),
        None => {
            println!("no redis-server here: that side is left out (apt-get install redis-server)")
        }
    }
    row("Postgres, count(*) + 1", &postgres(args, &services)?);
    let backlog = backlog(args, &recording)?;
    row("engine, while a backlog is read", &backlog);
    let text = format!(
        "{} cores, {} keys, {} sales a second, {} asks a second, {} s each, profile {}\n\n{table}\n{stream}",
        machine::cores(),
        grouped(args.keys as f64, 0),
        grouped(args.rate as f64, 0),
        grouped(args.asks as f64, 0),
        args.seconds,
        args.profile(),
    );
    report.end(&text, args.out.as_deref())
}

/// Sales enough for all of it, as a recording; made once.
fn recording(args: &PositionsArgs, services: &Services) -> Result<String, Problem> {
    let shape = Shape {
        sales: args.rate * (3 * args.seconds + 30),
        salesmen: args.keys,
        salesman_exponent: 0.0,
        ..Shape::default()
    };
    let name = format!("positions-{}", args.keys);
    let sales = sales::file(&name, &shape)?;
    let recording = sales.with_extension("rec");
    if !recording.exists() {
        let topic = format!("bench_positions_{}", std::process::id());
        services.make_topic(&topic, 1)?;
        services.fill(&topic, &sales.display().to_string())?;
        let part = recording.with_extension("part");
        let record = Invocation::new(args.standings()).env("STANDINGS_LOG", "error");
        let source = services.url(&topic);
        let record = record.args([
            "load",
            "record",
            "--source",
            &source,
            "--until-end",
            "--out",
        ]);
        said(&record.args([part.display().to_string()]))?;
        services.forget_topics(&[&topic])?;
        std::fs::rename(&part, &recording).map_err(Problem::file(&recording))?;
    }
    Ok(recording.display().to_string())
}

/// The window whose keys are asked for.
fn window(address: &str) -> Result<String, Problem> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = metrics::get(address, "/api/v1/rankings/top_salesmen/windows?limit=1");
        let (_, body) = answer.map_err(Problem::system("asking the engine"))?;
        let all: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        if let Some(start) = all[0]["window_start"].as_str() {
            return Ok(format!("/api/v1/rankings/top_salesmen/windows/{start}"));
        }
        if Instant::now() > until {
            return Err(Problem::Late {
                what: "a window".to_owned(),
                seconds: 20,
            });
        }
        pause(Duration::from_millis(100))?;
    }
}

fn read(address: &str) -> f64 {
    Metrics::ask(address).map_or(0.0, |m| m.sum("standings_records_read_total"))
}

/// Asks while sales come in at a pace; and how the stream goes on, asked and not.
fn paced(args: &PositionsArgs, recording: &str) -> Result<(Asks, String), Problem> {
    quiet::wait(Duration::from_secs(10))?;
    let (engine, address) = args.engine(recording, &args.rate.to_string())?;
    let path = window(&address)?;
    let length = Duration::from_secs(args.seconds);
    let stretch = |work: &mut dyn FnMut() -> Result<(), Problem>| {
        let (before, cpu) = (read(&address), quiet::of_process(engine.id()));
        let began = Instant::now();
        work()?;
        let seconds = began.elapsed().as_secs_f64();
        let used = quiet::of_process(engine.id()) - cpu;
        Ok::<_, Problem>(((read(&address) - before) / seconds, used / seconds))
    };
    let alone = stretch(&mut || pause(length))?;
    let mut asks = Asks::default();
    let asked = stretch(&mut || {
        asks = args.client(&["http", &address, &path], args.asks, args.seconds)?;
        Ok(())
    })?;
    let text = format!(
        "stream: {} sales a second at {:.2} cores while nobody asks, {} at {:.2} while asked ({:.3}x)",
        grouped(alone.0, 0),
        alone.1,
        grouped(asked.0, 0),
        asked.1,
        asked.0 / alone.0
    );
    Ok((asks, text))
}

/// The longest ask while a backlog is read as fast as it goes.
fn backlog(args: &PositionsArgs, recording: &str) -> Result<Asks, Problem> {
    quiet::wait(Duration::from_secs(10))?;
    let (_engine, address) = args.engine(recording, "max")?;
    let path = window(&address)?;
    args.client(&["http", &address, &path], 500, 3)
}

/// The same of Redis, fed as many sales.
fn redis(args: &PositionsArgs) -> Result<Option<Asks>, Problem> {
    let program = PathBuf::from("redis-server");
    if Command::new(&program).arg("--version").output().is_err() {
        return Ok(None);
    }
    quiet::wait(Duration::from_secs(10))?;
    let address = free_address()?;
    let port = address.rsplit(':').next().unwrap_or_default().to_owned();
    let server = Invocation::new(program);
    let server = server.args(["--port", &port, "--save", "", "--appendonly", "no"]);
    let mut server = Server::start("Redis", &server, Stdio::null())?;
    let listens = || std::net::TcpStream::connect(&address).is_ok();
    server.until("it listens", Duration::from_secs(10), listens)?;
    let rate = args.rate.to_string();
    let seconds = (args.seconds + 6).to_string();
    let keys = args.keys.to_string();
    let feed = Invocation::own(&["side", "asks", "feed", &address, SET, "--connections", "1"]);
    let feed = feed.args(["--rate", &rate, "--seconds", &seconds, "--keys", &keys]);
    let _feed = Server::start("the feed of Redis", &feed, Stdio::null())?;
    // Every key has come once.
    pause(Duration::from_secs(3))?;
    args.client(&["redis", &address, SET], args.asks, args.seconds)
        .map(Some)
}

/// The same of Postgres, over as many keys that nobody changes meanwhile.
fn postgres(args: &PositionsArgs, services: &Services) -> Result<Asks, Problem> {
    let table = format!("bench_positions_{}", std::process::id());
    let made = format!(
        "CREATE TABLE {table} AS SELECT 'S' || lpad(n::text, 6, '0') AS key, (hashint4(n) & 1048575)::numeric / 100 AS total \
         FROM generate_series(0, {} - 1) AS n; CREATE INDEX ON {table} (total); CREATE UNIQUE INDEX ON {table} (key); ANALYZE {table}",
        args.keys
    );
    execute(&services.postgres, &made)?;
    let query = format!(
        "SELECT count(*) + 1 FROM {table} WHERE total > (SELECT total FROM {table} WHERE key = $1)"
    );
    let asks = args.client(
        &["sql", &services.postgres, &query],
        args.asks.min(200),
        args.seconds.min(5),
    );
    execute(&services.postgres, &format!("DROP TABLE {table}"))?;
    asks
}
