//! Every dead letter of a topic, up to its end as seen at the start, or of a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::letter::Letter;
use crate::load::topic;
use standings_edge::sink::url::SinkUrl;
use standings_model::error::codes;
use standings_process::exit::Failure;

/// Calls with each letter: those of a partition, or of a file, in order.
pub(super) fn each(
    from: &SinkUrl,
    properties: &[(String, String)],
    take: &mut dyn FnMut(Letter) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match from {
        SinkUrl::File { path, .. } => {
            let wrong = |e: std::io::Error| {
                Failure::of(
                    &codes::checks::NOT_A_LETTER,
                    format!("{}: {e}", path.display()),
                )
            };
            let mut lines = BufReader::new(File::open(path).map_err(wrong)?);
            let (mut line, mut number) = (Vec::new(), 0);
            while lines.read_until(b'\n', &mut line).map_err(wrong)? > 0 {
                number += 1;
                let is_whole = line.ends_with(b"\n");
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                if !text.trim_ascii().is_empty() {
                    match Letter::read(number.to_string(), None, text) {
                        Ok(letter) => take(letter)?,
                        Err(_) if !is_whole => tracing::warn!(
                            event = "torn_letter",
                            file = %path.display(),
                            line = number,
                            "the last line is not whole and is passed over: a run is writing it, or was killed while it \
                             did, and writes it again"
                        ),
                        Err(error) => return Err(error.into()),
                    }
                }
                line.clear();
            }
            Ok(())
        }
        SinkUrl::Kafka { brokers, topic } => each_of_topic(brokers, topic, properties, take),
        SinkUrl::Postgres(_) | SinkUrl::Stdout { .. } => Err(Failure::of(
            &codes::checks::WHERE_LETTERS,
            "dead letters are in kafka://host:9092/topic or file:PATH",
        )),
    }
}

fn each_of_topic(
    brokers: &str,
    topic: &str,
    properties: &[(String, String)],
    take: &mut dyn FnMut(Letter) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |e: KafkaError| {
        Failure::of(
            &codes::checks::NOT_A_LETTER,
            format!("reading `{topic}` failed: {e}"),
        )
    };
    let consumer: BaseConsumer = topic::config(brokers, properties)
        .set("group.id", "standings-dead-letter")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .create()
        .map_err(|e| topic::settings(&e))?;
    let mut ends = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    let partitions = match topic::partitions(&consumer, topic) {
        // A run makes the topic with its first letter: before that there is none, and nothing is wrong.
        Err(e) if *e.code() == codes::tools::TOPIC => {
            tracing::warn!(
                event = "dead_letter_no_topic",
                topic,
                "no dead letters: there is no such topic; a run makes it with the first of them"
            );
            return Ok(());
        }
        found => found?,
    };
    for partition in partitions {
        let (low, high) = consumer
            .fetch_watermarks(topic, partition, topic::PATIENCE)
            .map_err(failed)?;
        if low < high {
            ends.insert(partition, high);
            list.add_partition_offset(topic, partition, Offset::Offset(low))
                .map_err(failed)?;
        }
    }
    consumer.assign(&list).map_err(failed)?;
    while !ends.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let (partition, offset) = (message.partition(), message.offset());
                let end = ends.get(&partition).copied().unwrap_or(0);
                if offset < end
                    && let Some(value) = message.payload()
                {
                    let place = format!("{partition}:{offset}");
                    let time = message.timestamp().to_millis();
                    take(Letter::read(place, time, value)?)?;
                }
                if offset + 1 >= end {
                    ends.remove(&partition);
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(ends.remove(&partition)),
            Some(Err(e)) => {
                tracing::warn!(event = "dead_letter_waiting", problem = %e, "Kafka does not answer; it is tried again")
            }
            None => {}
        }
    }
    Ok(())
}
