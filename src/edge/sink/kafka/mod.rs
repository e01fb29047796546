//! A topic of changes, one message per change, keyed by ranking, window and group keys.
//!
//! Exactly once: `transactions`. At least once, and for rejects: an idempotent producer, here.
//!
//! A commit is done when every message of it is acknowledged. The client retries for as long as it takes: a broker that
//! is down makes commits wait, and a log line says so.

mod ask;
mod delivery;
mod error;
pub mod errors;
mod login;
mod producer;
mod readback;
mod rejects;
mod topics;

pub use ask::{ask, cluster, is_compacted};
pub use error::KafkaSinkError;
pub use producer::exactly_once;
pub use readback::{look, peek};

use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use self::delivery::{Deliveries, PIECE, Silence, flush};
use self::login::LetIn;
use super::SinkOptions;
use crate::source::{Aside, number_of};
use standings_commit::refused::Letters;
use standings_commit::refused::each_that_fits;
use standings_commit::sink::{Shown, Sink, SinkError};
use standings_model::change::Commit;
use standings_model::identity::Opening;
use standings_model::plan::Plan;
use standings_observe::live::Live;

/// What a message has besides its value, or its value and key, bytes: headers of record and batch.
const AROUND: usize = 512;

/// Bytes of the largest message that the client takes: it refuses a larger one itself.
fn client_limit(options: &SinkOptions) -> usize {
    number_of(&options.kafka_properties, &["message.max.bytes"]).unwrap_or(1_000_000)
}

/// How long an answer may take before the connection is given up, ms.
const SILENT_MS: u64 = 10_000;

/// A full queue is looked at again this soon.
const ROOM: Duration = Duration::from_millis(5);

/// Changes or rejects to a topic.
pub struct KafkaSink {
    name: String,
    topic: String,
    tombstones: bool,
    producer: Aside<ThreadedProducer<Deliveries>>,
    live: Arc<Live>,
    brokers: String,
    options: SinkOptions,
    /// Since when it waits for acknowledgements; `None` if it waits for none.
    silence: Option<Silence>,
    /// Bytes of the largest message that the topic takes; known once it is open for rejects, or has refused a change.
    largest: usize,
    /// It has refused one as too large.
    too_large: bool,
    /// It has refused one for want of a right.
    is_denied: bool,
    let_in: LetIn,
    letters: Letters,
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
pub fn client(brokers: &str, options: &SinkOptions) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "standings")
        // Half of the least is also how long a client that looks for any broker waits between two connections.
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "2000")
        // A connection that carries nothing any more, and was not closed, is given up after so long, and a new one made.
        .set("socket.timeout.ms", silent_ms(options).to_string())
        .set("socket.connection.setup.timeout.ms", "10000");
    for (key, value) in &options.kafka_properties {
        let consumer = [
            "group.",
            "fetch.",
            "queued.",
            "auto.offset",
            "isolation.",
            "session.",
            "heartbeat.",
            // What a producer counts nobody reads, and would be logged.
            "statistics.",
        ];
        if !consumer.iter().any(|c| key.starts_with(c)) {
            config.set(key, value);
        }
    }
    config
}

/// How long an answer may take; the client refuses more than a transaction may take.
fn silent_ms(options: &SinkOptions) -> u64 {
    let most: Option<u64> = number_of(&options.kafka_properties, &["transaction.timeout.ms"]);
    most.map_or(SILENT_MS, |most| most.min(SILENT_MS))
}

fn refused(error: &KafkaError) -> KafkaSinkError {
    let why = crate::source::refused(error);
    KafkaSinkError::Settings { why }
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
            silence: None,
            largest: topics::LARGEST,
            too_large: false,
            is_denied: false,
            let_in: LetIn::default(),
            letters: Letters::default(),
        })
    }

    /// Hands a message to the client, which holds it back; waits while the client's queue is full.
    fn give(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        headers: &[(&'static str, String)],
    ) -> Result<(), SinkError> {
        loop {
            let mut record = BaseRecord::to(&self.topic).key(key);
            if let Some(value) = value {
                record = record.payload(value);
            }
            if !headers.is_empty() {
                let all = OwnedHeaders::new_with_capacity(headers.len());
                let add = |all: OwnedHeaders, (key, value): &(&'static str, String)| {
                    all.insert(Header {
                        key,
                        value: Some(value),
                    })
                };
                record = record.headers(headers.iter().fold(all, add));
            }
            match self.producer.send::<[u8], [u8]>(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.wait(ROOM)?;
                }
                Err((source, _)) => {
                    let name = self.name.clone();
                    return Err(KafkaSinkError::Sending { name, source }.into());
                }
            }
        }
    }

    /// Sends what the client holds back, and waits for `patience` at most until all of it is acknowledged; whether it is.
    fn wait(&mut self, patience: Duration) -> Result<bool, SinkError> {
        let is_sent = flush(&self.producer, patience);
        if let Some(refusal) = self.producer.context().take_refusal() {
            self.too_large = refusal.is_too_large;
            self.is_denied = refusal.is_denied;
            let name = self.name.clone();
            return Err(KafkaSinkError::Refused { name, refusal }.into());
        }
        if is_sent {
            if let Some(silence) = self.silence.take() {
                silence.end();
            }
            self.let_in.done();
            self.live.sink(&self.name, true);
        } else {
            let silence = self
                .silence
                .get_or_insert_with(|| Silence::new(&self.name, &self.live));
            if silence.look(self.producer.context()) {
                self.live.sink(&self.name, false);
                match self.producer.context().refused_with() {
                    Some(why) => self.refused(&why)?,
                    None => self.be_there()?,
                }
            }
        }
        Ok(is_sent)
    }

    /// Makes the topic if there is none: one that is deleted while it is written to would be waited for until the client
    /// gives its messages up. A broker that does not answer now says nothing of it.
    fn be_there(&self) -> Result<(), SinkError> {
        match topics::is_missing(&self.producer, &self.topic) {
            true => {
                let topic = [(&self.topic, false)];
                Ok(topics::make_topics(&self.brokers, &self.options, &topic)?)
            }
            false => Ok(()),
        }
    }

    fn wait_for_all(&mut self) -> Result<(), SinkError> {
        while !self.wait(PIECE)? {}
        Ok(())
    }
}

impl Sink for KafkaSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, _: &Plan, _: &Opening) -> Result<Shown, SinkError> {
        self.enter()?;
        Ok(Shown::default())
    }

    fn letters(&mut self, letters: Letters) {
        self.letters = letters;
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        self.while_denied(|sink| sink.put_what_fits(plan, commit))
    }
}

impl KafkaSink {
    /// Writes a commit; of what the topic takes no message so large, a letter.
    fn put_what_fits(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        match self.put(plan, commit, usize::MAX) {
            Err(_) if std::mem::take(&mut self.too_large) => {}
            done => return done,
        }
        // Once more, now that it is known what it takes; compressed, a larger one may have done. One by one: what is sent
        // together is refused together.
        while !flush(&self.producer, PIECE) {}
        self.producer.context().take_refusal();
        self.largest = topics::largest(&self.brokers, &self.options, &self.topic)?;
        self.put(plan, commit, self.largest.saturating_sub(AROUND))
    }

    /// Writes a commit's changes that have at most so many bytes.
    fn put(&mut self, plan: &Plan, commit: &Commit, largest: usize) -> Result<(), SinkError> {
        let one_by_one = largest < usize::MAX;
        let refused = each_that_fits(plan, commit, self.tombstones, largest, |key, value| {
            self.give(key, value, &[])?;
            match one_by_one {
                true => self.wait_for_all(),
                false => Ok(()),
            }
        })?;
        self.letters.tell(&self.name, plan, commit, &refused)?;
        self.wait_for_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_transaction_is_no_wrong_setting() {
        for (ms, silent) in [("5000", 5000), ("60000", SILENT_MS)] {
            let options = SinkOptions {
                kafka_properties: vec![("transaction.timeout.ms".to_owned(), ms.to_owned())],
                ..SinkOptions::default()
            };
            assert_eq!(silent_ms(&options), silent);
            let made = exactly_once("", "t", &options);
            assert!(made.is_ok(), "{:?}", made.err().map(|e| e.to_string()));
        }
    }
}
