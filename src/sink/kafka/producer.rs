//! The transactional producer: librdkafka's.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use super::delivery::{Deliveries, PATIENCE, PIECE, Silence, flush};
use super::transactions::{Progress, Record, TransactionalSink, Transactions, Trouble};
use super::{config, readback, refused};
use crate::model::plan::Plan;
use crate::observe::live::Live;
use crate::sink::{ShownRow, SinkError, SinkOptions};
use crate::source::{denied, is_denied};

/// A topic of changes, and the one that says how far they go.
pub struct Topics {
    name: String,
    brokers: String,
    changes: String,
    progress: String,
    options: SinkOptions,
    producer: Option<ThreadedProducer<Deliveries>>,
    live: Arc<Live>,
}

/// Changes to a Kafka topic, exactly once.
pub type KafkaTransactionalSink = TransactionalSink<Topics>;

impl KafkaTransactionalSink {
    /// Reads the settings; connects on open.
    pub fn new(brokers: &str, topic: &str, options: &SinkOptions) -> Result<Self, SinkError> {
        let mut topics = Topics {
            name: format!("kafka://{brokers}/{topic}"),
            brokers: brokers.to_owned(),
            changes: topic.to_owned(),
            progress: format!("{topic}-progress"),
            options: options.clone(),
            producer: None,
            live: Arc::clone(&options.live),
        };
        // Wrong settings are found at once. And by the time that it takes its transactions over it is connected: asked
        // before, the client waits for half a second until it looks for a coordinator again.
        topics.producer = Some(topics.make_producer()?);
        let (live, clock) = (Arc::clone(&options.live), options.clock.clone());
        Ok(TransactionalSink::over(
            topics,
            options.kafka_tombstones,
            live,
            clock,
        ))
    }
}

impl Topics {
    fn make_producer(&self) -> Result<ThreadedProducer<Deliveries>, SinkError> {
        config(&self.brokers, &self.options)
            .set("transactional.id", self.transactional_id())
            .create_with_context(Deliveries::default())
            .map_err(|e| refused(&e))
    }

    fn transactional_id(&self) -> String {
        format!("standings-{}", self.changes)
    }

    fn producer(&self) -> Result<&ThreadedProducer<Deliveries>, Trouble> {
        let gone = || Trouble::Final("it is not open".to_owned());
        self.producer.as_ref().ok_or_else(gone)
    }

    fn call<R>(
        &self,
        call: impl FnOnce(&ThreadedProducer<Deliveries>) -> Result<R, KafkaError>,
    ) -> Result<R, Trouble> {
        call(self.producer()?).map_err(|e| self.judge(&e))
    }

    fn judge(&self, error: &KafkaError) -> Trouble {
        let fatal = self
            .producer
            .as_ref()
            .and_then(|p| p.client().fatal_error());
        let code = fatal.as_ref().map(|f| f.0).or(error.rdkafka_error_code());
        let text = match fatal {
            Some((_, text)) => text,
            None => error.to_string(),
        };
        match code {
            Some(
                RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch
                | RDKafkaErrorCode::TransactionCoordinatorFenced,
            ) => return Trouble::Fenced(text),
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                return Trouble::Final(text);
            }
            Some(RDKafkaErrorCode::TransactionalIdAuthorizationFailed) => {
                let id = format!("the transactional id `{}`", self.transactional_id());
                return Trouble::Final(denied("WRITE", &id));
            }
            code if is_denied(code) => {
                let topics = format!("the topics `{}` and `{}`", self.changes, self.progress);
                return Trouble::Final(denied("WRITE", &topics));
            }
            _ => {}
        }
        match error {
            KafkaError::Transaction(e) if e.is_fatal() => Trouble::Final(text),
            KafkaError::Transaction(e) if e.txn_requires_abort() => Trouble::Abort(text),
            KafkaError::Transaction(e) if e.is_retriable() => Trouble::Again(text),
            KafkaError::Flush(_) => Trouble::Again(text),
            KafkaError::Transaction(_) => Trouble::Final(text),
            _ => Trouble::Abort(text),
        }
    }
}

impl Transactions for Topics {
    fn name(&self) -> &str {
        &self.name
    }

    fn connect(&mut self) -> Result<(), SinkError> {
        let topics = [(&self.changes, false), (&self.progress, true)];
        readback::make_topics(&self.brokers, &self.options, &topics)?;
        if self.producer.is_none() {
            self.producer = Some(self.make_producer()?);
        }
        Ok(())
    }

    fn take_over(&self) -> Result<(), Trouble> {
        self.call(|p| p.init_transactions(PATIENCE))
    }

    fn progress(&self) -> Result<Option<Progress>, SinkError> {
        readback::progress(&self.brokers, &self.options, &self.progress)
    }

    fn rows(&self, plan: &Plan) -> Result<Vec<ShownRow>, SinkError> {
        readback::rows(&self.brokers, &self.options, &self.changes, plan)
    }

    fn begin(&self) -> Result<(), Trouble> {
        self.producer()?.context().take_refusal();
        self.call(ThreadedProducer::begin_transaction)
    }

    fn send(&self, record: &Record<'_>) -> Result<(), Trouble> {
        let topic = if record.is_progress {
            &self.progress
        } else {
            &self.changes
        };
        let (generation, commit) = (record.generation.to_string(), record.commit.to_string());
        loop {
            let headers = OwnedHeaders::new_with_capacity(2)
                .insert(Header {
                    key: "standings-generation",
                    value: Some(&generation),
                })
                .insert(Header {
                    key: "standings-commit",
                    value: Some(&commit),
                });
            let mut message = BaseRecord::to(topic).key(record.key).headers(headers);
            if let Some(value) = record.value {
                message = message.payload(value);
            }
            match self.producer()?.send::<[u8], [u8]>(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    flush(self.producer()?, Duration::from_millis(1));
                }
                Err((error, _)) => return Err(self.judge(&error)),
            }
        }
    }

    fn acknowledged(&self) -> Result<(), Trouble> {
        let producer = self.producer()?;
        let mut silence = Silence::new(&self.name, &self.live);
        loop {
            // In short pieces: what is refused is told at once, while the rest may wait for ever.
            let is_sent = flush(producer, PIECE);
            if let Some(refusal) = producer.context().take_refusal() {
                let problem = refusal.text;
                return Err(match producer.client().fatal_error() {
                    _ if refusal.is_denied => Trouble::Final(problem),
                    Some((code, _)) => self.judge(&KafkaError::MessageProduction(code)),
                    // It cannot be committed any more, and says why.
                    None if refusal.is_purged => match self.commit() {
                        Err(Trouble::Final(why)) => Trouble::Final(why),
                        _ => Trouble::Abort(problem),
                    },
                    None => Trouble::Abort(problem),
                });
            }
            if is_sent {
                return Ok(());
            }
            silence.look();
        }
    }

    fn commit(&self) -> Result<(), Trouble> {
        self.call(|p| p.commit_transaction(PATIENCE))
    }

    fn abort(&self) -> Result<(), Trouble> {
        self.call(|p| p.abort_transaction(PATIENCE))
    }
}
