//! `standings load record`: a topic to a file, with arrival times.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::progress;
use super::topic;
use crate::run::args::{StartArg, parse_property};
use standings_edge::recording::{Header, Recorded, Writer};
use standings_edge::source::{Quiet, SourceUrl};
use standings_model::block::NO_TIMESTAMP;
use standings_model::duration::parse_duration;
use standings_model::error::codes;
use standings_process::exit::Failure;

/// `standings load record`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  What the topic holds now:
    standings load record --source kafka://localhost:9092/sales --until-end --out monday.rec
  Ten minutes of what comes from now on, with the pauses between:
    standings load record --source kafka://localhost:9092/sales --start latest --for 10m --out rush-hour.rec

Give it back with `standings load replay`, or read it with `standings run --source recording:FILE`.")]
pub struct RecordArgs {
    /// The topic: kafka://host:9092[,host:9092]/topic.
    #[arg(long, env = "STANDINGS_SOURCE", value_name = "URL", value_parser = topic::parse)]
    pub source: SourceUrl,
    /// The file to make; it is compressed (zstd).
    #[arg(long, value_name = "F")]
    pub out: PathBuf,
    /// Where to begin.
    #[arg(long, env = "STANDINGS_START", value_enum, default_value = "earliest")]
    pub start: StartArg,
    /// Stop at the topic's end as seen at start.
    #[arg(long, env = "STANDINGS_UNTIL_END")]
    pub until_end: bool,
    /// Stop after this long.
    #[arg(long = "for", value_name = "D", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Stop after so many records.
    #[arg(long, value_name = "N")]
    pub sales: Option<u64>,
    /// A librdkafka setting; repeat for several.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
    pub kafka_property: Vec<(String, String)>,
}

/// Records until the end that the flags name, or Ctrl-C.
pub fn run(args: &RecordArgs, stop: &AtomicBool) -> Result<(), Failure> {
    let SourceUrl::Kafka { brokers, topic } = &args.source else {
        return Err(Failure::of(&codes::line::FLAGS, "--source is no topic"));
    };
    let shown = args.out.display();
    let failed = |e: std::io::Error| {
        Failure::of(
            &codes::tools::LOAD_FILE,
            format!("writing {shown} failed: {e}"),
        )
    };
    let consumer: BaseConsumer<Quiet> = topic::config(brokers, &args.kafka_property)
        .set("group.id", "standings-record")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "10")
        .set("auto.offset.reset", "error")
        .create_with_context(Quiet)
        .map_err(|e| topic::settings(&e))?;
    let (first, mut ends) = assign(&consumer, topic, args)?;
    let total = args.until_end.then(|| {
        let left = |(p, end): (&i32, &i64)| end - first.get(&(*p as u32)).map_or(0, |o| *o as i64);
        ends.iter().map(left).sum::<i64>() as u64
    });
    let header = Header {
        topic: topic.clone(),
        partitions: first,
    };
    let file = File::create(&args.out)
        .map_err(|e| Failure::of(&codes::line::OUTPUT, format!("cannot write {shown}: {e}")))?;
    let mut writer = Writer::new(BufWriter::new(file), &header).map_err(failed)?;
    let bar = progress::bar(args.sales.or(total), "records");
    let (started, mut flushed) = (Instant::now(), Instant::now());
    let mut written = 0u64;
    // A partition that begins at its end has nothing to wait for.
    ends.retain(|p, end| (header.partitions.get(&(*p as u32)).map_or(0, |o| *o as i64)) < *end);
    while !stop.load(Ordering::Relaxed)
        && args.sales.is_none_or(|n| written < n)
        && args.duration.is_none_or(|d| started.elapsed() < d)
        && !(args.until_end && ends.is_empty())
    {
        match consumer.poll(Duration::from_millis(50)) {
            Some(Ok(message)) => {
                let (partition, offset) = (message.partition(), message.offset());
                let end = ends.get(&partition).copied();
                if end.is_some_and(|end| offset + 1 >= end) {
                    ends.remove(&partition);
                }
                if args.until_end && end.is_none_or(|end| offset >= end) {
                    continue;
                }
                let record = Recorded {
                    partition: partition as u32,
                    offset: offset as u64,
                    timestamp: message.timestamp().to_millis().unwrap_or(NO_TIMESTAMP),
                    arrived: started.elapsed().as_micros() as u64,
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                };
                writer.push(&record).map_err(failed)?;
                written += 1;
                bar.set_position(written);
            }
            Some(Err(KafkaError::PartitionEOF(p))) => drop(ends.remove(&p)),
            Some(Err(e)) => {
                tracing::warn!(event = "record_waiting", problem = %e, "Kafka does not answer; it is tried again")
            }
            None => {}
        }
        if flushed.elapsed() > Duration::from_secs(1) {
            flushed = Instant::now();
            writer.flush().map_err(failed)?;
        }
    }
    writer.finish().map_err(failed)?;
    bar.finish_and_clear();
    tracing::info!(event = "recorded", records = written, out = %shown, "the recording is written");
    Ok(())
}

type Places = (BTreeMap<u32, u64>, BTreeMap<i32, i64>);

/// Assigns every partition; where each begins and ends now.
fn assign(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    args: &RecordArgs,
) -> Result<Places, Failure> {
    let (mut first, mut ends) = (BTreeMap::new(), BTreeMap::new());
    let mut list = TopicPartitionList::new();
    let partitions: BTreeSet<i32> = topic::partitions(consumer, topic)?.into_iter().collect();
    for p in partitions {
        let (low, high) = consumer
            .fetch_watermarks(topic, p, topic::PATIENCE)
            .map_err(|e| {
                Failure::of(
                    &codes::tools::LOAD_TOPIC,
                    format!("Kafka does not answer: {e}"),
                )
            })?;
        let from = match args.start {
            StartArg::Earliest => low,
            StartArg::Latest => high,
        };
        first.insert(p as u32, from.max(0) as u64);
        ends.insert(p, high);
        list.add_partition_offset(topic, p, Offset::Offset(from))
            .map_err(|e| Failure::of(&codes::tools::LOAD_TOPIC, e.to_string()))?;
    }
    consumer.assign(&list).map_err(|e| {
        Failure::of(
            &codes::tools::LOAD_TOPIC,
            format!("reading `{topic}` failed: {e}"),
        )
    })?;
    Ok((first, ends))
}
