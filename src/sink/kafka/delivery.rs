//! What became of messages that were given to the client.
//!
//! ```text
//! send, send, send ──► the client's queue ──► flush ──► as few requests as it can be ──► acknowledged, or the first failure
//!                        (held for HOLD)
//! ```
//!
//! A broker answers the requests of a connection one after the other, so the messages of a commit should be in one. The
//! client would send the first as soon as it has it: it is told to hold them back (`linger.ms`), and a flush ends that.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings::rd_kafka_flush;
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};

/// How long the client holds messages back that nobody flushes, ms.
pub(super) const HOLD_MS: &str = "5";

/// How long to flush before looking whether something was refused.
pub(super) const PIECE: Duration = Duration::from_millis(100);

/// Keeps the first failure.
#[derive(Default)]
pub(super) struct Deliveries {
    failure: Mutex<Option<String>>,
}

/// What a broker that refuses the time of records means.
const CLOCK: &str = "; the topic takes the writer's time, and this machine's clock may be wrong by more than the broker \
allows: set the clock, or the topic's message.timestamp.type to LogAppendTime";

impl Deliveries {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first failure since the last call.
    pub(super) fn take_failure(&self) -> Option<String> {
        self.lock().take()
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(event = "kafka_sink_error", problem = %error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, message)) = result {
            let message: &BorrowedMessage<'_> = message;
            let hint = match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::InvalidTimestamp | RDKafkaErrorCode::InvalidRecord) => CLOCK,
                _ => "",
            };
            let text = || format!("topic `{}`: {error}{hint}", message.topic());
            self.lock().get_or_insert_with(text);
        }
    }
}

/// Sends what the producer holds back, and waits until it is all acknowledged or refused, for `patience` at most;
/// whether it is. What became of it has been told by then.
///
/// The binding's own flush asks the client for that only for a moment, and then looks each tenth of a second.
pub(super) fn flush(producer: &ThreadedProducer<Deliveries>, patience: Duration) -> bool {
    let patience = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client lives as long as its producer, any thread may flush it, and its events, which this waits for,
    // are served by the producer's own thread.
    let result = unsafe { rd_kafka_flush(producer.client().native_ptr(), patience) };
    !result.is_error()
}
