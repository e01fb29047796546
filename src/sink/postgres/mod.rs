//! Postgres: one table per ranking; a commit's rows, its number and its input prefix are one transaction.
//!
//! 1. `standings_commit` holds one row: the last commit, the generation, the input prefix, the watermark. It is written
//!    in the same transaction as the rows, so that a reader's snapshot always names the prefix that it shows.
//! 2. Opening takes the next generation. Every transaction checks it: a sink of an older generation is refused.
//! 3. When the connection is lost between COMMIT and its answer, the row says whether the commit is there.

mod connect;
mod rows;
mod tables;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use self::connect::Target;
use self::rows::Statements;
use super::{Shown, Sink, SinkError};
use crate::event_time::END_OF_TIME;
use crate::model::change::Commit;
use crate::model::plan::Plan;
use crate::model::time::format_rfc3339;
use crate::observe::live::Live;

/// Rows to Postgres.
pub struct PostgresSink {
    target: Target,
    runtime: Runtime,
    connection: Option<(Client, Vec<Statements>)>,
    generation: i64,
    live: Arc<Live>,
}

/// What went wrong, and whether waiting can heal it.
enum Trouble {
    Passing(String),
    Final(SinkError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let text = describe(&error);
        let passing = match error.code() {
            None => true,
            Some(code) => {
                let classes = ["08", "53", "57P0", "40"];
                classes.iter().any(|c| code.code().starts_with(c))
                    || *code == SqlState::LOCK_NOT_AVAILABLE
            }
        };
        // A wrong password or database is no outage.
        if passing && !error.to_string().contains("invalid configuration") {
            Trouble::Passing(text)
        } else {
            Trouble::Final(SinkError::Failed(text))
        }
    }
}

/// The server's own words, where it said something.
fn describe(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

impl PostgresSink {
    /// Reads the URL; connects on open.
    pub fn new(url: &str, live: Arc<Live>) -> Result<Self, SinkError> {
        let target = Target::parse(url)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime
            .map_err(|e| SinkError::Failed(format!("cannot start the Postgres client: {e}")))?;
        Ok(PostgresSink {
            target,
            runtime,
            connection: None,
            generation: 0,
            live,
        })
    }

    /// Tries until it works or cannot work, waiting longer and longer.
    fn persist<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<T, Trouble>,
    ) -> Result<T, SinkError> {
        let started = Instant::now();
        let mut wait = Duration::from_millis(100);
        let mut warned: Option<Instant> = None;
        loop {
            match attempt(self) {
                Ok(done) => {
                    self.live.sink(&self.target.name, true);
                    if warned.is_some() {
                        let waited_ms = started.elapsed().as_millis() as u64;
                        tracing::info!(event = "sink_back", sink = self.target.name, waited_ms);
                    }
                    return Ok(done);
                }
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Passing(problem)) => {
                    self.connection = None;
                    self.live.sink(&self.target.name, false);
                    if warned.is_none_or(|w| w.elapsed() > Duration::from_secs(5)) {
                        warned = Some(Instant::now());
                        let waited_ms = started.elapsed().as_millis() as u64;
                        tracing::warn!(
                            event = "sink_waiting",
                            sink = self.target.name,
                            problem,
                            waited_ms,
                            "commits wait"
                        );
                    }
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }

    fn try_open(&mut self, plan: &Plan) -> Result<Shown, Trouble> {
        let mut client = self.runtime.block_on(self.target.connect())?;
        let (shown, generation) = self.runtime.block_on(tables::open(&mut client, plan))?;
        let statements = self.runtime.block_on(rows::prepare(&client, plan))?;
        self.generation = generation;
        self.connection = Some((client, statements));
        Ok(shown)
    }

    /// What the tables show, without taking them over.
    pub fn peek(&mut self, plan: &Plan) -> Result<Shown, SinkError> {
        self.persist(|sink| {
            let mut client = sink.runtime.block_on(sink.target.connect())?;
            sink.runtime.block_on(tables::peek(&mut client, plan))
        })
    }

    fn try_write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), Trouble> {
        if self.connection.is_none() {
            let client = self.runtime.block_on(self.target.connect())?;
            let last = self.runtime.block_on(tables::last(&client))?;
            self.check_generation(last.1)?;
            if last.0 >= commit.number as i64 {
                // The connection was lost after COMMIT: it is there.
                return Ok(());
            }
            let statements = self.runtime.block_on(rows::prepare(&client, plan))?;
            self.connection = Some((client, statements));
        }
        let generation = self.generation;
        let Some((client, statements)) = &mut self.connection else {
            return Ok(());
        };
        let done = self
            .runtime
            .block_on(rows::write(client, statements, plan, commit, generation))?;
        if done {
            return Ok(());
        }
        let last = self.runtime.block_on(tables::last(client))?;
        self.check_generation(last.1)?;
        Err(Trouble::Final(SinkError::Failed(format!(
            "standings_commit is at commit {}, so {} cannot be written; does another cluster write here?",
            last.0, commit.number
        ))))
    }

    fn check_generation(&self, found: i64) -> Result<(), Trouble> {
        if found == self.generation {
            return Ok(());
        }
        Err(Trouble::Final(SinkError::Fenced(format!(
            "generation {found} has taken over {}; this process is generation {} and stops",
            self.target.name, self.generation
        ))))
    }
}

impl Sink for PostgresSink {
    fn name(&self) -> &str {
        &self.target.name
    }

    fn open(&mut self, plan: &Plan) -> Result<Shown, SinkError> {
        self.persist(|sink| sink.try_open(plan))
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        self.persist(|sink| sink.try_write(plan, commit))
    }
}

/// A time as Postgres reads it; the end of time is `infinity`.
fn timestamp(ms: i64) -> String {
    if ms >= END_OF_TIME {
        "infinity".to_owned()
    } else {
        format_rfc3339(ms)
    }
}
