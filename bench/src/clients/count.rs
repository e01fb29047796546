//! The bound of reading from Kafka: a consumer that only reads a topic to its present end, and counts.
//!
//! Prints records and bytes. Its client is set as the engine's: with the client's defaults it sleeps for a second whenever it
//! has fetched a hundred thousand records ahead. It takes messages one by one, as the binding gives them.

use std::time::Duration;

use clap::Args;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::problem::Problem;

/// Reads a topic to its present end, and counts.
#[derive(Args)]
pub struct CountArgs {
    brokers: String,
    topic: String,
}

/// How long a broker may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Counts.
pub fn run(args: &CountArgs) -> Result<(), Problem> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        .set("group.id", "standings-bench")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "10")
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", "50000")
        .set("queued.max.messages.kbytes", "65536")
        .create()?;
    let partitions = super::partitions(&consumer, &args.topic, ANSWER)?;
    let mut list = TopicPartitionList::new();
    for p in 0..partitions {
        list.add_partition_offset(&args.topic, p as i32, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let (mut ended, mut records, mut bytes) = (0, 0u64, 0u64);
    while ended < partitions {
        let late = || Problem::Late {
            what: format!("a record of {}", args.topic),
            seconds: ANSWER.as_secs(),
        };
        match consumer.poll(ANSWER).ok_or_else(late)? {
            Ok(message) => {
                records += 1;
                bytes += message.payload().map_or(0, <[u8]>::len) as u64;
            }
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(e) => return Err(e.into()),
        }
    }
    println!("{records} records, {bytes} bytes");
    Ok(())
}
