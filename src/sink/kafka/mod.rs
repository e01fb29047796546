//! A topic of changes, one message per change, keyed by ranking, window and group keys.
//!
//! Exactly once: `transactions`. At least once, and for rejects: an idempotent producer, here.
//!
//! A commit is done when every message of it is acknowledged. The client retries for as long as it takes: a broker that
//! is down makes commits wait, and a log line says so.

mod aside;
mod producer;
mod readback;
mod rejects;
mod transactions;

pub use producer::KafkaTransactionalSink;
pub use readback::{fold_log, peek};
pub use transactions::{Progress, Record, TransactionalSink, Transactions, Trouble};

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message};

use super::json::{push_change, push_key};
use super::{Shown, Sink, SinkError, SinkOptions};
use crate::model::change::Commit;
use crate::model::plan::Plan;
use crate::observe::live::Live;
use crate::source::{denied, is_denied};

/// Changes or rejects to a topic.
pub struct KafkaSink {
    name: String,
    topic: String,
    tombstones: bool,
    producer: ThreadedProducer<Deliveries>,
    live: Arc<Live>,
    brokers: String,
    options: SinkOptions,
    /// Bytes of the largest message that the topic takes; known once it is open for rejects.
    largest: usize,
}

/// Counts what is not acknowledged, and keeps the first failure.
#[derive(Default)]
struct Deliveries {
    state: Mutex<Waiting>,
    /// Told when nothing is waited for any more, or something failed.
    done: Condvar,
}

#[derive(Default)]
struct Waiting {
    messages: i64,
    failure: Option<String>,
    /// A right is missing: making it anew does not heal it.
    is_denied: bool,
    /// Messages were given up because the transaction failed, for a reason that only the transaction knows.
    is_purged: bool,
}

impl Deliveries {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(event = "kafka_sink_error", problem = %error, reason);
    }
}

/// What a broker that refuses the time of records means.
const CLOCK: &str = "; the topic takes the writer's time, and this machine's clock may be wrong by more than the broker \
allows: set the clock, or the topic's message.timestamp.type to LogAppendTime";

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let mut state = self.lock();
        state.messages -= 1;
        if let Err((error, message)) = result {
            let message: &BorrowedMessage<'_> = message;
            let code = error.rdkafka_error_code();
            let hint = match code {
                Some(RDKafkaErrorCode::InvalidTimestamp | RDKafkaErrorCode::InvalidRecord) => CLOCK,
                _ => "",
            };
            let topic = format!("topic `{}`", message.topic());
            state.is_purged |= matches!(
                code,
                Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
            );
            // Others of the same transaction fail for it, and say less.
            if is_denied(code) {
                state.is_denied = true;
                state.failure = Some(denied("WRITE", &topic));
            } else {
                let text = || format!("{topic}: {error}{hint}");
                state.failure.get_or_insert_with(text);
            }
        }
        if state.messages <= 0 || state.failure.is_some() {
            self.done.notify_one();
        }
    }
}

/// Settings of any producer of the sink.
fn config(brokers: &str, options: &SinkOptions) -> ClientConfig {
    let mut config = client(brokers, options);
    config
        .set("linger.ms", "0")
        .set("compression.type", "lz4")
        .set("enable.idempotence", "true");
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
            .map_err(|e| refused(&e))?;
        Ok(KafkaSink {
            name: format!("kafka://{brokers}/{topic}"),
            topic: topic.to_owned(),
            tombstones: options.kafka_tombstones,
            producer,
            live: Arc::clone(&options.live),
            brokers: brokers.to_owned(),
            options: options.clone(),
            largest: readback::LARGEST,
        })
    }

    fn put(&self, mut messages: VecDeque<Outgoing>) -> Result<(), SinkError> {
        let context = self.producer.context();
        let started = Instant::now();
        let mut warned = started;
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
                        // An acknowledgement that came first has counted down to less than nothing meanwhile.
                        context.lock().messages += 1;
                        messages.pop_front();
                    }
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => break,
                    Err((error, _)) => return Err(self.failed(&error)),
                }
            }
            // A full queue empties without a word, so it is looked at again soon.
            let patience = Duration::from_millis(if messages.is_empty() { 1000 } else { 5 });
            let waiting = |w: &mut Waiting| w.messages > 0 && w.failure.is_none();
            let waited = context
                .done
                .wait_timeout_while(context.lock(), patience, waiting);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if let Some(failure) = state.failure.take() {
                return Err(self.failed(&failure));
            }
            if messages.is_empty() && state.messages <= 0 {
                self.live.sink(&self.name, true);
                return Ok(());
            }
            drop(state);
            if warned.elapsed() > Duration::from_secs(5) {
                warned = Instant::now();
                self.live.sink(&self.name, false);
                let waited_s = started.elapsed().as_secs();
                tracing::warn!(
                    event = "sink_waiting",
                    sink = self.name,
                    waited_s,
                    "Kafka does not acknowledge; commits wait"
                );
            }
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
