//! Postgres: one table per ranking; a commit's rows, its number and its input prefix are one transaction.
//!
//! 1. `standings_commit` holds one row: the last commit, the generation, the input prefix, the watermark. It is written
//!    in the same transaction as the rows, so that a reader's snapshot always names the prefix that it shows.
//! 2. What it is of is beside that row (`identity`), and compared before anything is taken over.
//! 3. Opening takes the next generation. Every transaction checks it: a sink of an older generation is refused.
//! 4. When the connection is lost between COMMIT and its answer, the row says whether the commit is there.

mod connect;
pub mod errors;
mod identity;
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
pub use self::identity::{DatabaseIdentity, Found};
pub use self::layout::Step;
pub use self::protocol::{Claim, Database, DatabaseSink, Here, Opened, Trouble};
pub use self::tables::{fields, quoted, sql_type};
pub(crate) use self::tls::authority_only;
pub use self::upgrade::Wanted;

use self::rows::Statements;
use self::tables::Names;
use super::kind::Kind;
use super::{Shown, SinkError, SinkOptions};
use crate::event_time::END_OF_TIME;
use crate::model::change::Commit;
use crate::model::identity::Opening;
use crate::model::plan::Plan;
use crate::model::time::format_rfc3339;

/// Rows to Postgres.
pub type PostgresSink = DatabaseSink<Postgres>;

/// A Postgres server.
pub struct Postgres {
    target: Target,
    runtime: Runtime,
    /// As found when it was opened first.
    names: Option<Names>,
    connection: Option<(Client, Vec<Statements>)>,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let mut text = describe(&error);
        if error.code() == Some(&SqlState::PROGRAM_LIMIT_EXCEEDED) {
            text += "; with --max-key-bytes 2600 a sale whose key Postgres cannot index becomes a dead letter";
        }
        match errors::kind(&error) {
            Kind::Passing => Trouble::Passing(text),
            Kind::Login => Trouble::Login(text),
            Kind::Wrong => Trouble::Wrong(text),
            Kind::Row | Kind::Fenced | Kind::Final => Trouble::Final(SinkError::Failed(text)),
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
            names: None,
            connection: None,
        };
        let live = Arc::clone(&options.live);
        Ok(DatabaseSink::over(postgres, live, options.clock.clone()))
    }

    /// What the tables show, without taking them over.
    pub fn peek(&mut self, plan: &Plan) -> Result<Shown, SinkError> {
        self.persist(|postgres| {
            let mut client = postgres.runtime.block_on(postgres.target.connect())?;
            postgres.runtime.block_on(tables::peek(&mut client, plan))
        })
    }
}

/// A connection that is there, and what is used with it.
struct Connected<'a> {
    runtime: &'a Runtime,
    client: &'a mut Client,
    statements: &'a [Statements],
    names: &'a Names,
}

impl Postgres {
    fn connected(&mut self) -> Result<Connected<'_>, Trouble> {
        match (&mut self.connection, &self.names) {
            (Some((client, statements)), Some(names)) => Ok(Connected {
                runtime: &self.runtime,
                client,
                statements,
                names,
            }),
            _ => Err(Trouble::Passing("not connected".to_owned())),
        }
    }

    fn say(&mut self, statement: &str) -> Result<(), Trouble> {
        let at = self.connected()?;
        Ok(at.runtime.block_on(at.client.batch_execute(statement))?)
    }

    /// Connects, and finds the schema if it is not known; the client is not kept.
    async fn dial(target: &Target, names: &mut Option<Names>) -> Result<(Client, Names), Trouble> {
        let client = target.connect().await?;
        let found = match names {
            Some(found) => found.clone(),
            None => names.insert(Names::find(&client).await?).clone(),
        };
        Ok((client, found))
    }
}

impl Database for Postgres {
    fn name(&self) -> &str {
        &self.target.name
    }

    fn find(&mut self, plan: &Plan) -> Result<Found, Trouble> {
        let (target, names) = (&self.target, &mut self.names);
        let found = self.runtime.block_on(async {
            let (client, names) = Postgres::dial(target, names).await?;
            let found = identity::find(&client, &names, plan).await?;
            Ok::<_, Trouble>((client, found))
        });
        let (client, found) = found?;
        // Opening goes on with it.
        self.connection = Some((client, Vec::new()));
        Ok(found)
    }

    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Opened, Trouble> {
        let connected = self.connection.take().map(|(client, _)| client);
        let (target, names) = (&self.target, &mut self.names);
        let (client, statements, opened) = self.runtime.block_on(async {
            let (mut client, names) = match (connected, &*names) {
                (Some(client), Some(names)) => (client, names.clone()),
                _ => Postgres::dial(target, names).await?,
            };
            let opened = tables::open(&mut client, &names, plan, opening).await?;
            let statements = rows::prepare(&client, &names, plan).await?;
            Ok::<_, Trouble>((client, statements, opened))
        })?;
        self.connection = Some((client, statements));
        Ok(opened)
    }

    fn connect(&mut self, plan: &Plan) -> Result<(), Trouble> {
        let (target, names) = (&self.target, &mut self.names);
        self.connection = Some(self.runtime.block_on(async {
            let (client, names) = Postgres::dial(target, names).await?;
            let statements = rows::prepare(&client, &names, plan).await?;
            Ok::<_, Trouble>((client, statements))
        })?);
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }

    fn last(&mut self) -> Result<Here, Trouble> {
        let at = self.connected()?;
        at.runtime.block_on(tables::last(at.client, at.names))
    }

    fn identity(&mut self, plan: &Plan) -> Result<DatabaseIdentity, Trouble> {
        let at = self.connected()?;
        let present = identity::present(&*at.client, at.names, plan);
        at.runtime.block_on(present)
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.say("BEGIN")
    }

    fn claim(&mut self, commit: &Commit, by: &Claim<'_>) -> Result<bool, Trouble> {
        let at = self.connected()?;
        at.runtime
            .block_on(tables::claim(at.client, at.names, commit, by))
    }

    fn rows(&mut self, plan: &Plan, commit: &Commit) -> Result<(), Trouble> {
        let at = self.connected()?;
        at.runtime
            .block_on(rows::write(at.client, at.statements, plan, commit))
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
