//! `bench/start`: how long a run takes that has nothing to read.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::harness::measure::{self, Invocation};
use crate::harness::report::Report;
use crate::harness::services::Services;
use crate::harness::stats::{least, median, most};
use crate::harness::table::Table;
use crate::harness::{build, place, rounds, sales};
use crate::problem::Problem;

/// How long a run takes that has nothing to read: opening the source, the sinks, the end.
///
/// Every run writes to a topic and a schema of its own. Prints the median and the slowest run of each sink, in milliseconds,
/// and how many took over half a second more than the fastest: such a run waited for something. The services of
/// deploy/services must be up (KAFKA_BROKERS, POSTGRES_URL).
#[derive(Args)]
#[command(after_help = "\
Examples:
  deploy/services up && eval \"$(deploy/services env)\" && bench/start
  bench/start --rounds 30
  bench/start --beside OTHER      in turn with another binary of standings, such as the last release")]
pub struct StartArgs {
    /// Runs of each.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = rounds::parse)]
    rounds: usize,
    /// Another binary of standings.
    #[arg(long, value_name = "OTHER")]
    beside: Option<PathBuf>,
    /// The binaries are there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What a run writes to.
#[derive(Clone, Copy, PartialEq)]
enum Sink {
    None,
    AtLeastOnce,
    ExactlyOnce,
    Postgres,
}

const SINKS: [(Sink, &str); 4] = [
    (Sink::None, "none"),
    (Sink::AtLeastOnce, "Kafka, at least once"),
    (Sink::ExactlyOnce, "Kafka, exactly once"),
    (Sink::Postgres, "Postgres"),
];

/// Milliseconds more than the fastest run: who took them has waited.
const WAITED: f64 = 500.0;

/// One sink with one binary.
struct Side {
    sink: Sink,
    name: &'static str,
    binary: PathBuf,
    shown: String,
    ms: Vec<f64>,
}

/// Runs `bench/start`.
pub fn run(args: &StartArgs) -> Result<(), Problem> {
    let services = Services::needed()?;
    if !args.no_build {
        build::measured(&[])?;
    }
    let mut report = Report::begin();
    let mut sides = sides(args.beside.as_deref());
    for round in 0..args.rounds {
        for at in rounds::order(sides.len(), round) {
            let side = &mut sides[at];
            let key = format!("{}_{round}_{at}", std::process::id());
            let ms = 1000.0 * empty_run(side, &services, &key)?;
            report.keep(&format!("{}, {}", side.name, side.shown), "ms", ms);
            side.ms.push(ms);
        }
        eprintln!("round {} of {}", round + 1, args.rounds);
    }
    report.end(&table(&sides), args.out.as_deref())
}

fn sides(other: Option<&Path>) -> Vec<Side> {
    let mut binaries = vec![(place::standings(), "this".to_owned())];
    binaries.extend(other.map(|o| (place::absolute(o), o.display().to_string())));
    let of = |(sink, name)| {
        let with = move |(binary, shown): &(PathBuf, String)| Side {
            sink,
            name,
            binary: binary.clone(),
            shown: shown.clone(),
            ms: Vec::new(),
        };
        binaries.iter().map(with).collect::<Vec<_>>()
    };
    SINKS.into_iter().flat_map(of).collect()
}

/// Seconds of one run over an empty file.
fn empty_run(side: &Side, services: &Services, key: &str) -> Result<f64, Problem> {
    let source = sales::source(&sales::empty()?);
    let queries = place::in_root("bench/queries");
    let run = ["run", "--queries", &queries, "--source", &source];
    let mut command = Invocation::new(&side.binary).args(run);
    command = command.args(["--until-end", "-w", "1"]);
    // At least once or exactly once, the topic is there: making one is the broker's time.
    let (topic, schema) = (format!("start_{key}"), format!("start_{key}"));
    command = match side.sink {
        Sink::None => command.args(["--sink", "file:/dev/null"]),
        Sink::Postgres => command.args(["--sink", &services.make_schema(&schema)?]),
        Sink::AtLeastOnce | Sink::ExactlyOnce => {
            services.make_topic(&topic, 1)?;
            let exactly = side.sink == Sink::ExactlyOnce;
            let delivery = if exactly {
                "exactly-once"
            } else {
                "at-least-once"
            };
            command.args(["--sink", &services.url(&topic), "--delivery", delivery])
        }
    };
    let took = measure::run(&command)?;
    match side.sink {
        Sink::None => {}
        Sink::Postgres => services.forget_schema(&schema)?,
        _ => services.forget_topics(&[&topic, &format!("{topic}-progress")])?,
    }
    Ok(took.seconds)
}

fn table(sides: &[Side]) -> String {
    let columns = [
        "sink",
        "binary",
        "median ms",
        "fastest",
        "slowest",
        "waited",
    ];
    let mut table = Table::new(2, &columns);
    for side in sides {
        let all = || side.ms.iter().copied();
        let fastest = least(all());
        let waited = all().filter(|ms| *ms > fastest + WAITED).count();
        table.push([
            side.name.to_owned(),
            side.shown.clone(),
            format!("{:.0}", median(all())),
            format!("{fastest:.0}"),
            format!("{:.0}", most(all())),
            format!("{waited} of {}", side.ms.len()),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_is_counted() {
        let mut sides = sides(Some(Path::new("other")));
        assert_eq!(sides.len(), 8);
        sides
            .iter_mut()
            .for_each(|s| s.ms = vec![10.0, 12.0, 600.0]);
        let text = table(&sides);
        assert!(
            text.contains("| this   |        12 |      10 |     600 | 1 of 3 |"),
            "{text}"
        );
        assert!(text.contains("| other "), "{text}");
    }
}
