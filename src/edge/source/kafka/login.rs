//! A login that is refused after it was taken: passwords are changed in several places, one after the other. The client tries
//! again by itself, with the password that it was made with; it is told what the settings say now.

use std::ffi::CString;
use std::time::{Duration, Instant};

use rdkafka::bindings::{rd_kafka_error_destroy, rd_kafka_sasl_set_credentials};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;

use super::Topic;
use super::error::TopicError;
use standings_model::error::codes;
use standings_observe::waiting::Waiting;

/// How long it may be refused, as at a sink.
const LOGIN: Duration = Duration::from_secs(60);

/// It is refused.
pub(super) struct Refused {
    since: Instant,
    /// In the client's words: asked again, it only says that there is no answer.
    why: String,
    waiting: Waiting,
}

impl Topic<'_> {
    /// Waits for a while, in which reading goes on by itself when it is taken again.
    pub(super) fn not_let_in(&mut self, error: &KafkaError) -> Result<(), TopicError> {
        let before = self.refused.take();
        let mut refused = before.unwrap_or_else(|| Refused {
            since: Instant::now(),
            why: error.to_string(),
            waiting: self.waiting(),
        });
        if refused.since.elapsed() >= LOGIN {
            return Err(TopicError::NotLetInAgain {
                topic: self.name.to_owned(),
                why: refused.why,
                tried: LOGIN,
            });
        }
        let code = &codes::source::DENIED;
        refused.waiting.tried_as(&refused.why, Some(code));
        self.refused = Some(refused);
        self.renew();
        Ok(())
    }

    /// While it is refused: asks now and then whether it still is.
    pub(super) fn ask_again(&mut self) -> Result<(), TopicError> {
        if self.refused.is_none() {
            return Ok(());
        }
        match self.partitions(Duration::from_secs(1)) {
            Ok(_) => {
                if let Some(refused) = self.refused.take() {
                    refused.waiting.done();
                }
                Ok(())
            }
            Err(e) => self.not_let_in(&e),
        }
    }

    /// Tells the client the user and password of now, if there are any.
    fn renew(&self) {
        let Some(now) = self.options.kafka_origin.now() else {
            return;
        };
        let of = |name: &str| {
            let (_, text) = now.iter().rev().find(|(key, _)| key == name)?;
            CString::new(text.as_str()).ok()
        };
        let (Some(user), Some(password)) = (of("sasl.username"), of("sasl.password")) else {
            return;
        };
        let client = self.consumer.client().native_ptr();
        // SAFETY: both texts outlive the call, which copies them; what it returns, if anything, is given back once.
        unsafe {
            let error = rd_kafka_sasl_set_credentials(client, user.as_ptr(), password.as_ptr());
            if !error.is_null() {
                rd_kafka_error_destroy(error);
            }
        }
    }
}
