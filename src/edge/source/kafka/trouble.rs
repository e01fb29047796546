//! What may go wrong with a topic, and what is said then.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::super::refusal::cause;
use super::super::rights::denied;
use super::super::url::SourceUrl;
use super::Topic;
use super::client::config;
use standings_engine::input::SourceError;
use standings_model::clock::Clock;
use standings_observe::waiting::{Waiting, What};

impl Topic<'_> {
    /// What happened to the connections, in the client's words; an error where the brokers do not let this client in.
    pub(super) fn let_in(&self) -> Result<Option<String>, SourceError> {
        let Some(SourceUrl::Kafka { brokers, .. }) = self.options.urls.first() else {
            return Ok(None);
        };
        let cause = cause(&config(self.options, brokers));
        match cause.refused {
            Some(why) => Err(self.failed(&why)),
            None => Ok(cause.happened),
        }
    }

    /// Somebody waits for this topic from now on.
    pub(super) fn waiting(&self) -> Waiting {
        let url = self.options.urls.first();
        let name = url.map_or_else(|| self.name.to_owned(), ToString::to_string);
        Waiting::new(What::Source, &name, &self.options.live, &Clock::default())
    }

    /// What heals by itself is left to the client; what does not ends the process with a clear text.
    pub(super) fn check(&self, error: &KafkaError) -> Result<(), SourceError> {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset) => {
                Err(SourceError::Failed(format!(
                    "records of `{}` that were not read yet have been deleted from Kafka{} ({error}); \
                     start again without state to rank what is left",
                    self.name,
                    self.deleted()
                )))
            }
            Some(RDKafkaErrorCode::LogTruncation) => Err(SourceError::Failed(format!(
                "the log of `{}` was truncated before what was read of it{}: a broker has lost its newest records (a crash \
                 before they were flushed, an unclean leader election), and what was read counts records that no longer \
                 exist ({error}). Restore the log, or start with --forget source to set the rows to what is there",
                self.name,
                self.deleted()
            ))),
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                Err(self.failed(error))
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Err(self.denied()),
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                self.consumer.context().lacks_group();
                Ok(())
            }
            _ => {
                tracing::warn!(event = "source_error", topic = self.name, problem = %error);
                Ok(())
            }
        }
    }

    /// Which partitions have lost records that were not read: the client's error does not say.
    fn deleted(&self) -> String {
        let mut text = String::new();
        for (p, own) in &self.own {
            let found =
                self.consumer
                    .fetch_watermarks(self.name, *p as i32, Duration::from_secs(2));
            if let Ok((low, high)) = found
                && !(low..=high).contains(&(own.next as i64))
            {
                text += &format!(
                    "; partition {p} holds offsets {low} to {high}, and reading was at {}",
                    own.next
                );
            }
        }
        text
    }

    pub(super) fn denied(&self) -> SourceError {
        let topic = format!("topic `{}`", self.name);
        self.failed(&denied("READ", &topic))
    }

    pub(super) fn failed(&self, error: &dyn std::fmt::Display) -> SourceError {
        failed(self.name, error)
    }
}

/// Reading a topic failed.
pub(super) fn failed(topic: &str, error: &dyn std::fmt::Display) -> SourceError {
    SourceError::Failed(format!("reading the topic `{topic}` failed: {error}"))
}
