//! The bound of reading from Kafka: a consumer that only reads a topic to its present end, and counts.
//!
//!   cargo run --release --example kafka_count -- localhost:9092 sales
//!
//! Prints records and bytes. Its client is set as the engine's: with the client's defaults it sleeps for a second whenever it
//! has fetched a hundred thousand records ahead. It takes messages one by one, as the binding gives them.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(brokers), Some(topic)) = (args.next(), args.next()) else {
        eprintln!("kafka_count BROKERS TOPIC");
        std::process::exit(2);
    };
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "standings-bench")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "10")
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", "50000")
        .set("queued.max.messages.kbytes", "65536")
        .create()
        .expect("settings");
    let answer = Duration::from_secs(10);
    let metadata = consumer.fetch_metadata(Some(&topic), answer);
    let metadata = metadata.expect("a broker that answers");
    let partitions = metadata.topics()[0].partitions().len();
    let mut list = TopicPartitionList::new();
    for p in 0..partitions {
        list.add_partition_offset(&topic, p as i32, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&list).expect("partitions");
    let (mut ended, mut records, mut bytes) = (0, 0u64, 0u64);
    while ended < partitions {
        match consumer.poll(answer).expect("records within ten seconds") {
            Ok(message) => {
                records += 1;
                bytes += message.payload().map_or(0, <[u8]>::len) as u64;
            }
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(e) => panic!("{e}"),
        }
    }
    println!("{records} records, {bytes} bytes");
}
