//! Where commits go: Postgres, Kafka, a file or standard output; and where rejects go.
//!
//! ```text
//! gather ──► committer thread ──► every sink of the run, one after the other's start, in parallel
//!                             └─► late output, dead letters
//! ```

mod error;
pub mod file;
pub mod kafka;
pub mod look;
pub mod postgres;
pub mod url;

use std::sync::Arc;

pub use self::error::OutputError;
use crate::source::{Homes, Origin};
use standings_commit::change_log::fold_log;
use standings_commit::sink::RejectWriter;
pub use standings_commit::sink::{Shown, ShownRow, Sink, SinkError};
use standings_model::clock::Clock;
use standings_model::plan::Plan;
use standings_observe::live::Live;

/// What sinks need to know beside their URL. Not `Debug`: settings may be secrets.
#[derive(Clone, Default)]
pub struct SinkOptions {
    /// librdkafka settings.
    pub kafka_properties: Vec<(String, String)>,
    /// Where these came from.
    pub kafka_origin: Origin,
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
    /// What the partitions of the input are, for those who are told offsets.
    pub homes: Homes,
}

/// Makes the sink of a URL; nothing is opened yet.
pub fn connect(url: &url::SinkUrl, options: &SinkOptions) -> Result<Box<dyn Sink>, SinkError> {
    Ok(match url {
        url::SinkUrl::Postgres(text) => Box::new(postgres::PostgresSink::new(text, options)?),
        url::SinkUrl::Kafka { brokers, topic } if options.exactly_once => {
            Box::new(kafka::exactly_once(brokers, topic, options)?)
        }
        url::SinkUrl::Kafka { brokers, topic } => {
            Box::new(kafka::KafkaSink::new(brokers, topic, options)?)
        }
        url::SinkUrl::File { .. } | url::SinkUrl::Stdout { .. } => {
            Box::new(file::LineSink::new(url.clone(), options.homes.clone()))
        }
    })
}

/// What a sink shows, without taking it over: no generation begins, nothing is made.
pub fn peek(url: &url::SinkUrl, options: &SinkOptions, plan: &Plan) -> Result<Shown, SinkError> {
    match url {
        url::SinkUrl::Postgres(text) => postgres::PostgresSink::new(text, options)?.peek(plan),
        url::SinkUrl::Kafka { brokers, topic } => Ok(kafka::peek(brokers, topic, options, plan)?),
        url::SinkUrl::File { path, .. } => {
            let path = || path.clone();
            let read = std::fs::read(path()).map_err(|source| OutputError::Reading {
                path: path(),
                source,
            });
            Ok(
                fold_log(plan, &read?).map_err(|source| OutputError::NotOurs {
                    path: path(),
                    source,
                })?,
            )
        }
        url::SinkUrl::Stdout { .. } => Err(OutputError::Forgets.into()),
    }
}

/// Makes the late or dead-letter output of a URL.
pub fn connect_rejects(
    url: &url::SinkUrl,
    options: &SinkOptions,
) -> Result<Box<dyn RejectWriter>, SinkError> {
    match url {
        url::SinkUrl::Postgres(_) => Err(OutputError::TakesNoLetters.into()),
        url::SinkUrl::Kafka { brokers, topic } => {
            Ok(Box::new(kafka::KafkaSink::new(brokers, topic, options)?))
        }
        url::SinkUrl::File { .. } | url::SinkUrl::Stdout { .. } => {
            Ok(file::reject_lines(url, options.homes.clone()))
        }
    }
}
