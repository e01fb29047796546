//! Where mended records go: a topic, or a file of sales.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use crate::load::topic;
use standings_edge::sink::url::SinkUrl;
use standings_model::error::codes;
use standings_process::exit::Failure;

/// How long a batch may take until it is acknowledged.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes records; what it has taken is there when [`Output::settle`] returns.
pub(super) enum Output {
    Lines(File),
    Topic {
        producer: BaseProducer<Deliveries>,
        deliveries: Deliveries,
        topic: String,
        partitions: Vec<i32>,
    },
}

/// Keeps the first failure.
#[derive(Clone, Default)]
pub(super) struct Deliveries(Arc<Mutex<Option<String>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((e, _)) = result {
            let mut failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| e.to_string());
        }
    }
}

impl Output {
    pub(super) fn open(to: &SinkUrl, properties: &[(String, String)]) -> Result<Self, Failure> {
        match to {
            SinkUrl::File { path, .. } => {
                let file = File::options().create(true).append(true).open(path);
                let wrong = |e| {
                    Failure::of(
                        &codes::line::OUTPUT,
                        format!("cannot write {}: {e}", path.display()),
                    )
                };
                file.map(Output::Lines).map_err(wrong)
            }
            SinkUrl::Kafka { brokers, topic } => {
                let mut config = topic::config(brokers, properties);
                let consumer: BaseConsumer = config.create().map_err(|e| topic::settings(&e))?;
                let partitions = topic::partitions(&consumer, topic)?;
                let deliveries = Deliveries::default();
                let producer = config
                    .set("enable.idempotence", "true")
                    .set("linger.ms", "2")
                    .create_with_context(deliveries.clone())
                    .map_err(|e| topic::settings(&e))?;
                Ok(Output::Topic {
                    producer,
                    deliveries,
                    topic: topic.clone(),
                    partitions,
                })
            }
            SinkUrl::Postgres(_) | SinkUrl::Stdout { .. } => Err(Failure::of(
                &codes::line::OUTPUT,
                "--to is kafka://host:9092/topic or file:PATH",
            )),
        }
    }

    /// Takes a record of this partition of the sales.
    pub(super) fn put(&mut self, partition: u32, record: &[u8]) -> Result<(), Failure> {
        match self {
            Output::Lines(file) => {
                let line = [record, b"\n"].concat();
                file.write_all(&line).map_err(|e| failed(&e))
            }
            Output::Topic {
                producer,
                topic,
                partitions,
                ..
            } => loop {
                let to = partitions[partition as usize % partitions.len()];
                let message = BaseRecord::<[u8], [u8]>::to(topic)
                    .partition(to)
                    .payload(record);
                match producer.send(message) {
                    Ok(()) => return Ok(()),
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                        producer.poll(Duration::from_millis(5));
                    }
                    Err((e, _)) => return Err(failed(&e)),
                }
            },
        }
    }

    /// Waits until everything that was put is there.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        match self {
            Output::Lines(file) => file.sync_data().map_err(|e| failed(&e)),
            Output::Topic {
                producer,
                deliveries,
                ..
            } => {
                producer.flush(PATIENCE).map_err(|e| failed(&e))?;
                let failure = deliveries.0.lock().unwrap_or_else(PoisonError::into_inner);
                failure.as_ref().map_or(Ok(()), |e| Err(failed(e)))
            }
        }
    }
}

fn failed(e: &dyn std::fmt::Display) -> Failure {
    Failure::of(
        &codes::checks::NOT_A_LETTER,
        format!("sending the records failed: {e}"),
    )
}
