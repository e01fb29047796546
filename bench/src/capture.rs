//! `bench/capture`: a table of Postgres by its log, from COMMIT to the record in Kafka, and its snapshot beside COPY.
//!
//! ```text
//! INSERT … COMMIT, so many a second ──► log ──► standings ingest ──► topic ──► a reader of committed records: now - when it was committed
//! rows that are there ──► standings ingest --once ──► topic          COPY … TO PROGRAM: the same rows, to nobody
//! ```

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use hdrhistogram::Histogram;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde::Deserialize;
use tokio_postgres::NoTls;

use crate::harness::folder::Folder;
use crate::harness::measure::{Invocation, run as took};
use crate::harness::report::Report;
use crate::harness::server::Server;
use crate::harness::services::{Services, wait_for};
use crate::harness::stats::grouped;
use crate::harness::table::Table;
use crate::harness::{build, place};
use crate::problem::Problem;

/// What a table of Postgres costs by its log: from COMMIT to the record in Kafka, and rows a second of its snapshot beside COPY.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/capture                          1,000 changes a second for 20 seconds, and a snapshot of a million rows
  bench/capture --rate 5000 --rows 5000000
  bench/capture --no-build               with the binary that is there")]
pub struct CaptureArgs {
    /// Changes a second, each a transaction.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    rate: u64,
    /// For how long.
    #[arg(long, value_name = "N", default_value_t = 20)]
    seconds: u64,
    /// Rows of the snapshot.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    rows: u64,
    /// The binary is there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<std::path::PathBuf>,
}

/// How long anything may take to begin, or to come to its end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Of a record what is needed.
#[derive(Deserialize)]
struct Envelope {
    source: Source,
}

#[derive(Deserialize)]
struct Source {
    ts_us: i64,
}

/// A table, and the source that reads it; both go with it.
struct Place<'a> {
    services: &'a Services,
    name: String,
    folder: Folder,
}

impl<'a> Place<'a> {
    fn new(services: &'a Services, word: &str, rows: u64) -> Result<Self, Problem> {
        let name = format!("bench_{word}_{}", std::process::id());
        services.execute(&format!(
            "DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name};
             CREATE TABLE {name}.sales (id BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL, city TEXT, amount NUMERIC(12, 2), note TEXT);
             ALTER TABLE {name}.sales REPLICA IDENTITY FULL;
             INSERT INTO {name}.sales SELECT n, '2026-01-01'::timestamptz + n::bigint * 7919 % 864000 * interval '1 second', 'city ' || n % 1000, n / 100.0,
               'a sale of the shop' FROM generate_series(1, {rows}) n; ANALYZE {name}.sales"
        ))?;
        let folder = Folder::new(word)?;
        let config = format!(
            "to = \"kafka://{}\"\n[sources.{name}]\ntype = \"postgres-cdc\"\nurl = \"{}\"\ntable = \"{name}.sales\"\ntopic = \"{name}\"\n\
             slot = \"{name}\"\npublication = \"{name}\"\nevent-time = \"at\"\n",
            services.brokers, services.postgres
        );
        let path = folder.path().join("ingest.toml");
        std::fs::write(&path, config).map_err(Problem::file(&path))?;
        Ok(Place {
            services,
            name,
            folder,
        })
    }

    fn ingest(&self, more: &[&str]) -> Invocation {
        let config = self.folder.path().join("ingest.toml");
        let ingest = Invocation::new(place::standings()).env("STANDINGS_LOG", "warn");
        let ingest = ingest.args(["ingest", "--config"]);
        ingest.args([config.display().to_string()]).args(more)
    }

    fn has_slot(&self) -> Result<bool, Problem> {
        let asked = format!(
            "SELECT FROM pg_replication_slots WHERE slot_name = '{}' AND active",
            self.name
        );
        wait_for(async {
            let (client, connection) =
                tokio_postgres::connect(&self.services.postgres, NoTls).await?;
            tokio::spawn(connection);
            Ok(client.query_opt(&asked, &[]).await?.is_some())
        })?
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        // What is left of it the next start of the database's does not need either.
        for gone in [
            format!(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{name}' AND active"
            ),
            format!(
                "SELECT pg_sleep(1); SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{name}'"
            ),
            format!("DROP PUBLICATION IF EXISTS {name}; DROP SCHEMA IF EXISTS {name} CASCADE"),
        ] {
            let _ = self.services.execute(&gone);
        }
        let _ = self.services.forget_topics(&[name]);
    }
}

pub fn run(args: &CaptureArgs) -> Result<(), Problem> {
    let services = Services::needed()?;
    if !args.no_build {
        build::measured(&["standings"])?;
    }
    let mut report = Report::begin();
    let mut table = Table::new(1, &["what", "p50", "p99", "most"]);
    let lags = lag(&services, args)?;
    let of = |q: f64| {
        format!(
            "{} ms",
            grouped(lags.value_at_quantile(q) as f64 / 1_000.0, 1)
        )
    };
    table.push([
        format!(
            "COMMIT to the record in Kafka, {} changes a second",
            args.rate
        ),
        of(0.5),
        of(0.99),
        of(1.0),
    ]);
    report.keep("ingest", "lag_p99_us", lags.value_at_quantile(0.99) as f64);
    let (ours, copy) = snapshot(&services, args.rows)?;
    report.keep("ingest", "snapshot_s", ours);
    report.keep("copy", "snapshot_s", copy);
    let speed = |seconds: f64| format!("{} rows/s", grouped(args.rows as f64 / seconds, 0));
    let rest = format!(
        "\nSnapshot of {} rows: {} from start to end, COPY of the same {} ({:.2} × its time).\n",
        args.rows,
        speed(ours),
        speed(copy),
        ours / copy
    );
    report.end(&format!("{table}{rest}"), args.out.as_deref())
}

/// µs from the commit to a reader.
fn lag(services: &Services, args: &CaptureArgs) -> Result<Histogram<u64>, Problem> {
    let place = Place::new(services, "lag", 1)?;
    services.make_topic(&place.name, 1)?;
    let mut server = Server::start("standings ingest", &place.ingest(&[]), Stdio::null())?;
    server.until("its slot is read", PATIENCE, || {
        place.has_slot().unwrap_or(false)
    })?;
    let wanted = args.rate * args.seconds;
    let ended = AtomicBool::new(false);
    let lags = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(services, &place.name, wanted, &ended));
        let wrote = write(services, &place.name, args);
        ended.store(true, Ordering::Relaxed);
        let lags = reader
            .join()
            .unwrap_or_else(|e| std::panic::resume_unwind(e));
        wrote.and(lags)
    });
    server.stop(PATIENCE)?;
    lags
}

fn write(services: &Services, name: &str, args: &CaptureArgs) -> Result<(), Problem> {
    let statement =
        format!("INSERT INTO {name}.sales VALUES ($1, now(), 'Lisbon', 1.5, 'a sale of the shop')");
    wait_for(async {
        let (client, connection) = tokio_postgres::connect(&services.postgres, NoTls).await?;
        tokio::spawn(connection);
        let insert = client.prepare(&statement).await?;
        let (begun, mut done) = (Instant::now(), 0u64);
        while done < args.rate * args.seconds {
            let due = (begun.elapsed().as_secs_f64() * args.rate as f64) as u64;
            while done < due.min(args.rate * args.seconds) {
                done += 1;
                client.execute(&insert, &[&(done as i64 + 1)]).await?;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    })?
}

fn read(
    services: &Services,
    topic: &str,
    wanted: u64,
    ended: &AtomicBool,
) -> Result<Histogram<u64>, Problem> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &services.brokers)
        .set("group.id", topic)
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "5")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&partitions)?;
    let mut lags = Histogram::new(3).map_err(|e| Problem::said("histogram", e.to_string()))?;
    let mut last = Instant::now();
    // The row that was there is one more.
    let mut left = wanted + 1;
    while left > 0 {
        let Some(message) = consumer.poll(Duration::from_millis(20)) else {
            if ended.load(Ordering::Relaxed) && last.elapsed() > PATIENCE {
                return Err(Problem::Late {
                    what: format!("{left} more records of {topic}"),
                    seconds: PATIENCE.as_secs(),
                });
            }
            continue;
        };
        let message = message?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |d| d.as_micros() as i64);
        let envelope: Envelope = serde_json::from_slice(message.payload().unwrap_or_default())
            .map_err(|e| Problem::said(topic, e.to_string()))?;
        last = Instant::now();
        left -= 1;
        if left < wanted {
            lags.saturating_record((now - envelope.source.ts_us).max(0) as u64);
        }
    }
    Ok(lags)
}

/// Seconds of a snapshot, and of COPY.
fn snapshot(services: &Services, rows: u64) -> Result<(f64, f64), Problem> {
    let place = Place::new(services, "snapshot", rows)?;
    let begun = Instant::now();
    services.execute(&format!(
        "COPY {}.sales TO PROGRAM 'cat > /dev/null'",
        place.name
    ))?;
    let copy = begun.elapsed().as_secs_f64();
    let ours = took(&place.ingest(&["--once"]))?.seconds;
    Ok((ours, copy))
}
