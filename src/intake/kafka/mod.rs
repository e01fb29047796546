//! A source's log in Kafka: four topics, one transactional id.
//!
//! 1. One id a source: who calls [`Log::take_over`] last has it, and whoever had it is fenced by the brokers.
//! 2. What is kept is read behind everything that was there when it was asked for: an open transaction of another source would
//!    hide what is behind it, so its end is waited for.
//! 3. After a failure the client is made anew.

mod client;
mod kept;
mod topics;

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use self::client::{Deliveries, producer};
use standings_commit::kind::Kind;
use standings_edge::sink::kafka::errors;
use standings_edge::source::Aside;
use standings_ingest::cursor::{Kept, LEDGER, TOPIC, TRANSACTIONS};
use standings_ingest::log::{Entry, Log, LogTrouble, To};

pub use self::client::Brokers;
pub use self::topics::look;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a transaction may take to be committed, or given up: beyond that the brokers end it themselves.
const COMMIT: Duration = Duration::from_secs(30);

/// Where a source's records go.
#[derive(Clone, Debug)]
pub struct Places {
    /// The source's name.
    pub source: String,
    /// The topic of its records.
    pub topic: String,
    /// Its partitions, where it is made.
    pub partitions: i32,
    /// The topic of its dead letters.
    pub letters: String,
}

/// The log of one source.
pub struct KafkaLog {
    brokers: Brokers,
    places: Places,
    producer: Option<Aside<ThreadedProducer<Deliveries>>>,
    has_letters: bool,
}

impl KafkaLog {
    /// Connects to nothing yet.
    pub fn new(brokers: Brokers, places: Places) -> Self {
        KafkaLog {
            brokers,
            places,
            producer: None,
            has_letters: false,
        }
    }

    fn producer(&self) -> Result<&ThreadedProducer<Deliveries>, LogTrouble> {
        match &self.producer {
            Some(producer) => Ok(producer),
            None => Err(LogTrouble::Later("the source is not taken over".to_owned())),
        }
    }

    fn topic(&self, to: To) -> &str {
        match to {
            To::Records | To::Everywhere => &self.places.topic,
            To::Letters => &self.places.letters,
            To::Cursors => TOPIC,
            To::Ledger => LEDGER,
        }
    }

    /// What an error of the client means.
    fn judge(&self, error: &KafkaError) -> LogTrouble {
        let fatal = self
            .producer
            .as_ref()
            .and_then(|p| p.client().fatal_error());
        let refused = self.producer.as_ref().and_then(|p| p.context().refusal());
        let code = match (&fatal, &refused) {
            (Some((code, _)), _) => Some(*code),
            (None, Some((Some(code), _))) => Some(*code),
            _ => error.rdkafka_error_code(),
        };
        let text = match (fatal, refused) {
            (Some((_, text)), _) | (None, Some((_, text))) => text,
            (None, None) => error.to_string(),
        };
        match code.map(errors::kind) {
            Some(Kind::Fenced) => LogTrouble::Fenced(text),
            Some(Kind::Wrong | Kind::Row) => {
                LogTrouble::Broken(format!("Kafka refuses it: {text}"))
            }
            _ => {
                let heard = self.producer.as_ref().and_then(|p| p.context().heard());
                LogTrouble::Later(match heard {
                    Some(heard) => format!("{text}: {heard}"),
                    None => text,
                })
            }
        }
    }

    fn call(
        &self,
        call: impl FnOnce(&ThreadedProducer<Deliveries>) -> Result<(), KafkaError>,
    ) -> Result<(), LogTrouble> {
        call(self.producer()?).map_err(|e| self.judge(&e))
    }
}

impl Log for KafkaLog {
    fn take_over(&mut self) -> Result<(), LogTrouble> {
        // One that failed may hold a transaction that cannot go on.
        self.producer = None;
        topics::make(&self.brokers, &self.places, false)?;
        let id = format!("{TRANSACTIONS}{}", self.places.source);
        self.producer = Some(producer(&self.brokers, &id)?);
        let until = Instant::now() + COMMIT;
        loop {
            match self.producer()?.init_transactions(PATIENCE) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(e)) if e.is_retriable() && Instant::now() < until => {}
                Err(e) => return Err(self.judge(&e)),
            }
        }
    }

    fn kept(&mut self) -> Result<Kept, LogTrouble> {
        kept::read(&self.brokers, &self.places.source)
    }

    fn begin(&mut self) -> Result<(), LogTrouble> {
        self.producer()?.context().forget();
        self.call(ThreadedProducer::begin_transaction)
    }

    fn send(&mut self, entry: Entry<'_>) -> Result<(), LogTrouble> {
        if entry.to == To::Everywhere {
            for partition in 0..self.partitions()? {
                self.sent(&entry, Some(partition))?;
            }
            return Ok(());
        }
        if entry.to == To::Letters && !self.has_letters {
            topics::make(&self.brokers, &self.places, true)?;
            self.has_letters = true;
        }
        self.sent(&entry, None)
    }

    fn commit(&mut self) -> Result<(), LogTrouble> {
        let until = Instant::now() + COMMIT;
        loop {
            match self.producer()?.commit_transaction(PATIENCE) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(e)) if e.is_retriable() && Instant::now() < until => {}
                Err(e) => {
                    let trouble = self.judge(&e);
                    // What is left open would hold back readers until the brokers end it. Whether this works or not, the id is
                    // taken over again.
                    let _ = self.producer()?.abort_transaction(PATIENCE);
                    return Err(trouble);
                }
            }
        }
    }
}

impl KafkaLog {
    /// How many partitions the topic of records has.
    fn partitions(&self) -> Result<i32, LogTrouble> {
        let topic = &self.places.topic;
        let metadata = self
            .producer()?
            .client()
            .fetch_metadata(Some(topic), PATIENCE);
        let metadata = metadata.map_err(|e| self.judge(&e))?;
        let found = metadata.topics().iter().find(|t| t.name() == topic);
        let partitions = found.map_or(0, |t| t.partitions().len());
        match i32::try_from(partitions) {
            Ok(n) if n > 0 => Ok(n),
            _ => Err(LogTrouble::Later(format!(
                "Kafka does not say how many partitions `{topic}` has"
            ))),
        }
    }

    /// Hands a record to the producer; to a partition, or to that of its key.
    fn sent(&mut self, entry: &Entry<'_>, partition: Option<i32>) -> Result<(), LogTrouble> {
        let topic = self.topic(entry.to).to_owned();
        let until = Instant::now() + COMMIT;
        loop {
            let mut record = BaseRecord::<[u8], [u8]>::to(&topic);
            if let Some(partition) = partition {
                record = record.partition(partition);
            }
            if let Some(key) = entry.key {
                record = record.key(key);
            }
            if let Some(value) = entry.value {
                record = record.payload(value);
            }
            if !entry.headers.is_empty() {
                let all = OwnedHeaders::new_with_capacity(entry.headers.len());
                record = record.headers(entry.headers.iter().fold(all, |all, (key, value)| {
                    all.insert(Header {
                        key,
                        value: Some(value),
                    })
                }));
            }
            match self.producer()?.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _))
                    if Instant::now() < until =>
                {
                    // A full queue is written out meanwhile.
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err((e, _)) => return Err(self.judge(&e)),
            }
        }
    }
}
