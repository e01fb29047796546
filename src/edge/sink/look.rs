//! Whether somebody writes to a sink, found out without taking it over.

use super::error::OutputError;
use super::url::SinkUrl;
use super::{SinkOptions, kafka, postgres};
use standings_commit::sink::SinkError;

/// How far a sink is. Two looks that differ show that somebody writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The last commit.
    pub commit: u64,
    /// The generation that wrote it, or for Postgres the newest that has opened it.
    pub generation: u64,
    /// A run that says of itself that it goes on, and when it last said so. Only Postgres keeps such a table.
    pub running: Option<String>,
}

/// Looks once. Only sinks that remember can be asked.
pub fn look(url: &SinkUrl, options: &SinkOptions) -> Result<Look, SinkError> {
    match url {
        SinkUrl::Postgres(text) => postgres::PostgresSink::new(text, options)?.look(),
        SinkUrl::Kafka { brokers, topic } => Ok(kafka::look(brokers, topic, options)?),
        SinkUrl::File { .. } | SinkUrl::Stdout { .. } => {
            let url = url.clone();
            Err(OutputError::DoesNotSay { url }.into())
        }
    }
}
