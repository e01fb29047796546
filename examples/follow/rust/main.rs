//! Follows the change log in Kafka, and keeps the rankings as they are now in a file.
//!
//! ```text
//! topic ──committed records──► rows by message key ──► FILE: rows, and the offsets they stand for, in one piece
//! ```
//!
//! 1. A commit is a transaction: what is read is committed, so nothing that was given up is ever shown.
//! 2. A message's key names its row, and its value is the row's new state: an upsert replaces it, a delete takes it away.
//! 3. Offsets lie with the rows. After a crash some messages are read again, and change nothing.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The rows, and the next offset of each partition.
#[derive(Default, Serialize, Deserialize)]
struct Shown {
    offsets: BTreeMap<i32, i64>,
    rows: BTreeMap<String, Value>,
}

impl Shown {
    fn load(file: &str) -> Result<Self, Box<dyn Error>> {
        match fs::read(file) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Shown::default()),
            Err(e) => Err(e.into()),
        }
    }

    /// All or nothing: a crash leaves the file as it was.
    fn save(&self, file: &str) -> Result<(), Box<dyn Error>> {
        let next = format!("{file}.next");
        fs::write(&next, serde_json::to_vec(self)?)?;
        fs::rename(next, file)?;
        println!("{} rows", self.rows.len());
        Ok(())
    }

    fn take(&mut self, message: &impl Message) -> Result<(), Box<dyn Error>> {
        let key = std::str::from_utf8(message.key().unwrap_or_default())?;
        // A delete may also be written without a value: --kafka-tombstones.
        let change: Option<Value> = match message.payload() {
            Some(value) => Some(serde_json::from_slice(value)?),
            None => None,
        };
        match change.filter(|c| c["op"] == "upsert") {
            Some(change) => self.rows.insert(key.to_owned(), change),
            None => self.rows.remove(key),
        };
        self.offsets
            .insert(message.partition(), message.offset() + 1);
        Ok(())
    }
}

/// Follows a topic, and keeps the file, until something fails.
pub fn follow(brokers: &str, topic: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("isolation.level", "read_committed")
        // Where to go on is in the file, not in the group, and records that are gone are not passed over in silence.
        .set("group.id", "follow")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .create()?;
    let mut shown = Shown::load(file)?;
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10))?;
    let mut from = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|t| t.partitions()) {
        let next = shown.offsets.get(&partition.id());
        let next = next.map_or(Offset::Beginning, |next| Offset::Offset(*next));
        from.add_partition_offset(topic, partition.id(), next)?;
    }
    consumer.assign(&from)?;
    let mut unsaved: Option<Instant> = None;
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                shown.take(&message)?;
                unsaved.get_or_insert_with(Instant::now);
            }
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset))) => {
                return Err(format!("{topic} no longer has what comes next: remove {file}").into());
            }
            // The client goes on by itself.
            Some(Err(problem)) => eprintln!("{problem}"),
            None if unsaved.take().is_some() => shown.save(file)?,
            None => {}
        }
        if unsaved.is_some_and(|since| since.elapsed() > Duration::from_secs(1)) {
            unsaved = None;
            shown.save(file)?;
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [brokers, topic, file] => follow(brokers, topic, file),
        _ => Err(
            "follow BROKERS TOPIC FILE, such as: follow localhost:9092 changes rankings.json"
                .into(),
        ),
    }
}
