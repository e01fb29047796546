//! What a topic of changes shows, as a reader of committed records sees it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::delivery::PATIENCE;
use super::error::KafkaSinkError;
use super::topics::{ANSWER, waiting};
use super::{client, refused};
use crate::sink::SinkOptions;
use crate::sink::look::Look;
use crate::source::{Aside, Quiet, cause, is_denied};
use standings_commit::change_log::fold;
use standings_commit::sink::{Shown, ShownRow};
use standings_commit::transactions::Progress;
use standings_model::plan::Plan;
use standings_observe::waiting::{Waiting, What};

/// Reads topics back, as a reader of committed records. It connects by itself from when it is made, which takes a
/// twentieth of a second: make it before it is needed.
pub struct Readback {
    brokers: String,
    options: SinkOptions,
    consumer: Aside<BaseConsumer<Quiet>>,
}

impl Readback {
    /// Makes the client.
    pub fn new(brokers: &str, options: &SinkOptions) -> Result<Self, KafkaSinkError> {
        let consumer: BaseConsumer<Quiet> = client(brokers, options)
            .set("group.id", "standings-readback")
            .set("isolation.level", "read_committed")
            // The end of a partition is told with an answer, which would else wait half a second for more.
            .set("fetch.wait.max.ms", "5")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .create_with_context(Quiet)
            .map_err(|e| refused(&e))?;
        Ok(Readback {
            brokers: brokers.to_owned(),
            options: options.clone(),
            consumer: Aside::new(consumer),
        })
    }

    /// The last progress record that was committed.
    pub fn progress(&self, topic: &str) -> Result<Option<Progress>, KafkaSinkError> {
        // Aborted transactions and markers take offsets too, so the last hundred may hold no record that counts.
        for back in [100, 10_000, i64::MAX] {
            let mut last: Option<Progress> = None;
            let from_start = Cell::new(true);
            let from = |low: i64, high: i64| {
                let at = high.saturating_sub(back).max(low);
                from_start.set(at == low);
                at
            };
            self.read(topic, from, |_, value| {
                let value = value.unwrap_or_default();
                let found: Progress =
                    serde_json::from_slice(value).map_err(|source| KafkaSinkError::NoProgress {
                        brokers: self.brokers.clone(),
                        topic: topic.to_owned(),
                        source,
                    })?;
                last = Some(found);
                Ok(())
            })?;
            // Nothing in it, or all of it seen.
            if last.is_some() || from_start.get() {
                return Ok(last);
            }
        }
        Ok(None)
    }

    /// The rows that a topic of changes shows: the fold of its committed changes.
    pub fn rows(&self, topic: &str, plan: &Plan) -> Result<Vec<ShownRow>, KafkaSinkError> {
        let mut rows: BTreeMap<_, _> = BTreeMap::new();
        self.read(
            topic,
            |low, _| low,
            |key, value| {
                fold(plan, key.unwrap_or_default(), value, &mut rows).map_err(|source| {
                    KafkaSinkError::NoChange {
                        brokers: self.brokers.clone(),
                        topic: topic.to_owned(),
                        source,
                    }
                })
            },
        )?;
        Ok(rows.into_values().collect())
    }

    /// Reads the committed records of a topic, each partition from `from` (given its first and next offset, and only
    /// asked if they differ) to its end.
    fn read(
        &self,
        topic: &str,
        from: impl Fn(i64, i64) -> i64,
        mut take: impl FnMut(Option<&[u8]>, Option<&[u8]>) -> Result<(), KafkaSinkError>,
    ) -> Result<(), KafkaSinkError> {
        let consumer = &self.consumer;
        let mut list = TopicPartitionList::new();
        for partition in self.partitions(topic)? {
            let (low, high) = waiting(&self.brokers, &self.options, || {
                consumer.fetch_watermarks(topic, partition, ANSWER)
            })?;
            if high > low {
                let offset = Offset::Offset(from(low, high).clamp(low, high));
                list.add_partition_offset(topic, partition, offset)
                    .map_err(|e| self.failed(topic, e))?;
            }
        }
        let mut left = list.count();
        if left == 0 {
            return Ok(());
        }
        consumer.assign(&list).map_err(|e| self.failed(topic, e))?;
        let name = format!("kafka://{}/{topic}", self.brokers);
        let mut problem = "its records do not come".to_owned();
        let (mut heard, mut waits) = (Instant::now(), None::<Waiting>);
        while left > 0 {
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    take(message.key(), message.payload())?;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => left -= 1,
                Some(Err(e)) if is_denied(e.rdkafka_error_code()) => {
                    return Err(KafkaSinkError::NotToBeRead {
                        brokers: self.brokers.clone(),
                        topic: topic.to_owned(),
                    });
                }
                // Nothing is told to the group, which only has to have a name.
                Some(Err(e))
                    if e.rdkafka_error_code()
                        == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {}
                Some(Err(e)) => problem = e.to_string(),
                None if heard.elapsed() >= PATIENCE => {
                    if let Some(why) = cause(&client(&self.brokers, &self.options)).refused {
                        let brokers = self.brokers.clone();
                        return Err(KafkaSinkError::Stranger { brokers, why });
                    }
                    let begin =
                        || Waiting::new(What::Sink, &name, &self.options.live, &self.options.clock);
                    waits.get_or_insert_with(begin).tried(&problem);
                    heard = Instant::now();
                }
                None => {}
            }
        }
        if let Some(waits) = waits {
            waits.done();
        }
        // What still comes of it is dropped, and does not count for the next topic.
        consumer.unassign().map_err(|e| self.failed(topic, e))
    }

    /// The partitions of a topic; none if there is no such topic.
    fn partitions(&self, topic: &str) -> Result<Vec<i32>, KafkaSinkError> {
        waiting(&self.brokers, &self.options, || {
            let metadata = self.consumer.fetch_metadata(Some(topic), ANSWER)?;
            let found = metadata.topics().iter().find(|t| t.name() == topic);
            let problem = found.and_then(|t| t.error()).map(RDKafkaErrorCode::from);
            match problem {
                None | Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {}
                // A topic that cannot be seen now is not an empty one.
                Some(code) => return Err(KafkaError::MetadataFetch(code)),
            }
            let partitions = found.into_iter().flat_map(|t| t.partitions());
            Ok(partitions.map(|p| p.id()).collect())
        })
    }

    fn failed(&self, topic: &str, source: KafkaError) -> KafkaSinkError {
        KafkaSinkError::Reading {
            brokers: self.brokers.clone(),
            topic: topic.to_owned(),
            source: Box::new(source),
        }
    }
}

/// What a topic of changes shows, without taking it over.
pub fn peek(
    brokers: &str,
    topic: &str,
    options: &SinkOptions,
    plan: &Plan,
) -> Result<Shown, KafkaSinkError> {
    let readback = Readback::new(brokers, options)?;
    let progress = readback.progress(&format!("{topic}-progress"))?;
    let rows = readback.rows(topic, plan)?;
    let progress = progress.unwrap_or_default();
    Ok(Shown {
        commit: progress.commit,
        offsets: (!progress.offsets.is_empty()).then_some(progress.offsets),
        begins: progress.begins,
        watermark: progress.watermark,
        rows,
        known: progress.known,
        remembers: true,
        lacks_tables: false,
    })
}

/// How far a topic of changes is, without taking it over.
pub fn look(brokers: &str, topic: &str, options: &SinkOptions) -> Result<Look, KafkaSinkError> {
    let progress = Readback::new(brokers, options)?.progress(&format!("{topic}-progress"))?;
    let progress = progress.unwrap_or_default();
    Ok(Look {
        commit: progress.commit,
        generation: progress.generation,
        running: None,
    })
}
