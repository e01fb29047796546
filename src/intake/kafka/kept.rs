//! What the log holds of a source: its cursor, and its part of the ledger.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::PATIENCE;
use super::client::{Brokers, refused};
use standings_edge::source::{Aside, Quiet};
use standings_ingest::cursor::{Cursor, Kept, LEDGER, TOPIC};
use standings_ingest::log::LogTrouble;

/// How long an open transaction of others is waited for: the brokers end one after 45 s at most.
const OPEN: Duration = Duration::from_secs(90);

fn consumer(brokers: &Brokers, isolation: &str) -> Result<Aside<BaseConsumer<Quiet>>, LogTrouble> {
    let made = brokers
        .config()
        .set("group.id", "standings-ingest")
        .set("isolation.level", isolation)
        .set("fetch.wait.max.ms", "5")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .create_with_context(Quiet);
    made.map(Aside::new)
        .map_err(|e| LogTrouble::Broken(refused(&e)))
}

/// Reads it.
pub(super) fn read(brokers: &Brokers, source: &str) -> Result<Kept, LogTrouble> {
    let mut kept = Kept::default();
    let mut wrong = None;
    each(brokers, TOPIC, |key, value| {
        if key != source.as_bytes() {
            return;
        }
        if let Some(before) = &kept.cursor {
            kept.greatest = kept.greatest.max(before.generation);
        }
        kept.cursor = match value.map(serde_json::from_slice::<Cursor>) {
            Some(Ok(cursor)) => Some(cursor),
            Some(Err(e)) => {
                wrong = Some(e.to_string());
                None
            }
            None => None,
        };
    })?;
    if let Some(wrong) = wrong.filter(|_| kept.cursor.is_none()) {
        return Err(LogTrouble::Broken(format!(
            "the topic `{TOPIC}` holds a cursor of this source that is none of ours: {wrong}"
        )));
    }
    let prefix = format!("{source}/");
    each(brokers, LEDGER, |key, value| {
        let Some(own) = std::str::from_utf8(key)
            .ok()
            .and_then(|k| k.strip_prefix(&prefix))
        else {
            return;
        };
        match value {
            Some(value) => {
                let text = String::from_utf8_lossy(value).into_owned();
                kept.notes.insert(own.to_owned(), text);
            }
            None => drop(kept.notes.remove(own)),
        }
    })?;
    Ok(kept)
}

/// Each committed record of a topic up to what was there when it was asked for, whoever has a transaction open.
fn each(
    brokers: &Brokers,
    topic: &str,
    mut take: impl FnMut(&[u8], Option<&[u8]>),
) -> Result<(), LogTrouble> {
    let later = |e: KafkaError| LogTrouble::Later(format!("reading `{topic}` back failed: {e}"));
    let (all, committed) = (
        consumer(brokers, "read_uncommitted")?,
        consumer(brokers, "read_committed")?,
    );
    let metadata = all.fetch_metadata(Some(topic), PATIENCE).map_err(later)?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(|t| t.partitions().iter().map(|p| p.id()))
        .collect();
    let mut list = TopicPartitionList::new();
    let until = Instant::now() + OPEN;
    for partition in partitions {
        let (low, end) = all
            .fetch_watermarks(topic, partition, PATIENCE)
            .map_err(later)?;
        loop {
            let (_, seen) = committed
                .fetch_watermarks(topic, partition, PATIENCE)
                .map_err(later)?;
            if seen >= end {
                break;
            }
            if Instant::now() > until {
                return Err(LogTrouble::Later(format!(
                    "a transaction on `{topic}` stays open: is another source still running?"
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if end > low {
            list.add_partition_offset(topic, partition, Offset::Offset(low))
                .map_err(later)?;
        }
    }
    let mut left = list.count();
    if left == 0 {
        return Ok(());
    }
    committed.assign(&list).map_err(later)?;
    let mut heard = Instant::now();
    while left > 0 {
        match committed.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                heard = Instant::now();
                take(message.key().unwrap_or_default(), message.payload());
            }
            Some(Err(KafkaError::PartitionEOF(_))) => left -= 1,
            Some(Err(e)) => return Err(later(e)),
            None if heard.elapsed() > PATIENCE => {
                return Err(LogTrouble::Later(format!(
                    "reading `{topic}` back: its records do not come"
                )));
            }
            None => {}
        }
    }
    Ok(())
}
