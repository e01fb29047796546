//! `standings verify`: recomputes closed windows from the source, plainly, and compares them with a sink.
//!
//! ```text
//! sink ──► prefix, watermark, rows ──┐
//! source up to that prefix ──► plain ─┴─► differences, as a table
//! ```
//!
//! The recomputation shares the decoder, the plan and the rules of event time with the engine, and nothing of its
//! dataflow: no combining, no exchange, no increments, no heads, no commits.

mod plain;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::plain::Plain;
use crate::event_time::END_OF_TIME;
use crate::event_time::partition::Policy;
use crate::load::progress;
use crate::model::block::{PartitionId, SourceEvent};
use crate::model::duration::parse_duration;
use crate::model::limit;
use crate::model::plan::Plan;
use crate::model::value::Value;
use crate::run::args::parse_property;
use crate::run::check;
use crate::run::exit::{self, Failure};
use crate::sink::url::SinkUrl;
use crate::sink::{self, ShownRow, SinkOptions};
use crate::source::{self, Reader, SourceOptions, SourceUrl, kafka_properties};

/// `standings verify`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings verify --queries queries --source kafka://localhost:9092/sales --sink postgres://standings@localhost/standings
  standings verify --queries queries --source file:sales.ndjson --sink file:changes.ndjson --all

Give --out-of-orderness and --allowed-lateness as the run had them. Windows that Kafka no longer holds completely
cannot be verified: limit the comparison with --from. Exit codes: 0 the same, 1 different (the differences are
printed), 2 wrong usage.")]
pub struct VerifyArgs {
    /// Folder with one SQL file per ranking.
    #[arg(long, env = "STANDINGS_QUERIES", value_name = "DIR")]
    pub queries: PathBuf,
    /// Where the sales came from, as in `run`.
    #[arg(long, env = "STANDINGS_SOURCE", value_name = "URL", required = true)]
    pub source: Vec<SourceUrl>,
    /// What is verified: postgres://…, kafka://…/topic, or the file of a change log.
    #[arg(
        long,
        env = "STANDINGS_SINK",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub sink: SinkUrl,
    /// Also windows that are not closed, as of the sink's own prefix.
    #[arg(long)]
    pub all: bool,
    /// Only windows that start at this date or later.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub from: Option<i64>,
    /// How many differences are shown.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// As in the run.
    #[arg(long, env = "STANDINGS_OUT_OF_ORDERNESS", value_name = "D", default_value = "1m", value_parser = parse_duration)]
    pub out_of_orderness: Duration,
    /// As in the run.
    #[arg(long, env = "STANDINGS_ALLOWED_LATENESS", value_name = "D", default_value = "1h", value_parser = parse_duration)]
    pub allowed_lateness: Duration,
    /// As in the run.
    #[arg(long, env = "STANDINGS_MAX_AHEAD", value_name = "D", default_value = "1d", value_parser = parse_duration)]
    pub max_ahead: Duration,
    /// As in the run.
    #[arg(long, env = "STANDINGS_MAX_RECORD_BYTES", value_name = "BYTES", default_value_t = 1 << 20, value_parser = limit::record_bytes)]
    pub max_record_bytes: usize,
    /// As in the run.
    #[arg(long, env = "STANDINGS_MAX_KEY_BYTES", value_name = "BYTES", value_parser = limit::bytes_or_none)]
    pub max_key_bytes: Option<usize>,
    /// A librdkafka setting; repeat for several.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
    pub kafka_property: Vec<(String, String)>,
    /// File of librdkafka settings.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTIES", value_name = "FILE")]
    pub kafka_properties: Option<PathBuf>,
}

fn parse_date(text: &str) -> Result<i64, String> {
    let date = crate::model::time::parse_date(text);
    date.ok_or_else(|| format!("`{text}` is no date; write it as 2026-01-23"))
}

/// Where a row is: ranking, window start, keys.
type At = (usize, i64, Arc<[Value]>);
/// What is there: rank and measures.
type Row = (u64, Arc<[Value]>);

/// Compares, and fails with the differences.
pub fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let mut plan = check::load(&args.queries)?;
    plan.max_key_bytes = args.max_key_bytes.unwrap_or(usize::MAX);
    let plan = Arc::new(plan);
    let kafka_properties =
        kafka_properties(args.kafka_properties.as_deref(), &args.kafka_property)?;
    let options = SinkOptions {
        kafka_properties: kafka_properties.clone(),
        exactly_once: true,
        ..SinkOptions::default()
    };
    let shown = sink::peek(&args.sink, &options, &plan)?;
    let policy = Policy {
        out_of_orderness: args.out_of_orderness.as_millis() as i64,
        allowed_lateness: args.allowed_lateness.as_millis() as i64,
        max_ahead: args.max_ahead.as_millis() as i64,
        retain: i64::MAX / 4,
    };
    let source = SourceOptions {
        schema: Arc::new(plan.schema.clone()),
        until_end: true,
        kafka_properties,
        max_record_bytes: args.max_record_bytes,
        resume: shown.begins.clone(),
        ..SourceOptions::new(args.source.clone())
    };
    source.check()?;
    let mut plain = Plain::new(&plan, policy, args.max_record_bytes);
    read(source, shown.offsets.as_ref(), &mut plain)?;

    let closed = shown.watermark.unwrap_or(if shown.offsets.is_none() {
        END_OF_TIME
    } else {
        i64::MIN
    });
    let counts = |ranking: usize, start: i64| {
        let end = start + plan.rankings[ranking].window.size;
        (args.all || end <= closed) && args.from.is_none_or(|from| start >= from)
    };
    let mut want: BTreeMap<At, Row> = plain.rows();
    want.retain(|at, _| counts(at.0, at.1));
    let found: BTreeMap<At, Row> = shown
        .rows
        .into_iter()
        .filter(|row| counts(row.ranking, row.window_start))
        .map(|row| {
            let ShownRow {
                ranking,
                window_start,
                key,
                rank,
                measures,
                ..
            } = row;
            ((ranking, window_start, key), (rank, measures))
        })
        .collect();
    report(&plan, &want, &found, args.limit)
}

/// Reads every partition from its first record up to the prefix, or to its end.
fn read(
    source: SourceOptions,
    prefix: Option<&BTreeMap<PartitionId, u64>>,
    plain: &mut Plain,
) -> Result<(), Failure> {
    let reader: Reader = source::start(Arc::new(source), 0, 1, Box::new(|| ()));
    let bar = progress::bar(prefix.map(|p| p.values().sum()), "records");
    let (mut ready, mut open, mut read) = (false, 0usize, 0u64);
    while !ready || open > 0 {
        match reader.next_within(Duration::from_millis(100)) {
            Some(SourceEvent::Assigned { partition, .. }) => {
                plain.assign(partition);
                open += 1;
            }
            Some(SourceEvent::Ready) => ready = true,
            Some(SourceEvent::Block(block)) => {
                let end = match prefix {
                    // A partition that the sink does not know is not part of what it shows.
                    Some(prefix) => prefix.get(&block.partition).copied().unwrap_or(0),
                    None => u64::MAX,
                };
                read += plain.block(&block, end);
                bar.set_position(read);
            }
            Some(SourceEvent::Ended { .. }) => open -= 1,
            Some(SourceEvent::Failed(message)) => return Err(Failure::failed(message)),
            Some(SourceEvent::CaughtUp { .. }) | None => {}
        }
    }
    reader.stop();
    bar.finish_and_clear();
    Ok(())
}

fn report(
    plan: &Plan,
    want: &BTreeMap<At, Row>,
    found: &BTreeMap<At, Row>,
    limit: usize,
) -> Result<(), Failure> {
    let mut windows: Vec<(usize, i64)> = want
        .keys()
        .chain(found.keys())
        .map(|at| (at.0, at.1))
        .collect();
    windows.sort_unstable();
    windows.dedup();
    let mut lines = Vec::new();
    let mut different = 0;
    for at in want
        .keys()
        .chain(found.keys().filter(|at| !want.contains_key(*at)))
    {
        let (wanted, is) = (want.get(at), found.get(at));
        if wanted != is {
            different += 1;
            if lines.len() < limit {
                lines.push(table::line(plan, at, wanted, is));
            }
        }
    }
    if different == 0 {
        exit::say(&format!(
            "{} rows of {} windows are as the source says.",
            want.len(),
            windows.len()
        ));
        return Ok(());
    }
    lines.sort();
    exit::say(&table::show(lines));
    Err(Failure::failed(format!(
        "{different} rows of {} windows differ from what the source says{}",
        windows.len(),
        if different > limit {
            format!("; the first {limit} are shown")
        } else {
            String::new()
        }
    )))
}
