//! The floor of two ways through Kafka: reads a topic of sales and writes each one on as it came, at least once.
//!
//! What it reads in one burst it sends in one, and reads on when that is acknowledged. It decodes nothing, keeps nothing,
//! and writes a message a sale, or as many, and as large, as it is told, then with a key: what it takes beyond one way
//! through Kafka (`bench/latency`), every job takes that reads from Kafka and writes as much to Kafka on the same machine.
//! Ends when it is told to.

use std::time::Duration;

use clap::Args;
use rdkafka::bindings::rd_kafka_flush;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::problem::Problem;

/// Copies a topic into another.
#[derive(Args)]
pub struct RelayArgs {
    brokers: String,
    from: String,
    to: String,
    /// Messages a sale; then with a key.
    copies: Option<f64>,
    /// Bytes of a message, at least.
    bytes: Option<usize>,
}

/// Bytes of a key, as a change of a city has it.
const KEY: usize = 75;

/// Relays until it is told to end.
pub fn run(args: &RelayArgs) -> Result<(), Problem> {
    let (copies, bytes) = (args.copies, args.bytes.unwrap_or(0));
    // As the engine's own clients are set.
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        .set("group.id", "standings-bench")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        .set("enable.idempotence", "true")
        .set("delivery.report.only.error", "true")
        .set("linger.ms", "5")
        .set("compression.type", "lz4")
        .create()?;
    let mut list = TopicPartitionList::new();
    for p in 0..super::partitions(&consumer, &args.from, Duration::from_secs(10))? {
        list.add_partition_offset(&args.from, p as i32, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    println!("ready");
    let (mut owed, mut value) = (0.0, Vec::new());
    loop {
        let mut wait = Duration::from_millis(50);
        let mut sent = false;
        while let Some(message) = consumer.poll(wait) {
            wait = Duration::ZERO;
            let message = message?;
            let payload = message.payload().unwrap_or_default();
            value.clear();
            value.extend_from_slice(payload);
            value.resize(payload.len().max(bytes), b' ');
            owed += copies.unwrap_or(1.0);
            while owed >= 1.0 {
                owed -= 1.0;
                let mut record: BaseRecord<'_, [u8], [u8]> =
                    BaseRecord::to(&args.to).payload(&value);
                if copies.is_some() {
                    record = record.key(&value[..value.len().min(KEY)]);
                }
                while let Err((e, back)) = producer.send(record) {
                    let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                    if e != full {
                        return Err(e.into());
                    }
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
