//! The clients of a source: a producer with an id of transactions, and what it heard.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{ProducerContext, ThreadedProducer};

use standings_edge::sink::SinkOptions;
use standings_edge::sink::kafka::client;
use standings_edge::source::{Aside, client_log};
use standings_ingest::log::LogTrouble;

/// Which Kafka, and how it is reached. Not `Debug`: settings may be secrets.
#[derive(Clone)]
pub struct Brokers {
    /// `host:port`, separated by commas.
    pub hosts: String,
    /// librdkafka's settings.
    pub options: SinkOptions,
}

impl Brokers {
    /// The settings of any client.
    pub(super) fn config(&self) -> ClientConfig {
        let mut config = client(&self.hosts, &self.options);
        config.set("client.id", "standings-ingest");
        config
    }
}

/// The client says the same of a connection only each half a minute.
const HEARD: Duration = Duration::from_secs(40);

/// What a producer heard.
#[derive(Default)]
pub struct Deliveries {
    refusal: Mutex<Option<(Option<RDKafkaErrorCode>, String)>>,
    heard: Mutex<Option<(Instant, String)>>,
}

impl Deliveries {
    /// Why the first message was refused that was, and not because of others.
    pub(super) fn refusal(&self) -> Option<(Option<RDKafkaErrorCode>, String)> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn forget(&self) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What was said last of connections.
    pub(super) fn heard(&self) -> Option<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .as_ref()
            .filter(|(at, _)| at.elapsed() < HEARD)
            .map(|(_, text)| text.clone())
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        client_log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(event = "kafka_ingest_error", problem = %error, reason);
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            *heard = Some((Instant::now(), reason.to_owned()));
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, message)) = result else {
            return;
        };
        let code = error.rdkafka_error_code();
        let is_purged = matches!(
            code,
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
        );
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if refusal.is_none() && !is_purged {
            use rdkafka::Message;
            *refusal = Some((code, format!("topic `{}`: {error}", message.topic())));
        }
    }
}

/// A producer of an id.
pub(super) fn producer(
    brokers: &Brokers,
    id: &str,
) -> Result<Aside<ThreadedProducer<Deliveries>>, LogTrouble> {
    let mut config = brokers.config();
    let usual = [
        ("linger.ms", "queue.buffering.max.ms", "5"),
        ("compression.type", "compression.codec", "lz4"),
        // A process that is killed leaves its transaction open for so long, and with it readers.
        ("transaction.timeout.ms", "transaction.timeout.ms", "45000"),
    ];
    for (key, alias, ours) in usual {
        if config.get(key).is_none() && config.get(alias).is_none() {
            config.set(key, ours);
        }
    }
    config
        .set("transactional.id", id)
        .set("enable.idempotence", "true")
        .set("delivery.report.only.error", "true");
    let made = config.create_with_context(Deliveries::default());
    made.map(Aside::new)
        .map_err(|e| LogTrouble::Broken(refused(&e)))
}

/// The client refuses its settings: without the value, which may be a secret.
pub(super) fn refused(error: &KafkaError) -> String {
    format!(
        "the Kafka settings are refused: {}",
        standings_edge::source::refused(error)
    )
}
