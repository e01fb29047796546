//! A topic of changes, exactly once: each commit is one transaction of its changes and a progress record.
//!
//! ```text
//! commit ──► begin ──► changes ──► CHANGES topic
//!                  └─► progress ─► CHANGES-progress topic (one partition, compacted)
//!            end ────────────────► both or neither, to a reader of committed records
//! ```
//!
//! 1. The progress record names commit, generation, input prefix and watermark. It is written with the changes it
//!    stands for, so what the last one says is what the topic shows.
//! 2. Opening takes the transactional id over: Kafka ends what an older cluster had open, and refuses it from then on.
//!    Only then is the progress read, and what the topic shows.
//! 3. Every record carries its generation and commit as headers.
//! 4. A transaction is opened only when there is something to write.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use serde::{Deserialize, Serialize};

use super::readback;
use super::{Deliveries, Waiting, config, refused};
use crate::model::block::PartitionId;
use crate::model::change::Commit;
use crate::model::plan::Plan;
use crate::observe::live::Live;
use crate::sink::json::{push_change, push_key};
use crate::sink::{Shown, Sink, SinkError, SinkOptions};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// How long one call into the client may take before it is said that commits wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the last record of the progress topic says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The commit.
    pub commit: u64,
    /// The generation that wrote it.
    pub generation: u64,
    /// The next offset to read, by partition.
    pub offsets: BTreeMap<PartitionId, u64>,
    /// The offset that reading began at, by partition.
    #[serde(default)]
    pub begins: BTreeMap<PartitionId, u64>,
    /// The global watermark, ms.
    pub watermark: Option<i64>,
}

/// Changes to a topic, exactly once.
pub struct TransactionalSink {
    name: String,
    brokers: String,
    topic: String,
    progress_topic: String,
    options: SinkOptions,
    producer: Option<ThreadedProducer<Deliveries>>,
    generation: u64,
    live: Arc<Live>,
}

/// What an attempt ran into.
enum Trouble {
    /// The same call may be made again.
    Again(String),
    /// The transaction must be given up, and made anew.
    Abort(String),
    /// Another cluster has taken the transactional id over.
    Fenced(String),
    /// Waiting does not heal it.
    Final(String),
}

impl TransactionalSink {
    /// Reads the settings; connects on open.
    pub fn new(brokers: &str, topic: &str, options: &SinkOptions) -> Result<Self, SinkError> {
        let sink = TransactionalSink {
            name: format!("kafka://{brokers}/{topic}"),
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            progress_topic: format!("{topic}-progress"),
            options: options.clone(),
            producer: None,
            generation: 0,
            live: Arc::clone(&options.live),
        };
        // Wrong settings are found at once.
        sink.make_producer().map(|_| sink)
    }

    fn make_producer(&self) -> Result<ThreadedProducer<Deliveries>, SinkError> {
        config(&self.brokers, &self.options)
            .set("transactional.id", format!("standings-{}", self.topic))
            .create_with_context(Deliveries::default())
            .map_err(|e| refused(&e))
    }

    fn producer(&self) -> Result<&ThreadedProducer<Deliveries>, Trouble> {
        let gone = || Trouble::Final("it is not open".to_owned());
        self.producer.as_ref().ok_or_else(gone)
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
            Some(
                RDKafkaErrorCode::TransactionalIdAuthorizationFailed
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed,
            ) => return Trouble::Final(text),
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

    fn end(&self, trouble: Trouble) -> SinkError {
        match trouble {
            Trouble::Fenced(m) => SinkError::Fenced(format!(
                "another cluster has taken over {}; this one (generation {}) stops: {m}",
                self.name, self.generation
            )),
            Trouble::Again(m) | Trouble::Abort(m) | Trouble::Final(m) => {
                SinkError::Failed(format!("writing to {} failed: {m}", self.name))
            }
        }
    }

    /// Makes a call again while that can heal it, with a log line.
    fn persist<T>(
        &self,
        mut call: impl FnMut(&ThreadedProducer<Deliveries>) -> Result<T, KafkaError>,
    ) -> Result<T, Trouble> {
        let started = Instant::now();
        let mut warned: Option<Instant> = None;
        loop {
            let error = match call(self.producer()?) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let problem = match self.judge(&error) {
                Trouble::Again(problem) => problem,
                other => return Err(other),
            };
            self.live.sink(&self.name, false);
            if warned.is_none_or(|w| w.elapsed() > PATIENCE) {
                warned = Some(Instant::now());
                let waited_ms = started.elapsed().as_millis() as u64;
                tracing::warn!(
                    event = "sink_waiting",
                    sink = self.name,
                    problem,
                    waited_ms,
                    "commits wait"
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn send(
        &self,
        topic: &str,
        key: &[u8],
        value: Option<&[u8]>,
        commit: u64,
    ) -> Result<(), Trouble> {
        let (generation, commit) = (self.generation.to_string(), commit.to_string());
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
            let mut record = BaseRecord::to(topic).key(key).headers(headers);
            if let Some(value) = value {
                record = record.payload(value);
            }
            match self.producer()?.send::<[u8], [u8]>(record) {
                Ok(()) => {
                    self.producer()?.context().lock().messages += 1;
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(self.judge(&error)),
            }
        }
    }

    /// Waits until every message is acknowledged. The client's own flush looks only each tenth of a second.
    fn acknowledged(&self) -> Result<(), Trouble> {
        let context = self.producer()?.context();
        let started = Instant::now();
        loop {
            let waiting = |w: &mut Waiting| w.messages > 0 && w.failure.is_none();
            let waited = context
                .done
                .wait_timeout_while(context.lock(), PATIENCE, waiting);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if let Some(problem) = state.failure.take() {
                drop(state);
                return Err(match self.producer()?.client().fatal_error() {
                    Some((code, _)) => self.judge(&KafkaError::MessageProduction(code)),
                    None => Trouble::Abort(problem),
                });
            }
            if state.messages <= 0 {
                return Ok(());
            }
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

    fn attempt(&self, plan: &Plan, commit: &Commit) -> Result<(), Trouble> {
        self.producer()?.context().lock().failure = None;
        self.persist(|p| p.begin_transaction())?;
        let (mut key, mut value) = (Vec::with_capacity(128), Vec::with_capacity(512));
        for change in &commit.changes {
            key.clear();
            value.clear();
            push_key(&mut key, plan, change);
            let keep = change.rank.is_some() || !self.options.kafka_tombstones;
            if keep {
                push_change(&mut value, plan, change, commit.number);
            }
            self.send(&self.topic, &key, keep.then_some(&value[..]), commit.number)?;
        }
        let progress = Progress {
            commit: commit.number,
            generation: self.generation,
            offsets: commit.offsets.clone(),
            begins: commit.begins.clone(),
            watermark: commit.watermark,
        };
        // Numbers and a map of numbers always have a JSON form.
        let progress = serde_json::to_vec(&progress).unwrap_or_default();
        self.send(
            &self.progress_topic,
            b"progress",
            Some(&progress),
            commit.number,
        )?;
        self.acknowledged()?;
        // Called again after a timeout, it goes on with the same commit.
        self.persist(|p| p.commit_transaction(PATIENCE))
    }
}

impl Sink for TransactionalSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, plan: &Plan) -> Result<Shown, SinkError> {
        let topics = [(&self.topic, false), (&self.progress_topic, true)];
        readback::make_topics(&self.brokers, &self.options, &topics)?;
        self.producer = Some(self.make_producer()?);
        self.persist(|p| p.init_transactions(PATIENCE))
            .map_err(|t| self.end(t))?;
        let progress = readback::progress(&self.brokers, &self.options, &self.progress_topic)?;
        let Some(progress) = progress else {
            self.generation = 1;
            return Ok(Shown::default());
        };
        self.generation = progress.generation + 1;
        let rows = readback::rows(&self.brokers, &self.options, &self.topic, plan)?;
        tracing::info!(
            event = "sink_opened",
            sink = self.name,
            commit = progress.commit,
            generation = self.generation,
            rows = rows.len()
        );
        Ok(Shown {
            commit: progress.commit,
            offsets: Some(progress.offsets),
            begins: progress.begins,
            watermark: progress.watermark,
            rows,
        })
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        loop {
            match self.attempt(plan, commit) {
                Ok(()) => {
                    self.live.sink(&self.name, true);
                    return Ok(());
                }
                Err(Trouble::Abort(problem)) => {
                    self.live.sink(&self.name, false);
                    tracing::warn!(
                        event = "transaction_aborted",
                        sink = self.name,
                        commit = commit.number,
                        problem,
                        "it is made anew"
                    );
                    self.persist(|p| p.abort_transaction(PATIENCE))
                        .map_err(|t| self.end(t))?;
                }
                Err(trouble) => return Err(self.end(trouble)),
            }
        }
    }
}
