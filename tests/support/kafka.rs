//! Topics of the real Kafka.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::service;

pub fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

pub fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{name}_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Large records, as a careless producer makes them, are taken; where none comes it is like any other topic.
pub fn topic(name: &str, partitions: i32) -> String {
    topic_of(name, partitions, "20000000")
}

/// A topic that takes messages of so many bytes.
pub fn topic_of(name: &str, partitions: i32, largest: &str) -> String {
    let topic = unique(name);
    assert!(make(&topic, partitions, largest), "{topic}");
    topic
}

/// Makes a topic of this name; `false` if there is one, or the last of that name is not gone yet.
pub fn make(topic: &str, partitions: i32, largest: &str) -> bool {
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1))
        .set("max.message.bytes", largest);
    let made = block(admin.create_topics([&new], &AdminOptions::new())).unwrap();
    made.iter().all(Result::is_ok)
}

/// A topic of one partition that is compacted.
pub fn compacted(name: &str) -> String {
    compacted_with(name, &[])
}

/// The same, which is compacted within seconds once more comes.
pub fn compacted_soon(name: &str) -> String {
    let soon = [
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("max.compaction.lag.ms", "100"),
    ];
    compacted_with(name, &soon)
}

fn compacted_with(name: &str, settings: &[(&str, &str)]) -> String {
    let topic = unique(name);
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    let new = settings
        .iter()
        .fold(new, |new, (key, value)| new.set(key, value));
    let made = block(admin.create_topics([&new], &AdminOptions::new())).unwrap();
    assert!(made.iter().all(Result::is_ok), "{topic}: {made:?}");
    topic
}

/// Deletes a topic.
pub fn delete(topic: &str) {
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let deleted = block(admin.delete_topics(&[topic], &AdminOptions::new())).unwrap();
    deleted.into_iter().for_each(|d| drop(d.unwrap()));
}

/// Takes the records before an offset away from every partition, as retention does.
pub fn forget(topic: &str, partitions: i32, before: i64) {
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for p in 0..partitions {
        list.add_partition_offset(topic, p, Offset::Offset(before))
            .unwrap();
    }
    block(admin.delete_records(&list, &AdminOptions::new())).unwrap();
}

/// Sends each partition's lines, in order; they carry the present time, which is after every sale's.
pub fn produce(topic: &str, partitions: &[Vec<String>]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .set("linger.ms", "5")
        .set("message.max.bytes", "20000000")
        .create()
        .unwrap();
    for (p, lines) in partitions.iter().enumerate() {
        for line in lines {
            let record: BaseRecord<'_, (), String> =
                BaseRecord::to(topic).partition(p as i32).payload(line);
            producer.send(record).map_err(|(e, _)| e).unwrap();
        }
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// A key, if there is one, and a value.
pub type Keyed = (Option<Vec<u8>>, Vec<u8>);

/// Sends each partition's records, with their keys, in order.
pub fn produce_keyed(topic: &str, partitions: &[Vec<Keyed>]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .set("linger.ms", "5")
        .create()
        .unwrap();
    for (p, records) in partitions.iter().enumerate() {
        for (key, value) in records {
            let mut record: BaseRecord<'_, Vec<u8>, Vec<u8>> =
                BaseRecord::to(topic).partition(p as i32).payload(value);
            if let Some(key) = key {
                record = record.key(key);
            }
            producer.send(record).map_err(|(e, _)| e).unwrap();
        }
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// Records of a topic that no reader of committed records can pass, because a transaction before them is open.
pub fn held_by_transactions(topic: &str) -> i64 {
    let end = |isolation: &str| {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", service("KAFKA_BROKERS"))
            .set("isolation.level", isolation)
            .create()
            .unwrap();
        let wait = Duration::from_secs(10);
        consumer.fetch_watermarks(topic, 0, wait).unwrap().1
    };
    end("read_uncommitted") - end("read_committed")
}

/// Every record of a one-partition topic, as a reader of committed records sees it.
pub fn consume(topic: &str) -> Vec<String> {
    consume_at(&service("KAFKA_BROKERS"), topic)
}

/// The same of another cluster.
pub fn consume_at(brokers: &str, topic: &str) -> Vec<String> {
    let mut out = Vec::new();
    each(brokers, topic, |message| {
        out.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
    });
    out
}

/// Each committed record of a one-partition topic, to its present end.
pub fn each(brokers: &str, topic: &str, mut take: impl FnMut(&BorrowedMessage<'_>)) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        // The end is known when a fetch brings nothing, and nothing is left behind.
        .set("fetch.wait.max.ms", "10")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&list).unwrap();
    loop {
        match consumer
            .poll(Duration::from_secs(30))
            .expect("the topic's end within half a minute")
        {
            Ok(message) => take(&message),
            Err(KafkaError::PartitionEOF(_)) => return,
            Err(e) => panic!("{e}"),
        }
    }
}
