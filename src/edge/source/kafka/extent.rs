//! What a topic holds now, asked before any of it is read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::super::aside::Aside;
use super::super::options::SourceOptions;
use super::super::rights::is_denied;
use super::super::url::SourceUrl;
use super::client::client;
use super::error::TopicError;
use standings_model::block::PartitionId;

/// How long a broker may take to answer once.
const ANSWER: Duration = Duration::from_secs(10);
/// How long brokers may be silent before that is an error.
const PATIENCE: Duration = Duration::from_secs(60);

/// The oldest offset and the next one, by partition.
pub type Extents = BTreeMap<PartitionId, (u64, u64)>;

/// What the topic of a source holds; `None` where the source is none. Waits while the brokers are down.
pub fn extents(options: &SourceOptions) -> Result<Option<Extents>, TopicError> {
    let lanes = options.lanes();
    if lanes.len() > 1 {
        let mut all = Extents::new();
        let mut is_any = false;
        for lane in &lanes {
            let found = extents(lane)?;
            is_any |= found.is_some();
            let found = found.into_iter().flatten();
            all.extend(found.map(|(p, extent)| (lane.lane.global(p), extent)));
        }
        return Ok(is_any.then_some(all));
    }
    let [SourceUrl::Kafka { brokers, topic }] = &options.urls[..] else {
        return Ok(None);
    };
    let consumer = Aside::new(client(options, brokers)?);
    let waiting = Waiting {
        since: Instant::now(),
        topic,
    };
    let partitions = waiting.ask(|| {
        let metadata = consumer.fetch_metadata(Some(topic), ANSWER)?;
        let found = metadata.topics().iter().find(|t| t.name() == topic);
        match found.and_then(|t| t.error()).map(RDKafkaErrorCode::from) {
            Some(code) => Err(KafkaError::MetadataFetch(code)),
            None => Ok(found
                .into_iter()
                .flat_map(|t| t.partitions())
                .map(|p| p.id())
                .collect::<Vec<i32>>()),
        }
    })?;
    let mut extents = Extents::new();
    for id in partitions {
        let (low, high) = waiting.ask(|| consumer.fetch_watermarks(topic, id, ANSWER))?;
        extents.insert(id as PartitionId, (low.max(0) as u64, high.max(0) as u64));
    }
    Ok(Some(extents))
}

struct Waiting<'a> {
    since: Instant,
    topic: &'a str,
}

impl Waiting<'_> {
    /// Asks again while the brokers do not answer.
    fn ask<T>(&self, ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, TopicError> {
        loop {
            let problem = match ask() {
                Ok(answer) => return Ok(answer),
                Err(e) => e,
            };
            let topic = self.topic.to_owned();
            let code = problem.rdkafka_error_code();
            if is_denied(code) {
                return Err(TopicError::NotToBeAsked { topic });
            }
            if code == Some(RDKafkaErrorCode::UnknownTopicOrPartition)
                || self.since.elapsed() > PATIENCE
            {
                let source = problem;
                return Err(TopicError::Unanswered { topic, source });
            }
            tracing::warn!(event = "source_waiting", topic, problem = %problem, "waiting for Kafka");
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}
