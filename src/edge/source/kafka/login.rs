//! A login that is refused after it was taken: passwords are changed in several places, one after the other. The client tries
//! again by itself, with the password that it was made with; it is told what the settings say now.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;

use super::super::credentials::renew;
use super::Topic;
use super::error::TopicError;
use standings_commit::kind::LOGIN;
use standings_model::error::codes;
use standings_observe::waiting::Waiting;

/// It is refused.
pub(super) struct Refused {
    since: Instant,
    /// In the client's words: asked again, it only says that there is no answer.
    why: String,
    waiting: Waiting,
}

impl Topic<'_> {
    /// Waits for a while, in which reading goes on by itself when it is taken again.
    pub(super) fn not_let_in(&mut self, error: &KafkaError) -> Result<(), TopicError> {
        let before = self.refused.take();
        let mut refused = before.unwrap_or_else(|| Refused {
            since: Instant::now(),
            why: error.to_string(),
            waiting: self.waiting(),
        });
        if refused.since.elapsed() >= LOGIN {
            return Err(TopicError::NotLetInAgain {
                topic: self.name.to_owned(),
                why: refused.why,
                tried: LOGIN,
            });
        }
        let code = &codes::source::DENIED;
        refused.waiting.tried_as(&refused.why, Some(code));
        self.refused = Some(refused);
        renew(self.consumer.client(), &self.options.kafka_origin);
        Ok(())
    }

    /// While it is refused: asks now and then whether it still is.
    pub(super) fn ask_again(&mut self) -> Result<(), TopicError> {
        if self.refused.is_none() {
            return Ok(());
        }
        match self.partitions(Duration::from_secs(1)) {
            Ok(_) => {
                if let Some(refused) = self.refused.take() {
                    refused.waiting.done();
                }
                Ok(())
            }
            Err(e) => self.not_let_in(&e),
        }
    }
}
