//! What `record` and `replay` share: a topic in Kafka.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;

use standings_edge::source::{SourceUrl, SourceUrlError, refused};
use standings_model::error::{Code, Coded, codes};
use standings_model::kafka_url::KafkaUrlError;
use standings_process::exit::Failure;

/// How long a broker may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A topic that is not there, for a command that makes none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topic `{0}` does not exist; make it first (load replay --partitions N does)")]
pub struct NoTopic(String);

impl Coded for NoTopic {
    fn code(&self) -> &'static Code {
        &codes::tools::TOPIC
    }
}

/// Brokers and topic of a URL.
pub fn parse(text: &str) -> Result<SourceUrl, SourceUrlError> {
    match text.parse()? {
        url @ SourceUrl::Kafka { .. } => Ok(url),
        _ => Err(KafkaUrlError::Form.into()),
    }
}

/// A client's settings.
pub fn config(brokers: &str, properties: &[(String, String)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "standings-load");
    for (key, value) in properties {
        config.set(key, value);
    }
    config
}

/// Refused settings, without their values.
pub fn settings(error: &rdkafka::error::KafkaError) -> Failure {
    Failure::of(
        &codes::line::KAFKA,
        format!("the Kafka settings are refused: {}", refused(error)),
    )
}

/// Makes the topic; one that is there stays as it is.
pub fn make(config: &ClientConfig, topic: &str, partitions: i32) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| {
        Failure::of(
            &codes::tools::LOAD_TOPIC,
            format!("making the topic `{topic}` failed: {e}"),
        )
    };
    let admin: AdminClient<DefaultClientContext> = config.create().map_err(|e| settings(&e))?;
    // -1: as many copies as the brokers make by default.
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| failed(&e))?;
    let made = runtime.block_on(admin.create_topics([&new], &AdminOptions::new()));
    for result in made.map_err(|e| failed(&e))? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(failed(&code)),
        }
    }
    Ok(())
}

/// The topic's partitions, lowest first.
pub fn partitions<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
) -> Result<Vec<i32>, Failure> {
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .map_err(|e| {
            Failure::of(
                &codes::tools::LOAD_TOPIC,
                format!("Kafka does not answer: {e}"),
            )
        })?;
    let found = metadata.topics().iter().find(|t| t.name() == topic);
    let mut ids: Vec<i32> = found
        .into_iter()
        .flat_map(|t| t.partitions().iter().map(|p| p.id()))
        .collect();
    ids.sort_unstable();
    if ids.is_empty() {
        return Err(NoTopic(topic.to_owned()).into());
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_is_missing_is_named() {
        let missing = NoTopic("t".to_owned());
        assert_eq!(missing.code().id, "S1108");
        assert!(
            missing
                .to_string()
                .starts_with("the topic `t` does not exist")
        );
    }
}
