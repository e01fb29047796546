//! A topic of changes, one message per change, keyed by ranking, window and group keys.
//!
//! Exactly once: `transactions`. At least once, and for rejects: an idempotent producer, here.
//!
//! A commit is done when every message of it is acknowledged. The client retries for as long as it takes: a broker that
//! is down makes commits wait, and a log line says so.

mod aside;
mod delivery;
mod producer;
mod readback;
mod rejects;
mod topics;
mod transactions;

pub use producer::KafkaTransactionalSink;
pub use readback::{fold_log, peek};
pub use transactions::{IDS, Progress, Record, TransactionalSink, Transactions, Trouble};

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use self::aside::Aside;
use self::delivery::{Deliveries, PIECE, Silence, flush};
use super::json::{push_change, push_key};
use super::{Shown, Sink, SinkError, SinkOptions};
use crate::model::change::Commit;
use crate::model::plan::Plan;
use crate::observe::live::Live;

/// Changes or rejects to a topic.
pub struct KafkaSink {
    name: String,
    topic: String,
    tombstones: bool,
    producer: Aside<ThreadedProducer<Deliveries>>,
    live: Arc<Live>,
    brokers: String,
    options: SinkOptions,
    /// Bytes of the largest message that the topic takes; known once it is open for rejects.
    largest: usize,
}

/// Settings of any producer of the sink. What a user set stays, except what exactly-once and order stand on.
fn config(brokers: &str, options: &SinkOptions) -> ClientConfig {
    let mut config = client(brokers, options);
    let defaults = [
        ("linger.ms", "queue.buffering.max.ms", delivery::HOLD_MS),
        ("compression.type", "compression.codec", "lz4"),
    ];
    for (key, alias, ours) in defaults {
        if config.get(key).is_none() && config.get(alias).is_none() {
            config.set(key, ours);
        }
    }
    config
        .set("enable.idempotence", "true")
        // Of what went well only the count is asked for: nobody has to be told of each message, on a thread of its own,
        // before a flush ends.
        .set("delivery.report.only.error", "true");
    config
}

/// Settings of any client of the sink. Settings of consumers are shared with the source, and would only make a
/// producer warn.
pub(crate) fn client(brokers: &str, options: &SinkOptions) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "standings")
        .set("reconnect.backoff.max.ms", "2000");
    for (key, value) in &options.kafka_properties {
        let consumer = [
            "group.",
            "fetch.",
            "queued.",
            "auto.offset",
            "isolation.",
            "session.",
            "heartbeat.",
        ];
        if !consumer.iter().any(|c| key.starts_with(c)) {
            config.set(key, value);
        }
    }
    config
}

fn refused(error: &KafkaError) -> SinkError {
    SinkError::Configuration(format!(
        "the Kafka settings of the sink are refused: {}",
        crate::source::refused(error)
    ))
}

/// A message before it is sent.
struct Outgoing {
    key: Vec<u8>,
    /// `None` for a tombstone.
    value: Option<Vec<u8>>,
    headers: Vec<(&'static str, String)>,
}

impl KafkaSink {
    /// Makes the client; it connects by itself.
    pub fn new(brokers: &str, topic: &str, options: &SinkOptions) -> Result<Self, SinkError> {
        let mut config = config(brokers, options);
        if config.get("message.max.bytes").is_none() {
            // What is too large the broker says, not the client: a record's bytes go on as they came.
            config.set("message.max.bytes", "1000000000");
        }
        let producer = config
            // It waits for as long as it takes.
            .set("message.timeout.ms", "0")
            .create_with_context(Deliveries::default())
            .map(Aside::new)
            .map_err(|e| refused(&e))?;
        Ok(KafkaSink {
            name: format!("kafka://{brokers}/{topic}"),
            topic: topic.to_owned(),
            tombstones: options.kafka_tombstones,
            producer,
            live: Arc::clone(&options.live),
            brokers: brokers.to_owned(),
            options: options.clone(),
            largest: topics::LARGEST,
        })
    }

    fn put(&self, mut messages: VecDeque<Outgoing>) -> Result<(), SinkError> {
        let mut silence = Silence::new(&self.name, &self.live);
        loop {
            while let Some(message) = messages.front() {
                let mut record = BaseRecord::to(&self.topic).key(&message.key);
                if let Some(value) = &message.value {
                    record = record.payload(value);
                }
                if !message.headers.is_empty() {
                    let headers = OwnedHeaders::new_with_capacity(message.headers.len());
                    let add = |headers: OwnedHeaders, (key, value): &(&'static str, String)| {
                        headers.insert(Header {
                            key,
                            value: Some(value),
                        })
                    };
                    record = record.headers(message.headers.iter().fold(headers, add));
                }
                match self.producer.send::<Vec<u8>, Vec<u8>>(record) {
                    Ok(()) => {
                        messages.pop_front();
                    }
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => break,
                    Err((error, _)) => return Err(self.failed(&error)),
                }
            }
            // A full queue is looked at again soon.
            let patience = match messages.is_empty() {
                true => PIECE,
                false => Duration::from_millis(5),
            };
            let is_sent = flush(&self.producer, patience);
            if let Some(refusal) = self.producer.context().take_refusal() {
                return Err(self.failed(&refusal.text));
            }
            if messages.is_empty() && is_sent {
                self.live.sink(&self.name, true);
                return Ok(());
            }
            silence.look();
        }
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> SinkError {
        SinkError::Failed(format!("writing to {} failed: {error}", self.name))
    }
}

impl Sink for KafkaSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, _: &Plan) -> Result<Shown, SinkError> {
        Ok(Shown::default())
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        let message = |change| {
            let mut key = Vec::with_capacity(96);
            push_key(&mut key, plan, change);
            let mut value = None;
            if !self.tombstones || change.rank.is_some() {
                let mut bytes = Vec::with_capacity(320);
                push_change(&mut bytes, plan, change, commit.number);
                value = Some(bytes);
            }
            Outgoing {
                key,
                value,
                headers: Vec::new(),
            }
        };
        self.put(commit.changes.iter().map(message).collect())
    }
}
