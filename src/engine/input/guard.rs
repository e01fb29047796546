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

use standings_model::error::{Code, Coded, codes};
use standings_model::identity::SourceIdentity;
use standings_model::sabotage::{self, Mistake};

/// How often new partitions are looked for, and whether the topic is still there.
pub const REFRESH: Duration = Duration::from_secs(5);
/// The pause of a partition after which its topic is asked for; less than the client waits after an error.
const SILENCE: Duration = Duration::from_millis(50);
/// How long a topic may be missing while it is read: a broker that has just started does not know all of them.
const MISSING: Duration = Duration::from_secs(10);

/// What a broker says of a topic's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicId {
    /// Its id, base64.
    Known(String),
    /// The topic is there; the brokers are too old to give it an id.
    None,
    /// There is no such topic.
    Missing,
}

impl TopicId {
    /// The id, if there is one.
    pub fn known(self) -> Option<String> {
        match self {
            TopicId::Known(id) => Some(id),
            TopicId::None | TopicId::Missing => None,
        }
    }
}

/// What is known of a topic while it is read. Knows no client: the simulator's topic is guarded by the same.
pub struct Guard {
    topic: String,
    /// Its id as it was when its offsets were known; the first one seen otherwise.
    id: Option<String>,
    /// Since when there is no such topic.
    missing: Option<Instant>,
}

impl Guard {
    /// Of a topic, whose offsets are of `expected`.
    pub fn new(topic: &str, expected: Option<&SourceIdentity>) -> Self {
        let id = match expected {
            Some(SourceIdentity::Kafka { id, .. }) => id.clone(),
            _ => None,
        };
        Guard {
            topic: topic.to_owned(),
            id,
            missing: None,
        }
    }

    /// Whether a partition's message may be of another topic than the one that came before it.
    pub fn is_unsure(heard: Instant, now: Instant) -> bool {
        let silence = now.saturating_duration_since(heard);
        silence >= SILENCE && !sabotage::is(Mistake::SilenceNotAsked)
    }

    /// Whether what the brokers say `now` is the same topic; `false` if there is none, as long as that may pass.
    pub fn judge(&mut self, found: Option<TopicId>, now: Instant) -> Result<bool, TopicGone> {
        match found {
            None | Some(TopicId::None) => {}
            Some(TopicId::Missing) => {
                let since = *self.missing.get_or_insert(now);
                let passes = now.saturating_duration_since(since) < MISSING;
                if passes || sabotage::is(Mistake::MissingTopicAwaited) {
                    return Ok(false);
                }
                return Err(TopicGone::Deleted {
                    topic: self.topic.clone(),
                });
            }
            Some(TopicId::Known(now)) => match &self.id {
                Some(then) if *then != now => {
                    return Err(TopicGone::Replaced {
                        topic: self.topic.clone(),
                        then: then.clone(),
                        now,
                    });
                }
                Some(_) => {}
                None => self.id = Some(now),
            },
        }
        self.missing = None;
        Ok(true)
    }
}

/// The topic that was read is not there any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicGone {
    /// Deleted.
    #[error(
        "the topic `{topic}` was deleted while it was read. What was read of it is committed. Make it anew and start \
         with --forget source, or name another --source"
    )]
    Deleted {
        /// Its name.
        topic: String,
    },
    /// Another one has its name.
    #[error(
        "the topic `{topic}` was deleted, and another one of its name made: it had the id {then}, and has {now} \
         now. Offsets of the one are not applied to the other; nothing of the new one was ranked. Start with \
         --forget source to rank what is in the new one, or name the source that was meant"
    )]
    Replaced {
        /// Its name.
        topic: String,
        /// Its id.
        then: String,
        /// The id of the one that is there.
        now: String,
    },
}

impl Coded for TopicGone {
    fn code(&self) -> &'static Code {
        &codes::source::REPLACED
    }
}
