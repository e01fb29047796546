//! A source's step: the whole of what a thread of its own does, again and again.
//!
//! ```text
//! closed ──take over──► read cursor ──admit──► feed.open ──► a cursor of a new generation ──► open ──poll──► write ─┐
//!   ▲                                                                                        ▲  └───◄───────────┘ │
//!   └──────────── wait (backoff, breaker) ◄──── any failure: what is remembered is worth nothing ──────────────────┘
//! ```
//!
//! 1. Every failure closes: the source is taken over again, and goes on from the cursor that the log has.
//! 2. What the feed does for good (`committed`) it does after the transaction, and what failed of that does not undo it.
//! 3. Who was taken over ends, and says so: it never takes the source back.

mod write;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};

use super::backoff::Backoff;
use super::batch::Batch;
use super::breaker::Breaker;
use super::cursor::About;
use super::feed::{Feed, Polled, Trouble};
use super::log::{Log, LogTrouble};
use super::state::State;
use super::told::Told;

/// How long what is broken is left alone.
const BROKEN: Duration = Duration::from_secs(15);

/// How a source ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With `--once`: all that was there is read.
    Read,
    /// Another instance has it.
    TakenOver(String),
    /// With `--once`: it cannot be read; why.
    Failed(String),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another step.
    Now,
    /// Another step, after so long at most.
    After(Duration),
    /// Nothing more.
    Ended(End),
}

/// How a source is run.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// It ends when all has been read.
    pub once: bool,
    /// A cursor of another configuration is gone on from.
    pub adopt: bool,
}

/// A source.
pub struct Task<F, L> {
    about: About,
    how: How,
    feed: F,
    log: L,
    clock: Clock,
    told: Arc<Told>,
    backoff: Backoff,
    breaker: Breaker,
    /// Open, with the generation that it has.
    generation: Option<u64>,
    /// What a mistake remembers.
    again: Option<Box<Batch>>,
    /// What the cursor says as far as it is committed.
    cursor: Value,
}

/// With `--once` a failure is tried again so often.
const ATTEMPTS: u32 = 8;

impl<F: Feed, L: Log> Task<F, L> {
    /// Nothing is done yet. `seed`: of the dice of its waits.
    pub fn new(
        about: About,
        how: How,
        feed: F,
        log: L,
        told: Arc<Told>,
        clock: Clock,
        seed: u64,
    ) -> Self {
        Task {
            about,
            how,
            feed,
            log,
            told,
            backoff: Backoff::new(seed),
            breaker: Breaker::new(clock.clone()),
            clock,
            generation: None,
            again: None,
            cursor: Value::Null,
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// Waits as the feed does, or by the clock; whether there may be something by now.
    pub fn wait(&mut self, limit: Duration) -> bool {
        let by_feed = self.generation.is_some() && self.feed.wait(limit);
        if !by_feed {
            self.clock.sleep(limit);
        }
        by_feed
    }

    /// One step.
    pub fn turn(&mut self) -> Next {
        if let Some(left) = self.breaker.closed_to() {
            return Next::After(left);
        }
        let done = match self.generation {
            None => self.open(),
            Some(_) => self.step(),
        };
        match done {
            Ok(next) => next,
            Err(stop) => self.stopped(stop),
        }
    }

    fn step(&mut self) -> Result<Next, Stop> {
        if let Some(batch) = self.again.take() {
            self.write(&batch)?;
            return Ok(Next::Now);
        }
        match self.feed.poll()? {
            Polled::Batch(batch) => {
                if sabotage::is(Mistake::IngestMovedEarly)
                    || sabotage::is(Mistake::IngestAnsweredEarly)
                {
                    self.feed.committed()?;
                }
                self.write(&batch)?;
                self.well(batch.is_snapshot);
                self.feed.committed()?;
                Ok(Next::Now)
            }
            Polled::Idle(wait) => {
                self.well(false);
                Ok(Next::After(wait))
            }
            Polled::Ended(_) if self.how.once => {
                self.well(false);
                Ok(Next::Ended(End::Read))
            }
            Polled::Ended(wait) => {
                self.well(false);
                Ok(Next::After(wait))
            }
        }
    }

    /// It goes on.
    fn well(&mut self, is_snapshot: bool) {
        self.backoff.done();
        self.breaker.done();
        self.told.update(|now| now.breaker_open = false);
        let state = match is_snapshot {
            true => State::Snapshot,
            false => State::Streaming,
        };
        self.told.state(state, self.clock.wall());
    }

    /// It does not go on: it is closed, and says why.
    fn stopped(&mut self, stop: Stop) -> Next {
        if !sabotage::is(Mistake::IngestFailureForgotten) || self.generation.is_none() {
            self.generation = None;
        }
        let at = self.clock.wall();
        if let Stop::Fenced(why) = &stop
            && !sabotage::is(Mistake::IngestFencedGoesOn)
        {
            let why = format!("another instance of this source has taken over: {why}");
            self.told.state(State::Broken(why.clone()), at);
            return Next::Ended(End::TakenOver(why));
        }
        let opened = stop.is_of_feed() && self.breaker.failed();
        self.told.update(|now| {
            now.failures += 1;
            now.breaker_open = opened;
        });
        let wait = self.backoff.failed();
        let tried_out = self.how.once && self.backoff.failures() >= ATTEMPTS;
        let (state, wait, is_last) = match stop {
            Stop::Later { why, after, .. } => (
                State::Waiting(why),
                after.unwrap_or(wait).max(wait),
                tried_out,
            ),
            Stop::Fenced(why) => (State::Waiting(why), wait, tried_out),
            Stop::Broken(why) => (State::Broken(why), wait.max(BROKEN), self.how.once),
        };
        let why = state.reason().unwrap_or_default().to_owned();
        if !sabotage::is(Mistake::IngestBrokenShown) {
            self.told.state(state, at);
        }
        match is_last {
            true => Next::Ended(End::Failed(why)),
            false => Next::After(wait),
        }
    }
}

/// Why a step did not come to its end.
enum Stop {
    Later {
        why: String,
        after: Option<Duration>,
        of_feed: bool,
    },
    Broken(String),
    Fenced(String),
}

impl Stop {
    /// Whether the endpoint of the source failed, and not the log.
    fn is_of_feed(&self) -> bool {
        matches!(self, Stop::Later { of_feed: true, .. })
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Later { why, after } => Stop::Later {
                why,
                after,
                of_feed: true,
            },
            Trouble::Broken(why) => Stop::Broken(why),
        }
    }
}

impl From<LogTrouble> for Stop {
    fn from(trouble: LogTrouble) -> Self {
        match trouble {
            LogTrouble::Later(why) => Stop::Later {
                why,
                after: None,
                of_feed: false,
            },
            LogTrouble::Fenced(why) => Stop::Fenced(why),
            LogTrouble::Broken(why) => Stop::Broken(why),
        }
    }
}
