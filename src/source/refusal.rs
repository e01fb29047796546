//! Why a broker refuses a client: the client itself only says that it gets no answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::aside::Aside;

/// What to do about TLS.
const TLS: &str = "check ssl.ca.location, and ssl.certificate.location and ssl.key.location if the broker wants to know who \
comes";

/// Keeps the first thing that waiting does not heal.
#[derive(Default)]
struct Listener {
    heard: Mutex<Option<String>>,
}

impl ClientContext for Listener {
    fn error(&self, error: KafkaError, reason: &str) {
        let hint = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                "check sasl.mechanism, sasl.username and sasl.password"
            }
            Some(RDKafkaErrorCode::SSL) => TLS,
            // With TLS 1.3 the broker judges the client's certificate after the handshake, and hangs up.
            _ if reason.contains("SSL alert number") => TLS,
            _ => return,
        };
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get_or_insert_with(|| format!("{reason}; {hint}"));
    }
}

impl ConsumerContext for Listener {}

/// Asks once more, with a client that listens to its errors: the reason, if the broker does not let this one in. Takes
/// about three seconds.
pub fn refusal(config: &ClientConfig) -> Option<String> {
    let mut config = config.clone();
    config.set("group.id", "standings");
    let asks: BaseConsumer<Listener> = config.create_with_context(Listener::default()).ok()?;
    let asks = Aside::new(asks);
    if asks.fetch_metadata(None, Duration::from_secs(2)).is_ok() {
        return None;
    }
    let mut heard = None;
    for _ in 0..10 {
        // Errors wait in the queue of records; there are no records, as nothing is assigned.
        drop(asks.poll(Duration::from_millis(100)));
        let context = asks.context();
        heard = context
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if heard.is_some() {
            break;
        }
    }
    heard
}
