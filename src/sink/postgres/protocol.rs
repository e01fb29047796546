//! How a commit gets into a database exactly once, whatever happens to the connection. Knows no client: Postgres is
//! behind [`Database`], and so is the simulator's database.
//!
//! ```text
//! open: take the next generation ──► what is shown
//! write: BEGIN ──► claim: commit, generation, prefix (refused if ours is not the newest generation) ──► rows ──► COMMIT
//!          ▲                                                                                                     │
//!          └──── connection lost: connect anew, ask for the last commit ◄── no answer: there, or not? ───────────┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::change::Commit;
use crate::model::clock::Clock;
use crate::model::plan::Plan;
use crate::model::sabotage::{self, Mistake};
use crate::observe::live::Live;
use crate::sink::{Shown, Sink, SinkError};

/// What went wrong, and whether waiting can heal it.
#[derive(Debug)]
pub enum Trouble {
    /// It may work on a new connection.
    Passing(String),
    /// It will not.
    Final(SinkError),
}

/// One connection to a database, at most; every call may lose it.
pub trait Database: Send {
    /// For logs: without secrets.
    fn name(&self) -> &str;
    /// Connects, makes and checks the tables, takes the next generation; what is shown, and that generation.
    fn open(&mut self, plan: &Plan) -> Result<(Shown, i64), Trouble>;
    /// Connects again.
    fn connect(&mut self, plan: &Plan) -> Result<(), Trouble>;
    /// Whether there is a connection.
    fn is_connected(&self) -> bool;
    /// Lets go of the connection, and of what was not committed on it.
    fn disconnect(&mut self);
    /// The last commit and the newest generation.
    fn last(&mut self) -> Result<(u64, i64), Trouble>;
    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), Trouble>;
    /// Records the commit as the last one; `false` if there is one as new, or a newer generation than this.
    fn claim(&mut self, commit: &Commit, generation: i64) -> Result<bool, Trouble>;
    /// Writes the commit's rows.
    fn rows(&mut self, plan: &Plan, commit: &Commit) -> Result<(), Trouble>;
    /// Ends the transaction. On an error it is not known whether it is there.
    fn commit(&mut self) -> Result<(), Trouble>;
}

/// Commits to a database.
pub struct DatabaseSink<D> {
    database: D,
    generation: i64,
    live: Arc<Live>,
    clock: Clock,
}

/// The first and the longest wait between two attempts.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl<D: Database> DatabaseSink<D> {
    /// Connects on open.
    pub fn over(database: D, live: Arc<Live>, clock: Clock) -> Self {
        DatabaseSink {
            database,
            generation: 0,
            live,
            clock,
        }
    }

    /// Tries until it works or cannot work, waiting longer and longer.
    pub(super) fn persist<T>(
        &mut self,
        mut attempt: impl FnMut(&mut D, i64) -> Result<T, Trouble>,
    ) -> Result<T, SinkError> {
        let started = self.clock.now();
        let mut wait = WAITS.0;
        let mut warned: Option<Instant> = None;
        loop {
            let problem = match attempt(&mut self.database, self.generation) {
                Ok(done) => {
                    self.live.sink(self.database.name(), true);
                    if warned.is_some() {
                        tracing::info!(
                            event = "sink_back",
                            sink = self.database.name(),
                            waited_ms = self.clock.since(started).as_millis() as u64
                        );
                    }
                    return Ok(done);
                }
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Passing(problem)) => problem,
            };
            self.database.disconnect();
            self.live.sink(self.database.name(), false);
            if warned.is_none_or(|w| self.clock.since(w) > Duration::from_secs(5)) {
                warned = Some(self.clock.now());
                tracing::warn!(
                    event = "sink_waiting",
                    sink = self.database.name(),
                    problem,
                    waited_ms = self.clock.since(started).as_millis() as u64,
                    "commits wait"
                );
            }
            self.clock.sleep(wait);
            wait = (wait * 2).min(WAITS.1);
        }
    }
}

impl<D: Database> Sink for DatabaseSink<D> {
    fn name(&self) -> &str {
        self.database.name()
    }

    fn open(&mut self, plan: &Plan) -> Result<Shown, SinkError> {
        let (shown, generation) = self.persist(|database, _| database.open(plan))?;
        self.generation = generation;
        Ok(shown)
    }

    fn confirm(&mut self, plan: &Plan) -> Result<(), SinkError> {
        self.persist(|database, generation| {
            if !database.is_connected() {
                database.connect(plan)?;
            }
            let (_, newest) = database.last()?;
            check_generation(database, newest, generation)
        })
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        self.persist(|database, generation| attempt(database, plan, commit, generation))
    }
}

fn attempt(
    database: &mut impl Database,
    plan: &Plan,
    commit: &Commit,
    generation: i64,
) -> Result<(), Trouble> {
    if !database.is_connected() {
        database.connect(plan)?;
        let (last, newest) = database.last()?;
        check_generation(database, newest, generation)?;
        if last >= commit.number && !sabotage::is(Mistake::AnswerTakenForLost) {
            // The connection was lost after COMMIT: it is there.
            return Ok(());
        }
    }
    let claimed = match sabotage::is(Mistake::FenceNotChecked) {
        true => database.last()?.1,
        false => generation,
    };
    database.begin()?;
    if database.claim(commit, claimed)? {
        if sabotage::is(Mistake::OffsetsBeforeRows) {
            database.commit()?;
            database.begin()?;
        }
        database.rows(plan, commit)?;
        return match database.commit() {
            Err(Trouble::Passing(_)) if sabotage::is(Mistake::AnswerTakenForGranted) => Ok(()),
            done => done,
        };
    }
    // Nothing was written; the transaction goes with the connection.
    let (last, newest) = database.last()?;
    database.disconnect();
    check_generation(database, newest, generation)?;
    Err(Trouble::Final(SinkError::Failed(format!(
        "standings_commit is at commit {last}, so {} cannot be written; does another cluster write here?",
        commit.number
    ))))
}

fn check_generation(database: &impl Database, newest: i64, own: i64) -> Result<(), Trouble> {
    if newest == own || sabotage::is(Mistake::FenceNotChecked) {
        return Ok(());
    }
    Err(Trouble::Final(SinkError::Fenced(format!(
        "generation {newest} has taken over {}; this process is generation {own} and stops",
        database.name()
    ))))
}
