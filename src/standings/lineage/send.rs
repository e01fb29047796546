//! One event to where it goes.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::url::LineageUrl;
use standings_edge::post::{Endpoint, EndpointError, Sending};
use standings_edge::sink::SinkOptions;
use standings_edge::sink::kafka;
use standings_edge::source::refused;
use standings_process::secret::Secret;

/// How long one event may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where events go. Calls block.
pub enum Transport {
    /// An endpoint.
    Http(Endpoint),
    /// A topic.
    Kafka(Topic),
    /// JSON lines.
    File(PathBuf),
}

/// A topic.
pub struct Topic {
    producer: BaseProducer<Outcome>,
    topic: String,
}

/// Events cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// To an endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// To a topic: the client refuses its settings. Its own error holds the setting's value, which may be a secret.
    #[error("the Kafka settings are refused: {0}")]
    Settings(String),
}

/// The outcome of the message that is on its way: one at a time is.
#[derive(Clone, Default)]
struct Outcome(Arc<Mutex<Option<KafkaResult<()>>>>);

impl Outcome {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<KafkaResult<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Outcome {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(event = "lineage_kafka_error", problem = %error, reason);
    }
}

impl ProducerContext for Outcome {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let result = result.as_ref().map(|_| ()).map_err(|(e, _)| e.clone());
        *self.lock() = Some(result);
    }
}

impl Transport {
    /// Connects when something is sent.
    pub fn new(
        url: &LineageUrl,
        token: Option<Secret>,
        kafka_properties: &[(String, String)],
    ) -> Result<Self, TransportError> {
        Ok(match url {
            LineageUrl::Http(url) => Transport::Http(Endpoint::new(url, token, PATIENCE)?),
            LineageUrl::File(path) => Transport::File(path.clone()),
            LineageUrl::Kafka { brokers, topic } => {
                let options = SinkOptions {
                    kafka_properties: kafka_properties.to_vec(),
                    ..SinkOptions::default()
                };
                let timeout = PATIENCE.as_millis().to_string();
                let producer = kafka::client(brokers, &options)
                    .set("message.timeout.ms", timeout)
                    .create_with_context(Outcome::default())
                    .map_err(|e| TransportError::Settings(refused(&e)))?;
                let topic = topic.clone();
                Transport::Kafka(Topic { producer, topic })
            }
        })
    }

    /// Sends one event. `key`: what it is about, so that a topic keeps the order of one job.
    pub fn send(&self, key: &str, event: &str) -> Sending {
        match self {
            Transport::Http(endpoint) => endpoint.send(event),
            Transport::Kafka(topic) => topic.send(key, event),
            Transport::File(path) => {
                let line = format!("{event}\n");
                let file = std::fs::OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(path);
                match file.and_then(|mut f| f.write_all(line.as_bytes())) {
                    Ok(()) => Sending::Taken,
                    Err(e) => Sending::Later(e.to_string()),
                }
            }
        }
    }
}

impl Topic {
    fn send(&self, key: &str, event: &str) -> Sending {
        let outcome = self.producer.context();
        *outcome.lock() = None;
        let record = BaseRecord::to(&self.topic).key(key).payload(event);
        if let Err((e, _)) = self.producer.send(record) {
            return Sending::Later(e.to_string());
        }
        let flushed = self.producer.flush(PATIENCE + Duration::from_millis(500));
        match (outcome.lock().take(), flushed) {
            (Some(Ok(())), _) => Sending::Taken,
            (Some(Err(e)), _) | (None, Err(e)) => Sending::Later(e.to_string()),
            (None, Ok(())) => Sending::Later("no word of it".to_owned()),
        }
    }
}
