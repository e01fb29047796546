//! Postgres: one table per ranking; a commit's rows, its number and its input prefix are one transaction.
//!
//! 1. `standings_commit` holds one row: the last commit, the generation, the input prefix, the watermark. It is written
//!    in the same transaction as the rows, so that a reader's snapshot always names the prefix that it shows.
//! 2. What it is of is beside that row (`identity`), and compared before anything is taken over.
//! 3. Opening takes the next generation. Every transaction checks it: a sink of an older generation is refused.
//! 4. When the connection is lost between COMMIT and its answer, the row says whether the commit is there.

mod ask;
mod identity;
mod layout;
mod limit;
mod look;
mod refused;
mod rows;
mod tables;
mod upgrade;

use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio_postgres::Client;

pub use self::layout::Step;
pub use self::tables::Names;
pub use self::upgrade::Wanted;
use standings_commit::database::{
    Claim, Database, DatabaseIdentity, DatabaseSink, Found, Here, Opened, Patience, Trouble,
};

use self::rows::Statements;
use super::SinkOptions;
use standings_commit::kind::Kind;
use standings_commit::refused::{Letters, Refused};
use standings_commit::sink::{Shown, Sink, SinkError};
use standings_engine::event_time::END_OF_TIME;
use standings_model::change::Commit;
use standings_model::identity::Opening;
use standings_model::plan::Plan;
use standings_model::time::format_rfc3339;
use standings_postgres::{PostgresError, Target, errors, trouble};

/// Rows to Postgres.
pub struct PostgresSink(DatabaseSink<Postgres>);

/// A Postgres server.
pub struct Postgres {
    target: Target,
    runtime: Runtime,
    /// As found when it was opened first.
    names: Option<Names>,
    connection: Option<(Client, Vec<Statements>)>,
    /// What failed last was one of the rows.
    refuses: bool,
    patience: Patience,
}

impl PostgresSink {
    /// Reads the URL; connects on open.
    pub fn new(url: &str, options: &SinkOptions) -> Result<Self, SinkError> {
        let target = Target::parse(url)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(PostgresError::Client)?;
        let postgres = Postgres {
            target,
            runtime,
            names: None,
            connection: None,
            refuses: false,
            patience: Patience::default(),
        };
        let live = Arc::clone(&options.live);
        let sink = DatabaseSink::over(postgres, live, options.clock.clone());
        Ok(PostgresSink(sink.started_before(options.started_before)))
    }

    /// Asks something on a connection of its own, once, for so long at most.
    fn at_once<T>(
        &mut self,
        patience: std::time::Duration,
        question: impl AsyncFnOnce(&Client) -> Result<T, Trouble>,
    ) -> Result<T, SinkError> {
        let postgres = self.0.database();
        let target = &postgres.target;
        let asked = postgres.runtime.block_on(async {
            let all = async {
                let client = target.connect().await?;
                question(&client).await
            };
            tokio::time::timeout(patience, all).await
        });
        match asked {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Trouble::Final(error))) => Err(error),
            Ok(Err(trouble)) => Err(PostgresError::asked(&trouble).into()),
            Err(_) => Err(PostgresError::Silent { patience }.into()),
        }
    }

    /// What the tables show, without taking them over.
    pub fn peek(&mut self, plan: &Plan) -> Result<Shown, SinkError> {
        self.0.persist(|postgres| {
            let mut client = postgres.runtime.block_on(postgres.target.connect())?;
            postgres.runtime.block_on(tables::peek(&mut client, plan))
        })
    }
}

impl Sink for PostgresSink {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn letters(&mut self, letters: Letters) {
        self.0.letters(letters);
    }

    fn look(&mut self, plan: &Plan, opening: &Opening) -> Result<(), SinkError> {
        Sink::look(&mut self.0, plan, opening)
    }

    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Shown, SinkError> {
        self.0.open(plan, opening)
    }

    fn confirm(&mut self, plan: &Plan) -> Result<(), SinkError> {
        self.0.confirm(plan)
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        self.0.write(plan, commit)
    }
}

/// A connection that is there, and what is used with it.
struct Connected<'a> {
    client: &'a mut Client,
    statements: &'a [Statements],
    names: &'a Names,
}

impl Postgres {
    /// Asks on the connection that is there, for a limited time: `pieces` times of one answer.
    fn ask<T>(
        &mut self,
        what: &str,
        pieces: usize,
        question: impl AsyncFnOnce(Connected<'_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let (Some((client, statements)), Some(names)) = (&mut self.connection, &self.names) else {
            return Err(Trouble::Passing("not connected".to_owned()));
        };
        let at = Connected {
            client,
            statements,
            names,
        };
        let question = question(at);
        limit::limit(&mut self.patience, &self.runtime, what, pieces, question)
    }

    fn say(&mut self, statement: &str) -> Result<(), Trouble> {
        self.ask(statement, 1, async |at: Connected<'_>| {
            at.client.batch_execute(statement).await.map_err(trouble)
        })
    }

    /// Connects, and finds the schema if it is not known.
    fn dial(&mut self) -> Result<Client, Trouble> {
        let (target, names) = (&self.target, &mut self.names);
        let dialled = async {
            let client = target.connect().await?;
            if names.is_none() {
                *names = Some(Names::find(&client).await?);
            }
            Ok(client)
        };
        let (runtime, patience) = (&self.runtime, &mut self.patience);
        limit::limit(patience, runtime, "the connection", 1, dialled)
    }

    fn prepare(&mut self, plan: &Plan) -> Result<(), Trouble> {
        let prepared = self.ask("the statements", 1, async |at: Connected<'_>| {
            rows::prepare(at.client, at.names, plan).await
        })?;
        if let Some((_, statements)) = &mut self.connection {
            *statements = prepared;
        }
        Ok(())
    }

    /// A statement that was not answered may wait for a lock, and holds what the next attempt needs: the server is told
    /// that nobody waits for it. Never a COMMIT: one that waits for a standby would become visible without it.
    fn given_up<T>(&mut self, answer: Result<T, Trouble>) -> Result<T, Trouble> {
        if self.patience.is_over(&answer)
            && let Some((client, _)) = &self.connection
        {
            limit::cancel(&self.runtime, self.target.cancel(client));
        }
        answer
    }
}

impl Database for Postgres {
    fn name(&self) -> &str {
        &self.target.name
    }

    fn find(&mut self, plan: &Plan) -> Result<Found, Trouble> {
        // Opening goes on with it.
        self.connection = Some((self.dial()?, Vec::new()));
        self.ask("which database it is", 1, async |at: Connected<'_>| {
            identity::find(&*at.client, at.names, plan).await
        })
    }

    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Opened, Trouble> {
        if self.connection.is_none() {
            self.connection = Some((self.dial()?, Vec::new()));
        }
        let opened = self.ask(
            "what the tables show",
            limit::OPENING,
            async |at: Connected<'_>| tables::open(at.client, at.names, plan, opening).await,
        );
        let opened = self.given_up(opened)?;
        self.prepare(plan)?;
        Ok(opened)
    }

    fn connect(&mut self, plan: &Plan) -> Result<(), Trouble> {
        self.connection = Some((self.dial()?, Vec::new()));
        let prepared = self.prepare(plan);
        prepared.inspect_err(|_| self.connection = None)
    }

    fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }

    fn renew(&mut self) {
        self.target.renew();
    }

    fn last(&mut self) -> Result<Here, Trouble> {
        self.ask("the last commit", 1, async |at: Connected<'_>| {
            tables::last(at.client, at.names).await
        })
    }

    fn identity(&mut self, plan: &Plan) -> Result<DatabaseIdentity, Trouble> {
        self.ask("which database it is", 1, async |at: Connected<'_>| {
            identity::present(&*at.client, at.names, plan).await
        })
    }

    fn end_stranded(&mut self) -> Result<(), Trouble> {
        self.ask("what stands still", 1, async |at: Connected<'_>| {
            tables::end_frozen(at.client, at.names).await
        })
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.say("BEGIN")
    }

    fn claim(&mut self, commit: &Commit, by: &Claim<'_>) -> Result<bool, Trouble> {
        let claimed = self.ask("the commit's number", 1, async |at: Connected<'_>| {
            tables::claim(at.client, at.names, commit, by).await
        });
        self.given_up(claimed)
    }

    fn rows(&mut self, plan: &Plan, commit: &Commit) -> Result<(), Trouble> {
        let pieces = rows::pieces(commit);
        let mut refuses = false;
        let written =
            self.ask(
                "the commit's rows",
                pieces,
                async |at: Connected<'_>| match rows::write(at.client, at.statements, plan, commit)
                    .await
                {
                    Ok(true) => Ok(()),
                    Ok(false) => {
                        refuses = true;
                        Err(Trouble::Passing("the server wrote fewer rows".to_owned()))
                    }
                    Err(e) => {
                        refuses = errors::kind(&e) == Kind::Row;
                        Err(trouble(e))
                    }
                },
            );
        self.refuses = refuses;
        self.given_up(written)
    }

    fn refuses(&mut self) -> bool {
        std::mem::take(&mut self.refuses)
    }

    fn give_up(&mut self) -> Result<(), Trouble> {
        self.say("ROLLBACK")
    }

    fn each_row(&mut self, plan: &Plan, commit: &Commit) -> Result<Vec<Refused>, Trouble> {
        // Halving: at most as many statements again for each row that is refused, which nobody knows before.
        let pieces = rows::pieces(commit) * limit::HALVING;
        let written = self.ask(
            "the commit's rows, one by one",
            pieces,
            async |at: Connected<'_>| refused::write(at.client, at.statements, plan, commit).await,
        );
        self.given_up(written)
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        let mut refuses = false;
        let done = self.ask("COMMIT", 1, async |at: Connected<'_>| {
            let done = at.client.batch_execute("COMMIT").await;
            // A constraint may be looked at only now.
            refuses = done.as_ref().is_err_and(|e| errors::kind(e) == Kind::Row);
            done.map_err(trouble)
        });
        self.refuses = refuses;
        done
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
