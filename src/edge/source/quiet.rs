//! A consumer's context that does not log the end of a partition as an error.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// For consumers that read up to an end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!(event = "kafka_error", problem = %error, reason, "the Kafka client has a problem");
        }
    }
}

impl ConsumerContext for Quiet {}

/// What the client says by itself. What happened to its connections it also tells as an error, which is logged as one.
pub fn log(level: RDKafkaLogLevel, facility: &str, said: &str) {
    let is_warning = (level as i32) <= RDKafkaLogLevel::Warning as i32;
    if is_warning && !matches!(facility, "FAIL" | "ERROR") {
        tracing::warn!(
            event = "kafka_client",
            facility,
            said,
            "the Kafka client says"
        );
    } else {
        tracing::debug!(event = "kafka_client", facility, said);
    }
}
