//! What may go wrong with a topic, and what is said then.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::super::refusal::cause;
use super::super::url::SourceUrl;
use super::Topic;
use super::client::config;
use super::error::{Lost, TopicError};
use super::own::Own;
use standings_model::block::PartitionId;
use standings_model::clock::Clock;
use standings_observe::waiting::{Waiting, What};

impl Topic<'_> {
    /// What happened to the connections, in the client's words; an error where the brokers do not let this client in.
    pub(super) fn let_in(&self) -> Result<Option<String>, TopicError> {
        let Some(SourceUrl::Kafka { brokers, .. }) = self.options.urls.first() else {
            return Ok(None);
        };
        let cause = cause(&config(self.options, brokers));
        match cause.refused {
            Some(why) => Err(TopicError::NotLetIn {
                topic: self.name.to_owned(),
                why,
            }),
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
    pub(super) fn check(&mut self, error: &KafkaError) -> Result<(), TopicError> {
        let topic = || self.name.to_owned();
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset) => {
                Err(TopicError::Deleted {
                    topic: topic(),
                    lost: self.lost(),
                    source: Box::new(error.clone()),
                })
            }
            Some(RDKafkaErrorCode::LogTruncation) => Err(TopicError::Truncated {
                topic: topic(),
                lost: self.lost(),
                source: Box::new(error.clone()),
            }),
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                self.not_let_in(error)
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Err(self.denied()),
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                self.consumer.context().lacks_group();
                Ok(())
            }
            _ => {
                tracing::warn!(event = "source_error", topic = self.name, problem = %error, "the source could not be read; it is tried again");
                Ok(())
            }
        }
    }

    /// Which partitions have lost records that were not read: the client's error does not say.
    fn lost(&self) -> Vec<Lost> {
        let lost = |(p, own): (&PartitionId, &Own)| {
            let wait = Duration::from_secs(2);
            let (low, high) = self
                .consumer
                .fetch_watermarks(self.name, *p as i32, wait)
                .ok()?;
            let next = own.next;
            let partition = *p;
            (!(low..=high).contains(&(next as i64))).then_some(Lost {
                partition,
                low,
                high,
                next,
            })
        };
        self.own.iter().filter_map(lost).collect()
    }

    pub(super) fn denied(&self) -> TopicError {
        TopicError::Denied {
            topic: self.name.to_owned(),
        }
    }

    pub(super) fn failed(&self, error: KafkaError) -> TopicError {
        TopicError::client(self.name)(error)
    }
}
