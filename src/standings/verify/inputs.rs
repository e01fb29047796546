//! What is compared with what: the flags that `verify` and `repair` have in common.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::run::apart::Apart;
use crate::run::args::parse_property;
use crate::run::tables::{self, Sources, TableDuration, TableSource, parse_override};
use standings_edge::sink::url::SinkUrl;
use standings_edge::store::StateUrl;
use standings_engine::event_time::partition::Policy;
use standings_model::duration::parse_duration;
use standings_model::plan::Plan;
use standings_process::exit::Failure;

/// A source, a sink, and how a run made the one of the other.
#[derive(Args, Clone, Debug)]
pub struct InputArgs {
    /// Folder with one SQL file per ranking.
    #[arg(long, env = "STANDINGS_QUERIES", value_name = "DIR")]
    pub queries: PathBuf,
    /// As in `run`.
    #[arg(long, env = "STANDINGS_TIME_ZONE", value_name = "ZONE", value_parser = standings_query::zone)]
    pub time_zone: Option<String>,
    /// Where the records came from, as in `run`.
    #[allow(
        rustdoc::broken_intra_doc_links,
        reason = "the text is the flag's help, where it stands as it is"
    )]
    #[arg(long, env = "STANDINGS_SOURCE", value_name = "[TABLE=]URL")]
    pub source: Vec<TableSource>,
    /// As in `run`.
    #[arg(long, env = "STANDINGS_SOURCE_OVERRIDE", value_name = "TABLE=URL", value_parser = parse_override)]
    pub source_override: Vec<TableSource>,
    /// What is compared: postgres://…, kafka://…/topic, or (verify alone) the file of a change log.
    #[arg(
        long,
        env = "STANDINGS_SINK",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub sink: SinkUrl,
    /// Where the run keeps its snapshots; needed where a table has 'scan.bootstrap', whose end only they know.
    #[arg(long, env = "STANDINGS_STATE", value_name = "URL")]
    pub state: Option<StateUrl>,
    /// Only windows that start at this date or later.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub from: Option<i64>,
    /// Only windows that start before this date.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub to: Option<i64>,
    /// As in the run; without it and a WATERMARK that of a run that read files to their end.
    #[arg(
        long,
        env = "STANDINGS_OUT_OF_ORDERNESS",
        value_name = "[TABLE=]D",
        value_delimiter = ','
    )]
    pub out_of_orderness: Vec<TableDuration>,
    /// As in the run.
    #[arg(long, env = "STANDINGS_ALLOWED_LATENESS", value_name = "D", default_value = "1h", value_parser = parse_duration)]
    pub allowed_lateness: Duration,
    /// As in the run.
    #[arg(long, env = "STANDINGS_MAX_AHEAD", value_name = "D", default_value = "1d", value_parser = parse_duration)]
    pub max_ahead: Duration,
    /// As in the run.
    #[arg(long, env = "STANDINGS_MAX_RECORD_BYTES", value_name = "BYTES", default_value_t = 1 << 20, value_parser = standings_model::limit::record_bytes)]
    pub max_record_bytes: usize,
    /// As in the run.
    #[arg(long, env = "STANDINGS_MAX_KEY_BYTES", value_name = "BYTES", value_parser = standings_model::limit::bytes_or_none)]
    pub max_key_bytes: Option<usize>,
    /// A librdkafka setting; repeat for several.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
    pub kafka_property: Vec<(String, String)>,
    /// As in the run.
    #[arg(long, env = "STANDINGS_SECRETS", value_name = "DIR")]
    pub secrets: Option<PathBuf>,
    /// As in the run.
    #[arg(long, env = "STANDINGS_MASK_KEY", value_name = "FILE")]
    pub mask_key: Option<PathBuf>,
    /// File of librdkafka settings.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTIES", value_name = "FILE")]
    pub kafka_properties: Option<PathBuf>,
}

impl InputArgs {
    /// Which tables are read from where.
    pub fn sources(&self, plan: &Plan) -> Result<Sources, Failure> {
        tables::sources(plan, &self.source, &self.source_override)
    }

    /// What is read; the same source twice is refused.
    pub fn apart(&self) -> Apart {
        let given = self.source.iter().chain(&self.source_override);
        let sources = given.map(|source| &source.value);
        sources.fold(Apart::default(), |all, url| all.source("--source", url))
    }

    /// How event time is judged, by table.
    pub fn policies(&self, plan: &Plan, sources: &Sources) -> Result<Vec<Policy>, Failure> {
        tables::policies(plan, sources, &self.out_of_orderness, true, self.policy())
    }

    /// What is the same in all tables. Nothing is retired: what a run let go by `--retain` is counted here.
    pub fn policy(&self) -> Policy {
        Policy {
            allowed_lateness: self.allowed_lateness.as_millis() as i64,
            max_ahead: self.max_ahead.as_millis() as i64,
            retain: i64::MAX / 4,
            ..Policy::default()
        }
    }
}

/// A text that is no date.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{0}` is no date; write it as 2026-01-23")]
struct NoDate(String);

fn parse_date(text: &str) -> Result<i64, NoDate> {
    let date = standings_model::time::parse_date(text);
    date.ok_or_else(|| NoDate(text.to_owned()))
}
