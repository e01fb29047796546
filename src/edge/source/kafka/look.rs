//! A topic, asked before it is read: which one it is, what its partitions hold, and under which leader the records before
//! an offset were written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::super::aside::Aside;
use super::super::options::SourceOptions;
use super::super::refusal::cause;
use super::super::rights::is_denied;
use super::client::{Context, client, config};
use super::error::TopicError;
use super::identity::{cluster_id, topic_ids};
use super::messages::Messages;
use super::start::TOPIC_PATIENCE;
use standings_engine::input::TopicId;
use standings_engine::input::{Input, Log, Offsets};
use standings_model::block::PartitionId;
use standings_model::clock::Clock;
use standings_model::error::Failure;
use standings_model::identity::{NO_EPOCH, SourceIdentity};
use standings_observe::waiting::{Waiting, What};

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(3);
/// Between two questions that were not answered.
const AGAIN: Duration = Duration::from_millis(200);

/// A topic that is asked.
pub struct Asked {
    options: SourceOptions,
    brokers: String,
    topic: String,
    /// Asked to stop, it gives up.
    stop: Arc<AtomicBool>,
    /// Once it is needed.
    consumer: Option<Aside<BaseConsumer<Context>>>,
}

impl Asked {
    /// Connects when it is asked first.
    pub fn new(options: SourceOptions, brokers: &str, topic: &str, stop: Arc<AtomicBool>) -> Self {
        Asked {
            options,
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            stop,
            consumer: None,
        }
    }

    /// Asks until there is an answer that counts; `None` when told to stop.
    fn ask<T>(
        &mut self,
        mut question: impl FnMut(&Self, &BaseConsumer<Context>) -> Result<T, Waits>,
    ) -> Result<Option<T>, TopicError> {
        if self.consumer.is_none() {
            let made = client(&self.options, &self.brokers)?;
            self.consumer = Some(Aside::new(made));
        }
        let name = format!("kafka://{}/{}", self.brokers, self.topic);
        let live = Arc::clone(&self.options.live);
        let mut waiting = Waiting::new(What::Source, &name, &live, &Clock::default());
        let started = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            let Some(consumer) = &self.consumer else {
                break;
            };
            // What else the client has to say: errors of its connections.
            let _ = consumer.poll(Duration::ZERO);
            let problem = match question(self, consumer) {
                Ok(answer) => {
                    waiting.done();
                    return Ok(Some(answer));
                }
                Err(Waits::Missing) if started.elapsed() > TOPIC_PATIENCE => {
                    return Err(TopicError::Missing {
                        topic: self.topic.clone(),
                        waited: TOPIC_PATIENCE,
                    });
                }
                Err(Waits::Missing) => "the topic does not exist yet".to_owned(),
                Err(Waits::Kafka(e)) if is_denied(e.rdkafka_error_code()) => {
                    let topic = self.topic.clone();
                    return Err(TopicError::Denied { topic });
                }
                Err(Waits::Kafka(_)) if self.stop.load(Ordering::Relaxed) => break,
                Err(Waits::Kafka(e)) => {
                    let cause = cause(&config(&self.options, &self.brokers));
                    if let Some(why) = cause.refused {
                        let topic = self.topic.clone();
                        return Err(TopicError::NotLetIn { topic, why });
                    }
                    cause.happened.unwrap_or_else(|| e.to_string())
                }
            };
            waiting.tried(&problem);
            std::thread::sleep(AGAIN);
        }
        Ok(None)
    }
}

/// Why there is no answer yet.
enum Waits {
    Missing,
    Kafka(KafkaError),
}

impl From<KafkaError> for Waits {
    fn from(error: KafkaError) -> Self {
        Waits::Kafka(error)
    }
}

impl Input for Asked {
    fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure> {
        self.ask(|this, consumer| {
            let client = consumer.client().native_ptr();
            let id = topic_ids(client, &[&this.topic], ANSWER)?.pop();
            if id == Some(TopicId::Missing) {
                return Err(Waits::Missing);
            }
            Ok(SourceIdentity::Kafka {
                topic: this.topic.clone(),
                id: id.and_then(TopicId::known),
                cluster: cluster_id(client, ANSWER),
            })
        })
        .map_err(Failure::from)
    }

    fn logs(
        &mut self,
        partitions: &BTreeSet<PartitionId>,
    ) -> Result<Option<BTreeMap<PartitionId, Log>>, Failure> {
        self.ask(|this, consumer| {
            let metadata = consumer.fetch_metadata(Some(&this.topic), ANSWER)?;
            let found = metadata.topics().iter().find(|t| t.name() == this.topic);
            let there = found.into_iter().flat_map(|t| t.partitions());
            let there: BTreeSet<PartitionId> = there.map(|p| p.id() as PartitionId).collect();
            if there.is_empty() {
                return Err(Waits::Missing);
            }
            let mut logs = BTreeMap::new();
            for partition in partitions.intersection(&there) {
                let (low, high) =
                    consumer.fetch_watermarks(&this.topic, *partition as i32, ANSWER)?;
                let (low, high) = (low.max(0) as u64, high.max(0) as u64);
                logs.insert(*partition, Log { low, high });
            }
            Ok(logs)
        })
        .map_err(Failure::from)
    }

    fn epochs_before(&mut self, offsets: &Offsets) -> Result<BTreeMap<PartitionId, i32>, Failure> {
        let partitions = offsets.keys().copied().collect();
        let logs = self.logs(&partitions)?.unwrap_or_default();
        // What was deleted since tells nothing.
        let there = |p: &PartitionId, offset: u64| {
            let log = logs.get(p);
            log.is_some_and(|log| log.low < offset && offset <= log.high)
        };
        let mut wanted: Offsets = offsets
            .iter()
            .filter(|(p, offset)| there(p, **offset))
            .map(|(p, offset)| (*p, offset - 1))
            .collect();
        let mut found = BTreeMap::new();
        let answered = self.ask(|this, consumer| {
            if !wanted.is_empty() {
                read_before(consumer, &this.topic, &mut wanted, &mut found)?;
            }
            Ok(())
        })?;
        // Told to stop: nothing is held against it.
        Ok(answered.map_or_else(BTreeMap::new, |()| found))
    }
}

/// Reads one record of each partition, at the offset that is `wanted`; what was answered is not wanted any more. A
/// record that is not there (a compacted topic) tells nothing.
fn read_before(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    wanted: &mut Offsets,
    found: &mut BTreeMap<PartitionId, i32>,
) -> Result<(), KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in &*wanted {
        list.add_partition_offset(topic, *partition as i32, Offset::Offset(*offset as i64))?;
    }
    let Some(mut messages) = Messages::new(consumer) else {
        return Ok(());
    };
    for partition in wanted.keys() {
        messages.gather(consumer, topic, *partition);
    }
    consumer.assign(&list)?;
    let until = Instant::now() + ANSWER;
    while !wanted.is_empty() && Instant::now() < until {
        // Its own errors come by its own queue.
        let _ = consumer.poll(Duration::ZERO);
        let partition = match messages.next(Duration::from_millis(50)) {
            None => continue,
            Some(Ok(message)) => {
                let is_it = wanted.get(&message.partition) == Some(&message.offset);
                if is_it && message.leader_epoch != NO_EPOCH {
                    found.insert(message.partition, message.leader_epoch);
                }
                message.partition
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => partition as PartitionId,
            Some(Err(e)) => {
                let _ = consumer.unassign();
                return Err(e);
            }
        };
        wanted.remove(&partition);
    }
    consumer.unassign()?;
    match wanted.is_empty() {
        true => Ok(()),
        false => Err(KafkaError::MessageConsumption(
            rdkafka::error::RDKafkaErrorCode::OperationTimedOut,
        )),
    }
}
