//! Where commits go: Postgres, Kafka, a file or standard output; and where rejects go.
//!
//! ```text
//! gather ──► committer thread ──► every sink of the run, one after the other's start, in parallel
//!                             └─► late output, dead letters
//! ```

pub mod file;
pub mod json;
pub mod kafka;
pub mod kind;
pub mod look;
pub mod postgres;
pub mod refused;
pub mod url;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::block::PartitionId;
use crate::model::change::Commit;
use crate::model::clock::Clock;
use crate::model::identity::{Conflict, Known, Opening};
use crate::model::plan::Plan;
use crate::model::value::Value;
use crate::observe::live::Live;

/// What a sink already shows when it is opened, so that only the difference is written.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The last commit number in the sink; 0 for none.
    pub commit: u64,
    /// The input prefix of that commit; `None` where the sink does not know.
    pub offsets: Option<BTreeMap<PartitionId, u64>>,
    /// Where reading that prefix began.
    pub begins: BTreeMap<PartitionId, u64>,
    /// The global watermark of that commit, ms: windows up to it are closed, and stay so.
    pub watermark: Option<i64>,
    /// Rows in the sink.
    pub rows: Vec<ShownRow>,
    /// What that commit is of; `None` where an earlier version wrote it.
    pub known: Option<Known>,
    /// It keeps what it is told from one run to the next.
    pub remembers: bool,
    /// Tables that were there are not any more, and were made anew: what they showed is gone.
    pub lacks_tables: bool,
}

/// One row that a sink shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRow {
    /// Ranking number in the plan.
    pub ranking: usize,
    /// Window start, ms.
    pub window_start: i64,
    /// Window end, ms.
    pub window_end: i64,
    /// Group keys, as in the plan.
    pub key: Arc<[Value]>,
    /// Rank.
    pub rank: u64,
    /// Measures, as in the plan.
    pub measures: Arc<[Value]>,
    /// Whether the window was closed.
    pub is_final: bool,
}

/// Why a sink failed for good. What can heal (a server that is down) is waited for inside the sink.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The configuration or the sink's shape is wrong: exit code 2.
    #[error("{0}")]
    Configuration(String),
    /// What was known and what is there do not agree.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// It shows less than it acknowledged in this run; opened again, it says what.
    #[error("{0}")]
    Behind(String),
    /// A newer generation has taken over.
    #[error("{0}")]
    Fenced(String),
    /// Anything else that waiting does not heal.
    #[error("{0}")]
    Failed(String),
}

/// A place that commits are written to. Lives on its own thread: calls may block.
pub trait Sink: Send {
    /// For logs: the URL without secrets.
    fn name(&self) -> &str;

    /// Where it tells of rows that it does not take.
    fn letters(&mut self, _: refused::Letters) {}

    /// Compares what is known there with what `opening` says, without taking anything over. Every sink of a run is looked
    /// at before one is opened: who writes there goes on where it is not the same.
    fn look(&mut self, _: &Plan, _: &Opening) -> Result<(), SinkError> {
        Ok(())
    }

    /// Connects (waiting, with backoff and a log line, while the server is down), makes or checks what it needs,
    /// and says what is already shown. Looks first, if it was not asked to.
    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Shown, SinkError>;

    /// Asks whether the sink is still this run's: [`SinkError::Fenced`] if another has opened it since. A sink without
    /// owners is everybody's.
    fn confirm(&mut self, _: &Plan) -> Result<(), SinkError> {
        Ok(())
    }

    /// Writes one commit durably; [`SinkError::Behind`] if it is found to show less than it acknowledged before. Waits, with backoff and a log line, while the server is down. Returns once the
    /// commit is there exactly once (or, for sinks without transactions, at least once).
    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError>;
}

/// What sinks need to know beside their URL. Not `Debug`: settings may be secrets.
#[derive(Clone, Default)]
pub struct SinkOptions {
    /// librdkafka settings.
    pub kafka_properties: Vec<(String, String)>,
    /// Deletes are null values.
    pub kafka_tombstones: bool,
    /// `--delivery exactly-once`.
    pub exactly_once: bool,
    /// Where sinks tell whether they are up, for metrics.
    pub live: Arc<Live>,
    /// What waits between attempts are measured by.
    pub clock: Clock,
    /// This is not the cluster's first start: what it was told was right once.
    pub started_before: bool,
}

/// Makes the sink of a URL; nothing is opened yet.
pub fn connect(url: &url::SinkUrl, options: &SinkOptions) -> Result<Box<dyn Sink>, SinkError> {
    Ok(match url {
        url::SinkUrl::Postgres(text) => Box::new(postgres::PostgresSink::new(text, options)?),
        url::SinkUrl::Kafka { brokers, topic } if options.exactly_once => {
            Box::new(kafka::KafkaTransactionalSink::new(brokers, topic, options)?)
        }
        url::SinkUrl::Kafka { brokers, topic } => {
            Box::new(kafka::KafkaSink::new(brokers, topic, options)?)
        }
        url::SinkUrl::File(_) | url::SinkUrl::Stdout => Box::new(file::LineSink::new(url.clone())),
    })
}

/// What a sink shows, without taking it over: no generation begins, nothing is made.
pub fn peek(url: &url::SinkUrl, options: &SinkOptions, plan: &Plan) -> Result<Shown, SinkError> {
    match url {
        url::SinkUrl::Postgres(text) => postgres::PostgresSink::new(text, options)?.peek(plan),
        url::SinkUrl::Kafka { brokers, topic } => kafka::peek(brokers, topic, options, plan),
        url::SinkUrl::File(path) => {
            let wrong = |e: String| SinkError::Configuration(format!("{}: {e}", path.display()));
            let text = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
            kafka::fold_log(plan, &text).map_err(wrong)
        }
        url::SinkUrl::Stdout => Err(SinkError::Configuration(
            "standard output remembers nothing; name a database, a topic or a file".to_owned(),
        )),
    }
}

/// Rejects that are counted and kept nowhere, on purpose.
pub struct Nowhere;

impl crate::run::committer::RejectWriter for Nowhere {
    fn open(&mut self, _: bool) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, _: &Plan, _: &[&crate::model::reject::Reject]) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Makes the late or dead-letter output of a URL.
pub fn connect_rejects(
    url: &url::SinkUrl,
    options: &SinkOptions,
) -> Result<Box<dyn crate::run::committer::RejectWriter>, SinkError> {
    match url {
        url::SinkUrl::Postgres(_) => Err(SinkError::Configuration(
            "late sales and dead letters go to kafka://…, file:PATH or stdout, not to Postgres"
                .to_owned(),
        )),
        url::SinkUrl::Kafka { brokers, topic } => {
            Ok(Box::new(kafka::KafkaSink::new(brokers, topic, options)?))
        }
        url::SinkUrl::File(_) | url::SinkUrl::Stdout => Ok(file::reject_lines(url)),
    }
}
