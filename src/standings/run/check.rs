//! `standings check`: parses and explains queries and configuration, and asks what a run would read and write; writes
//! nothing.

use std::path::{Path, PathBuf};

use clap::{Args, Command, FromArgMatches};

use super::args::{Delivery, EmitArg, RunArgs};
use super::prepared::Prepared;
use super::{
    questions,
    tables::{self, TableSource},
};
use crate::config;
use standings_edge::source::{SourceUrl, Start};
use standings_engine::quality;
use standings_model::check::FailOn;
use standings_model::duration::format_duration;
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_model::time::format_rfc3339;
use standings_process::exit::{self, Failure};

/// `standings check`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  The queries alone:
    standings check --queries queries
  The first records of a file through its table, what they would become and why, and which fields no column takes:
    standings check --queries queries --source file:orders.csv
  The queries and a whole command line, as it would be run:
    standings check -- run --queries queries --source kafka://localhost:9092/sales --sink postgres://localhost/standings

With a command line the source and the sinks are asked, for five seconds each at most, what they say without anything
being written: which they are, encoding, rights, tables and their keys, the largest message; and what would become of the
first 1,000 records. Without network: standings check --offline -- run …
What sources would be read, and into which topics:
    standings check -- ingest --config ingest.toml
Exit codes: 0 all is right; 1 one of them does not answer, or nothing would be ranked; 2 something is wrong (each query is
shown with the place of what is wrong).")]
pub struct CheckArgs {
    /// Folder with one SQL file per ranking.
    #[arg(
        long,
        env = "STANDINGS_QUERIES",
        value_name = "DIR",
        default_value = "queries"
    )]
    pub queries: PathBuf,
    /// Try the first 1,000 records of a table, through its own decoder: what they would become. The table's name may be left
    /// out where there is one; repeat for several.
    #[allow(
        rustdoc::broken_intra_doc_links,
        reason = "the text is the flag's help, where it stands as it is"
    )]
    #[arg(
        long = "source",
        value_name = "[TABLE=]URL",
        conflicts_with = "command"
    )]
    pub tried: Vec<TableSource>,
    /// As in `run`.
    #[arg(long, env = "STANDINGS_TIME_ZONE", value_name = "ZONE", value_parser = standings_query::zone)]
    pub time_zone: Option<String>,
    /// Connect to nothing: a command line is only read.
    #[arg(long, env = "STANDINGS_OFFLINE")]
    pub offline: bool,
    /// A command line to check too: `run` or `ingest` and its flags.
    #[arg(last = true, value_name = "run …")]
    pub command: Vec<String>,
}

/// Loads the queries and the checks beside them, in a zone that beats theirs; every error is one readable diagnostic.
pub fn load(dir: &Path, zone: Option<&str>) -> Result<Plan, Failure> {
    let loaded = standings_query::load(dir, zone)
        .map_err(|errors| Failure::of(&codes::query::SQL, errors.render()))?;
    let mut plan = loaded.plan;
    plan.checks = quality::load(dir, &plan.tables)?;
    Ok(plan)
}

/// Runs `standings check`; `all` is the program's command line.
pub fn run(args: &CheckArgs, all: &Command) -> Result<(), Failure> {
    if !args.tried.is_empty() {
        return records(args, all);
    }
    let Some(first) = args.command.first() else {
        exit::say(&words(&load(&args.queries, args.time_zone.as_deref())?));
        return Ok(());
    };
    if first != "run" {
        return Err(Failure::of(
            &codes::line::FLAGS,
            "after -- comes `run` or `ingest` with its flags: standings check -- run …",
        ));
    }
    let line = flags(args.command.iter().map(String::as_str), all)?;
    let prepared = Prepared::new(&line)?;
    exit::say(&format!(
        "{}\n\n{}",
        words(&prepared.plan),
        explain(&line, &prepared)
    ));
    if args.offline {
        return Ok(());
    }
    let (answers, done) = questions::ask(&line, &prepared);
    exit::say(&format!("\n{answers}"));
    done
}

/// A command line of `run`, as it would be read.
fn flags<'a>(line: impl Iterator<Item = &'a str>, all: &Command) -> Result<RunArgs, Failure> {
    let line = std::iter::once("standings").chain(line);
    let line = config::resolve(all, line.map(Into::into).collect()).map_err(Failure::from)?;
    match line.matches.subcommand() {
        Some((_, own)) => RunArgs::from_arg_matches(own)
            .map_err(|e| Failure::of(&codes::line::WORDS, e.to_string())),
        None => Err(Failure::of(
            &codes::line::FLAGS,
            "after -- comes `run` and its flags",
        )),
    }
}

/// What would become of the first records of sources.
fn records(args: &CheckArgs, all: &Command) -> Result<(), Failure> {
    let queries = args.queries.display().to_string();
    let sources: Vec<String> = args.tried.iter().map(ToString::to_string).collect();
    let mut line = vec![
        "run",
        "--until-end",
        "--sink",
        "stdout",
        "--queries",
        &queries,
    ];
    for source in &sources {
        line.extend(["--source", source]);
    }
    let line = flags(line.into_iter(), all)?;
    let prepared = Prepared::new(&line)?;
    let said = questions::sample(&line, &prepared)?;
    exit::say(&format!(
        "{}\n\nrecords\n  {}",
        words(&prepared.plan),
        said.join("\n  ")
    ));
    Ok(())
}

/// The queries and the checks, in words.
fn words(plan: &Plan) -> String {
    match quality::explain(plan) {
        checks if checks.is_empty() => standings_query::explain(plan),
        checks => format!("{}\n{checks}", standings_query::explain(plan)),
    }
}

fn line(label: &str, text: impl AsRef<str>) -> String {
    format!("  {label:<10} {}", text.as_ref())
}

/// What a command line says, in words. No secret is shown: URLs show themselves without them, and of client settings
/// only the names.
fn explain(args: &RunArgs, prepared: &Prepared) -> String {
    let mut lines = vec!["configuration".to_owned()];
    let source = &prepared.source;
    let several = prepared.plan.read().count() > 1;
    for (number, url) in source.urls.iter().enumerate() {
        let table = &prepared.plan.tables[source.table_of(number)].name;
        lines.push(match several {
            true => line("source", format!("{table}={url}")),
            false => line("source", url.to_string()),
        });
    }
    if source
        .urls
        .iter()
        .any(|url| matches!(url, SourceUrl::Kafka { .. }))
    {
        let begins = match prepared.source.start {
            Start::Earliest => "at the oldest record".to_owned(),
            Start::Latest => "at what comes from now on".to_owned(),
            Start::Time(ms) => {
                format!("at what has the time {} or a later one", format_rfc3339(ms))
            }
        };
        lines.push(line("begins", begins));
    }
    if source.until_end {
        lines.push(line("ends", "at the input's end as seen at start"));
    }
    lines.extend(args.sink.iter().map(|url| line("sink", url.to_string())));
    let nowhere = || "counted, and kept nowhere".to_owned();
    let shown = |url: &Option<standings_edge::sink::url::SinkUrl>| {
        url.as_ref().map_or_else(nowhere, ToString::to_string)
    };
    lines.push(line("late", shown(&args.late)));
    lines.push(line("dead", shown(&args.dead_letter)));
    lines.extend(times(args, prepared));
    let processes = prepared.cluster.hosts.len().max(1);
    let workers = format!(
        "{} in {processes} process{}; each may have {} MiB read and not committed",
        prepared.cluster.workers * processes,
        if processes == 1 { "" } else { "es" },
        args.in_flight_bytes >> 20
    );
    lines.push(line("workers", workers));
    lines.extend(fails(args, prepared));
    if let Some(http) = &args.http.http {
        lines.push(line("http", http));
    }
    let names = prepared.kafka_properties.iter();
    let names: Vec<_> = names.map(|(key, _)| key.as_str()).collect();
    if !names.is_empty() {
        lines.push(line("kafka", format!("also sets {}", names.join(", "))));
    }
    lines.join("\n")
}

/// When windows close, and commits are made.
fn times(args: &RunArgs, prepared: &Prepared) -> Vec<String> {
    let d = format_duration;
    let windows = format!(
        "close when every partition that is not idle is past their end by more than it may be out of order; take records \
         for {} more",
        d(args.allowed_lateness)
    );
    let order = tables::said(&prepared.plan, &prepared.policies);
    let idle = format!(
        "a partition is idle after {} of silence; windows are kept for laggards for {}",
        d(args.idle_timeout),
        d(args.retain)
    );
    let ahead = format!(
        "a sale more than {} ahead of its record's timestamp is a dead letter",
        d(args.max_ahead)
    );
    let commits = format!(
        "at most every {}; {}; {}",
        d(args.commit_interval),
        match args.emit {
            EmitArg::Rows => "every change of a ranked row",
            EmitArg::Ranks => "only moves and final values",
        },
        match args.delivery {
            Delivery::ExactlyOnce => "exactly once where the sink has transactions",
            Delivery::AtLeastOnce => "at least once",
        }
    );
    let mut lines = vec![line("windows", windows)];
    lines.extend(order.iter().map(|text| line("", text)));
    lines.extend([line("", idle), line("", ahead), line("commits", commits)]);
    lines
}

/// What ends the run as failed.
fn fails(args: &RunArgs, prepared: &Prepared) -> Vec<String> {
    let mut all = Vec::new();
    for check in &prepared.plan.checks {
        let name = &check.name;
        all.extend(match check.fail_on {
            Some(FailOn::Failures(most)) => Some(format!(
                "when more than {most} sales fail `{name}` in one process"
            )),
            Some(FailOn::Window) => Some(format!("when a window fails `{name}`")),
            Some(FailOn::Share(_)) | None => None,
        });
    }
    for (name, limit) in &args.fail_on {
        if let FailOn::Share(share) = limit {
            let of = match args.until_end {
                true => "of what was read",
                false => "of the last 10,000 records",
            };
            all.push(format!("when more than {share} {of} are {name}"));
        }
    }
    all.into_iter().map(|text| line("fails", text)).collect()
}
