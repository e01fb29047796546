//! Postgres: one table per ranking; a commit's rows, its number and its input prefix are one transaction.
//!
//! 1. `standings_commit` holds one row: the last commit, the generation, the input prefix, the watermark. It is written
//!    in the same transaction as the rows, so that a reader's snapshot always names the prefix that it shows.
//! 2. Opening takes the next generation. Every transaction checks it: a sink of an older generation is refused.
//! 3. When the connection is lost between COMMIT and its answer, the row says whether the commit is there.

mod connect;
mod layout;
mod look;
mod protocol;
mod rows;
mod tables;
mod tls;
mod upgrade;

use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

pub use self::connect::Target;
pub use self::layout::Step;
pub use self::protocol::{Database, DatabaseSink, Trouble};
pub use self::tables::{fields, quoted, sql_type};
pub(crate) use self::tls::authority_only;
pub use self::upgrade::Wanted;

use self::rows::Statements;
use super::{Shown, SinkError, SinkOptions};
use crate::event_time::END_OF_TIME;
use crate::model::change::Commit;
use crate::model::plan::Plan;
use crate::model::time::format_rfc3339;

/// Rows to Postgres.
pub type PostgresSink = DatabaseSink<Postgres>;

/// A Postgres server.
pub struct Postgres {
    target: Target,
    runtime: Runtime,
    connection: Option<(Client, Vec<Statements>)>,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let mut text = describe(&error);
        if error.code() == Some(&SqlState::PROGRAM_LIMIT_EXCEEDED) {
            text += "; with --max-key-bytes 2600 a sale whose key Postgres cannot index becomes a dead letter";
        }
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
    pub fn new(url: &str, options: &SinkOptions) -> Result<Self, SinkError> {
        let target = Target::parse(url)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime
            .map_err(|e| SinkError::Failed(format!("cannot start the Postgres client: {e}")))?;
        let postgres = Postgres {
            target,
            runtime,
            connection: None,
        };
        let live = Arc::clone(&options.live);
        Ok(DatabaseSink::over(postgres, live, options.clock.clone()))
    }

    /// What the tables show, without taking them over.
    pub fn peek(&mut self, plan: &Plan) -> Result<Shown, SinkError> {
        self.persist(|postgres, _| {
            let mut client = postgres.runtime.block_on(postgres.target.connect())?;
            postgres.runtime.block_on(tables::peek(&mut client, plan))
        })
    }
}

impl Postgres {
    fn connection(&mut self) -> Result<(&Runtime, &mut Client, &[Statements]), Trouble> {
        match &mut self.connection {
            Some((client, statements)) => Ok((&self.runtime, client, statements)),
            None => Err(Trouble::Passing("not connected".to_owned())),
        }
    }

    fn say(&mut self, statement: &str) -> Result<(), Trouble> {
        let (runtime, client, _) = self.connection()?;
        Ok(runtime.block_on(client.batch_execute(statement))?)
    }
}

impl Database for Postgres {
    fn name(&self) -> &str {
        &self.target.name
    }

    fn open(&mut self, plan: &Plan) -> Result<(Shown, i64), Trouble> {
        let mut client = self.runtime.block_on(self.target.connect())?;
        let opened = self.runtime.block_on(tables::open(&mut client, plan))?;
        let statements = self.runtime.block_on(rows::prepare(&client, plan))?;
        self.connection = Some((client, statements));
        Ok(opened)
    }

    fn connect(&mut self, plan: &Plan) -> Result<(), Trouble> {
        let client = self.runtime.block_on(self.target.connect())?;
        let statements = self.runtime.block_on(rows::prepare(&client, plan))?;
        self.connection = Some((client, statements));
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }

    fn last(&mut self) -> Result<(u64, i64), Trouble> {
        let (runtime, client, _) = self.connection()?;
        runtime.block_on(tables::last(client))
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.say("BEGIN")
    }

    fn claim(&mut self, commit: &Commit, generation: i64) -> Result<bool, Trouble> {
        let (runtime, client, _) = self.connection()?;
        runtime.block_on(tables::claim(client, commit, generation))
    }

    fn rows(&mut self, plan: &Plan, commit: &Commit) -> Result<(), Trouble> {
        let (runtime, client, statements) = self.connection()?;
        runtime.block_on(rows::write(client, statements, plan, commit))
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        self.say("COMMIT")
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
