//! How an opening leaves its mark: the progress as it was found, told anew under its own generation and name.
//!
//! ```text
//! first sink opened ──► … ──► last sink opened ──► each is marked ──► commits
//!                                                     └── from here on who comes back to it is told, and ends
//! ```
//!
//! 1. Two clusters that open at once could have one sink each. Who has the ids of all topics after it got the last sink can
//!    commit to all of them; the mark is that first commit.
//! 2. Taking the ids over leaves nothing behind that can be read. One that was taken over while it was not let in would
//!    take them back, find the progress that it knows, and go on: its commit here and the other's in the other sink would
//!    have one number and stand for two prefixes. So a mark is committed, not given up.
//! 3. It says nothing new: commit and prefix are those that were found, or 0 and none, and no change comes with it.

use super::{Progress, TransactionalSink, Transactions};
use crate::sink::SinkError;
use standings_model::sabotage::{self, Mistake};

impl<T: Transactions> TransactionalSink<T> {
    /// Tells the progress again, as this opening's.
    pub(super) fn mark(&mut self) -> Result<(), SinkError> {
        let mark = Progress {
            generation: self.generation,
            owner: Some(self.log.owner().to_owned()),
            ..self.back.last.clone().unwrap_or_default()
        };
        let given_up = sabotage::is(Mistake::MarkGivenUp);
        self.enter(|sink| {
            if sink.come_back(&mark)? {
                return Ok(());
            }
            sink.until_done(mark.commit, |sink| {
                sink.persist(|log| log.begin(sink.id))?;
                sink.tell(&mark)?;
                sink.log.acknowledged(sink.id)?;
                sink.persist(|log| match given_up {
                    true => log.abort(sink.id),
                    false => log.commit(sink.id),
                })
            })?;
            sink.pass_on();
            Ok(())
        })?;
        if !given_up {
            self.back.last = Some(mark);
        }
        Ok(())
    }
}
