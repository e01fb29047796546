//! A table or a query of Postgres, read in one transaction a pass.
//!
//! ```text
//! begin ──► a connection, if there is none ──► REPEATABLE READ, READ ONLY ──► who it is, how it stands ──► DECLARE
//! next ───► FETCH, a thousand rows ──► none: COMMIT
//! ```
//!
//! 1. All of a pass is one snapshot of the database, from how it stands to the last row.
//! 2. Whatever fails, the connection is given up: the next pass makes another.

use std::time::Duration;

use standings_commit::database::Trouble as Failed;
use standings_ingest::config::{Of, Overlap, Postgres};
use standings_ingest::feed::Trouble;
use standings_ingest::postgres::Read;
use standings_ingest::postgres::sql::{
    Column, Found, From, Measure, Place, Relation, Statement, Stood, quoted,
};
use standings_ingest::window;
use standings_model::error::Failure;
use standings_postgres::{Target, describe, trouble};
use standings_process::exit::NoThread;
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row};

/// Rows that are fetched at once.
const ROWS: usize = 1_000;
/// How long a connection may take, and a statement until it answers. The first rows of a pass may have to be sorted.
const CONNECT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(600);

/// What is read, by what it is called.
pub struct Reader {
    runtime: Runtime,
    target: Target,
    of: Of,
    cursor: Vec<String>,
    client: Option<Client>,
    /// Of the pass that is open.
    relation: Option<Relation>,
}

fn later(e: &Error) -> Trouble {
    Trouble::later(describe(e))
}

/// Whether an error heals by itself.
fn of_error(e: Error) -> Trouble {
    of(trouble(e))
}

fn of(failed: Failed) -> Trouble {
    match failed {
        Failed::Passing(why) => Trouble::later(why),
        Failed::Login(_) | Failed::Wrong(_) | Failed::Final(_) => Trouble::Broken(failed.text()),
    }
}

/// A column of texts that was asked for.
fn text(row: &Row, at: usize) -> Result<Option<String>, Trouble> {
    row.try_get(at).map_err(|e| later(&e))
}

impl Reader {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// A URL that is none; this process has no thread for it.
    pub fn new(url: &str, source: &Postgres) -> Result<Self, Failure> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(NoThread)?;
        Ok(Reader {
            runtime,
            target: Target::parse(url)?,
            of: source.of.clone(),
            cursor: source.cursor.clone(),
            client: None,
            relation: None,
        })
    }

    /// Runs something on the connection, in time.
    fn on<T>(&self, what: impl AsyncFnOnce(&Client) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let Some(client) = &self.client else {
            return Err(Trouble::later("there is no connection"));
        };
        let done = async { tokio::time::timeout(PATIENCE, what(client)).await };
        self.runtime
            .block_on(done)
            .unwrap_or_else(|_| Err(Trouble::later("the database does not answer")))
    }

    fn connected(&mut self) -> Result<(), Trouble> {
        if self
            .client
            .as_ref()
            .is_some_and(|client| !client.is_closed())
        {
            return Ok(());
        }
        let target = &self.target;
        let done = async {
            let client = tokio::time::timeout(CONNECT, target.connect()).await;
            let client = client.map_err(|_| Trouble::later("the database does not answer"))?;
            let client = client.map_err(of)?;
            // What is compared is written one way, whatever the server's own is.
            let settings = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1; \
                            SET bytea_output = 'hex'; SET standard_conforming_strings = on";
            client.batch_execute(settings).await.map_err(of_error)?;
            Ok(client)
        };
        self.client = Some(self.runtime.block_on(done)?);
        Ok(())
    }

    /// Opens the pass; the connection is there.
    fn opened(&mut self, from: &From) -> Result<Stood, Trouble> {
        self.on(async |client| {
            let begin = "ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
            client.batch_execute(begin).await.map_err(of_error)
        })?;
        let (of, cursor) = (self.of.clone(), self.cursor.clone());
        let relation = self.on(async |client| relation(client, &of, &cursor).await)?;
        let stood = self.on(async |client| stood(client).await)?;
        let statement = relation.select(from, stood.next);
        self.on(async |client| declare(client, &statement).await)?;
        self.relation = Some(relation);
        Ok(stood)
    }

    fn fetched(&mut self) -> Result<Vec<Found>, Trouble> {
        let Some(relation) = &self.relation else {
            return Err(Trouble::later("no pass is open"));
        };
        let rows = self.on(async |client| {
            let fetch = format!("FETCH {ROWS} FROM standings_pass");
            client.query(&fetch, &[]).await.map_err(of_error)
        })?;
        let found: Result<Vec<Found>, Trouble> =
            rows.iter().map(|row| found(row, relation)).collect();
        if rows.is_empty() {
            self.on(async |client| client.batch_execute("COMMIT").await.map_err(of_error))?;
            self.relation = None;
        }
        found
    }
}

impl Read for Reader {
    fn begin(&mut self, from: &From) -> Result<Stood, Trouble> {
        self.connected()?;
        let opened = self.opened(from);
        if opened.is_err() {
            self.client = None;
        }
        opened
    }

    fn next(&mut self) -> Result<Vec<Found>, Trouble> {
        let fetched = self.fetched();
        if fetched.is_err() {
            self.client = None;
        }
        fetched
    }
}

/// A query of Postgres, as a window is read.
pub struct OfQuery(pub Reader);

impl window::Read for OfQuery {
    fn begin(&mut self, from: &window::From) -> Result<Option<window::Stood>, Trouble> {
        self.0.begin(&From {
            horizon: 0,
            since: from.since.as_ref().map(|(text, _)| text.clone()),
            behind: from.behind.clone(),
        })?;
        // It has no transactions that could be asked for.
        Ok(None)
    }

    fn next(&mut self) -> Result<Vec<Found>, Trouble> {
        self.0.next()
    }
}

/// A row of a pass.
fn found(row: &Row, relation: &Relation) -> Result<Found, Trouble> {
    let number = |at: usize| row.try_get::<_, Option<i64>>(at).map_err(|e| later(&e));
    let has_cursor: bool = row.try_get(3).map_err(|e| later(&e))?;
    let texts = |from: usize, columns: usize| -> Result<Vec<String>, Trouble> {
        let all = (from..from + columns).map(|at| Ok(text(row, at)?.unwrap_or_default()));
        all.collect()
    };
    let columns = relation.cursor.len();
    Ok(Found {
        row: text(row, 0)?.unwrap_or_default().into_bytes(),
        by: u64::try_from(number(1)?.unwrap_or_default()).unwrap_or_default(),
        measure: number(2)?,
        place: Place {
            cursor: match has_cursor {
                true => Some(texts(4, columns)?),
                false => None,
            },
            key: texts(4 + columns, relation.key.len())?,
        },
    })
}

/// Which database it is, and how its transactions stand in this one's snapshot.
async fn stood(client: &Client) -> Result<Stood, Trouble> {
    let asked = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text,
        (SELECT system_identifier::text FROM pg_control_system()), (SELECT timeline_id::text FROM pg_control_checkpoint())";
    let row = client.query_one(asked, &[]).await.map_err(of_error)?;
    let of = |at: usize| text(&row, at);
    let number = |at: usize| -> Result<u64, Trouble> {
        let text = of(at)?.unwrap_or_default();
        let wrong = || Trouble::Broken(format!("it says that its transactions stand at {text:?}"));
        text.parse().map_err(|_| wrong())
    };
    Ok(Stood {
        oldest: number(0)?,
        next: number(1)?,
        database: format!(
            "{}, timeline {}",
            of(2)?.unwrap_or_default(),
            of(3)?.unwrap_or_default()
        ),
    })
}

/// What is read, as the database has it now.
async fn relation(client: &Client, of: &Of, cursor: &[String]) -> Result<Relation, Trouble> {
    let text = match of {
        Of::Table(schema, name) => format!("{}.{}", quoted(schema), quoted(name)),
        Of::Query(query, _) => format!("({query}\n)"),
    };
    let probe = format!("SELECT * FROM {text} AS t LIMIT 0");
    let prepared = client.prepare(&probe).await.map_err(of_error)?;
    let columns = prepared.columns().iter().map(|column| Column {
        name: column.name().to_owned(),
        kind: (
            column.type_().schema().to_owned(),
            column.type_().name().to_owned(),
        ),
    });
    let columns: Vec<Column> = columns.collect();
    let mut relation = Relation {
        of: text,
        cursor: named(&columns, cursor)?,
        columns,
        may_be_null: false,
        key: Vec::new(),
        overlap: None,
    };
    match of {
        Of::Table(schema, name) => {
            let (key, may_be_null) = table(client, (schema, name), cursor).await?;
            relation.key = named(&relation.columns, &key)?;
            relation.may_be_null = may_be_null;
        }
        Of::Query(_, overlap) => {
            relation.overlap = Some(overlap.amount());
            overlaps(&relation, *overlap)?;
        }
    }
    Ok(relation)
}

/// The columns of these names.
fn named(columns: &[Column], names: &[String]) -> Result<Vec<Column>, Trouble> {
    let one = |name: &String| {
        let found = columns.iter().find(|column| column.name == *name);
        found.cloned().ok_or_else(|| {
            let all: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            Trouble::Broken(format!(
                "there is no column `{name}`, which the configuration names; there are {}",
                all.join(", ")
            ))
        })
    };
    names.iter().map(one).collect()
}

/// Refuses an overlap that cannot be taken from the first column of the cursor.
fn overlaps(relation: &Relation, overlap: Overlap) -> Result<(), Trouble> {
    let Some(first) = relation.cursor.first() else {
        return Ok(());
    };
    let wanted = match overlap {
        Overlap::Time(_) => Measure::Time,
        Overlap::Number(_) => Measure::Number,
    };
    if first.measure() == Some(wanted) {
        return Ok(());
    }
    let (name, kind) = (&first.name, &first.kind.1);
    Err(Trouble::Broken(match first.measure() {
        Some(Measure::Number) => format!(
            "`overlap` is a time, and `{name}` is {kind}: give a number, such as overlap = \"1000\""
        ),
        Some(Measure::Time) => format!(
            "`overlap` is a number, and `{name}` is {kind}: give a time, such as overlap = \"5m\""
        ),
        None => {
            format!("`{name}` is {kind}: the first column of the cursor must be a number or a time")
        }
    }))
}

/// The primary key of a table, and whether a column of the cursor may be NULL.
async fn table(
    client: &Client,
    (schema, name): (&str, &str),
    cursor: &[String],
) -> Result<(Vec<String>, bool), Trouble> {
    let asked = "SELECT c.relkind::text, (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (number, place), pg_attribute a
          WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.number),
        EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ANY ($3) AND NOT a.attnotnull)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
    let row = client.query_one(asked, &[&schema, &name, &cursor]).await;
    let row = row.map_err(of_error)?;
    let kind: String = row.try_get(0).map_err(|e| later(&e))?;
    if kind != "r" && kind != "p" {
        return Err(Trouble::Broken(format!(
            "{schema}.{name} is no table of its own (a view, or a foreign table): its rows have no transactions; read it by `query`"
        )));
    }
    let key: Option<Vec<String>> = row.try_get(1).map_err(|e| later(&e))?;
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| {
        Trouble::Broken(format!(
            "{schema}.{name} has no primary key, and nothing else names a row: ALTER TABLE … ADD PRIMARY KEY, or read it by `query`"
        ))
    })?;
    Ok((key, row.try_get(2).map_err(|e| later(&e))?))
}

/// Opens the portal that rows are fetched from.
async fn declare(client: &Client, statement: &Statement) -> Result<(), Trouble> {
    let text = format!(
        "DECLARE standings_pass NO SCROLL CURSOR FOR {}",
        statement.text
    );
    let parameters = statement.parameters.iter();
    let parameters: Vec<&(dyn ToSql + Sync)> =
        parameters.map(|text| text as &(dyn ToSql + Sync)).collect();
    client.execute(&text, &parameters).await.map_err(of_error)?;
    Ok(())
}
