//! The command line of `standings run`. Every flag has an environment variable `STANDINGS_…`; a secret can be kept
//! in a file that `STANDINGS_…_FILE` names.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::forget::{ForgetError, forgotten};
use super::tables::{TableDuration, TableSource, parse_override};
use crate::lineage::LineageArgs;
use crate::run::finished::Shares;
use crate::run::limits::LimitArgs;
use standings_edge::peers::tls::PeerArgs;
use standings_edge::sink::url::{SinkUrl, parse_letters};
use standings_edge::source::{Start, properties};
use standings_edge::store::StateUrl;
use standings_edge::trace_export::TraceArgs;
use standings_engine::rank::emit::Emit;
use standings_http::security::HttpArgs;
use standings_model::check::{FailOn, RESERVED, Share};
use standings_model::duration::{parse_duration, parse_some_duration};
use standings_model::identity::Forget;
use standings_model::limit;
use standings_observe::objectives::ObjectiveArgs;

/// How a sink's commits are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Delivery {
    /// Rows, offsets and commit number in one transaction, where the sink has transactions.
    ExactlyOnce,
    /// Every commit at least once.
    AtLeastOnce,
}

/// Which changes of a row are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmitArg {
    /// Every change of a ranked row.
    Rows,
    /// Only moves, and the final values of a window.
    Ranks,
}

/// Where to begin without a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StartArg {
    /// The oldest record there is.
    Earliest,
    /// What comes from now on.
    Latest,
}

impl From<StartArg> for Start {
    fn from(arg: StartArg) -> Self {
        match arg {
            StartArg::Earliest => Start::Earliest,
            StartArg::Latest => Start::Latest,
        }
    }
}

impl From<EmitArg> for Emit {
    fn from(emit: EmitArg) -> Self {
        match emit {
            EmitArg::Rows => Emit::Rows,
            EmitArg::Ranks => Emit::Ranks,
        }
    }
}

/// `standings run`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  Rank a recorded file, write every change to standard output:
    standings run --queries queries --source file:sales.ndjson --sink stdout --until-end

  Follow a topic with four workers into Postgres:
    standings run --queries queries --source kafka://localhost:9092/sales \\
      --sink postgres://standings@localhost/standings -w 4

  The same from the environment, the password kept in a file:
    STANDINGS_SINK_FILE=/run/secrets/postgres-url standings run --queries queries --source kafka://k:9092/sales

Exit codes: 0 done, 1 failed at run time, 2 wrong usage or wrong configuration.")]
pub struct RunArgs {
    /// Folder with one SQL file per ranking (and sales.sql, if the table has more columns).
    #[arg(long, env = "STANDINGS_QUERIES", value_name = "DIR")]
    pub queries: PathBuf,
    /// The zone of local time, such as Europe/Lisbon: of the days, months and parts of a day that windows over instants
    /// (TIMESTAMP_LTZ) are, and of what functions see. Beats SET 'table.local-time-zone'; UTC where neither is said.
    #[arg(long, env = "STANDINGS_TIME_ZONE", value_name = "ZONE", value_parser = standings_query::zone)]
    pub time_zone: Option<String>,
    /// Where the records of a table come from: kafka://host:9092[,host:9092]/topic, file:PATH (.ndjson, .csv, .parquet, …,
    /// also .gz and .zst), s3://BUCKET/KEY or - for standard input; a folder or a pattern is many files, one partition each; repeat for several. The table's name may go where there is one table.
    /// Without it, where `CREATE TABLE` says so in its WITH.
    #[allow(
        rustdoc::broken_intra_doc_links,
        reason = "the text is the flag's help, where it stands as it is"
    )]
    #[arg(long, env = "STANDINGS_SOURCE", value_name = "[TABLE=]URL", value_delimiter = None)]
    pub source: Vec<TableSource>,
    /// As --source, and beats what the table says of itself; repeat for several.
    #[allow(
        rustdoc::broken_intra_doc_links,
        reason = "the text is the flag's help, where it stands as it is"
    )]
    #[arg(long, env = "STANDINGS_SOURCE_OVERRIDE", value_name = "TABLE=URL", value_parser = parse_override)]
    pub source_override: Vec<TableSource>,
    /// Where changes go: postgres://…, kafka://…/topic, file:PATH, stdout; repeat for several. file:PATH?offsets=true (and
    /// stdout?offsets=true) has a line before the changes of each commit with the offsets that it stands for.
    #[arg(
        long,
        env = "STANDINGS_SINK",
        hide_env_values = true,
        value_name = "URL",
        required = true
    )]
    pub sink: Vec<SinkUrl>,
    /// Worker threads of each process.
    #[arg(
        short = 'w',
        long,
        env = "STANDINGS_WORKERS",
        value_name = "N",
        default_value_t = 1,
        value_parser = parse_count,
        overrides_with = "workers"
    )]
    pub workers: usize,
    /// Processes of the cluster.
    #[arg(
        short = 'n',
        long,
        env = "STANDINGS_PROCESSES",
        value_name = "N",
        default_value_t = 1,
        value_parser = parse_count
    )]
    pub processes: usize,
    /// Which process this is, from 0.
    #[arg(
        short = 'p',
        long,
        env = "STANDINGS_PROCESS",
        value_name = "INDEX",
        default_value_t = 0
    )]
    pub process: usize,
    /// File with one host:port per process, in order.
    #[arg(long, env = "STANDINGS_HOSTS", value_name = "FILE")]
    pub hosts: Option<PathBuf>,
    /// Names the cluster: processes of another are refused.
    #[arg(
        long,
        env = "STANDINGS_CLUSTER_ID",
        value_name = "ID",
        default_value = "standings"
    )]
    pub cluster_id: String,
    /// Which life of the cluster this process belongs to; a newer one replaces an older one. `standings cluster` counts
    /// it; give all processes the same.
    #[arg(
        long,
        env = "STANDINGS_GENERATION",
        value_name = "N",
        default_value_t = 0
    )]
    pub generation: u64,
    /// When another process that does not answer counts as lost, which ends this one.
    #[arg(long, env = "STANDINGS_PEER_TIMEOUT", value_name = "D", default_value = "10s", value_parser = parse_some_duration)]
    pub peer_timeout: Duration,
    /// How processes trust each other.
    #[command(flatten)]
    pub peers: PeerArgs,
    /// A file to make when every sink has caught up; `standings cluster` waits for it.
    #[arg(long, env = "STANDINGS_CAUGHT_UP", hide = true)]
    pub caught_up_file: Option<PathBuf>,
    /// How far the watermark stays behind the greatest event time of a partition; of one table by TABLE=D, repeat for
    /// several. It beats the table's WATERMARK. Without either it is 1m; or, where all input is files that are read to
    /// their end (--until-end), the watermark stands still until then, and nothing is late.
    #[arg(
        long,
        env = "STANDINGS_OUT_OF_ORDERNESS",
        value_name = "[TABLE=]D",
        value_delimiter = ','
    )]
    pub out_of_orderness: Vec<TableDuration>,
    /// How long after its end a window still takes sales (they are corrections then).
    #[arg(long, env = "STANDINGS_ALLOWED_LATENESS", value_name = "D", default_value = "1h", value_parser = parse_duration)]
    pub allowed_lateness: Duration,
    /// When a partition without news stops holding windows open.
    #[arg(long, env = "STANDINGS_IDLE_TIMEOUT", value_name = "D", default_value = "30s", value_parser = parse_duration)]
    pub idle_timeout: Duration,
    /// Least time between two commits; at least 200ms while a backlog is read and --in-flight-bytes leaves room for more of it.
    /// What is read between two commits is bounded by --in-flight-bytes: with a second between them and its 256 MiB, a
    /// worker reads 256 MiB a second at most.
    #[arg(long, env = "STANDINGS_COMMIT_INTERVAL", value_name = "D", default_value = "10ms", value_parser = parse_duration)]
    pub commit_interval: Duration,
    /// A sale whose event time is this far after its Kafka record timestamp is a dead letter. A timestamp that a producer
    /// gave (CreateTime) counts up to this machine's clock when it is read; the broker's (LogAppendTime) as it is.
    #[arg(long, env = "STANDINGS_MAX_AHEAD", value_name = "D", default_value = "1d", value_parser = parse_duration)]
    pub max_ahead: Duration,
    /// How long windows are kept for partitions that lag behind.
    #[arg(long, env = "STANDINGS_RETAIN", value_name = "D", default_value = "7d", value_parser = parse_duration)]
    pub retain: Duration,
    /// Which changes of a row are written.
    #[arg(long, env = "STANDINGS_EMIT", value_enum, default_value = "rows")]
    pub emit: EmitArg,
    /// How commits reach Kafka: in one transaction each, or possibly more than once after a failure. Postgres is
    /// exactly-once in both; files and standard output remember nothing.
    #[arg(
        long,
        env = "STANDINGS_DELIVERY",
        value_enum,
        default_value = "exactly-once"
    )]
    pub delivery: Delivery,
    /// Where to begin reading a topic when nothing is remembered; else 'scan.startup.mode' of its table, else earliest.
    #[arg(long, env = "STANDINGS_START", value_enum)]
    pub start: Option<StartArg>,
    /// What is believed as it is now, where it is not what was known: `source`, when sinks and snapshots are of another
    /// input, or this one does not hold any more what was committed (reading begins at --start, and rows are set to what
    /// it says); `sink`, when a database or topic was moved, restored or made anew on purpose (what it shows is compared,
    /// and set right); `state`, snapshots; `dimension TABLE`, when a table that others are joined with does not give any
    /// more what it held at the last commit (a compacted topic) and no snapshot does: open windows are joined with what is
    /// there. Repeat for several. Where nothing differs it does nothing.
    #[arg(
        long,
        env = "STANDINGS_FORGET",
        value_name = "WHAT",
        num_args = 1..=2,
        value_delimiter = ','
    )]
    pub forget: Vec<String>,
    /// The same as --forget source: tables and topics that hold rows of another input are set to what this one says.
    #[arg(long, env = "STANDINGS_REPLACE")]
    pub replace: bool,
    /// Where snapshots are kept, so that a restart reads only what came after: file:FOLDER or s3://BUCKET/PREFIX.
    #[arg(long, env = "STANDINGS_STATE", value_name = "URL")]
    pub state: Option<StateUrl>,
    /// How often a snapshot is taken.
    #[arg(long, env = "STANDINGS_SNAPSHOT_INTERVAL", value_name = "D", default_value = "10s", value_parser = parse_duration)]
    pub snapshot_interval: Duration,
    /// Where late sales go, with the windows they missed: kafka://…, file:PATH, stdout.
    #[arg(long, env = "STANDINGS_LATE", value_name = "URL", value_parser = parse_letters)]
    pub late: Option<SinkUrl>,
    /// Where records go that are no sales, with the reason: kafka://…, file:PATH, stdout.
    #[arg(long, env = "STANDINGS_DEAD_LETTER", value_name = "URL", value_parser = parse_letters)]
    pub dead_letter: Option<SinkUrl>,
    /// Where a JSON object goes at the end, with what became of the records of every table:
    /// {"tables":{"orders":{"read":…,"ranked":…,"late":…,"dead_lettered":…}}}.
    #[arg(long, env = "STANDINGS_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// End the run, with exit code 1 and what was read committed, when more than N sales fail a check of
    /// sales.checks.toml, or (CHECK=window) when a window of its fail-share or volume fails, or (dead=1%, late=1%) when
    /// more than that share of the records are dead letters or late: of all at the input's end, of a stream's last 10,000.
    /// Repeat for several, or separate them by commas.
    #[arg(long, env = "STANDINGS_FAIL_ON", value_name = "CHECK=N", value_delimiter = ',', value_parser = parse_limit)]
    pub fail_on: Vec<(String, FailOn)>,
    /// Stop after the input's end as seen at start. Files then close every window; Kafka leaves them open.
    #[arg(long, env = "STANDINGS_UNTIL_END")]
    pub until_end: bool,
    /// Largest record; a larger one is a dead letter.
    #[arg(long, env = "STANDINGS_MAX_RECORD_BYTES", value_name = "BYTES", default_value_t = 1 << 20, value_parser = limit::record_bytes)]
    pub max_record_bytes: usize,
    /// Most bytes that the texts of a sale's group key may have together; a sale with a longer one is a dead letter.
    /// Without it, or with 0, any key is ranked. Postgres can index 2600 bytes, and more only of texts that compress well.
    #[arg(long, env = "STANDINGS_MAX_KEY_BYTES", value_name = "BYTES", value_parser = limit::bytes_or_none)]
    pub max_key_bytes: Option<usize>,
    /// What this process may hold.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Input that each worker may have read and not yet committed; beyond it reading stops. Of a sale nothing is kept until
    /// then but what it adds to; a record for --late or --dead-letter is, and counts with the memory that it takes.
    #[arg(long, env = "STANDINGS_IN_FLIGHT_BYTES", value_name = "BYTES", default_value_t = 256 << 20, value_parser = limit::bytes)]
    pub in_flight_bytes: usize,
    /// Input that one epoch holds under load, between the first and the second number: the more is waiting, the more.
    /// One number fixes it. Idle, an epoch holds whatever came.
    #[arg(long, env = "STANDINGS_EPOCH_BYTES", value_name = "BYTES[..BYTES]", default_value = "131072..16777216", value_parser = parse_epoch_bytes)]
    pub epoch_bytes: (usize, usize),
    /// A librdkafka setting, for source and sinks, such as security.protocol=SASL_SSL; repeat for several.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
    pub kafka_property: Vec<(String, String)>,
    /// The folder of the secrets that tables name by ${file:PATH}.
    #[arg(long, env = "STANDINGS_SECRETS", value_name = "DIR")]
    pub secrets: Option<PathBuf>,
    /// The file of keys of columns that tables mask by hash or tokenize: standings mask-key makes it.
    #[arg(long, env = "STANDINGS_MASK_KEY", value_name = "FILE")]
    pub mask_key: Option<PathBuf>,
    /// File of librdkafka settings, one K=V a line; for secrets.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTIES", value_name = "FILE")]
    pub kafka_properties: Option<PathBuf>,
    /// Size of the tumbling event-time windows whose amounts are summed up in the metrics (count, sum, least, quartiles,
    /// greatest); the newest two are told. 0s: none.
    #[arg(long, env = "STANDINGS_SUMMARY_WINDOW", value_name = "D", default_value = "1d", value_parser = parse_duration)]
    pub summary_window: Duration,
    /// Asked to stop (SIGTERM, SIGINT, SIGHUP), a run commits what it has read and ends with 0. What is down may hold that
    /// up: after so long it says what is not committed and ends with 1; nothing is lost, the next start reads it again. Less
    /// than what kills the process otherwise (Kubernetes: 30 s, systemd: 90 s).
    #[arg(long, env = "STANDINGS_STOP_TIMEOUT", value_name = "D", default_value = "10s", value_parser = parse_some_duration)]
    pub stop_timeout: Duration,
    /// Before its first commit a run waits for sources, sinks, the store of snapshots and schema registries that are not
    /// there yet, and says for what. Longer than so long: it ends with 1. Without it, it waits for as long as it takes.
    #[arg(long, env = "STANDINGS_CONNECT_TIMEOUT", value_name = "D", value_parser = parse_some_duration)]
    pub connect_timeout: Option<Duration>,
    /// How often the counts of this run are written to the table `standings_runs` of every Postgres sink, beside its
    /// start and its end. 0s: no such table.
    #[arg(long, env = "STANDINGS_RUNS_INTERVAL", value_name = "D", default_value = "1m", value_parser = parse_duration)]
    pub runs_interval: Duration,
    /// What is promised of latency, freshness and completeness.
    #[command(flatten)]
    pub objectives: ObjectiveArgs,
    /// A delete is written to Kafka as a tombstone (null value).
    #[arg(long, env = "STANDINGS_KAFKA_TOMBSTONES")]
    pub kafka_tombstones: bool,
    /// Who is told which data is read and written.
    #[command(flatten)]
    pub lineage: LineageArgs,
    /// Who is told how long commits take.
    #[command(flatten)]
    pub traces: TraceArgs,
    /// What is served over HTTP.
    #[command(flatten)]
    pub http: HttpArgs,
}

impl RunArgs {
    /// Which share of the records ends the run; of several of one name the least.
    pub fn shares(&self) -> Shares {
        let of = |wanted: &str| {
            let named = self.fail_on.iter().filter(|(name, _)| name == wanted);
            let shares = named.filter_map(|(_, limit)| match limit {
                FailOn::Share(share) => Some(*share),
                _ => None,
            });
            shares.min()
        };
        Shares {
            dead: of("dead"),
            late: of("late"),
        }
    }

    /// What may be different from what was known.
    pub fn forget(&self) -> Result<Forget, ForgetError> {
        let forget = forgotten(&self.forget)?;
        Ok(Forget {
            source: self.replace || forget.source,
            ..forget
        })
    }
}

/// A value that a flag of a run does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A number of workers or processes.
    #[error("write it as a whole number, such as 4")]
    Count,
    /// `--epoch-bytes`.
    #[error("write it as 131072..16777216, or as one number of bytes above 0")]
    EpochBytes,
    /// `--fail-on`.
    #[error("write it as amount-range=100 or amount-range=window, or as dead=1% or late=0.5%")]
    FailOn,
    /// `--kafka-property`.
    #[error("write it as KEY=VALUE, such as security.protocol=SSL")]
    Property,
    /// A setting of Kafka that is not taken.
    #[error(transparent)]
    NotTaken(#[from] properties::NotTaken),
}

/// A number of workers or processes.
fn parse_count(text: &str) -> Result<usize, ValueError> {
    text.trim().parse().map_err(|_| ValueError::Count)
}

/// `N` or `N..M`.
fn parse_epoch_bytes(text: &str) -> Result<(usize, usize), ValueError> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    match (limit::bytes(least), limit::bytes(most)) {
        (Ok(least), Ok(most)) if least <= most => Ok((least, most)),
        _ => Err(ValueError::EpochBytes),
    }
}

/// `CHECK=N`, `CHECK=window`, `dead=1%` or `late=1%`.
fn parse_limit(text: &str) -> Result<(String, FailOn), ValueError> {
    let parts = text.split_once('=').and_then(|(name, limit)| {
        let is_share = RESERVED.contains(&name);
        let limit = match limit {
            share if is_share => FailOn::Share(Share::parse(share)?),
            "window" => FailOn::Window,
            most => FailOn::Failures(most.parse().ok()?),
        };
        Some((name.to_owned(), limit))
    });
    parts.ok_or(ValueError::FailOn)
}

/// `K=V`.
pub fn parse_property(text: &str) -> Result<(String, String), ValueError> {
    match text.split_once('=') {
        Some((k, v)) if !k.trim().is_empty() => {
            properties::allowed(k)?;
            Ok((k.trim().to_owned(), v.trim().to_owned()))
        }
        _ => Err(ValueError::Property),
    }
}
