//! `bench/ingest`: how many records a second each kind of source brings into Kafka.
//!
//! ```text
//! rows made up ──► a file │ pages of REST │ pages of SOAP │ a table ──► standings ingest --once ──► a topic of its own
//! ```
//!
//! All sides bring the same rows, and each is counted in its topic: a side that loses or doubles one has no figure. Requests of REST and
//! SOAP are counted beside those that all rows need.

mod pages;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;

use crate::harness::folder::Folder;
use crate::harness::measure::{self, Invocation};
use crate::harness::report::{self, Report};
use crate::harness::services::Services;
use crate::harness::stats::{least, median, most};
use crate::harness::table::Table;
use crate::harness::{build, place, rounds};
use crate::problem::Problem;

/// How many records a second each kind of source brings into Kafka.
///
/// Each run reads all rows to their end and commits them; its time has the start of the process in it. The services of
/// deploy/services must be up (KAFKA_BROKERS, POSTGRES_URL).
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
    /// The binaries are there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The kinds of sources, and what of `ingest.toml` each needs. `PORT` and `DIR` stand for the server's and the folder.
const SIDES: [(&str, &str); 4] = [
    (
        "files, CSV",
        "type = \"files\"\npath = \"DIR/in\"\nformat = \"csv\"\nsettle = \"0s\"\nafter = \"keep\"\n",
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
    let mut report = Report::begin();
    let mut sides = SIDES.map(|(name, config)| Side {
        name,
        config,
        seconds: Vec::new(),
        asked: 0,
    });
    let done = (0..args.rounds).try_for_each(|round| {
        for at in rounds::order(sides.len(), round) {
            let side = &mut sides[at];
            let topic = format!("ingest_bench_{}_{round}_{at}", std::process::id());
            let config = side.config.replace("PORT", &server.port.to_string());
            let config = config.replace("SCHEMA", &schema);
            let seconds = once(folder.path(), &services, &topic, &config)?;
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
    services.forget_schema(&schema)?;
    done?;
    report.end(
        &table(&sides, args.rows, server.needed()),
        args.out.as_deref(),
    )
}

/// The rows, as a file and as a table, and what a service of SOAP is asked with.
fn prepare(folder: &Path, services: &Services, schema: &str, rows: u64) -> Result<(), Problem> {
    let mut csv = "id,at,city,amount\n".to_owned();
    for n in 0..rows {
        csv += &format!("{n},2026-01-23T10:15:00Z,Porto,{n}.50\n");
    }
    report::write(&folder.join("in/rows.csv"), &csv)?;
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

/// Seconds until all is read and committed.
fn once(folder: &Path, services: &Services, topic: &str, config: &str) -> Result<f64, Problem> {
    let config = config.replace("DIR", &folder.display().to_string());
    let file = folder.join("ingest.toml");
    let text = format!(
        "to = \"kafka://{}\"\n[sources.{topic}]\n{config}topic = \"{topic}\"\nkey = [\"id\"]\n",
        services.brokers
    );
    report::write(&file, &text)?;
    services.make_topic(topic, 1)?;
    let file = file.display().to_string();
    let command = Invocation::new(place::standings()).args(["ingest", "--once", "--config", &file]);
    let command = command.env("STANDINGS_SECRET_BENCH", &services.postgres);
    Ok(measure::run(&command)?.seconds)
}

/// Records that a reader of committed ones sees.
fn counted(services: &Services, topic: &str) -> Result<u64, Problem> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &services.brokers)
        .set("group.id", topic)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .create()?;
    let mut from = rdkafka::TopicPartitionList::new();
    from.add_partition_offset(topic, 0, rdkafka::Offset::Beginning)?;
    consumer.assign(&from)?;
    let mut count = 0;
    loop {
        match consumer.poll(Duration::from_secs(20)) {
            Some(Ok(message)) => count += u64::from(message.payload().is_some()),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return Ok(count),
            Some(Err(e)) => return Err(e.into()),
            None => {
                return Err(Problem::Late {
                    what: format!("records of {topic}"),
                    seconds: 20,
                });
            }
        }
    }
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
        };
        let text = table(&[side], 1_000, 10);
        assert!(
            text.contains("|       500 |     2.00 |    1.00 |    9.00 |       12 |     10 |"),
            "{text}"
        );
    }
}
