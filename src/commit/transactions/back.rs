//! How a run comes back to topics whose brokers refuse it for a while: its login, or a right that it has had.
//!
//! ```text
//! refused ──► wait ──► settings read anew, new producers ──► is the progress another cluster's? ──► take both ids over
//!    ▲                                                                                                     │
//!    │                                                                          what does the progress say? ▼
//!    └──── the transaction is made anew ◄── what was there before ──┬── this commit ──► it is there     another's ──► end
//! ```
//!
//! 1. The client cannot heal itself: a producer that lacks a right once is done for, and one keeps the password that it was
//!    made with. So all producers are made anew, whatever was refused.
//! 2. The ids are taken over again. That ends what was open, or lets it be done: from then on nothing of the old producers
//!    counts, and the progress says whether the commit whose answer never came is there.
//! 3. It must say what this run knows: its last commit or mark, or the one that is to be written. Anything else another
//!    cluster has written, whatever its generation: two that open one after the other, before there is a mark, have the same.
//! 4. That is looked at before the ids are taken, too: a newer cluster must not be ended by one that it has taken over.
//! 5. What never worked is not waited for: a first start that is not let in is told so, and so is who never had a right. But
//!    its settings are read once more before that: between the reading at its start and the login they may have been changed.

use std::time::Instant;

use super::{IDS, Progress, TopicSinkError, TransactionalSink, Transactions, Trouble};
use crate::kind::{LOGIN, WAITS};
use crate::sink::SinkError;
use standings_model::error::{Failure, codes};
use standings_model::sabotage::{self, Mistake};
use standings_observe::waiting::{Waiting, What};

/// What there is to come back to.
#[derive(Default)]
pub(super) struct Back {
    /// It was let in, by this process or by one before it: a login that is refused now may be taken again.
    pub(super) was_in: bool,
    /// It was refused before it was ever let in, and its settings were read once more since.
    pub(super) read_anew: bool,
    /// It has written: a right that is missing now was there.
    pub(super) has_written: bool,
    /// It was refused, and has not come back yet.
    pub(super) is_away: bool,
    /// The progress that this run knows of.
    pub(super) last: Option<Progress>,
}

/// Since when it is refused.
struct Refused {
    since: Instant,
    waiting: Waiting,
}

impl<T: Transactions> TransactionalSink<T> {
    /// Tries until it works or cannot work. What only takes long is waited for within the attempt.
    pub(super) fn enter<R>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<R, Trouble>,
    ) -> Result<R, SinkError> {
        let (mut wait, longest) = WAITS;
        let mut refused: Option<Refused> = None;
        loop {
            let trouble = match attempt(self) {
                Ok(done) => {
                    self.back.was_in = true;
                    if let Some(refused) = refused {
                        self.live.sink(self.log.name(), true);
                        refused.waiting.done();
                    }
                    return Ok(done);
                }
                Err(trouble) => trouble,
            };
            let now = refused.get_or_insert_with(|| Refused {
                since: self.clock.now(),
                waiting: Waiting::new(What::Sink, self.log.name(), &self.live, &self.clock),
            });
            let code = match &trouble {
                Trouble::Denied(failure) => failure.code(),
                _ => &codes::kafka::DENIED,
            };
            let problem = self.healing(trouble, now.since)?;
            now.waiting.tried_as(&problem, Some(code));
            self.live.sink(self.log.name(), false);
            self.back.is_away = true;
            self.clock.sleep(wait);
            wait = (wait * 2).min(longest);
        }
    }

    /// What waiting may heal; else the error.
    fn healing(&mut self, trouble: Trouble, since: Instant) -> Result<String, SinkError> {
        let is_login = matches!(trouble, Trouble::Login(_));
        let was_read = is_login && std::mem::replace(&mut self.back.read_anew, true);
        let was_in = self.back.was_in;
        let name = || self.log.name().to_owned();
        let is_over = self.clock.since(since) >= LOGIN;
        match trouble {
            Trouble::Login(problem)
                if (!was_in && was_read) || sabotage::is(Mistake::LoginIsFinal) =>
            {
                let name = name();
                Err(TopicSinkError::NotLetIn { name, problem }.into())
            }
            Trouble::Login(problem) if is_over => Err(TopicSinkError::NotLetInAgain {
                name: name(),
                problem,
                tried: LOGIN,
            }
            .into()),
            Trouble::Denied(failure) if !self.back.has_written => Err(SinkError::Failed(failure)),
            Trouble::Denied(failure) if is_over => Err(SinkError::Failed(too_long(&failure))),
            Trouble::Login(problem) => Ok(problem),
            Trouble::Denied(failure) => Ok(failure.to_string()),
            other => Err(self.end(other)),
        }
    }

    /// Before an opening is tried again: with other producers than those that were refused.
    pub(super) fn anew(&mut self) {
        if std::mem::take(&mut self.back.is_away) {
            self.renew();
            self.looked = false;
        }
    }

    fn renew(&mut self) {
        if !sabotage::is(Mistake::SecretNotReadAnew) {
            self.log.renew();
        }
    }

    /// Comes back to go on with what has this progress; whether it is there.
    pub(super) fn come_back(&mut self, written: &Progress) -> Result<bool, Trouble> {
        if !self.back.is_away {
            return Ok(false);
        }
        self.renew();
        self.log.connect()?;
        self.asked = None;
        self.is_same()?;
        let compared = !sabotage::is(Mistake::ReturnNotCompared);
        if let Some(other) = self.log.progress()?.filter(|p| {
            p.generation > self.generation || (compared && !self.is_ours(Some(p), written))
        }) {
            return Err(taken_over(&other));
        }
        self.take_ids()?;
        let found = self.log.progress()?;
        self.log.opened();
        self.back.is_away = false;
        self.id = 0;
        if !compared {
            return Ok(false);
        }
        if !self.is_ours(found.as_ref(), written) {
            return Err(taken_over(&found.unwrap_or_default()));
        }
        Ok(found.is_some_and(|found| found.is_as_far_as(written)))
    }

    /// Whether what the progress says is what this run knows: its last, or what is to be written.
    fn is_ours(&self, found: Option<&Progress>, written: &Progress) -> bool {
        match (found, self.back.last.as_ref()) {
            (Some(found), last) => [Some(written), last]
                .into_iter()
                .flatten()
                .any(|known| found.is_as_far_as(known)),
            (None, last) => last.is_none(),
        }
    }

    /// Takes the transactional ids over, in their order.
    pub(super) fn take_ids(&self) -> Result<(), Trouble> {
        let taken = match sabotage::is(Mistake::SecondIdNotTaken) {
            true => 1,
            false => IDS,
        };
        (0..taken).try_for_each(|id| self.persist(|log| log.take_over(id)))
    }
}

fn taken_over(found: &Progress) -> Trouble {
    Trouble::Fenced(format!(
        "while this one was not let in, or lacked a right, commit {} of generation {} was written",
        found.commit, found.generation
    ))
}

fn too_long(failure: &Failure) -> Failure {
    let tried = LOGIN.as_secs();
    failure.told(format!(
        "{failure}; it had this right before, and tried again for {tried} s"
    ))
}
