//! `standings load replay`: a recording, or a file of sales, to a topic.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use super::progress;
use super::topic;
use crate::run::args::parse_property;
use standings_edge::recording::{Pace, Pacer, Recorded, RecordingReader, pace};
use standings_edge::source::SourceUrl;
use standings_model::block::NO_TIMESTAMP;
use standings_model::error::codes;
use standings_process::exit::Failure;

/// Between two looks at what is due: records of one millisecond go out together.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// `standings load replay`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings load replay monday.rec --to kafka://localhost:9092/sales --pace recorded
  standings load replay sales.ndjson.zst --to kafka://localhost:9092/sales --pace 50000
  standings load replay monday.rec --to kafka://localhost:9092/sales

A recording's records keep their partitions (modulo the topic's), keys and timestamps. A file of sales has one record
a line; they go to the partitions in turn.")]
pub struct ReplayArgs {
    /// A recording, or NDJSON (also .gz, .zst).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The topic: kafka://host:9092[,host:9092]/topic.
    #[arg(long, value_name = "URL", value_parser = topic::parse)]
    pub to: SourceUrl,
    /// Make the topic with so many partitions if it is missing.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub partitions: Option<i32>,
    /// max (as fast as it goes), recorded (as it arrived), or records a second.
    #[arg(long, value_name = "PACE", default_value = "max", value_parser = pace::parse)]
    pub pace: Pace,
    /// The same as --pace N.
    #[arg(long, value_name = "N", conflicts_with = "pace", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
    /// A librdkafka setting; repeat for several.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
    pub kafka_property: Vec<(String, String)>,
}

/// Keeps the first failure.
#[derive(Clone, Default)]
struct Deliveries(Arc<Mutex<Option<String>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((e, _)) = result {
            let mut failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| e.to_string());
        }
    }
}

/// Where records come from.
enum Input {
    Recording(Box<RecordingReader>),
    Lines(Box<dyn BufRead>, u32),
}

impl Input {
    fn open(path: &Path, pace: Pace) -> Result<Self, Failure> {
        let wrong =
            |e: std::io::Error| Failure::of(&codes::line::FILE, format!("{}: {e}", path.display()));
        let name = path.to_string_lossy();
        let file = || File::open(path).map_err(wrong);
        let plain: Box<dyn Read> = if name.ends_with(".gz") {
            Box::new(flate2::read::MultiGzDecoder::new(file()?))
        } else if name.ends_with(".zst") {
            Box::new(zstd::Decoder::new(file()?).map_err(wrong)?)
        } else if name.ends_with(".ndjson") || name.ends_with(".json") || name.ends_with(".jsonl") {
            Box::new(file()?)
        } else {
            return RecordingReader::open(path)
                .map(|r| Input::Recording(Box::new(r)))
                .map_err(wrong);
        };
        if pace == Pace::Recorded {
            return Err(Failure::of(
                &codes::line::FLAGS,
                format!(
                    "{}: a file of sales has no arrival times; --pace max or a number a second",
                    path.display()
                ),
            ));
        }
        Ok(Input::Lines(Box::new(BufReader::new(plain)), 0))
    }

    fn next(&mut self, record: &mut Recorded) -> std::io::Result<bool> {
        match self {
            Input::Recording(reader) => reader.next(record),
            Input::Lines(lines, number) => {
                record.timestamp = NO_TIMESTAMP;
                record.partition = *number;
                *number = number.wrapping_add(1);
                let value = record.value.get_or_insert_default();
                value.clear();
                if lines.read_until(b'\n', value)? == 0 {
                    return Ok(false);
                }
                while matches!(value.last(), Some(b'\n' | b'\r')) {
                    value.pop();
                }
                Ok(true)
            }
        }
    }
}

/// Sends everything, or until Ctrl-C.
pub fn run(args: &ReplayArgs, stop: &AtomicBool) -> Result<(), Failure> {
    let SourceUrl::Kafka { brokers, topic } = &args.to else {
        return Err(Failure::of(&codes::line::FLAGS, "--to is no topic"));
    };
    let pace = args.rate.map_or(args.pace, Pace::Rate);
    let mut input = Input::open(&args.file, pace)?;
    let config = topic::config(brokers, &args.kafka_property);
    if let Some(partitions) = args.partitions {
        topic::make(&config, topic, partitions)?;
    }
    let ids = {
        let consumer: BaseConsumer = config.create().map_err(|e| topic::settings(&e))?;
        topic::partitions(&consumer, topic)?
    };
    let deliveries = Deliveries::default();
    let producer = producer(config, deliveries.clone())?;
    let failed = |e: &dyn std::fmt::Display| {
        Failure::of(
            &codes::tools::LOAD_TOPIC,
            format!("sending to `{topic}` failed: {e}"),
        )
    };
    let bar = progress::bar(None, "records");
    let mut pacer = Pacer::new(pace);
    let mut record = Recorded::default();
    let mut sent = 0u64;
    let reading = |e: std::io::Error| {
        Failure::of(
            &codes::tools::LOAD_FILE,
            format!("{}: {e}", args.file.display()),
        )
    };
    while !stop.load(Ordering::Relaxed) && input.next(&mut record).map_err(reading)? {
        loop {
            let wait = pacer.wait(record.arrived, Instant::now());
            if wait.is_zero() || stop.load(Ordering::Relaxed) {
                break;
            }
            // The client's poll counts whole milliseconds: a shorter wait would spin.
            if wait < LEAST_WAIT {
                producer.poll(Duration::ZERO);
                std::thread::sleep(LEAST_WAIT);
            } else {
                producer.poll(wait.min(Duration::from_millis(20)));
            }
        }
        pacer.given();
        let partition = ids[record.partition as usize % ids.len()];
        loop {
            let mut message = BaseRecord::<[u8], [u8]>::to(topic).partition(partition);
            message.key = record.key.as_deref();
            message.payload = record.value.as_deref();
            message.timestamp = (record.timestamp != NO_TIMESTAMP).then_some(record.timestamp);
            match producer.send(message) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    producer.poll(Duration::from_millis(5));
                }
                Err((e, _)) => return Err(failed(&e)),
            }
        }
        sent += 1;
        if sent.is_multiple_of(512) {
            bar.set_position(sent);
            producer.poll(Duration::ZERO);
            if let Some(e) = &*deliveries.0.lock().unwrap_or_else(PoisonError::into_inner) {
                return Err(failed(e));
            }
        }
    }
    producer
        .flush(Duration::from_secs(60))
        .map_err(|e| failed(&e))?;
    if let Some(e) = &*deliveries.0.lock().unwrap_or_else(PoisonError::into_inner) {
        return Err(failed(e));
    }
    bar.finish_and_clear();
    tracing::info!(event = "replayed", records = sent, to = %args.to, "the records are in the topic");
    Ok(())
}

fn producer(
    mut config: ClientConfig,
    context: Deliveries,
) -> Result<BaseProducer<Deliveries>, Failure> {
    config
        .set("linger.ms", "2")
        .set("compression.type", "lz4")
        .set("enable.idempotence", "true")
        .create_with_context(context)
        .map_err(|e| topic::settings(&e))
}
