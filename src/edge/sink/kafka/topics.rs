//! Topics of a sink: made when missing, asked for their largest message; and the patience with brokers that are down.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};

use super::error::{KafkaSinkError, MakingError};
use super::{client, errors, refused};
use crate::sink::SinkOptions;
use crate::source::{Aside, Quiet, cause, is_denied, topic_ids};
use standings_commit::kind::Kind;
use standings_engine::input::TopicId;
use standings_observe::waiting::{Waiting, What};

/// How long a broker may take to say whether a topic is there, while messages wait.
const QUICK: Duration = Duration::from_secs(2);
/// How long a broker may take to answer once.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// Makes the topics that are missing; those marked are compacted and have one partition. Waits while Kafka is down.
pub fn make_topics(
    brokers: &str,
    options: &SinkOptions,
    topics: &[(&String, bool)],
) -> Result<(), KafkaSinkError> {
    let admin = admin(brokers, options)?;
    let metadata = waiting(brokers, options, || {
        admin.inner().fetch_metadata(None, ANSWER)
    })?;
    let there: Vec<&str> = metadata.topics().iter().map(|t| t.name()).collect();
    let missing: Vec<_> = topics
        .iter()
        .filter(|(name, _)| !there.contains(&name.as_str()))
        .map(|(name, compacted)| {
            // -1: as many copies as the brokers make by default.
            // The broker's time: one too far from its own would be refused, and this machine's clock may be wrong.
            let topic = NewTopic::new(name, 1, TopicReplication::Fixed(-1))
                .set("message.timestamp.type", "LogAppendTime");
            if *compacted {
                topic.set("cleanup.policy", "compact")
            } else {
                topic
            }
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    make(&admin, &missing).map_err(|source| KafkaSinkError::Making {
        brokers: brokers.to_owned(),
        source,
    })
}

fn make(admin: &AdminClient<Quiet>, missing: &[NewTopic<'_>]) -> Result<(), MakingError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let made = runtime.block_on(admin.create_topics(missing, &AdminOptions::new()));
    for result in made? {
        match result {
            Ok(topic) => tracing::info!(
                event = "topic_made",
                topic,
                "the topic was missing and is made"
            ),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) if is_denied(Some(code)) => {
                return Err(MakingError::Denied { topic });
            }
            Err((topic, code)) => return Err(MakingError::Refused { topic, code }),
        }
    }
    Ok(())
}

/// Whether there is no such topic. A broker that does not answer does not say so.
pub(super) fn is_missing<C: ProducerContext>(producer: &ThreadedProducer<C>, topic: &str) -> bool {
    let client = producer.client().native_ptr();
    let found = topic_ids(client, &[topic], QUICK);
    found.is_ok_and(|ids| ids.contains(&TopicId::Missing))
}

/// A client that asks about topics and makes them.
fn admin(
    brokers: &str,
    options: &SinkOptions,
) -> Result<Aside<AdminClient<Quiet>>, KafkaSinkError> {
    let admin = client(brokers, options).create_with_context(Quiet);
    admin.map(Aside::new).map_err(|e| refused(&e))
}

/// Bytes of the largest message that a topic takes where nobody has said otherwise.
pub const LARGEST: usize = 1_048_588;

/// Bytes of the largest message that a topic takes; the brokers' default where they do not say. Waits while Kafka is
/// down.
pub fn largest(brokers: &str, options: &SinkOptions, topic: &str) -> Result<usize, KafkaSinkError> {
    let admin = admin(brokers, options)?;
    waiting(brokers, options, || {
        admin.inner().fetch_metadata(None, ANSWER)
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| KafkaSinkError::Asking {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            source,
        })?;
    let resource = ResourceSpecifier::Topic(topic);
    let asked = admin.describe_configs([&resource], &AdminOptions::new());
    let said = runtime.block_on(asked).ok().and_then(|mut all| {
        let of_topic = all.pop()?.ok()?;
        of_topic.get("max.message.bytes")?.value.clone()
    });
    Ok(said.and_then(|n| n.parse().ok()).unwrap_or(LARGEST))
}

/// Asks again while Kafka does not answer.
pub(super) fn waiting<T>(
    brokers: &str,
    options: &SinkOptions,
    mut ask: impl FnMut() -> Result<T, KafkaError>,
) -> Result<T, KafkaSinkError> {
    let name = format!("kafka://{brokers}");
    let mut waits = Waiting::new(What::Sink, &name, &options.live, &options.clock);
    loop {
        match ask() {
            Ok(answer) => {
                waits.done();
                return Ok(answer);
            }
            // No code: the client was dropped, or the binding refuses the call.
            Err(e) => match e.rdkafka_error_code().map_or(Kind::Final, errors::kind) {
                Kind::Login => {
                    let (brokers, why) = (brokers.to_owned(), e.to_string());
                    return Err(KafkaSinkError::Stranger { brokers, why });
                }
                Kind::Wrong | Kind::Fenced | Kind::Row | Kind::Final => {
                    let (brokers, source) = (brokers.to_owned(), e);
                    return Err(KafkaSinkError::Brokers { brokers, source });
                }
                Kind::Passing => {
                    let cause = cause(&client(brokers, options));
                    if let Some(why) = cause.refused {
                        let brokers = brokers.to_owned();
                        return Err(KafkaSinkError::Stranger { brokers, why });
                    }
                    let problem = cause.happened.unwrap_or_else(|| e.to_string());
                    waits.tried(&problem);
                    std::thread::sleep(Duration::from_millis(200));
                }
            },
        }
    }
}
