//! A table or a query of MySQL or MariaDB, read in one transaction a pass.
//!
//! ```text
//! begin ──► a connection, if there is none ──► what runs, how it stands (`ask`) ──► START TRANSACTION WITH CONSISTENT SNAPSHOT
//! next ───► rows, a thousand at a time, from a task that has the connection ──► none: COMMIT, and the connection comes back
//! ```
//!
//! 1. All of a pass is one snapshot of the database, opened after it was asked what runs: who is not in the answer, and not in the
//!    snapshot either, began later.
//! 2. Values come by the binary protocol: FLOAT has all its digits there. The connection's characters are utf8mb4, whatever the column's
//!    are, and its zone is UTC.
//! 3. Whatever fails, the connection is given up: the next pass makes another.

mod ask;
mod connect;
mod log;
mod rows;

use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use standings_ingest::config::{MySql, MySqlOf, Overlap};
use standings_ingest::feed::Trouble;
use standings_ingest::mysql::sql::{Relation, quoted};
use standings_ingest::mysql::value::ZeroDates;
use standings_ingest::postgres::sql::{Found, Measure};
use standings_ingest::window::{From, Read, Stood};
use standings_model::error::Failure;
use standings_process::exit::NoThread;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::connect::{Target, of_error};

pub(crate) use self::log::MariaDb;

/// How long a statement may take until it answers: the first rows of a pass may have to be sorted.
const PATIENCE: Duration = Duration::from_secs(600);
/// Overlaps where none is said.
const TIMES: i64 = 300_000;
const NUMBERS: i64 = 1_000;

/// A pass that is being read.
struct Pass {
    rows: mpsc::Receiver<Result<Vec<Found>, Trouble>>,
    connection: JoinHandle<Option<Conn>>,
}

/// What is read, by what it is called.
pub(crate) struct Reader {
    runtime: Runtime,
    target: Target,
    source: String,
    of: MySqlOf,
    cursor: Vec<String>,
    overlap: Option<Overlap>,
    zero: ZeroDates,
    connection: Option<Conn>,
    pass: Option<Pass>,
    /// Of a query: how far it goes back.
    back: Option<i64>,
    /// It was said that what runs cannot be asked.
    has_warned: bool,
}

impl Reader {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// A URL that is none; this process has no thread for it.
    pub(crate) fn new(url: &str, source: &str, of: &MySql) -> Result<Self, Failure> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A thread of its own: rows are fetched while this one waits for Kafka.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("mysql")
            .enable_all()
            .build()
            .map_err(NoThread)?;
        Ok(Reader {
            runtime,
            target: Target::parse(url)?,
            source: source.to_owned(),
            of: of.of.clone(),
            cursor: of.cursor.clone(),
            overlap: of.overlap,
            zero: of.zero_dates,
            connection: None,
            pass: None,
            back: None,
            has_warned: false,
        })
    }

    /// The name of its table, for positions; nothing of a query.
    pub(crate) fn table(&self) -> Option<String> {
        let MySqlOf::Table(database, name) = &self.of else {
            return None;
        };
        let database = database.as_deref().or(self.target.database());
        Some(format!("{}.{name}", database.unwrap_or_default()))
    }

    /// How it stands, and the pass, opened; the connection with it.
    async fn opened(
        &self,
        mut connection: Conn,
    ) -> Result<(Conn, Relation, Option<Stood>), Trouble> {
        let conn = &mut connection;
        let (relation, stood) = match &self.of {
            MySqlOf::Table(database, name) => {
                let database = database.as_deref().or(self.target.database());
                let database = database.ok_or_else(|| {
                    Trouble::Broken(
                        "no database is named: say DATABASE.NAME, or name it in the URL".to_owned(),
                    )
                })?;
                let relation = ask::table(conn, (database, name), &self.cursor).await?;
                let overlap = self.overlapped(&relation)?;
                let stood = ask::stood(conn, &relation, overlap).await?;
                (relation, Some(stood))
            }
            MySqlOf::Query(query) => {
                let relation = ask::query(conn, query, &self.cursor).await?;
                self.overlapped(&relation)?;
                (relation, None)
            }
        };
        let snapshot = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        conn.query_drop(snapshot).await.map_err(of_error)?;
        Ok((connection, relation, stood))
    }

    /// How far a pass goes back, in ms or in numbers.
    fn overlapped(&self, relation: &Relation) -> Result<i64, Trouble> {
        let first = relation.cursor.first();
        let name = first.map_or("", |first| &first.name);
        match (first.and_then(|first| first.measure()), self.overlap) {
            (Some(Measure::Time), None) => Ok(TIMES),
            (Some(Measure::Number), None) => Ok(NUMBERS),
            (Some(Measure::Time), Some(overlap @ Overlap::Time(_)))
            | (Some(Measure::Number), Some(overlap @ Overlap::Number(_))) => Ok(overlap.amount()),
            (Some(Measure::Number), Some(_)) => Err(Trouble::Broken(format!(
                "`overlap` is a time, and `{name}` is a number: give a number, such as overlap = \"1000\""
            ))),
            (Some(Measure::Time), Some(_)) => Err(Trouble::Broken(format!(
                "`overlap` is a number, and `{name}` is a time: give a time, such as overlap = \"5m\""
            ))),
            (None, _) => Err(Trouble::Broken(format!(
                "`{name}` is neither a number nor a time: the first column of the cursor must be one"
            ))),
        }
    }

    fn begun(&mut self, from: &From) -> Result<Option<Stood>, Trouble> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.runtime.block_on(self.target.connect())?,
        };
        let opened = async { tokio::time::timeout(PATIENCE, self.opened(connection)).await };
        let opened = self.runtime.block_on(opened);
        let opened = opened.unwrap_or_else(|_| Err(Trouble::later("the database does not answer")));
        let (connection, relation, stood) = opened?;
        // Of a query the overlap is ours to take; of a table it is taken already.
        let overlap = self.overlapped(&relation)?;
        let since = from.since.as_ref().map(|(_, since)| match &stood {
            Some(_) => *since,
            None => since.saturating_sub(overlap),
        });
        self.back = stood.is_none().then_some(overlap);
        let statement = relation.select(since, from.behind.as_ref());
        let (sender, rows) = mpsc::channel(2);
        let zero = self.zero;
        let connection = self
            .runtime
            .spawn(rows::read(connection, statement, relation, zero, sender));
        self.pass = Some(Pass { rows, connection });
        if stood
            .as_ref()
            .is_some_and(|stood| stood.looked.oldest.is_none())
            && !self.has_warned
        {
            self.has_warned = true;
            tracing::warn!(
                event = "source_transactions_unseen",
                source = self.source,
                "the user may not see what runs (GRANT PROCESS ON *.* TO …): what is committed later than the overlap is lost"
            );
        }
        Ok(stood)
    }
}

impl Read for Reader {
    fn begin(&mut self, from: &From) -> Result<Option<Stood>, Trouble> {
        // Who reads a pass that nobody wants any more has its connection.
        self.pass = None;
        self.begun(from)
    }

    fn next(&mut self) -> Result<Vec<Found>, Trouble> {
        let Some(pass) = &mut self.pass else {
            return Err(Trouble::later("no pass is open"));
        };
        let next = async { tokio::time::timeout(PATIENCE, pass.rows.recv()).await };
        match self.runtime.block_on(next) {
            Ok(Some(Ok(rows))) => Ok(rows),
            Ok(Some(Err(trouble))) => {
                self.pass = None;
                Err(trouble)
            }
            Ok(None) => {
                if let Some(pass) = self.pass.take() {
                    self.connection = self.runtime.block_on(pass.connection).ok().flatten();
                }
                Ok(Vec::new())
            }
            Err(_) => {
                self.pass = None;
                Err(Trouble::later("the database does not answer"))
            }
        }
    }

    fn overlap(&self) -> Option<i64> {
        self.back
    }
}

/// `` `shop`.`sales` ``
fn qualified((database, name): (&str, &str)) -> String {
    format!("{}.{}", quoted(database), quoted(name))
}
