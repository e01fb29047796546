//! The floor of two ways through Kafka: reads a topic of sales and writes each one on as it came, at least once.
//!
//!   cargo run --release --example relay -- localhost:9092 sales changes
//!   cargo run --release --example relay -- localhost:9092 sales changes 2.6 270     2.6 messages a sale, of 270 bytes at least
//!
//! What it reads in one burst it sends in one, and reads on when that is acknowledged. It decodes nothing, keeps nothing,
//! and writes a message a sale, or as many, and as large, as it is told, then with a key: what it takes beyond one way
//! through Kafka (`bench/latency`), every job takes that reads from Kafka and writes as much to Kafka on the same machine.
//! Ends when it is told to.

use std::time::Duration;

use rdkafka::bindings::rd_kafka_flush;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Message, Offset, TopicPartitionList};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a key, as a change of a city has it.
const KEY: usize = 75;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(brokers), Some(from), Some(to)) = (args.next(), args.next(), args.next()) else {
        eprintln!("relay BROKERS FROM TO");
        std::process::exit(2);
    };
    let told = |arg: Option<String>| arg.map(|n| n.parse::<f64>().expect("a number"));
    let (copies, bytes) = (told(args.next()), told(args.next()).unwrap_or(0.0) as usize);
    // As the engine's own clients are set.
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("group.id", "standings-bench")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .create()
        .expect("settings");
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("enable.idempotence", "true")
        .set("delivery.report.only.error", "true")
        .set("linger.ms", "5")
        .set("compression.type", "lz4")
        .create()
        .expect("settings");
    let metadata = consumer.fetch_metadata(Some(&from), Duration::from_secs(10));
    let metadata = metadata.expect("a broker that answers");
    let mut list = TopicPartitionList::new();
    for p in 0..metadata.topics()[0].partitions().len() {
        list.add_partition_offset(&from, p as i32, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&list).expect("partitions");
    println!("ready");
    let (mut owed, mut value) = (0.0, Vec::new());
    loop {
        let mut wait = Duration::from_millis(50);
        let mut sent = false;
        while let Some(message) = consumer.poll(wait) {
            wait = Duration::ZERO;
            let message = message.expect("a message");
            let payload = message.payload().unwrap_or_default();
            value.clear();
            value.extend_from_slice(payload);
            value.resize(payload.len().max(bytes), b' ');
            owed += copies.unwrap_or(1.0);
            while owed >= 1.0 {
                owed -= 1.0;
                let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&to).payload(&value);
                if copies.is_some() {
                    record = record.key(&value[..value.len().min(KEY)]);
                }
                while let Err((e, back)) = producer.send(record) {
                    let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                    assert_eq!(e, full, "sending failed");
                    std::thread::sleep(Duration::from_micros(200));
                    record = back;
                }
            }
            sent = true;
        }
        // SAFETY: the client lives as long as its producer, and any thread may flush it.
        while sent && unsafe { rd_kafka_flush(producer.client().native_ptr(), 100) }.is_error() {}
    }
}
