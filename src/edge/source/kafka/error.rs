//! What can be wrong with a topic that is read.

use std::fmt;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::super::rights::denied;
use standings_engine::input::TopicGone;
use standings_model::block::PartitionId;
use standings_model::error::{Code, Coded, codes};

/// A topic that cannot be read. What heals by itself is waited for, and is none of these.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The client refuses its settings. Its own error is not kept: it holds the setting's value, which may be a secret.
    #[error("the Kafka settings are refused: {why}")]
    Settings {
        /// Without the value.
        why: String,
    },
    /// The brokers have none of that name.
    #[error("the topic `{topic}` does not exist (waited {} s); create it, or correct --source", .waited.as_secs())]
    Missing {
        /// Its name.
        topic: String,
        /// For how long.
        waited: Duration,
    },
    /// The brokers' access lists keep this user out.
    #[error("reading the topic `{topic}` failed: {}", may_not_read(.topic))]
    Denied {
        /// Its name.
        topic: String,
    },
    /// The same, before it is read.
    #[error("{}", may_not_read(.topic))]
    NotToBeAsked {
        /// Its name.
        topic: String,
    },
    /// The brokers do not let this client in.
    #[error("reading the topic `{topic}` failed: {why}")]
    NotLetIn {
        /// Its name.
        topic: String,
        /// What the broker said, and what to check.
        why: String,
    },
    /// They do not any more.
    #[error(
        "reading the topic `{topic}` failed: {why}; it was let in before, and tried again for {} s, with the settings' file \
         read anew",
        .tried.as_secs()
    )]
    NotLetInAgain {
        /// Its name.
        topic: String,
        /// In the client's words.
        why: String,
        /// For how long.
        tried: Duration,
    },
    /// What the client says that waiting does not heal.
    #[error("reading the topic `{topic}` failed: {source}")]
    Client {
        /// Its name.
        topic: String,
        /// The client's words.
        source: KafkaError,
    },
    /// The client does something that it does not do.
    #[error("reading the topic `{topic}` failed: {what}")]
    Odd {
        /// Its name.
        topic: String,
        /// What.
        what: Oddity,
    },
    /// It does not say what it holds.
    #[error("the topic `{topic}` cannot be asked what it holds: {source}")]
    Unanswered {
        /// Its name.
        topic: String,
        /// The client's words.
        source: KafkaError,
    },
    /// It does not hold the offset to go on from.
    #[error(
        "partition {partition} of `{topic}` holds offsets {low} to {high}, but reading should go on at {next}: what \
         lies between is gone from Kafka. Start from a newer snapshot (--state), or write into new tables \
         and topics, which then show what Kafka still holds"
    )]
    Gone {
        /// Its name.
        topic: String,
        /// Which partition.
        partition: PartitionId,
        /// Its first offset.
        low: u64,
        /// Its next offset.
        high: u64,
        /// Where reading should go on.
        next: u64,
    },
    /// Retention was faster than the reader.
    #[error(
        "records of `{topic}` that were not read yet have been deleted from Kafka{} ({source}); \
         start again without state to rank what is left", Lost::all(.lost)
    )]
    Deleted {
        /// Its name.
        topic: String,
        /// Where.
        lost: Vec<Lost>,
        /// The client's words.
        source: Box<KafkaError>,
    },
    /// A broker lost what was read.
    #[error(
        "the log of `{topic}` was truncated before what was read of it{}: a broker has lost its newest records (a crash \
         before they were flushed, an unclean leader election), and what was read counts records that no longer \
         exist ({source}). Restore the log, or start with --forget source to set the rows to what is there",
        Lost::all(.lost)
    )]
    Truncated {
        /// Its name.
        topic: String,
        /// Where.
        lost: Vec<Lost>,
        /// The client's words.
        source: Box<KafkaError>,
    },
    /// It was deleted, and perhaps made anew.
    #[error(transparent)]
    Replaced(#[from] TopicGone),
}

impl TopicError {
    /// What the client says.
    pub(super) fn client(topic: &str) -> impl Fn(KafkaError) -> Self {
        |source| TopicError::Client {
            topic: topic.to_owned(),
            source,
        }
    }

    /// What the client should not do.
    pub(super) fn odd(topic: &str, what: Oddity) -> Self {
        TopicError::Odd {
            topic: topic.to_owned(),
            what,
        }
    }
}

impl Coded for TopicError {
    fn code(&self) -> &'static Code {
        match self {
            TopicError::Settings { .. } => &codes::line::KAFKA,
            TopicError::Missing { .. } => &codes::source::NO_TOPIC,
            TopicError::Denied { .. }
            | TopicError::NotToBeAsked { .. }
            | TopicError::NotLetIn { .. }
            | TopicError::NotLetInAgain { .. } => &codes::source::DENIED,
            TopicError::Client { source, .. } => match source.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed,
                ) => &codes::source::DENIED,
                _ => &codes::source::KAFKA,
            },
            TopicError::Odd { .. } | TopicError::Unanswered { .. } => &codes::source::KAFKA,
            TopicError::Gone { .. } | TopicError::Deleted { .. } => &codes::source::GONE,
            TopicError::Truncated { .. } => &codes::source::TRUNCATED,
            TopicError::Replaced(gone) => gone.code(),
        }
    }
}

/// What the client should not do.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum Oddity {
    /// It has no queue of its own.
    #[error("the client gives no queue for its messages")]
    NoQueue,
    /// It has none of a partition.
    #[error("the client has no queue of partition {0}")]
    NoQueueOf(PartitionId),
    /// A message came by another way than it was to.
    #[error("partition {0} is not read by the queue that it was given")]
    Strayed(i32),
}

/// A partition that does not hold any more what was to be read.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// Which.
    pub partition: PartitionId,
    /// Its first offset.
    pub low: i64,
    /// Its next offset.
    pub high: i64,
    /// Where reading was.
    pub next: u64,
}

impl Lost {
    /// All of them, each after a semicolon.
    fn all(lost: &[Lost]) -> String {
        lost.iter().map(|one| format!("; {one}")).collect()
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "partition {} holds offsets {} to {}, and reading was at {}",
            self.partition, self.low, self.high, self.next
        )
    }
}

fn may_not_read(topic: &str) -> String {
    denied("READ", &format!("topic `{topic}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_brokers_say_has_a_code() {
        let topic = || "t".to_owned();
        let client = |code| TopicError::client("t")(KafkaError::MetadataFetch(code));
        let (partition, low, high, next) = (3, 7, 9, 5);
        let lost = || {
            vec![Lost {
                partition,
                low,
                high,
                next,
            }]
        };
        let source = || {
            Box::new(KafkaError::MessageConsumption(
                RDKafkaErrorCode::OffsetOutOfRange,
            ))
        };
        for (error, id, words) in [
            (
                TopicError::from(TopicGone::Deleted { topic: topic() }),
                "S0308",
                "was deleted while it was read",
            ),
            (
                TopicError::Settings {
                    why: "k: no".to_owned(),
                },
                "S0107",
                "settings are refused: k",
            ),
            (
                client(RDKafkaErrorCode::Authentication),
                "S0305",
                "reading the topic `t` failed",
            ),
            (
                client(RDKafkaErrorCode::BrokerNotAvailable),
                "S0309",
                "reading the topic `t` failed",
            ),
            (
                TopicError::Denied { topic: topic() },
                "S0305",
                "READ on topic `t`",
            ),
            (
                TopicError::Missing {
                    topic: topic(),
                    waited: Duration::from_secs(30),
                },
                "S0304",
                "(waited 30 s)",
            ),
            (
                TopicError::odd("t", Oddity::NoQueueOf(4)),
                "S0309",
                "no queue of partition 4",
            ),
            (
                TopicError::Deleted {
                    topic: topic(),
                    lost: lost(),
                    source: source(),
                },
                "S0306",
                "Kafka; partition 3 holds offsets 7 to 9, and reading was at 5 (",
            ),
            (
                TopicError::Truncated {
                    topic: topic(),
                    lost: Vec::new(),
                    source: source(),
                },
                "S0307",
                "what was read of it: a broker",
            ),
        ] {
            assert_eq!(error.code().id, id, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
