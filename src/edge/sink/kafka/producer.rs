//! The transactional producers: librdkafka's, one for each id.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use super::delivery::{Deliveries, PATIENCE, PIECE, Silence, flush};
use super::error::KafkaSinkError;
use super::readback::Readback;
use super::{AROUND, client, client_limit, config, errors, refused, topics};
use crate::sink::SinkOptions;
use crate::source::{Aside, cause, cluster_id, is_denied, number_of, topic_ids};
use standings_commit::kind::Kind;
use standings_commit::sink::{ShownRow, SinkError};
use standings_commit::transactions::{
    IDS, LogIdentity, Progress, Record, TransactionalSink, Transactions, Trouble,
};
use standings_engine::input::TopicId;
use standings_model::plan::Plan;
use standings_observe::live::Live;
use standings_process::run_id::RunId;

/// How long a topic may be missing.
const MISSING: Duration = Duration::from_secs(10);

/// The client's own, where nobody has set one.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);

/// After how many answers of an address without a number the connection is taken as it is.
const CONNECTED_WITHIN: usize = 20;

/// A topic of changes, and the one that says how far they go.
pub struct Topics {
    name: String,
    /// This opening's.
    owner: String,
    brokers: String,
    changes: String,
    progress: String,
    options: SinkOptions,
    readback: Option<Readback>,
    producers: Option<[Aside<ThreadedProducer<Deliveries>>; IDS]>,
    live: Arc<Live>,
    /// Bytes of the largest message that the topic of changes takes, once it has refused one: until then one that is larger
    /// may do, since it is compressed.
    largest: Cell<Option<usize>>,
    /// Bytes that were sent since the last flush.
    together: Cell<usize>,
}

/// Changes to a Kafka topic, exactly once. Reads the settings; connects on open.
pub fn exactly_once(
    brokers: &str,
    topic: &str,
    options: &SinkOptions,
) -> Result<TransactionalSink<Topics>, SinkError> {
    let mut topics = Topics {
        name: format!("kafka://{brokers}/{topic}"),
        owner: RunId::new().to_string(),
        brokers: brokers.to_owned(),
        changes: topic.to_owned(),
        progress: format!("{topic}-progress"),
        options: options.clone(),
        readback: None,
        producers: None,
        live: Arc::clone(&options.live),
        largest: Cell::new(None),
        together: Cell::new(0),
    };
    // Wrong settings are found at once.
    topics.producers = Some(topics.make_producers()?);
    let (live, clock) = (Arc::clone(&options.live), options.clock.clone());
    let sink = TransactionalSink::over(topics, options.kafka_tombstones, live, clock);
    Ok(sink.started_before(options.started_before))
}

impl Topics {
    fn make_producers(&self) -> Result<[Aside<ThreadedProducer<Deliveries>>; IDS], SinkError> {
        let make = |id| {
            config(&self.brokers, &self.options)
                .set("transactional.id", self.transactional_id(id))
                .create_with_context(Deliveries::default())
                .map(Aside::new)
                .map_err(|e| refused(&e))
        };
        Ok([make(0)?, make(1)?])
    }

    /// No topic can have a colon in its name, so that another topic's id is never the same.
    fn transactional_id(&self, id: usize) -> String {
        match id {
            0 => format!("standings-{}", self.changes),
            _ => format!("standings-{}:{}", self.changes, id + 1),
        }
    }

    fn producer(&self, id: usize) -> Result<&ThreadedProducer<Deliveries>, Trouble> {
        let gone = || final_of(KafkaSinkError::NotOpen);
        self.producers.as_ref().map(|p| &*p[id]).ok_or_else(gone)
    }

    /// Waits until the client is connected to a broker that it knows by number. Asked for its coordinator before, it
    /// finds nobody to ask, and asks again after half a second: when it has just heard who the brokers are, it gives up
    /// the connection by which it heard it. What goes wrong here the next call says.
    fn be_connected(&self, id: usize) -> Result<(), Trouble> {
        let client = self.producer(id)?.client();
        for _ in 0..CONNECTED_WITHIN {
            match client.fetch_metadata(Some(&self.changes), PATIENCE) {
                Ok(metadata) if metadata.orig_broker_id() < 0 => {}
                _ => break,
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn readback(&self) -> Result<&Readback, KafkaSinkError> {
        self.readback
            .as_ref()
            .ok_or_else(|| self.not_now("being opened"))
    }

    /// A call before its time: a defect.
    fn not_now(&self, what: &'static str) -> KafkaSinkError {
        let name = self.name.clone();
        KafkaSinkError::NotNow { name, what }
    }

    fn call<R>(
        &self,
        id: usize,
        call: impl FnOnce(&ThreadedProducer<Deliveries>) -> Result<R, KafkaError>,
    ) -> Result<R, Trouble> {
        call(self.producer(id)?).map_err(|e| self.judge(id, &e))
    }

    fn judge(&self, id: usize, error: &KafkaError) -> Trouble {
        let fatal = self
            .producer(id)
            .ok()
            .and_then(|p| p.client().fatal_error());
        let code = fatal.as_ref().map(|f| f.0).or(error.rdkafka_error_code());
        let text = match fatal {
            Some((_, text)) => text,
            None => error.to_string(),
        };
        match code {
            Some(RDKafkaErrorCode::TransactionalIdAuthorizationFailed) => {
                let on = format!("the transactional id `{}`", self.transactional_id(id));
                return self.of_transaction(KafkaSinkError::NotToBeWritten { on });
            }
            code if is_denied(code) => {
                let on = format!("the topics `{}` and `{}`", self.changes, self.progress);
                return self.of_transaction(KafkaSinkError::NotToBeWritten { on });
            }
            _ => {}
        }
        // No code: the client was dropped, or the binding refuses the call.
        let kind = code.map_or(Kind::Final, errors::kind);
        match (error, kind) {
            (_, Kind::Fenced) => Trouble::Fenced(text),
            (_, Kind::Login) => Trouble::Login(text),
            // What the client says of the transaction itself comes before what the code means.
            (KafkaError::Transaction(e), _) if e.is_fatal() => {
                final_of(KafkaSinkError::Transaction(text))
            }
            (KafkaError::Transaction(e), _) if e.txn_requires_abort() => {
                self.unless_refused(id, Trouble::Abort(text))
            }
            (KafkaError::Transaction(e), _) if e.is_retriable() => {
                self.unless_refused(id, Trouble::Again(text))
            }
            (KafkaError::Flush(_), _) => self.unless_refused(id, Trouble::Again(text)),
            (KafkaError::Transaction(_), _) => final_of(KafkaSinkError::Transaction(text)),
            (_, Kind::Passing | Kind::Row) => self.unless_refused(id, Trouble::Abort(text)),
            (_, Kind::Wrong | Kind::Final) => final_of(KafkaSinkError::Transaction(text)),
        }
    }

    /// A client that is not let in only says that nothing is answered, call by call: then it is asked once more, by one
    /// that listens.
    fn unless_refused(&self, id: usize, trouble: Trouble) -> Trouble {
        let heard = self.producer(id).is_ok_and(|p| p.context().was_refused());
        let why = heard.then(|| cause(&client(&self.brokers, &self.options)).refused);
        why.flatten().map_or(trouble, Trouble::Login)
    }

    /// What ends a transaction, with the topic; a right that is missing may come again.
    fn of_transaction(&self, error: KafkaSinkError) -> Trouble {
        match Trouble::from(error) {
            Trouble::Denied(failure) => {
                let text = format!("writing to {} failed: {failure}", self.name);
                Trouble::Denied(failure.told(text))
            }
            other => other,
        }
    }
}

/// What the brokers say when they are asked for topics, or to read them back.
impl From<KafkaSinkError> for Trouble {
    fn from(error: KafkaSinkError) -> Self {
        match error {
            KafkaSinkError::Stranger { why, .. } => Trouble::Login(why),
            error if error.is_denied() => Trouble::Denied(error.into()),
            error => Trouble::Ended(error.into()),
        }
    }
}

/// Waiting does not heal it.
fn final_of(error: KafkaSinkError) -> Trouble {
    Trouble::Final(error.into())
}

impl Transactions for Topics {
    fn name(&self) -> &str {
        &self.name
    }

    fn owner(&self) -> &str {
        &self.owner
    }

    fn connect(&mut self) -> Result<(), Trouble> {
        self.readback = Some(Readback::new(&self.brokers, &self.options)?);
        let topics = [(&self.changes, false), (&self.progress, true)];
        topics::make_topics(&self.brokers, &self.options, &topics)?;
        if self.producers.is_none() {
            self.producers = Some(self.make_producers()?);
        }
        Ok(())
    }

    fn renew(&mut self) {
        (self.readback, self.producers) = (None, None);
        if let Some(now) = self.options.kafka_origin.now() {
            self.options.kafka_properties = now;
        }
    }

    fn identity(&self) -> Result<LogIdentity, Trouble> {
        let gone = || self.not_now("open");
        let client = self.producers.as_ref().ok_or_else(gone)?[0].client();
        let client = client.native_ptr();
        let topics = [&self.changes[..], &self.progress[..]];
        let started = Instant::now();
        let ids = topics::waiting(&self.brokers, &self.options, || {
            let found = topic_ids(client, &topics, topics::ANSWER)?;
            // One that was just made is not known by every broker yet.
            match found.contains(&TopicId::Missing) && started.elapsed() < MISSING {
                true => Err(KafkaError::MetadataFetch(
                    RDKafkaErrorCode::UnknownTopicOrPartition,
                )),
                false => Ok(found),
            }
        })?;
        if let Some(at) = ids.iter().position(|id| *id == TopicId::Missing) {
            return Err(KafkaSinkError::Gone {
                topic: topics[at].to_owned(),
                name: self.name.clone(),
            }
            .into());
        }
        let mut ids = ids.into_iter().map(TopicId::known);
        Ok(LogIdentity {
            cluster: cluster_id(client, topics::ANSWER),
            changes: ids.next().flatten(),
            progress: ids.next().flatten(),
        })
    }

    fn transaction_timeout(&self) -> Duration {
        let ms = number_of(&self.options.kafka_properties, &["transaction.timeout.ms"]);
        ms.map_or(TRANSACTION_TIMEOUT, Duration::from_millis)
    }

    fn largest(&self) -> usize {
        let client = client_limit(&self.options);
        let topic = self.largest.get().unwrap_or(usize::MAX);
        client.min(topic).saturating_sub(AROUND)
    }

    fn take_over(&self, id: usize) -> Result<(), Trouble> {
        self.be_connected(id)?;
        self.call(id, |p| p.init_transactions(PATIENCE))
    }

    fn progress(&self) -> Result<Option<Progress>, Trouble> {
        Ok(self.readback()?.progress(&self.progress)?)
    }

    fn rows(&self, plan: &Plan) -> Result<Vec<ShownRow>, Trouble> {
        Ok(self.readback()?.rows(&self.changes, plan)?)
    }

    fn opened(&mut self) {
        self.readback = None;
    }

    fn begin(&self, id: usize) -> Result<(), Trouble> {
        self.producer(id)?.context().take_refusal();
        self.call(id, ThreadedProducer::begin_transaction)
    }

    fn send(&self, id: usize, record: &Record<'_>) -> Result<(), Trouble> {
        let topic = if record.is_progress {
            &self.progress
        } else {
            &self.changes
        };
        let (generation, commit) = (record.generation.to_string(), record.commit.to_string());
        if let Some(largest) = self.largest.get() {
            // What is sent together is refused together.
            let size = record.key.len() + record.value.map_or(0, <[u8]>::len) + AROUND;
            if self.together.get() + size > largest {
                self.acknowledged(id)?;
            }
            self.together.set(self.together.get() + size);
        }
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
            match self.producer(id)?.send::<[u8], [u8]>(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    flush(self.producer(id)?, Duration::from_millis(1));
                }
                Err((error, _)) => return Err(self.judge(id, &error)),
            }
        }
    }

    fn acknowledged(&self, id: usize) -> Result<(), Trouble> {
        let producer = self.producer(id)?;
        let mut silence = Silence::new(&self.name, &self.live);
        loop {
            // In short pieces: what is refused is told at once, while the rest may wait for ever.
            let is_sent = flush(producer, PIECE);
            if let Some(refusal) = producer.context().take_refusal() {
                if refusal.is_too_large {
                    let largest = topics::largest(&self.brokers, &self.options, &self.changes);
                    self.largest.set(Some(largest?));
                }
                return Err(match producer.client().fatal_error() {
                    _ if refusal.is_denied => {
                        self.of_transaction(KafkaSinkError::OfTransaction(refusal))
                    }
                    Some((code, _)) => self.judge(id, &KafkaError::MessageProduction(code)),
                    // It cannot be committed any more, and says why.
                    None if refusal.is_purged => match self.commit(id) {
                        Err(why @ (Trouble::Final(_) | Trouble::Denied(_) | Trouble::Login(_))) => {
                            why
                        }
                        _ => Trouble::Abort(refusal.text),
                    },
                    None => self.unless_refused(id, Trouble::Abort(refusal.text)),
                });
            }
            if is_sent {
                self.together.set(0);
                silence.end();
                return Ok(());
            }
            if silence.look(producer.context()) {
                self.live.sink(&self.name, false);
                if let login @ Trouble::Login(_) =
                    self.unless_refused(id, Trouble::Again(String::new()))
                {
                    return Err(login);
                }
            }
        }
    }

    fn commit(&self, id: usize) -> Result<(), Trouble> {
        self.call(id, |p| p.commit_transaction(PATIENCE))
    }

    fn abort(&self, id: usize) -> Result<(), Trouble> {
        self.call(id, |p| p.abort_transaction(PATIENCE))
    }
}
