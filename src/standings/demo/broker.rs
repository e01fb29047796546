//! An in-process Kafka that speaks the real protocol on a free port: librdkafka's mock cluster.

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use std::time::Duration;

use standings_model::error::codes;
use standings_process::exit::Failure;

/// The brokers end when this is dropped.
pub struct Broker(MockCluster<'static, DefaultProducerContext>);

fn failed(e: &dyn std::fmt::Display) -> Failure {
    Failure::of(&codes::tools::DEMO, format!("the demo's Kafka: {e}"))
}

impl Broker {
    /// Starts one broker with these topics and numbers of partitions.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, Failure> {
        let cluster = MockCluster::new(1).map_err(|e| failed(&e))?;
        for (topic, partitions) in topics {
            cluster
                .create_topic(topic, *partitions, 1)
                .map_err(|e| failed(&e))?;
        }
        Ok(Broker(cluster))
    }

    /// host:port.
    pub fn address(&self) -> String {
        self.0.bootstrap_servers()
    }

    /// A topic as source or sink.
    pub fn url(&self, topic: &str) -> String {
        format!("kafka://{}/{topic}", self.address())
    }

    /// A producer to a topic.
    pub fn producer(&self, topic: &str) -> Result<Producer, Failure> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", self.address())
            // Fewer, larger sets of messages: the stand-in walks through them one by one.
            .set("linger.ms", "5")
            .set("compression.type", "lz4")
            .create()
            .map_err(|e| failed(&e))?;
        Ok(Producer {
            producer,
            topic: topic.to_owned(),
        })
    }
}

/// Sends records without keys.
pub struct Producer {
    producer: BaseProducer,
    topic: String,
}

impl Producer {
    /// Sends one record with this timestamp (ms), waiting while the client's queue is full.
    pub fn send(&mut self, value: &[u8], timestamp: i64) -> Result<(), Failure> {
        loop {
            let record = BaseRecord::<(), [u8]>::to(&self.topic)
                .payload(value)
                .timestamp(timestamp);
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.producer.poll(Duration::from_millis(5));
                }
                Err((e, _)) => return Err(failed(&e)),
            }
        }
    }

    /// Lets the client work.
    pub fn poll(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until everything has arrived.
    pub fn flush(&self) -> Result<(), Failure> {
        self.producer
            .flush(Duration::from_secs(10))
            .map_err(|e| failed(&e))
    }
}
