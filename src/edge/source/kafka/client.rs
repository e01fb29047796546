//! The client: its settings, and what it says of itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::{ClientContext, TopicPartitionList};

use super::super::lanes::Lane;
use super::super::options::{SourceOptions, number_of};
use super::super::quiet::log;
use super::super::rights::denied;
use super::error::TopicError;
use standings_observe::live::Live;

/// A consumer that reads nothing yet.
pub(super) fn client(
    options: &SourceOptions,
    brokers: &str,
) -> Result<BaseConsumer<Context>, TopicError> {
    let context = Context {
        live: Arc::clone(&options.live),
        lane: options.lane,
        no_group: AtomicBool::new(false),
    };
    config(options, brokers)
        .create_with_context(context)
        .map_err(|e| TopicError::Settings { why: refused(&e) })
}

/// Finds out whether the client takes its settings; connects to nothing.
pub fn check(options: &SourceOptions) -> Result<(), TopicError> {
    // No address, so that nothing is dialled while the client is made and dropped.
    client(options, "").map(drop)
}

/// Our settings, then the user's, then those that are not the user's to set.
pub(super) fn config(options: &SourceOptions, brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "standings")
        .set("client.id", "standings")
        .set("fetch.wait.max.ms", "10")
        .set("fetch.error.backoff.ms", "100")
        // A full local queue pauses a partition for so long; the usual second would be a second of latency.
        .set("fetch.queue.backoff.ms", "10")
        .set("statistics.interval.ms", "1000")
        // Half of the least is also how long a client that looks for any broker waits between two connections.
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "2000")
        // A connection that carries nothing any more, and was not closed, is given up after so long, and a new one made.
        .set("socket.timeout.ms", silent_ms(options).to_string())
        .set("socket.connection.setup.timeout.ms", "10000")
        .set("queued.min.messages", "50000")
        .set("queued.max.messages.kbytes", "65536")
        .set("allow.auto.create.topics", "false")
        .set("auto.offset.reset", "error");
    for (key, value) in &options.kafka_properties {
        config.set(key, value);
    }
    config
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true");
    config
}

/// How long an answer may take before the connection is given up, ms: a broker may take the wait for records of it.
fn silent_ms(options: &SourceOptions) -> u64 {
    let names = ["fetch.wait.max.ms", "fetch.max.wait.ms"];
    let wait = number_of(&options.kafka_properties, &names).unwrap_or(0);
    10_000.max(2_000_u64.saturating_add(wait)).min(300_000)
}

/// Why a client was refused, without the value of the setting, which may be a secret.
pub fn refused(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, why, key, _) => format!("{key}: {why}"),
        other => other.to_string(),
    }
}

/// Logs the client's own errors (but not that a partition's end was reached), and keeps the ends of partitions for
/// metrics.
pub(super) struct Context {
    live: Arc<Live>,
    lane: Lane,
    /// This user has no right on the group: nothing is told to it any more.
    pub(super) no_group: AtomicBool,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => self.lacks_group(),
            _ => {
                tracing::warn!(event = "kafka_source_error", problem = %error, reason, "the Kafka client of the source has a problem")
            }
        }
    }

    fn stats(&self, statistics: Statistics) {
        for (id, partition) in statistics.topics.values().flat_map(|t| &t.partitions) {
            if let (Ok(id), Ok(end)) = (u32::try_from(*id), u64::try_from(partition.hi_offset)) {
                self.live.set_end(self.lane.global(id), end);
            }
        }
    }
}

impl Context {
    /// Said once.
    pub(super) fn lacks_group(&self) {
        if !self.no_group.swap(true, Ordering::Relaxed) {
            let problem = denied("READ", "the consumer group");
            tracing::warn!(
                event = "group_commit_failed",
                problem,
                "lag tools will show old offsets"
            );
        }
    }
}

impl ConsumerContext for Context {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(e) = result {
            tracing::warn!(event = "group_commit_failed", problem = %e, "lag tools will show old offsets");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_setting_does_not_show_its_value() {
        let mut config = ClientConfig::new();
        config.set("sasl.pasword", "canary-secret");
        let error = config.create::<BaseConsumer>().map(drop).unwrap_err();
        let text = refused(&error);
        assert!(
            text.contains("sasl.pasword") && !text.contains("canary-secret"),
            "{text}"
        );
    }
}
