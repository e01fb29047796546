//! How a topic that is written at least once, or letters, get on with brokers that do not let this client in for a while:
//! passwords and rights are changed in several places, one after the other.
//!
//! ```text
//! open ──► asked for the topic ──┬─ let in
//!                                └─ refused: at a first start the end; else again, with the settings read anew
//! write ──► the client holds what is not acknowledged ──► silence ──► told the password of now ──► it goes on by itself
//!       └─► a right is missing ──► what was refused is given once more
//! ```
//!
//! 1. What waits in the client is never thrown away for a login: only the password that it logs in with is another one.
//! 2. What was never right is not waited for, and what was, a minute at most: then whoever supervises the run starts it
//!    again.
//! 3. A commit that lacked a right is given whole once more. Some of its messages may be there twice: at least once.

use std::time::{Duration, Instant};

use rdkafka::producer::Producer;

use super::error::KafkaSinkError;
use super::{KafkaSink, topics};
use crate::source::renew;
use standings_commit::kind::LOGIN;
use standings_commit::sink::SinkError;
use standings_model::error::{Code, codes};
use standings_observe::waiting::{Waiting, What};

/// How long after a refusal it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What is known of being let in.
#[derive(Default)]
pub(super) struct LetIn {
    /// Something was acknowledged by this process: a right that is missing now was there.
    pub(super) has_written: bool,
    refused: Option<Refused>,
}

/// Since when it is refused.
struct Refused {
    since: Instant,
    waiting: Waiting,
}

impl LetIn {
    /// It is let in.
    pub(super) fn done(&mut self) {
        if let Some(refused) = self.refused.take() {
            refused.waiting.done();
        }
    }
}

impl KafkaSink {
    /// Makes the topic if there is none: the client would wait for it, and every commit with it.
    pub(super) fn enter(&mut self) -> Result<(), SinkError> {
        let mut was_read = false;
        loop {
            let topic = [(&self.topic, false)];
            match topics::make_topics(&self.brokers, &self.options, &topic) {
                Ok(()) => {
                    self.let_in.done();
                    return Ok(());
                }
                // Settings may have been changed between the start and this.
                Err(KafkaSinkError::Stranger { .. }) if !was_read => {
                    was_read = true;
                    if let Some(now) = self.options.kafka_origin.now() {
                        self.options.kafka_properties = now;
                    }
                    renew(self.producer.client(), &self.options.kafka_origin);
                    continue;
                }
                Err(KafkaSinkError::Stranger { why, .. }) if !self.options.started_before => {
                    let name = self.name.clone();
                    return Err(KafkaSinkError::NotLetIn { name, why }.into());
                }
                Err(KafkaSinkError::Stranger { why, .. }) => self.refused(&why)?,
                Err(error) => return Err(error.into()),
            }
            self.options.clock.sleep(AGAIN);
        }
    }

    /// The login is refused: settings are read anew, for a minute at most.
    pub(super) fn refused(&mut self, why: &str) -> Result<(), SinkError> {
        let is_over = self.waits(why, &codes::kafka::DENIED);
        if is_over {
            return Err(KafkaSinkError::NotLetInAgain {
                name: self.name.clone(),
                why: why.to_owned(),
                tried: LOGIN,
            }
            .into());
        }
        if let Some(now) = self.options.kafka_origin.now() {
            self.options.kafka_properties = now;
        }
        renew(self.producer.client(), &self.options.kafka_origin);
        Ok(())
    }

    /// Gives something again and again while a right is missing that was there.
    pub(super) fn while_denied(
        &mut self,
        mut give: impl FnMut(&mut Self) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        loop {
            self.is_denied = false;
            match give(self) {
                Err(error) if self.is_denied && self.let_in.has_written => {
                    if self.waits(&error.to_string(), error.code()) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    self.let_in.has_written = true;
                    self.let_in.done();
                    return Ok(());
                }
            }
            self.options.clock.sleep(AGAIN);
        }
    }

    /// Says that it waits, and why; whether it has waited long enough.
    fn waits(&mut self, why: &str, code: &'static Code) -> bool {
        let clock = &self.options.clock;
        let refused = self.let_in.refused.get_or_insert_with(|| Refused {
            since: clock.now(),
            waiting: Waiting::new(What::Sink, &self.name, &self.live, clock),
        });
        refused.waiting.tried_as(why, Some(code));
        self.live.sink(&self.name, false);
        clock.since(refused.since) >= LOGIN
    }
}
