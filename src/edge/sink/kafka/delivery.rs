//! What became of messages that were given to the client.
//!
//! ```text
//! send, send, send ──► the client's queue ──► flush ──► as few requests as it can be ──► acknowledged, or the first failure
//!                        (held for HOLD)
//! ```
//!
//! A broker answers the requests of a connection one after the other, so the messages of a commit should be in one. The
//! client would send the first as soon as it has it: it is told to hold them back (`linger.ms`), and a flush ends that.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::bindings::rd_kafka_flush;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};

use super::errors;
use crate::source::{client_log as log, denied, is_denied};
use standings_commit::kind::Kind;
use standings_model::clock::Clock;
use standings_observe::live::Live;
use standings_observe::waiting::{Waiting, What};

/// How long the client holds messages back that nobody flushes, ms.
pub(super) const HOLD_MS: &str = "5";

/// How long to flush before looking whether something was refused.
pub(super) const PIECE: Duration = Duration::from_millis(100);

/// Keeps why messages were refused.
#[derive(Default)]
pub(super) struct Deliveries {
    refusal: Mutex<Option<Refusal>>,
    /// What the client said last of its connections.
    heard: Mutex<Option<(Instant, String)>>,
    /// When it said last that it is not let in.
    refused: Mutex<Option<Instant>>,
}

/// The client says the same of a connection only each half a minute.
const HEARD: Duration = Duration::from_secs(40);

/// How long one call into the client, or a broker's silence, may take before it is said that commits wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A broker that does not acknowledge: said when [`PATIENCE`] is over.
pub(super) struct Silence {
    waiting: Waiting,
    looked: Instant,
}

impl Silence {
    /// Begins now.
    pub(super) fn new(sink: &str, live: &Arc<Live>) -> Self {
        Silence {
            waiting: Waiting::new(What::Sink, sink, live, &Clock::default()),
            looked: Instant::now(),
        }
    }

    /// It goes on; whether [`PATIENCE`] was over once more.
    pub(super) fn look(&mut self, of: &Deliveries) -> bool {
        if self.looked.elapsed() < PATIENCE {
            return false;
        }
        self.looked = Instant::now();
        let heard = of.heard.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.tried(&match &*heard {
            Some((at, reason)) if at.elapsed() < 4 * PATIENCE => {
                format!("Kafka does not acknowledge: {reason}")
            }
            _ => "Kafka does not acknowledge".to_owned(),
        });
        true
    }

    /// It is over.
    pub(super) fn end(self) {
        self.waiting.done();
    }
}

/// Why messages were refused.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// The first reason, or the right that is missing.
    pub(super) text: String,
    /// A right is missing: making it anew does not heal it.
    pub(super) is_denied: bool,
    /// The broker takes none so large: a message, or what was sent together.
    pub(super) is_too_large: bool,
    /// Messages were given up because the transaction failed, for a reason that only the transaction knows.
    pub(super) is_purged: bool,
}

/// What a broker that refuses the time of records means.
const CLOCK: &str = "; the topic takes the writer's time, and this machine's clock may be wrong by more than the broker \
allows: set the clock, or the topic's message.timestamp.type to LogAppendTime";

impl Deliveries {
    /// What was refused since the last call.
    pub(super) fn take_refusal(&self) -> Option<Refusal> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Deliveries {
    /// Whether it was not let in a while ago, and may not be now.
    pub(super) fn was_refused(&self) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.is_some_and(|at| at.elapsed() < HEARD)
    }

    /// What was said when it was not let in, as long as that may hold.
    pub(super) fn refused_with(&self) -> Option<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, reason) = self.was_refused().then_some(heard.as_ref())??;
        Some(reason.clone())
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(event = "kafka_sink_error", problem = %error, reason, "the Kafka client of a sink has a problem");
        let code = error.rdkafka_error_code();
        // With TLS 1.3 the broker judges the client's certificate after the handshake, and hangs up.
        let is_login = code.is_some_and(|code| errors::kind(code) == Kind::Login);
        if is_login || reason.contains("SSL alert number") {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            *refused = Some(Instant::now());
        }
        // That all are down follows from what happened to each.
        if code != Some(RDKafkaErrorCode::AllBrokersDown) {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            *heard = Some((Instant::now(), reason.to_owned()));
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let Err((error, message)) = result else {
            return;
        };
        let message: &BorrowedMessage<'_> = message;
        let code = error.rdkafka_error_code();
        let hint = match code {
            Some(RDKafkaErrorCode::InvalidTimestamp | RDKafkaErrorCode::InvalidRecord) => CLOCK,
            _ => "",
        };
        let topic = format!("topic `{}`", message.topic());
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = refusal.get_or_insert_default();
        refusal.is_too_large |= matches!(
            code,
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize)
        );
        refusal.is_purged |= matches!(
            code,
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
        );
        // Others of the same transaction fail for it, and say less.
        if is_denied(code) {
            refusal.is_denied = true;
            refusal.text = denied("WRITE", &topic);
        } else if refusal.text.is_empty() {
            refusal.text = format!("{topic}: {error}{hint}");
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
