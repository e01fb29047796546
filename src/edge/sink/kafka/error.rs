//! What can be wrong with topics that are written.

use std::io;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::delivery::Refusal;
use crate::source::{denied, is_denied};
use standings_commit::change_log::ChangeError;
use standings_model::error::{Code, Coded, codes};

/// A topic that cannot be written, or read back. What heals by itself is waited for, and is none of these.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSinkError {
    /// The client refuses its settings. Its own error is not kept: it holds the setting's value, which may be a secret.
    #[error("the Kafka settings of the sink are refused: {why}")]
    Settings {
        /// Without the value.
        why: String,
    },
    /// What the client says of a message.
    #[error("writing to {name} failed: {source}")]
    Sending {
        /// The topic, for logs.
        name: String,
        /// The client's words.
        source: KafkaError,
    },
    /// What the brokers say of messages.
    #[error("writing to {name} failed: {}", .refusal.text)]
    Refused {
        /// The topic, for logs.
        name: String,
        /// What, and why.
        refusal: Refusal,
    },
    /// What the brokers say of a transaction's messages.
    #[error("{}", .0.text)]
    OfTransaction(Refusal),
    /// What the client says of a transaction.
    #[error("{0}")]
    Transaction(String),
    /// A right is missing for a transaction.
    #[error("{}", denied("WRITE", .on))]
    NotToBeWritten {
        /// On what.
        on: String,
    },
    /// The brokers do not let this client in.
    #[error("kafka://{brokers}: {why}")]
    Stranger {
        /// Which.
        brokers: String,
        /// What was said, and what to check.
        why: String,
    },
    /// The same at a first start, of a topic that is written at least once, or of letters.
    #[error("{name}: {why}")]
    NotLetIn {
        /// The topic, for logs.
        name: String,
        /// What was said, and what to check.
        why: String,
    },
    /// They do not any more.
    #[error(
        "writing to {name} failed: {why}; it was let in before, and tried again for {} s, with the settings' file read anew",
        .tried.as_secs()
    )]
    NotLetInAgain {
        /// The topic, for logs.
        name: String,
        /// In the client's words.
        why: String,
        /// For how long.
        tried: Duration,
    },
    /// What the brokers say that waiting does not heal.
    #[error("kafka://{brokers}: {source}")]
    Brokers {
        /// Which.
        brokers: String,
        /// The client's words.
        source: KafkaError,
    },
    /// No answer to a question.
    #[error(
        "no answer within {} s: {why}; is it reachable, and does it speak TLS as the settings say?", .patience.as_secs()
    )]
    Silent {
        /// In which time.
        patience: Duration,
        /// In the client's words.
        why: String,
    },
    /// Topics cannot be made.
    #[error("making topics on {brokers} failed: {source}")]
    Making {
        /// Where.
        brokers: String,
        /// Why.
        source: MakingError,
    },
    /// A topic cannot be asked about.
    #[error("asking {brokers} about {topic} failed: {source}")]
    Asking {
        /// Where.
        brokers: String,
        /// Which.
        topic: String,
        /// Why.
        source: io::Error,
    },
    /// A topic cannot be read back.
    #[error("reading kafka://{brokers}/{topic} back failed: {source}")]
    Reading {
        /// Where.
        brokers: String,
        /// Which.
        topic: String,
        /// The client's words.
        source: Box<KafkaError>,
    },
    /// The same, for want of a right.
    #[error("reading kafka://{brokers}/{topic} back failed: {}", denied("READ", &format!("topic `{topic}`")))]
    NotToBeRead {
        /// Where.
        brokers: String,
        /// Which.
        topic: String,
    },
    /// A record of changes that is none.
    #[error(
        "kafka://{brokers}/{topic} holds a record that is no change of ours ({source}); is it another's topic?"
    )]
    NoChange {
        /// Where.
        brokers: String,
        /// Which.
        topic: String,
        /// What is wrong with it.
        source: ChangeError,
    },
    /// A record of progress that is none.
    #[error(
        "kafka://{brokers}/{topic} holds a record that is no progress of ours ({source}); is it another's topic?"
    )]
    NoProgress {
        /// Where.
        brokers: String,
        /// Which.
        topic: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A topic is gone.
    #[error(
        "the topic `{topic}` of {name} is gone: was it deleted while this run wrote to it? Start again: it is made anew; with \
         --forget sink it is filled"
    )]
    Gone {
        /// Which.
        topic: String,
        /// The sink, for logs.
        name: String,
    },
    /// Letters would replace each other.
    #[error(
        "the topic `{topic}` is compacted: letters with one key would replace each other; set cleanup.policy=delete"
    )]
    Compacted {
        /// Which.
        topic: String,
    },
    /// A call before its time: a defect.
    #[error("{name} is not {what}")]
    NotNow {
        /// The topic, for logs.
        name: String,
        /// What it should be.
        what: &'static str,
    },
    /// The same of a transaction.
    #[error("it is not open")]
    NotOpen,
}

impl KafkaSinkError {
    /// Whether a right is missing, which a person may give.
    pub(super) fn is_denied(&self) -> bool {
        match self {
            KafkaSinkError::Refused { refusal, .. } | KafkaSinkError::OfTransaction(refusal) => {
                refusal.is_denied
            }
            KafkaSinkError::Making { source, .. } => matches!(source, MakingError::Denied { .. }),
            KafkaSinkError::Brokers { source, .. } => is_denied(source.rdkafka_error_code()),
            KafkaSinkError::NotToBeWritten { .. } | KafkaSinkError::NotToBeRead { .. } => true,
            _ => false,
        }
    }
}

impl Coded for KafkaSinkError {
    fn code(&self) -> &'static Code {
        match self {
            KafkaSinkError::Settings { .. } => &codes::line::KAFKA,
            KafkaSinkError::Refused { refusal, .. } | KafkaSinkError::OfTransaction(refusal) => {
                match refusal.is_denied {
                    true => &codes::kafka::DENIED,
                    false => &codes::kafka::WRITING,
                }
            }
            KafkaSinkError::Sending { .. } | KafkaSinkError::Transaction(_) => {
                &codes::kafka::WRITING
            }
            KafkaSinkError::NotToBeWritten { .. }
            | KafkaSinkError::Stranger { .. }
            | KafkaSinkError::NotLetInAgain { .. } => &codes::kafka::DENIED,
            KafkaSinkError::NotLetIn { .. } => &codes::kafka::LOGIN,
            KafkaSinkError::Silent { .. } => &codes::sink::SILENT,
            KafkaSinkError::Brokers { .. }
            | KafkaSinkError::Making { .. }
            | KafkaSinkError::Asking { .. } => &codes::kafka::TOPICS,
            KafkaSinkError::Reading { .. } | KafkaSinkError::NotToBeRead { .. } => {
                &codes::kafka::READING
            }
            KafkaSinkError::NoChange { .. } | KafkaSinkError::NoProgress { .. } => {
                &codes::kafka::NOT_OURS
            }
            KafkaSinkError::Gone { .. } => &codes::kafka::REPLACED,
            KafkaSinkError::Compacted { .. } => &codes::kafka::COMPACTED,
            KafkaSinkError::NotNow { .. } | KafkaSinkError::NotOpen => &codes::process::DEFECT,
        }
    }
}

/// Why topics cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MakingError {
    /// This process cannot ask.
    #[error(transparent)]
    Here(#[from] io::Error),
    /// The brokers do not answer.
    #[error(transparent)]
    Asking(#[from] KafkaError),
    /// A right is missing.
    #[error("{}", denied("WRITE and READ", &format!("topic `{topic}`, or CREATE if there is none")))]
    Denied {
        /// Which.
        topic: String,
    },
    /// They refuse one.
    #[error("`{topic}`: {code}")]
    Refused {
        /// Which.
        topic: String,
        /// Why.
        code: RDKafkaErrorCode,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_brokers_say_has_a_code() {
        let name = || "kafka://k/t".to_owned();
        let refusal = |is_denied| Refusal {
            text: "topic `t`: no".to_owned(),
            is_denied,
            ..Refusal::default()
        };
        let making = KafkaSinkError::Making {
            brokers: "k".to_owned(),
            source: MakingError::Denied {
                topic: "t".to_owned(),
            },
        };
        let reading = KafkaSinkError::NotToBeRead {
            brokers: "k".to_owned(),
            topic: "t".to_owned(),
        };
        let odd = KafkaSinkError::NoChange {
            brokers: "k".to_owned(),
            topic: "t".to_owned(),
            source: ChangeError::NoRank,
        };
        let compacted = KafkaSinkError::Compacted {
            topic: "t".to_owned(),
        };
        let gone = KafkaSinkError::Gone {
            topic: "t".to_owned(),
            name: name(),
        };
        let of = |is_denied| KafkaSinkError::Refused {
            name: name(),
            refusal: refusal(is_denied),
        };
        for (error, id, words) in [
            (
                making,
                "S0601",
                "making topics on k failed: the broker denies it",
            ),
            (
                of(true),
                "S0602",
                "writing to kafka://k/t failed: topic `t`: no",
            ),
            (
                of(false),
                "S0603",
                "writing to kafka://k/t failed: topic `t`: no",
            ),
            (
                KafkaSinkError::OfTransaction(refusal(false)),
                "S0603",
                "topic `t`: no",
            ),
            (odd, "S0604", "no change of ours (an upsert without a rank)"),
            (compacted, "S0608", "the topic `t` is compacted"),
            (gone, "S0605", "is gone"),
            (reading, "S0609", "READ on topic `t`"),
            (KafkaSinkError::NotOpen, "S0001", "it is not open"),
        ] {
            assert_eq!(error.code().id, id, "{error}");
            assert!(error.to_string().starts_with(words) || error.to_string().contains(words));
        }
    }
}
