//! Whether it is still the topic whose offsets are known. One that is deleted and made anew keeps its name, and the client
//! goes on reading the new one at the old one's offset, without a word.
//!
//! ```text
//! a message after a silence ──► is the topic's id still the same? ──► then the message is given on
//! now and then ───────────────► is the topic still there? ──► not for long: the run ends
//! ```
//!
//! Why after a silence: a broker knows a topic by its id when it is asked for records (KIP-516), so the client runs into an
//! error first, and asks again only after `fetch.error.backoff.ms`. What comes from a new topic comes after a pause at
//! least as long; what comes without one is of the old topic. What is answered now is so of everything that has come
//! before.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;

use super::Topic;
use super::identity::{TopicId, topic_ids};
use standings_engine::input::SourceError;
use standings_model::identity::SourceIdentity;

/// The pause of a partition after which its topic is asked for; less than the client waits after an error.
pub(super) const SILENCE: Duration = Duration::from_millis(50);
/// How long a topic may be missing while it is read: a broker that has just started does not know all of them.
const MISSING: Duration = Duration::from_secs(10);
/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);

impl Topic<'_> {
    /// The topic's id as it was when its offsets were known; the first one seen otherwise.
    fn expected(&self) -> Option<&String> {
        let known = match &self.options.expected {
            Some(SourceIdentity::Kafka { id, .. }) => id.as_ref(),
            _ => None,
        };
        known.or(self.id.as_ref())
    }

    /// Asks until it is known that it is the same topic; `false` when told to stop.
    pub(super) fn confirm(&mut self) -> Result<bool, SourceError> {
        let mut waiting = self.waiting();
        while !self.out.stopped() {
            let problem = match self.look() {
                Ok(true) => {
                    waiting.done();
                    return Ok(true);
                }
                Ok(false) => "the topic is not there".to_owned(),
                Err(Look::Failed(error)) => return Err(error),
                Err(Look::Unanswered(problem)) => problem.to_string(),
            };
            let problem = format!("whether it is still the same topic is not known: {problem}");
            waiting.tried(&problem);
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(false)
    }

    /// Looks once whether it is the same topic; `false` if there is none, as long as that may pass.
    pub(super) fn look(&mut self) -> Result<bool, Look> {
        let client = self.consumer.client().native_ptr();
        let found = topic_ids(client, &[self.name], ANSWER).map_err(Look::Unanswered)?;
        match found.into_iter().next() {
            None | Some(TopicId::None) => {}
            Some(TopicId::Missing) => {
                let since = *self.missing.get_or_insert_with(Instant::now);
                if since.elapsed() < MISSING {
                    return Ok(false);
                }
                return Err(Look::Failed(SourceError::Failed(format!(
                    "the topic `{}` was deleted while it was read. What was read of it is committed. Make it anew and start \
                     with --forget source, or name another --source",
                    self.name
                ))));
            }
            Some(TopicId::Known(now)) => match self.expected() {
                Some(then) if *then != now => {
                    return Err(Look::Failed(SourceError::Failed(format!(
                        "the topic `{}` was deleted, and another one of its name made: it had the id {then}, and has {now} \
                         now. Offsets of the one are not applied to the other; nothing of the new one was ranked. Start with \
                         --forget source to rank what is in the new one, or name the source that was meant",
                        self.name
                    ))));
                }
                Some(_) => {}
                None => self.id = Some(now),
            },
        }
        self.missing = None;
        Ok(true)
    }
}

/// Why it is not known.
pub(super) enum Look {
    /// It is known now, and it is another one, or none.
    Failed(SourceError),
    /// No answer.
    Unanswered(KafkaError),
}
