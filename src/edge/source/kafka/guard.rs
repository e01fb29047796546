//! Asks whether it is still the topic whose offsets are known, for its [`Guard`](standings_engine::input::Guard).

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;

use super::Topic;
use super::error::TopicError;
use super::identity::topic_ids;
use standings_engine::input::TopicGone;

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);

impl Topic<'_> {
    /// Asks until it is known that it is the same topic; `false` when told to stop.
    pub(super) fn confirm(&mut self) -> Result<bool, TopicError> {
        let mut waiting = self.waiting();
        while !self.out.stopped() {
            let problem = match self.look() {
                Ok(true) => {
                    waiting.done();
                    return Ok(true);
                }
                Ok(false) => "the topic is not there".to_owned(),
                Err(Look::Failed(gone)) => return Err(gone.into()),
                Err(Look::Unanswered(problem)) => {
                    self.ask_again()?;
                    problem.to_string()
                }
            };
            let problem = format!("whether it is still the same topic is not known: {problem}");
            waiting.tried(&problem);
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(false)
    }

    /// Looks once whether it is the same topic; `false` if there is none, as long as that may pass.
    pub(super) fn look(&mut self) -> Result<bool, Look> {
        let client = self.consumer.client().native_ptr();
        let found = topic_ids(client, &[self.name], ANSWER).map_err(Look::Unanswered)?;
        let found = found.into_iter().next();
        self.guard
            .judge(found, Instant::now())
            .map_err(Look::Failed)
    }
}

/// Why it is not known.
pub(super) enum Look {
    /// It is known now, and it is another one, or none.
    Failed(TopicGone),
    /// No answer.
    Unanswered(KafkaError),
}
