//! `bench/ingest`: how many records a second each kind of source brings into Kafka.
//!
//! ```text
//! rows made up ──► a file, in a folder, a bucket, on a server │ pages of REST │ pages of SOAP │ a table ──► standings ingest --once ──► a topic of its own
//! ```
//!
//! All sides bring the same rows, and each is counted in its topic: a side that loses or doubles one has no figure. Requests of REST and
//! SOAP are counted beside those that all rows need. Webhooks are posted to by several at once, an array a delivery, and their time begins
//! when somebody listens. Then each side is asked how long one row takes ([`lag`]).

mod hooks;
mod lag;
mod pages;
mod stores;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;

use self::stores::Stores;
use crate::harness::folder::Folder;
use crate::harness::measure::{self, Invocation};
use crate::harness::report::{self, Report};
use crate::harness::server::Server;
use crate::harness::services::Services;
use crate::harness::stats::{least, median, most};
use crate::harness::table::Table;
use crate::harness::{build, place, rounds};
use crate::problem::Problem;

/// How many records a second each kind of source brings into Kafka.
///
/// Each run reads all rows to their end and commits them; its time has the start of the process in it. The services of
/// deploy/services must be up (KAFKA_BROKERS, POSTGRES_URL). The bucket is moto's (deploy/moto/run), the server OpenSSH's
/// (deploy/sftp/run): both are installed where they are missing.
#[derive(Args)]
#[command(after_help = "\
Examples:
  deploy/services up && eval \"$(deploy/services env)\" && bench/ingest
  bench/ingest --rows 20000 --rounds 5
  bench/ingest --rows 20000 --page 10 --refuse 20    many requests, of which each twentieth is refused")]
pub struct IngestArgs {
    /// Runs of each.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = rounds::parse)]
    rounds: usize,
    /// Rows of a run.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    rows: u64,
    /// Rows of a page of REST and SOAP.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    page: u64,
    /// Each so-manieth request of REST and SOAP is refused with 503; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    refuse: u64,
    /// Rows whose way is timed, one after another; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 50)]
    lag: u64,
    /// The binaries are there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The kinds of sources, and what of `ingest.toml` each needs. `PORT` and `DIR` stand for the server's and the folder.
const SIDES: [(&str, &str); 7] = [
    (
        "files, CSV",
        "type = \"files\"\npath = \"DIR/in\"\nformat = \"csv\"\nsettle = \"0s\"\nafter = \"keep\"\n",
    ),
    (
        "a bucket, CSV",
        "type = \"files\"\npath = \"s3://inbox/in\"\nformat = \"csv\"\nsettle = \"0s\"\nafter = \"keep\"\n",
    ),
    (
        "SFTP, CSV",
        "type = \"files\"\npath = \"sftp://USER@PLACE/in\"\nssh-key-file = \"KEYS/user_key\"\nknown-hosts = \"KEYS/known_hosts\"\nformat = \"csv\"\n\
         settle = \"0s\"\nafter = \"keep\"\n",
    ),
    (
        "rest, a cursor",
        "type = \"rest\"\nurl = \"http://127.0.0.1:PORT/rows?cursor={cursor}\"\nrows = \"$.rows[*]\"\ncursor = \"$.next\"\n\
         private-addresses = \"allow\"\n",
    ),
    (
        "soap, a cursor, a digest",
        "type = \"soap\"\nurl = \"http://127.0.0.1:PORT/soap\"\naction = \"urn:list\"\nenvelope = \"request.xml\"\nrows = \"$.rows.row[*]\"\n\
         cursor = \"$.rows.next\"\nusername = \"ana\"\npassword-file = \"password\"\nprivate-addresses = \"allow\"\n",
    ),
    ("webhook, arrays", "type = \"webhook\"\n"),
    (
        "postgres, a table",
        "type = \"postgres\"\nurl = \"${ENV:STANDINGS_SECRET_BENCH}\"\ntable = \"SCHEMA.rows\"\n",
    ),
];

struct Side {
    name: &'static str,
    config: &'static str,
    seconds: Vec<f64>,
    /// Requests of the run that made most.
    asked: u64,
    /// Seconds that single rows took.
    lags: Vec<f64>,
}

impl Side {
    /// The type of its source; of files that are not in a folder, where they are.
    fn kind(&self) -> &'static str {
        match self.config.split('"').nth(1).unwrap_or_default() {
            "files" if self.config.contains("s3://") => "bucket",
            "files" if self.config.contains("sftp://") => "sftp",
            kind => kind,
        }
    }
}

/// Runs `bench/ingest`.
pub fn run(args: &IngestArgs) -> Result<(), Problem> {
    let services = Services::needed()?;
    if !args.no_build {
        build::measured(&[])?;
    }
    let folder = Folder::new("ingest")?;
    let schema = format!("ingest_bench_{}", std::process::id());
    prepare(folder.path(), &services, &schema, args.rows)?;
    let server = pages::serve(args.rows, args.page, args.refuse)?;
    let stores = Stores::up(&folder.path().join("served"), &csv(args.rows))?;
    let mut report = Report::begin();
    let mut sides = SIDES.map(|(name, config)| Side {
        name,
        config,
        seconds: Vec::new(),
        asked: 0,
        lags: Vec::new(),
    });
    let done = (0..args.rounds).try_for_each(|round| {
        for at in rounds::order(sides.len(), round) {
            let side = &mut sides[at];
            let topic = format!("ingest_bench_{}_{round}_{at}", std::process::id());
            let config = stores.filled(&filled(side, &server, &schema));
            let seconds = match side.kind() {
                "webhook" => posted(folder.path(), &services, &topic, (&config, args))?,
                _ => once(folder.path(), &services, &topic, (&config, &stores))?,
            };
            let found = counted(&services, &topic)?;
            services.forget_topics(&[&topic])?;
            if found != args.rows {
                let said = format!("{}: {found} records of {} rows", side.name, args.rows);
                return Err(Problem::Differs(said));
            }
            report.keep(side.name, "seconds", seconds);
            side.seconds.push(seconds);
            side.asked = side.asked.max(server.asked());
        }
        eprintln!("round {} of {}", round + 1, args.rounds);
        Ok(())
    });
    let world = lag::World {
        folder: folder.path(),
        services: &services,
        schema: &schema,
        pages: &server,
        stores: &stores,
        rows: args.rows,
    };
    let done = done.and_then(|()| timed(&mut sides, &world, args.lag));
    services.forget_schema(&schema)?;
    done?;
    report.end(
        &table(&sides, args.rows, server.needed()),
        args.out.as_deref(),
    )
}

/// How long rows of each side take.
fn timed(sides: &mut [Side], world: &lag::World<'_>, count: u64) -> Result<(), Problem> {
    for (at, side) in sides.iter_mut().enumerate().filter(|_| count > 0) {
        let topic = format!("ingest_bench_{}_lag_{at}", std::process::id());
        let config = world
            .stores
            .filled(&filled(side, world.pages, world.schema));
        side.lags = world.seconds(side, &topic, &config, count)?;
        world.services.forget_topics(&[&topic])?;
        // Rows that were put are there for the sides behind this one too.
        world.pages.shrink();
    }
    Ok(())
}

fn filled(side: &Side, server: &pages::Server, schema: &str) -> String {
    let config = side.config.replace("PORT", &server.port.to_string());
    config.replace("SCHEMA", schema)
}

/// The rows as CSV.
fn csv(rows: u64) -> String {
    let mut csv = "id,at,city,amount\n".to_owned();
    for n in 0..rows {
        csv += &format!("{n},2026-01-23T10:15:00Z,Porto,{n}.50\n");
    }
    csv
}

/// The rows, as a file and as a table, and what a service of SOAP is asked with.
fn prepare(folder: &Path, services: &Services, schema: &str, rows: u64) -> Result<(), Problem> {
    report::write(&folder.join("in/rows.csv"), &csv(rows))?;
    let request = "<list><cursor>{cursor}</cursor></list>";
    report::write(&folder.join("request.xml"), request)?;
    report::write(&folder.join("password"), "secret\n")?;
    services.make_schema(schema)?;
    services.execute(&format!(
        "CREATE TABLE {schema}.rows AS SELECT n AS id, '2026-01-23T10:15:00Z'::timestamptz AS at, 'Porto' AS city, n + 0.50 AS amount \
         FROM generate_series(0, {}) n; ALTER TABLE {schema}.rows ADD PRIMARY KEY (id)",
        rows - 1
    ))
}

/// Writes the file of a source, and makes its topic; where the file is.
fn configured(
    folder: &Path,
    services: &Services,
    topic: &str,
    config: &str,
) -> Result<String, Problem> {
    let config = config.replace("DIR", &folder.display().to_string());
    let file = folder.join("ingest.toml");
    let text = format!(
        "to = \"kafka://{}\"\n[sources.{topic}]\n{config}topic = \"{topic}\"\nkey = [\"id\"]\n",
        services.brokers
    );
    report::write(&file, &text)?;
    services.make_topic(topic, 1)?;
    Ok(file.display().to_string())
}

/// Seconds until all is read and committed.
fn once(
    folder: &Path,
    services: &Services,
    topic: &str,
    (config, stores): (&str, &Stores),
) -> Result<f64, Problem> {
    let file = configured(folder, services, topic, config)?;
    let command = Invocation::new(place::standings()).args(["ingest", "--once", "--config", &file]);
    let command = command.env("STANDINGS_SECRET_BENCH", &services.postgres);
    Ok(measure::run(&stores.told(command))?.seconds)
}

/// Who posts at once.
const SENDERS: u64 = 8;

/// Seconds until all that was posted is answered; each delivery is a page of rows.
fn posted(
    folder: &Path,
    services: &Services,
    topic: &str,
    (config, args): (&str, &IngestArgs),
) -> Result<f64, Problem> {
    let file = configured(folder, services, topic, config)?;
    let port = hooks::free_port()?;
    let address = format!("127.0.0.1:{port}");
    let command = Invocation::new(place::standings());
    let command = command.args(["ingest", "--config", &file, "--ingest-http", &address]);
    let running = Server::start("standings ingest", &command, Stdio::null())?;
    hooks::wait_for(port)?;
    let begun = Instant::now();
    let send = |of: u64| -> Result<(), Problem> {
        let mut from = of * args.page;
        while from < args.rows {
            let to = (from + args.page).min(args.rows);
            let rows = (from..to).map(|n| {
                format!("{{\"id\":{n},\"at\":\"2026-01-23T10:15:00Z\",\"city\":\"Porto\",\"amount\":{n}.50}}")
            });
            let rows: Vec<String> = rows.collect();
            hooks::post(port, topic, &format!("[{}]", rows.join(",")))?;
            from += SENDERS * args.page;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..SENDERS)
            .map(|of| scope.spawn(move || send(of)))
            .collect();
        let ended = |one: std::thread::ScopedJoinHandle<'_, Result<(), Problem>>| {
            let gone = || Err(Problem::said("a sender", "it panicked"));
            one.join().unwrap_or_else(|_| gone())
        };
        all.into_iter().try_for_each(ended)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(running);
    Ok(seconds)
}

/// Reads committed records of a topic of one partition, from its beginning.
fn reader(services: &Services, topic: &str) -> Result<BaseConsumer, Problem> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &services.brokers)
        .set("group.id", topic)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let mut from = rdkafka::TopicPartitionList::new();
    from.add_partition_offset(topic, 0, rdkafka::Offset::Beginning)?;
    consumer.assign(&from)?;
    Ok(consumer)
}

/// The next committed record, or the end of those that there are now: whether it is one.
fn next(consumer: &BaseConsumer, topic: &str) -> Result<bool, Problem> {
    match consumer.poll(PATIENCE) {
        Some(Ok(message)) => Ok(message.payload().is_some()),
        Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => Ok(false),
        Some(Err(e)) => Err(e.into()),
        None => Err(Problem::Late {
            what: format!("records of {topic}"),
            seconds: PATIENCE.as_secs(),
        }),
    }
}

/// How long a record is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Until the next committed record is there.
fn committed(consumer: &BaseConsumer, topic: &str) -> Result<(), Problem> {
    while !next(consumer, topic)? {}
    Ok(())
}

/// Records that a reader of committed ones sees.
fn counted(services: &Services, topic: &str) -> Result<u64, Problem> {
    let consumer = reader(services, topic)?;
    let mut count = 0;
    while next(&consumer, topic)? {
        count += 1;
    }
    Ok(count)
}

/// `needed`: requests that have to be made where any are.
fn table(sides: &[Side], rows: u64, needed: u64) -> String {
    let columns = [
        "source",
        "records/s",
        "median s",
        "fastest",
        "slowest",
        "requests",
        "needed",
        "lag ms",
        "slowest lag",
    ];
    let mut table = Table::new(1, &columns);
    let shown = |n: u64| match n {
        0 => String::new(),
        n => n.to_string(),
    };
    for side in sides {
        let all = || side.seconds.iter().copied();
        table.push([
            side.name.to_owned(),
            format!("{:.0}", rows as f64 / median(all())),
            format!("{:.2}", median(all())),
            format!("{:.2}", least(all())),
            format!("{:.2}", most(all())),
            shown(side.asked),
            shown(needed.min(side.asked)),
            shown((median(side.lags.iter().copied()) * 1e3) as u64),
            shown((most(side.lags.iter().copied()) * 1e3) as u64),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_a_second_are_those_of_the_median() {
        let side = Side {
            name: "a",
            config: "",
            seconds: vec![1.0, 2.0, 9.0],
            asked: 12,
            lags: vec![0.2, 0.1, 0.4],
        };
        let text = table(&[side], 1_000, 10);
        assert!(
            text.contains("|       500 |     2.00 |    1.00 |    9.00 |       12 |     10 |    200 |         400 |"),
            "{text}"
        );
    }
}
