//! Which partitions are this worker's, and where each begins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::super::options::Start;
use super::super::rights::is_denied;
use super::Topic;
use super::error::TopicError;
use super::own::Own;
use standings_model::block::{PartitionId, SourceEvent};

/// How long a topic may be missing before that is an error.
pub(super) const TOPIC_PATIENCE: Duration = Duration::from_secs(30);

impl Topic<'_> {
    /// This worker's partitions; waits while the brokers are down. `None` when told to stop.
    pub(super) fn partitions_at_start(&self) -> Result<Option<BTreeSet<PartitionId>>, TopicError> {
        let started = Instant::now();
        let mut waiting = self.waiting();
        while !self.out.stopped() {
            let problem = match self.partitions(Duration::from_secs(2)) {
                Ok(Some(found)) => {
                    waiting.done();
                    return Ok(Some(found));
                }
                Ok(None) if started.elapsed() > TOPIC_PATIENCE => {
                    return Err(TopicError::Missing {
                        topic: self.name.to_owned(),
                        waited: TOPIC_PATIENCE,
                    });
                }
                Ok(None) => "the topic does not exist yet".to_owned(),
                Err(e) if is_denied(e.rdkafka_error_code()) => return Err(self.denied()),
                Err(e) => self.let_in()?.unwrap_or_else(|| e.to_string()),
            };
            waiting.tried(&problem);
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(None)
    }

    /// This worker's partitions, if the topic is there.
    pub(super) fn partitions(
        &self,
        timeout: Duration,
    ) -> Result<Option<BTreeSet<PartitionId>>, KafkaError> {
        let metadata = self.consumer.fetch_metadata(Some(self.name), timeout)?;
        let Some(topic) = metadata.topics().iter().find(|t| t.name() == self.name) else {
            return Ok(None);
        };
        if let Some(code) = topic.error().map(RDKafkaErrorCode::from)
            && is_denied(Some(code))
        {
            return Err(KafkaError::MetadataFetch(code));
        }
        if topic.error().is_some() || topic.partitions().is_empty() {
            return Ok(None);
        }
        let ids = topic.partitions().iter().map(|p| p.id() as PartitionId);
        Ok(Some(
            ids.filter(|p| self.options.lane.is_of(*p, self.worker, self.workers))
                .collect(),
        ))
    }

    /// Begins to read partitions.
    pub(super) fn assign(
        &mut self,
        partitions: &BTreeSet<PartitionId>,
        at_start: bool,
    ) -> Result<(), TopicError> {
        let mut list = TopicPartitionList::new();
        for p in partitions {
            let (low, high) = self.watermarks(*p)?;
            let resume = self.options.resume.get(p).copied();
            if let Some(offset) = resume
                && (offset < low || offset > high)
            {
                return Err(TopicError::Gone {
                    topic: self.name.to_owned(),
                    partition: *p,
                    low,
                    high,
                    next: offset,
                });
            }
            // A partition that the snapshot does not know came after it.
            let is_first = at_start && self.options.resume.is_empty();
            let offset = match (resume, self.options.start) {
                (Some(resume), _) => resume,
                (None, Start::Latest) if is_first => high,
                (None, Start::Time(ms)) if is_first => self.offset_of(*p, ms, high)?,
                (None, _) => low,
            };
            let wanted = self.options.first(*p, offset);
            let first = wanted.max(low);
            if first > wanted {
                tracing::warn!(
                    event = "ids_not_all_read",
                    topic = self.name,
                    partition = p,
                    wanted,
                    first,
                    "a duplicate of a sale in between is not known as one"
                );
            }
            list.add_partition_offset(self.name, *p as i32, Offset::Offset(first as i64))
                .map_err(|e| self.failed(e))?;
            let end = self.options.until_end.then_some(high);
            self.own
                .insert(*p, Own::new(first, end, self.options.hold.of(*p, offset)));
            let assigned = SourceEvent::Assigned {
                partition: *p,
                home: Arc::new(self.options.home_of_topic(*p, self.name)),
                offset,
                end: high,
            };
            if !self.out.send(assigned) {
                return Ok(());
            }
        }
        // Before they are read, so that none of their messages comes by another way.
        self.gather()?;
        if list.count() > 0 {
            self.consumer
                .incremental_assign(&list)
                .map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// The offset of the first record of a timestamp or a later one, else the next one; waits while the brokers are down.
    fn offset_of(&self, partition: PartitionId, ms: i64, next: u64) -> Result<u64, TopicError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.name, partition as i32, Offset::Offset(ms.max(0)))
            .map_err(|e| self.failed(e))?;
        let mut waiting = self.waiting();
        loop {
            let found = self
                .consumer
                .offsets_for_times(list.clone(), Duration::from_secs(5));
            let problem = match found {
                Ok(found) => {
                    waiting.done();
                    let found = found.elements().into_iter().next().map(|e| e.offset());
                    return Ok(match found {
                        Some(Offset::Offset(offset)) if offset >= 0 => offset as u64,
                        // There is none.
                        _ => next,
                    });
                }
                Err(e) if self.out.stopped() => return Err(self.failed(e)),
                Err(e) if is_denied(e.rdkafka_error_code()) => return Err(self.denied()),
                Err(e) => e,
            };
            waiting.tried(&format!(
                "which offset of partition {partition} is of the time {ms} is not answered: {problem}"
            ));
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// The oldest offset and the next one; waits while the brokers are down.
    fn watermarks(&self, partition: PartitionId) -> Result<(u64, u64), TopicError> {
        let mut waiting = self.waiting();
        loop {
            let found =
                self.consumer
                    .fetch_watermarks(self.name, partition as i32, Duration::from_secs(5));
            match found {
                Ok((low, high)) => {
                    waiting.done();
                    return Ok((low.max(0) as u64, high.max(0) as u64));
                }
                Err(e) if self.out.stopped() => return Err(self.failed(e)),
                Err(e) if is_denied(e.rdkafka_error_code()) => return Err(self.denied()),
                Err(e) => {
                    let problem = format!("what partition {partition} holds is not answered: {e}");
                    waiting.tried(&problem);
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
        }
    }
}
