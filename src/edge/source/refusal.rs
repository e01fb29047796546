//! Why a broker refuses a client: the client itself only says that it gets no answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::aside::Aside;
use super::quiet::log;

/// What to do about TLS.
const TLS: &str = "check ssl.ca.location, and ssl.certificate.location and ssl.key.location if the broker wants to know who \
comes";

/// Keeps the first thing that waiting does not heal, and the first thing at all.
#[derive(Default)]
struct Listener {
    heard: Mutex<Cause>,
}

/// Why there is no answer.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// The broker does not let this client in: what it said, and what to check.
    pub refused: Option<String>,
    /// What happened to the connections, in the client's words.
    pub happened: Option<String>,
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let hint = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                "check sasl.mechanism, sasl.username and sasl.password"
            }
            Some(RDKafkaErrorCode::SSL) => TLS,
            // With TLS 1.3 the broker judges the client's certificate after the handshake, and hangs up.
            _ if reason.contains("SSL alert number") => TLS,
            // That all are down follows from what happened to each.
            Some(RDKafkaErrorCode::AllBrokersDown) => return,
            _ => {
                heard.happened.get_or_insert_with(|| reason.to_owned());
                return;
            }
        };
        heard
            .refused
            .get_or_insert_with(|| format!("{reason}; {hint}"));
    }
}

impl ConsumerContext for Listener {}

/// Asks once more, with a client that listens to its errors: why there is no answer, as far as that is told. Takes about
/// three seconds.
pub fn cause(config: &ClientConfig) -> Cause {
    let mut config = config.clone();
    config.set("group.id", "standings");
    // What it counts nobody reads, and would be logged.
    config.remove("statistics.interval.ms");
    let asks: Result<BaseConsumer<Listener>, _> = config.create_with_context(Listener::default());
    let Ok(asks) = asks else {
        return Cause::default();
    };
    let asks = Aside::new(asks);
    if asks.fetch_metadata(None, Duration::from_secs(2)).is_ok() {
        return Cause::default();
    }
    let mut heard = Cause::default();
    for _ in 0..10 {
        // Errors wait in the queue of records; there are no records, as nothing is assigned.
        drop(asks.poll(Duration::from_millis(100)));
        let told = asks.context().heard.lock();
        heard = told.unwrap_or_else(PoisonError::into_inner).clone();
        if heard.refused.is_some() {
            break;
        }
    }
    heard
}
