//! How a commit gets into a database exactly once, whatever happens to the connection. Knows no client: Postgres is
//! behind [`Database`], and so is the simulator's database.
//!
//! ```text
//! open: what is known of it: the same input, the same database? ──► take the next generation ──► what is shown
//! write: BEGIN ──► claim: commit, generation, owner, prefix (refused if it is not ours any more) ──► rows ──► COMMIT
//!          ▲                                                                                             │
//!          │                                       a row is refused, here or there ──► ROLLBACK, and those that can be
//!          └──── connection lost: connect anew, ask for the last commit ◄── no answer: there, or not? ───┘
//! ```
//!
//! 1. A generation alone does not say whose it is: a database that was put back, or a standby promoted behind, may give
//!    the same number twice. So every opening has an owner's name of its own beside it.
//! 2. What is asked at a new connection is compared with what was acknowledged: a database that shows less has lost
//!    commits ([`SinkError::Behind`]), one that is another server or has other tables ends the run.
//! 3. A commit whose answer was lost may become visible later, when it is made again: then it is there.
//! 4. A connection that went silent may have left a transaction open, which holds what the next one needs: it is ended.

mod ending;
mod error;
mod identity;
mod patience;

use std::sync::Arc;
use std::time::Instant;

use self::ending::{end, what_can_be};
pub use self::error::DatabaseError;
pub use self::identity::{DatabaseIdentity, Found};
pub use self::patience::Patience;
use crate::kind::{LOGIN, WAITS};
use crate::refused::{Letters, Refused};
use crate::sink::{Shown, Sink, SinkError};
use standings_model::change::Commit;
use standings_model::clock::Clock;
use standings_model::error::{Coded, codes};
use standings_model::identity::{Conflict, Opening, admit};
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};
use standings_observe::live::Live;
use standings_observe::waiting::{Waiting, What};

/// What went wrong, and whether waiting can heal it.
#[derive(Debug)]
pub enum Trouble {
    /// It may work on a new connection. This and what follows: in the server's words.
    Passing(String),
    /// This user is not let in.
    Login(String),
    /// What the URL names is not there, or may not be used.
    Wrong(String),
    /// It will not work.
    Final(SinkError),
}

impl Trouble {
    /// What went wrong, for people.
    pub fn text(&self) -> String {
        match self {
            Trouble::Passing(text) | Trouble::Login(text) | Trouble::Wrong(text) => text.clone(),
            Trouble::Final(error) => error.to_string(),
        }
    }
}

/// It will not work, whatever it is.
impl<E: Coded> From<E> for Trouble {
    fn from(error: E) -> Self {
        Trouble::Final(error.into())
    }
}

/// One connection to a database, at most; every call may lose it.
pub trait Database: Send {
    /// For logs: without secrets.
    fn name(&self) -> &str;
    /// Connects; what is known there, and what there is, without taking anything over.
    fn find(&mut self, plan: &Plan) -> Result<Found, Trouble>;
    /// Connects, makes and checks the tables, takes the next generation.
    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Opened, Trouble>;
    /// Connects again.
    fn connect(&mut self, plan: &Plan) -> Result<(), Trouble>;
    /// Whether there is a connection.
    fn is_connected(&self) -> bool;
    /// Lets go of the connection, and of what was not committed on it.
    fn disconnect(&mut self);
    /// Reads anew the file that its secret came from.
    fn renew(&mut self) {}
    /// The last commit, the newest generation and its owner.
    fn last(&mut self) -> Result<Here, Trouble>;
    /// Which database it is now.
    fn identity(&mut self, plan: &Plan) -> Result<DatabaseIdentity, Trouble>;
    /// Ends transactions that stand still and hold what a commit needs, such as one on a connection that went silent.
    fn end_stranded(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), Trouble>;
    /// Records the commit as the last one; `false` if there is one as new, or it is another's.
    fn claim(&mut self, commit: &Commit, by: &Claim<'_>) -> Result<bool, Trouble>;
    /// Writes the commit's rows.
    fn rows(&mut self, plan: &Plan, commit: &Commit) -> Result<(), Trouble>;
    /// Whether what failed just now was one of the rows, so that others can be written.
    fn refuses(&mut self) -> bool {
        false
    }
    /// Gives the transaction up.
    fn give_up(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
    /// Writes those of the commit's rows that can be; the others.
    fn each_row(&mut self, plan: &Plan, commit: &Commit) -> Result<Vec<Refused>, Trouble> {
        self.rows(plan, commit).map(|()| Vec::new())
    }
    /// Ends the transaction. On an error it is not known whether it is there.
    fn commit(&mut self) -> Result<(), Trouble>;
}

/// What an opening found, and got.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// What is shown.
    pub shown: Shown,
    /// The generation that begins.
    pub generation: i64,
    /// The name of its owner.
    pub owner: String,
    /// Which database it is.
    pub identity: DatabaseIdentity,
}

/// How far a database is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// The last commit.
    pub commit: u64,
    /// The newest generation.
    pub generation: i64,
    /// The name of its owner.
    pub owner: String,
}

/// Who records a commit.
pub struct Claim<'a> {
    /// Its generation.
    pub generation: i64,
    /// The name that its opening got.
    pub owner: &'a str,
    /// What its commits are of.
    pub opening: &'a Opening,
}

/// What an opening of a sink gave.
#[derive(Clone, Default)]
struct Ours {
    generation: i64,
    owner: String,
    identity: DatabaseIdentity,
    opening: Opening,
    /// The last commit that was seen or acknowledged.
    acknowledged: u64,
}

/// Commits to a database.
pub struct DatabaseSink<D> {
    database: D,
    /// It was looked at, and is to be opened.
    looked: bool,
    ours: Ours,
    letters: Letters,
    live: Arc<Live>,
    clock: Clock,
    /// It was let in once, by this process or by one before it: a login that is refused now may be taken again.
    was_in: bool,
    /// It was refused before it was ever let in, and what it logs in with was read once more since: between the reading at the
    /// start and the login it may have been changed.
    read_anew: bool,
    /// This process has worked with it: what is wrong now was right.
    was_right: bool,
}

impl<D: Database> DatabaseSink<D> {
    /// Connects on open.
    pub fn over(database: D, live: Arc<Live>, clock: Clock) -> Self {
        DatabaseSink {
            database,
            looked: false,
            ours: Ours::default(),
            letters: Letters::default(),
            live,
            clock,
            was_in: false,
            read_anew: false,
            was_right: false,
        }
    }

    /// The database.
    pub fn database(&mut self) -> &mut D {
        &mut self.database
    }

    /// Whether an earlier process of this cluster was let in: a login that is refused at this start is waited for too.
    pub fn started_before(mut self, started: bool) -> Self {
        self.was_in = started;
        self
    }

    /// Tries until it works or cannot work, waiting longer and longer.
    pub fn persist<T>(
        &mut self,
        mut attempt: impl FnMut(&mut D) -> Result<T, Trouble>,
    ) -> Result<T, SinkError> {
        let mut wait = WAITS.0;
        let name = self.database.name();
        let mut waiting = Waiting::new(What::Sink, name, &self.live, &self.clock);
        let mut refused: Option<Instant> = None;
        loop {
            let trouble = match attempt(&mut self.database) {
                Ok(done) => {
                    (self.was_in, self.was_right) = (true, true);
                    self.live.sink(self.database.name(), true);
                    waiting.done();
                    return Ok(done);
                }
                Err(trouble) => trouble,
            };
            let code = matches!(trouble, Trouble::Login(_)).then_some(&codes::sink::REFUSED);
            let problem = self.healing(trouble, &mut refused)?;
            waiting.tried_as(&problem, code);
            self.live.sink(self.database.name(), false);
            self.database.disconnect();
            self.clock.sleep(wait);
            wait = (wait * 2).min(WAITS.1);
        }
    }

    /// What waiting may heal; else the error. `refused`: since when the login is.
    fn healing(
        &mut self,
        trouble: Trouble,
        refused: &mut Option<Instant>,
    ) -> Result<String, SinkError> {
        let was_in = self.was_in || !self.read_anew;
        let name = || self.database.name().to_owned();
        match trouble {
            Trouble::Final(error) => Err(error),
            Trouble::Wrong(problem) => {
                let name = name();
                Err(match self.was_right {
                    true => DatabaseError::NotThereAnyMore { name, problem },
                    false => DatabaseError::NotThere { name, problem },
                }
                .into())
            }
            Trouble::Login(problem) if !was_in || sabotage::is(Mistake::LoginIsFinal) => {
                let name = name();
                Err(DatabaseError::NotLetIn { name, problem }.into())
            }
            Trouble::Login(problem) => {
                self.read_anew = true;
                let since = *refused.get_or_insert_with(|| self.clock.now());
                if self.clock.since(since) >= LOGIN {
                    return Err(DatabaseError::NotLetInAgain {
                        name: name(),
                        problem,
                        tried: LOGIN,
                    }
                    .into());
                }
                if !sabotage::is(Mistake::SecretNotReadAnew) {
                    self.database.renew();
                }
                Ok(problem)
            }
            Trouble::Passing(problem) => {
                *refused = None;
                Ok(problem)
            }
        }
    }
}

impl<D: Database> Sink for DatabaseSink<D> {
    fn name(&self) -> &str {
        self.database.name()
    }

    fn look(&mut self, plan: &Plan, opening: &Opening) -> Result<(), SinkError> {
        let found = self.persist(|database| database.find(plan))?;
        if !sabotage::is(Mistake::IdentityIgnored) {
            self.compare(&found, opening)?;
        }
        self.looked = true;
        Ok(())
    }

    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Shown, SinkError> {
        if !std::mem::take(&mut self.looked) {
            self.look(plan, opening)?;
            self.looked = false;
        }
        let opened = self.persist(|database| database.open(plan, opening))?;
        self.ours = Ours {
            generation: opened.generation,
            owner: opened.owner,
            identity: opened.identity,
            opening: opening.clone(),
            acknowledged: opened.shown.commit,
        };
        Ok(opened.shown)
    }

    fn confirm(&mut self, plan: &Plan) -> Result<(), SinkError> {
        let ours = self.ours.clone();
        self.persist(|database| {
            if !database.is_connected() {
                database.connect(plan)?;
            }
            let here = database.last()?;
            ours.is_still(database.name(), &here)
        })
    }

    fn letters(&mut self, letters: Letters) {
        self.letters = letters;
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        let ours = std::mem::take(&mut self.ours);
        let letters = self.letters.clone();
        let written = self.persist(|database| ours.write(database, plan, commit, &letters));
        self.ours = ours;
        if written.is_ok() {
            self.ours.acknowledged = commit.number;
        }
        written
    }
}

impl<D: Database> DatabaseSink<D> {
    /// Before anything is taken over: who writes there may go on.
    pub fn compare(&self, found: &Found, opening: &Opening) -> Result<(), SinkError> {
        let holder = format!("{} (commit {})", self.database.name(), found.commit);
        let known = found.known.as_ref().and_then(|k| k.source.as_ref());
        admit(&holder, known, opening)?;
        let differs = found.was.as_ref().and_then(|was| was.differs(&found.is));
        match differs {
            Some(differs) if opening.forget.sink => {
                tracing::warn!(
                    event = "sink_forgotten",
                    sink = self.database.name(),
                    differs,
                    "the sink is another one than it was; what it shows is compared and set right"
                );
                Ok(())
            }
            Some(differs) => Err(Conflict::OtherSink {
                sink: holder,
                differs,
            }
            .into()),
            None => Ok(()),
        }
    }
}

impl Ours {
    fn write(
        &self,
        database: &mut impl Database,
        plan: &Plan,
        commit: &Commit,
        letters: &Letters,
    ) -> Result<(), Trouble> {
        if !database.is_connected() {
            database.connect(plan)?;
            let here = database.last()?;
            self.is_same(database, plan)?;
            self.is_still(database.name(), &here)?;
            if here.commit >= commit.number && !sabotage::is(Mistake::AnswerTakenForLost) {
                // The connection was lost after COMMIT: it is there.
                return Ok(());
            }
            if here.commit < self.acknowledged && !sabotage::is(Mistake::LostCommitsIgnored) {
                return Err(self.behind(database.name(), &here));
            }
            if !sabotage::is(Mistake::StrandedNotEnded) {
                database.end_stranded()?;
            }
        }
        let claim = match sabotage::is(Mistake::FenceNotChecked) {
            true => database.last()?,
            false => Here {
                commit: 0,
                generation: self.generation,
                owner: self.owner.clone(),
            },
        };
        let claim = Claim {
            generation: claim.generation,
            owner: &claim.owner,
            opening: &self.opening,
        };
        database.begin()?;
        if database.claim(commit, &claim)? {
            if sabotage::is(Mistake::OffsetsBeforeRows) {
                database.commit()?;
                database.begin()?;
            }
            let is_ours = match database.rows(plan, commit) {
                Ok(()) => true,
                Err(_) if database.refuses() => {
                    what_can_be(database, plan, commit, &claim, letters)?
                }
                Err(trouble) => return Err(trouble),
            };
            if is_ours && end(database, plan, commit, &claim, letters)? {
                return Ok(());
            }
        }
        // Nothing was written; the transaction goes with the connection.
        let here = database.last()?;
        database.disconnect();
        self.is_still(database.name(), &here)?;
        if here.commit == commit.number && !sabotage::is(Mistake::LateCommitRefused) {
            // Its COMMIT had no answer, and became visible only now (a standby that was waited for).
            return Ok(());
        }
        let (here, commit) = (here.commit, commit.number);
        Err(DatabaseError::NotNext { here, commit }.into())
    }

    /// At a new connection: the same database still?
    fn is_same(&self, database: &mut impl Database, plan: &Plan) -> Result<(), Trouble> {
        let is = database.identity(plan)?;
        if sabotage::is(Mistake::IdentityIgnored) {
            return Ok(());
        }
        let name = database.name();
        if let Some(missing) = self.identity.missing_in(&is).next() {
            return Err(DatabaseError::TableGone {
                table: missing.to_string(),
                schema: is.schema.clone(),
                name: name.to_owned(),
            }
            .into());
        }
        if let Some(differs) = self.identity.differs(&is) {
            let name = name.to_owned();
            return Err(DatabaseError::AnotherOne { name, differs }.into());
        }
        if self.identity.timeline != is.timeline {
            tracing::info!(
                event = "sink_failed_over",
                sink = name,
                from = self.identity.timeline,
                to = is.timeline,
                "another server of the same database is the primary now"
            );
        }
        Ok(())
    }

    /// Whether it is still this opening's.
    fn is_still(&self, name: &str, here: &Here) -> Result<(), Trouble> {
        let ours = here.generation == self.generation && here.owner == self.owner;
        if ours || sabotage::is(Mistake::FenceNotChecked) {
            return Ok(());
        }
        if here.generation < self.generation {
            return Err(self.behind(name, here));
        }
        Err(DatabaseError::TakenOver {
            newest: here.generation,
            name: name.to_owned(),
            own: self.generation,
        }
        .into())
    }

    fn behind(&self, name: &str, here: &Here) -> Trouble {
        Trouble::Final(SinkError::Behind {
            sink: name.to_owned(),
            commit: here.commit,
            generation: here.generation,
            acknowledged: self.acknowledged,
            own: self.generation,
        })
    }
}
