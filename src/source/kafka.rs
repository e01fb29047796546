//! A topic: partitions are assigned by us (partition mod workers), not by a consumer group; the group only gets the
//! offsets that are durable, so that lag tools see them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::statistics::Statistics;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::error::SourceError;
use super::options::{SourceOptions, Start};
use super::reader::Outlet;
use super::refusal::refusal;
use super::rights::{denied, is_denied};
use super::url::SourceUrl;
use crate::model::block::{Block, NO_TIMESTAMP, PartitionId, RecordRef, SourceEvent};
use crate::observe::live::Live;

/// How long a topic may be missing before that is an error.
const TOPIC_PATIENCE: Duration = Duration::from_secs(30);
/// How often new partitions are looked for.
const REFRESH: Duration = Duration::from_secs(5);
/// How often durable offsets go to the consumer group.
const GROUP_COMMIT: Duration = Duration::from_secs(1);
/// How long the last offsets may take to reach the group.
const LEAVE: Duration = Duration::from_secs(2);
/// How long a poll waits.
const POLL: Duration = Duration::from_millis(50);
/// What a block holds at most.
const BLOCK_BYTES: usize = 256 << 10;
const BLOCK_RECORDS: usize = 4096;

/// Reads this worker's partitions until told to stop.
pub fn read(
    options: &SourceOptions,
    brokers: &str,
    topic: &str,
    worker: usize,
    workers: usize,
    out: &Outlet,
) -> Result<(), SourceError> {
    let consumer = client(options, brokers)?;
    let mut topic = Topic {
        consumer,
        options,
        name: topic,
        worker,
        workers,
        out,
        own: BTreeMap::new(),
        open: BTreeMap::new(),
        durable: BTreeMap::new(),
        held: BTreeSet::new(),
        group_commit: None,
    };
    let result = topic.run();
    let consumer = topic.consumer;
    if consumer.context().no_group.load(Ordering::Relaxed) {
        // Closing waits most of a minute for the coordinator that it may not see, to tell it what it does not take.
        let _ = std::thread::Builder::new()
            .name("closes-client".to_owned())
            .spawn(move || drop(consumer));
    }
    result
}

fn client(options: &SourceOptions, brokers: &str) -> Result<BaseConsumer<Context>, SourceError> {
    let context = Context {
        live: Arc::clone(&options.live),
        no_group: AtomicBool::new(false),
    };
    config(options, brokers)
        .create_with_context(context)
        .map_err(|e| {
            SourceError::Configuration(format!("the Kafka settings are refused: {}", refused(&e)))
        })
}

/// Finds out whether the client takes its settings; connects to nothing.
pub fn check(options: &SourceOptions) -> Result<(), SourceError> {
    // No address, so that nothing is dialled while the client is made and dropped.
    client(options, "").map(drop)
}

fn config(options: &SourceOptions, brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "standings")
        .set("client.id", "standings")
        .set("fetch.wait.max.ms", "10")
        .set("fetch.error.backoff.ms", "100")
        // A full local queue pauses a partition for so long; the usual second would be a second of latency.
        .set("fetch.queue.backoff.ms", "10")
        .set("statistics.interval.ms", "1000")
        .set("reconnect.backoff.max.ms", "2000")
        .set("queued.min.messages", "50000")
        .set("queued.max.messages.kbytes", "65536")
        .set("allow.auto.create.topics", "false")
        .set("auto.offset.reset", "error");
    for (key, value) in &options.kafka_properties {
        config.set(key, value);
    }
    config
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true");
    config
}

/// Why a client was refused, without the value of the setting, which may be a secret.
pub fn refused(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, why, key, _) => format!("{key}: {why}"),
        other => other.to_string(),
    }
}

/// Logs the client's own errors (but not that a partition's end was reached), and keeps the ends of partitions for
/// metrics.
struct Context {
    live: Arc<Live>,
    /// This user has no right on the group: nothing is told to it any more.
    no_group: AtomicBool,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => self.lacks_group(),
            _ => tracing::warn!(event = "kafka_source_error", problem = %error, reason),
        }
    }

    fn stats(&self, statistics: Statistics) {
        for (id, partition) in statistics.topics.values().flat_map(|t| &t.partitions) {
            if let (Ok(id), Ok(end)) = (u32::try_from(*id), u64::try_from(partition.hi_offset)) {
                self.live.set_end(id, end);
            }
        }
    }
}

impl Context {
    fn lacks_group(&self) {
        if !self.no_group.swap(true, Ordering::Relaxed) {
            let problem = denied("READ", "the consumer group");
            tracing::warn!(
                event = "group_commit_failed",
                problem,
                "lag tools will show old offsets"
            );
        }
    }
}

impl ConsumerContext for Context {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(e) = result {
            tracing::warn!(event = "group_commit_failed", problem = %e, "lag tools will show old offsets");
        }
    }
}

struct Topic<'a> {
    consumer: BaseConsumer<Context>,
    options: &'a SourceOptions,
    name: &'a str,
    worker: usize,
    workers: usize,
    out: &'a Outlet,
    own: BTreeMap<PartitionId, Own>,
    /// Blocks in the making.
    open: BTreeMap<PartitionId, Block>,
    durable: BTreeMap<PartitionId, u64>,
    /// Partitions that wait at their hold.
    held: BTreeSet<PartitionId>,
    /// When offsets last went to the group.
    group_commit: Option<Instant>,
}

struct Own {
    /// With `--until-end`: the end as seen at start.
    end: Option<u64>,
    ended: bool,
    /// The next offset to read.
    next: u64,
    /// The offset to wait at until reading is released.
    hold: Option<u64>,
}

impl Topic<'_> {
    fn run(&mut self) -> Result<(), SourceError> {
        let Some(first) = self.partitions_at_start()? else {
            return Ok(());
        };
        self.assign(&first, true)?;
        if self.out.send(SourceEvent::Ready) && self.end_empty() {
            self.follow()?;
        }
        self.leave();
        Ok(())
    }

    /// Reads until told to stop.
    fn follow(&mut self) -> Result<(), SourceError> {
        let mut refreshed = Instant::now();
        while !self.out.stopped() && self.poll()? {
            self.commit_to_group();
            if self.out.released() && !self.held.is_empty() {
                self.read_on()?;
            }
            if refreshed.elapsed() >= REFRESH && !self.options.until_end {
                refreshed = Instant::now();
                if let Ok(Some(found)) = self.partitions(Duration::from_secs(1)) {
                    let new: BTreeSet<_> = found
                        .into_iter()
                        .filter(|p| !self.own.contains_key(p))
                        .collect();
                    if !new.is_empty() {
                        tracing::info!(event = "partitions_found", topic = self.name, partitions = ?new);
                        self.assign(&new, false)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The last durable offsets go to the group, if the brokers take them soon.
    fn leave(&mut self) {
        self.group_commit = None;
        if !self.commit_to_group() {
            return;
        }
        // The coordinator answers in order: when it says what is committed, it has heard of this. The client's own
        // word of it does not come any more once nothing is read.
        let mut asked = TopicPartitionList::new();
        for partition in self.own.keys() {
            asked.add_partition(self.name, *partition as i32);
        }
        if let Err(problem) = self.consumer.committed_offsets(asked, LEAVE) {
            tracing::debug!(event = "group_commit_unheard", %problem);
        }
    }

    /// Stops reading a partition that has come to its hold.
    fn hold(&mut self, partition: PartitionId) -> Result<(), SourceError> {
        let mut list = TopicPartitionList::new();
        list.add_partition(self.name, partition as i32);
        self.consumer
            .incremental_unassign(&list)
            .map_err(|e| self.failed(&e))?;
        self.held.insert(partition);
        Ok(())
    }

    /// Goes on with what was held.
    fn read_on(&mut self) -> Result<(), SourceError> {
        let mut list = TopicPartitionList::new();
        for partition in std::mem::take(&mut self.held) {
            let next = self.own.get(&partition).map_or(0, |own| own.next);
            list.add_partition_offset(self.name, partition as i32, Offset::Offset(next as i64))
                .map_err(|e| self.failed(&e))?;
        }
        self.consumer
            .incremental_assign(&list)
            .map_err(|e| self.failed(&e))
    }

    /// With `--until-end`: partitions that end where they begin; `false` when told to stop.
    fn end_empty(&mut self) -> bool {
        let at_end = |(p, own): (&PartitionId, &Own)| (own.end == Some(own.next)).then_some(*p);
        let empty: Vec<_> = self.own.iter().filter_map(at_end).collect();
        empty.into_iter().all(|p| self.end(p))
    }

    /// Whether the brokers do not let this client in.
    fn let_in(&self) -> Result<(), SourceError> {
        let Some(SourceUrl::Kafka { brokers, .. }) = self.options.urls.first() else {
            return Ok(());
        };
        refusal(&config(self.options, brokers)).map_or(Ok(()), |why| Err(self.failed(&why)))
    }

    /// This worker's partitions; waits while the brokers are down. `None` when told to stop.
    fn partitions_at_start(&self) -> Result<Option<BTreeSet<PartitionId>>, SourceError> {
        let started = Instant::now();
        let mut warned = Instant::now() - Duration::from_secs(60);
        while !self.out.stopped() {
            let problem = match self.partitions(Duration::from_secs(2)) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) if started.elapsed() > TOPIC_PATIENCE => {
                    return Err(SourceError::Failed(format!(
                        "the topic `{}` does not exist (waited {} s); create it, or correct --source",
                        self.name,
                        TOPIC_PATIENCE.as_secs()
                    )));
                }
                Ok(None) => "the topic does not exist yet".to_owned(),
                Err(e) if is_denied(e.rdkafka_error_code()) => return Err(self.denied()),
                Err(e) => {
                    self.let_in()?;
                    e.to_string()
                }
            };
            if warned.elapsed() > Duration::from_secs(5) {
                warned = Instant::now();
                tracing::warn!(
                    event = "source_waiting",
                    topic = self.name,
                    problem,
                    "waiting for Kafka"
                );
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(None)
    }

    fn partitions(&self, timeout: Duration) -> Result<Option<BTreeSet<PartitionId>>, KafkaError> {
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
            ids.filter(|p| *p as usize % self.workers == self.worker)
                .collect(),
        ))
    }

    fn assign(
        &mut self,
        partitions: &BTreeSet<PartitionId>,
        at_start: bool,
    ) -> Result<(), SourceError> {
        let mut list = TopicPartitionList::new();
        for p in partitions {
            let (low, high) = self.watermarks(*p)?;
            let resume = self.options.resume.get(p).copied();
            if let Some(offset) = resume
                && (offset < low || offset > high)
            {
                return Err(SourceError::Failed(format!(
                    "partition {p} of `{}` holds offsets {low} to {high}, but reading should go on at {offset}: what \
                     lies between is gone from Kafka. Start from a newer snapshot (--state), or write into new tables \
                     and topics, which then show what Kafka still holds",
                    self.name
                )));
            }
            // A partition that the snapshot does not know came after it.
            let latest =
                at_start && self.options.start == Start::Latest && self.options.resume.is_empty();
            let offset = resume.unwrap_or(if latest { high } else { low });
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
                .map_err(|e| self.failed(&e))?;
            let end = self.options.until_end.then_some(high);
            self.own.insert(
                *p,
                Own {
                    end,
                    ended: false,
                    next: first,
                    hold: self.options.hold.of(*p, offset),
                },
            );
            if !self.out.send(SourceEvent::Assigned {
                partition: *p,
                offset,
            }) {
                return Ok(());
            }
        }
        if list.count() > 0 {
            self.consumer
                .incremental_assign(&list)
                .map_err(|e| self.failed(&e))?;
        }
        Ok(())
    }

    /// The oldest offset and the next one; waits while the brokers are down.
    fn watermarks(&self, partition: PartitionId) -> Result<(u64, u64), SourceError> {
        loop {
            let found =
                self.consumer
                    .fetch_watermarks(self.name, partition as i32, Duration::from_secs(5));
            match found {
                Ok((low, high)) => return Ok((low.max(0) as u64, high.max(0) as u64)),
                Err(e) if self.out.stopped() => return Err(self.failed(&e)),
                Err(e) if is_denied(e.rdkafka_error_code()) => return Err(self.denied()),
                Err(e) => {
                    tracing::warn!(event = "source_waiting", topic = self.name, partition, problem = %e);
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
        }
    }

    /// Takes one burst of messages; `false` when told to stop.
    fn poll(&mut self) -> Result<bool, SourceError> {
        let mut wait = POLL;
        let mut taken = 0;
        let mut caught_up = Vec::new();
        let mut past_end = BTreeSet::new();
        let mut held = BTreeSet::new();
        while let Some(message) = self.consumer.poll(wait) {
            // What has arrived is handed over at once when nothing more waits in the client.
            wait = Duration::ZERO;
            match message {
                Ok(message) => {
                    let partition = message.partition() as PartitionId;
                    let offset = message.offset() as u64;
                    let Some(own) = self.own.get_mut(&partition) else {
                        continue;
                    };
                    // Past the hold: taken back, and read again once it is released.
                    if !self.out.released() && own.hold.is_some_and(|hold| offset >= hold) {
                        held.insert(partition);
                        continue;
                    }
                    // What came after the start is not part of the input as seen at start.
                    if own.end.is_some_and(|end| offset >= end) {
                        past_end.insert(partition);
                        continue;
                    }
                    own.next = offset + 1;
                    let block = self.open.entry(partition).or_insert_with(|| Block {
                        partition,
                        bytes: Vec::new(),
                        records: Vec::new(),
                        originals: Vec::new(),
                        refused: Vec::new(),
                        next_offset: 0,
                        arrived: Instant::now(),
                    });
                    let start = block.bytes.len() as u32;
                    block
                        .bytes
                        .extend_from_slice(message.payload().unwrap_or_default());
                    block.records.push(RecordRef {
                        start,
                        end: block.bytes.len() as u32,
                        offset,
                        timestamp: message
                            .timestamp()
                            .to_millis()
                            .filter(|t| *t >= 0)
                            .unwrap_or(NO_TIMESTAMP),
                    });
                    block.next_offset = offset + 1;
                    taken += 1;
                    if block.bytes.len() >= BLOCK_BYTES || taken >= BLOCK_RECORDS {
                        break;
                    }
                }
                Err(KafkaError::PartitionEOF(partition)) => {
                    caught_up.push(partition as PartitionId)
                }
                Err(e) => self.check(&e)?,
            }
        }
        for block in std::mem::take(&mut self.open).into_values() {
            let (partition, next) = (block.partition, block.next_offset);
            if !self.out.send(SourceEvent::Block(block)) {
                return Ok(false);
            }
            let own = self.own.get(&partition);
            if own.is_some_and(|o| o.end.is_some_and(|end| next >= end)) {
                past_end.insert(partition);
            }
        }
        for partition in held {
            self.hold(partition)?;
        }
        if !past_end.into_iter().all(|p| self.end(p)) {
            return Ok(false);
        }
        for partition in caught_up {
            // The end that was told lies behind records that will be read again.
            if self.held.contains(&partition) {
                continue;
            }
            let event = SourceEvent::CaughtUp { partition };
            // Transaction markers take offsets too: the end can be reached without a record there.
            let at_end = self.own.get(&partition).is_some_and(|o| o.end.is_some());
            if !self.out.send(event) || (at_end && !self.end(partition)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn end(&mut self, partition: PartitionId) -> bool {
        match self.own.get_mut(&partition) {
            Some(own) if !own.ended => {
                own.ended = true;
                let mut list = TopicPartitionList::new();
                list.add_partition(self.name, partition as i32);
                let _ = self.consumer.pause(&list);
                self.out.send(SourceEvent::Ended { partition })
            }
            _ => true,
        }
    }

    /// What heals by itself is left to the client; what does not ends the process with a clear text.
    fn check(&self, error: &KafkaError) -> Result<(), SourceError> {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset) => {
                Err(SourceError::Failed(format!(
                    "records of `{}` that were not read yet have been deleted from Kafka{} ({error}); \
                     start again without state to rank what is left",
                    self.name,
                    self.deleted()
                )))
            }
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                Err(self.failed(error))
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Err(self.denied()),
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                self.consumer.context().lacks_group();
                Ok(())
            }
            _ => {
                tracing::warn!(event = "source_error", topic = self.name, problem = %error);
                Ok(())
            }
        }
    }

    /// Which partitions have lost records that were not read: the client's error does not say.
    fn deleted(&self) -> String {
        let mut text = String::new();
        for (p, own) in &self.own {
            let found =
                self.consumer
                    .fetch_watermarks(self.name, *p as i32, Duration::from_secs(2));
            if let Ok((low, high)) = found
                && !(low..=high).contains(&(own.next as i64))
            {
                text += &format!(
                    "; partition {p} holds offsets {low} to {high}, and reading was at {}",
                    own.next
                );
            }
        }
        text
    }

    fn denied(&self) -> SourceError {
        let topic = format!("topic `{}`", self.name);
        self.failed(&denied("READ", &topic))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> SourceError {
        SourceError::Failed(format!("reading the topic `{}` failed: {error}", self.name))
    }

    /// Now and then; whether offsets were sent.
    fn commit_to_group(&mut self) -> bool {
        while let Ok(offsets) = self.out.durable.try_recv() {
            self.durable.extend(offsets);
        }
        let early = self
            .group_commit
            .is_some_and(|last| last.elapsed() < GROUP_COMMIT);
        let no_group = self.consumer.context().no_group.load(Ordering::Relaxed);
        if self.durable.is_empty() || early || no_group {
            return false;
        }
        self.group_commit = Some(Instant::now());
        let mut list = TopicPartitionList::new();
        for (p, offset) in std::mem::take(&mut self.durable) {
            let _ = list.add_partition_offset(self.name, p as i32, Offset::Offset(offset as i64));
        }
        match self.consumer.commit(&list, CommitMode::Async) {
            Ok(()) => true,
            Err(e) => {
                tracing::warn!(event = "group_commit_failed", problem = %e, "lag tools will show old offsets");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_setting_does_not_show_its_value() {
        let mut config = ClientConfig::new();
        config.set("sasl.pasword", "canary-secret");
        let error = config.create::<BaseConsumer>().map(drop).unwrap_err();
        let text = refused(&error);
        assert!(
            text.contains("sasl.pasword") && !text.contains("canary-secret"),
            "{text}"
        );
    }
}
