//! The log of a MariaDB, and its snapshots: two connections, one that asks and one that is a replica.
//!
//! ```text
//! look ───► START TRANSACTION WITH CONSISTENT SNAPSHOT ──► binlog_snapshot_file, binlog_snapshot_position ──► BINLOG_GTID_POS
//! select ─► rows, a thousand at a time, from a task that has the connection
//! stream ─► another: SET @slave_connect_state, COM_BINLOG_DUMP ──► events, as they come
//! ```
//!
//! 1. The place of the log that goes with a snapshot is told by the server: nothing is locked.
//! 2. Events are only carried here: what they say is read by `standings_ingest::mysql::changes::event`.
//! 3. Whatever fails, both connections are given up.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{BinlogStream, BinlogStreamRequest, Conn, Error, Params, Value};
use standings_ingest::config::Binlog;
use standings_ingest::feed::Trouble;
use standings_ingest::mysql::changes::Names;
use standings_ingest::mysql::changes::event::Raw;
use standings_ingest::mysql::changes::known::Listed;
use standings_ingest::mysql::changes::server::{Select, Server, Stood, Table};
use standings_ingest::mysql::value::Datum;
use standings_model::error::Failure;
use standings_process::exit::NoThread;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::connect::{Target, of_error};
use super::rows::datum;

/// How long a statement may take: the first rows of a snapshot may have to be sorted.
const PATIENCE: Duration = Duration::from_secs(600);
/// Rows that are given on at once.
const ROWS: usize = 1_000;
/// Events that wait to be taken.
const AHEAD: usize = 4_096;
/// How often the server says that it is there, ns.
const HEARTBEAT: u64 = 1_000_000_000;

/// A database.
pub(crate) struct MariaDb {
    runtime: Runtime,
    target: Target,
    names: Names,
    server_id: u32,
    connection: Option<Conn>,
    rows: Option<mpsc::Receiver<Result<Vec<Vec<Datum>>, Trouble>>>,
    events: Option<mpsc::Receiver<Result<Raw, Trouble>>>,
}

impl MariaDb {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// A URL that is none, or names no database; this process has no thread for it.
    pub(crate) fn new(url: &str, of: &Binlog) -> Result<Self, Failure> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("binlog")
            .enable_all()
            .build()
            .map_err(NoThread)?;
        let target = Target::parse(url)?;
        let mut names = of.names.clone();
        if names.database.is_empty() {
            names.database = target.database().unwrap_or_default().to_owned();
        }
        Ok(MariaDb {
            runtime,
            target,
            names,
            server_id: of.server_id,
            connection: None,
            rows: None,
            events: None,
        })
    }

    /// What its table is called, with the database of the URL where the configuration has none.
    pub(crate) fn names(&self) -> Names {
        self.names.clone()
    }

    fn close(&mut self) {
        (self.connection, self.rows, self.events) = (None, None, None);
    }

    /// Runs something on the connection that asks, in time; where it fails, nothing stays open.
    fn on<T>(
        &mut self,
        what: impl AsyncFnOnce(&mut Conn, &Names) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.runtime.block_on(self.target.connect()) {
                Ok(connection) => connection,
                Err(trouble) => {
                    self.close();
                    return Err(trouble);
                }
            },
        };
        let names = &self.names;
        let done = async { tokio::time::timeout(PATIENCE, what(&mut connection, names)).await };
        let done = self.runtime.block_on(done);
        let done = done.unwrap_or_else(|_| Err(Trouble::later("the database does not answer")));
        match &done {
            Ok(_) => self.connection = Some(connection),
            Err(_) => self.close(),
        }
        done
    }
}

async fn one(conn: &mut Conn, asked: &str) -> Result<String, Trouble> {
    let said: Option<Option<String>> = conn.query_first(asked).await.map_err(of_error)?;
    Ok(said.flatten().unwrap_or_default())
}

/// Settings by which the log says less than all, each with the statement to run.
async fn wrong(conn: &mut Conn) -> Result<Vec<String>, Trouble> {
    let asked = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'server_id')";
    let all: Vec<(String, String)> = conn.query(asked).await.map_err(of_error)?;
    let all: BTreeMap<String, String> = all.into_iter().collect();
    let is = |name: &str, value: &str| {
        all.get(name)
            .is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let mut wrong = Vec::new();
    if !is("log_bin", "ON") {
        wrong.push("there is no log; start the server with log_bin".to_owned());
    }
    for (name, value) in [
        ("binlog_format", "ROW"),
        ("binlog_row_image", "FULL"),
        ("binlog_row_metadata", "FULL"),
    ] {
        if !is(name, value) {
            wrong.push(match all.contains_key(name) {
                true => format!(
                    "run SET GLOBAL {name} = '{value}', and keep it in the server's configuration"
                ),
                false => format!("the server has no {name} (MariaDB has it from 10.5 on)"),
            });
        }
    }
    Ok(wrong)
}

/// How far the log is at a place; none: there is no such place.
async fn gtids(conn: &mut Conn, file: &str, position: &str) -> Result<Option<String>, Trouble> {
    let asked = "SELECT BINLOG_GTID_POS(?, CAST(? AS UNSIGNED))";
    let at: Option<Option<String>> = conn
        .exec_first(asked, (file, position))
        .await
        .map_err(of_error)?;
    Ok(at.flatten())
}

async fn table(conn: &mut Conn, names: &Names) -> Result<Option<Table>, Trouble> {
    let of = (names.database.as_str(), names.table.as_str());
    let asked = "SELECT COALESCE(engine, '') FROM information_schema.tables WHERE table_schema = ? AND table_name = ? AND table_type = 'BASE TABLE'";
    let engine: Option<String> = conn.exec_first(asked, of).await.map_err(of_error)?;
    let Some(engine) = engine else {
        return Ok(None);
    };
    // What is made of other columns alone is in no log.
    let asked = "SELECT column_name, LOWER(data_type), LOWER(column_type), CAST(COALESCE(datetime_precision, 0) AS UNSIGNED), character_set_name \
                 FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND extra NOT LIKE '%VIRTUAL%' \
                 ORDER BY ordinal_position";
    let rows: Vec<(String, String, String, u8, Option<String>)> =
        conn.exec(asked, of).await.map_err(of_error)?;
    let columns =
        rows.into_iter().map(
            |(name, data_type, column_type, digits, characters)| Listed {
                name,
                data_type,
                column_type,
                digits,
                characters,
            },
        );
    let asked = "SELECT column_name FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? \
                 AND index_name = 'PRIMARY' ORDER BY seq_in_index";
    let key: Vec<String> = conn.exec(asked, of).await.map_err(of_error)?;
    Ok(Some(Table {
        engine,
        key,
        columns: columns.collect(),
    }))
}

impl Server for MariaDb {
    fn stood(&mut self) -> Result<Stood, Trouble> {
        self.on(async |conn, names| {
            let version = one(conn, "SELECT @@version").await?;
            let is_mariadb = version.contains("MariaDB");
            if !is_mariadb {
                return Ok(Stood {
                    version,
                    ..Stood::default()
                });
            }
            let wrong = wrong(conn).await?;
            let reached = one(conn, "SELECT @@gtid_binlog_pos").await?;
            let asked = "SELECT CAST(id AS UNSIGNED), character_set_name FROM information_schema.collation_character_set_applicability \
                         WHERE id IS NOT NULL AND character_set_name IS NOT NULL";
            let collations: Vec<(u32, String)> = conn.query(asked).await.map_err(of_error)?;
            Ok(Stood {
                version,
                is_mariadb,
                wrong,
                reached,
                table: table(conn, names).await?,
                collations: collations.into_iter().collect(),
            })
        })
    }

    fn look(&mut self) -> Result<(String, String), Trouble> {
        (self.rows, self.events) = (None, None);
        self.on(async |conn, _| {
            conn.query_drop("ROLLBACK").await.map_err(of_error)?;
            let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
            conn.query_drop(begin).await.map_err(of_error)?;
            let asked = "SHOW STATUS WHERE Variable_name IN ('Binlog_snapshot_file', 'Binlog_snapshot_position')";
            let said: Vec<(String, String)> = conn.query(asked).await.map_err(of_error)?;
            let of = |name: &str| {
                let found = said.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            };
            let (file, position) = (of("Binlog_snapshot_file"), of("Binlog_snapshot_position"));
            let at = gtids(conn, &file, &position).await?;
            let at = at.ok_or_else(|| {
                Trouble::Broken("the server does not say how far its log is in a snapshot".to_owned())
            })?;
            Ok((at, format!("{file}:{position}")))
        })
    }

    fn reached(&mut self, place: &str) -> Result<String, Trouble> {
        let (file, position) = place.rsplit_once(':').unwrap_or((place, "0"));
        let (file, position) = (file.to_owned(), position.to_owned());
        self.on(async |conn, _| Ok(gtids(conn, &file, &position).await?.unwrap_or_default()))
    }

    fn select(&mut self, what: &Select) -> Result<(), Trouble> {
        let statement = what.statement(&self.names.quoted());
        let Some(mut connection) = self.connection.take() else {
            return Err(Trouble::later("there is no connection"));
        };
        let (sender, rows) = mpsc::channel(2);
        self.runtime.spawn(async move {
            let done = async {
                let parameters = statement.parameters.into_iter().map(Value::from);
                let parameters = match parameters.len() {
                    0 => Params::Empty,
                    _ => Params::Positional(parameters.collect()),
                };
                let result = connection.exec_iter(statement.text, parameters).await;
                let mut result = result.map_err(of_error)?;
                let mut rows: Vec<Vec<Datum>> = Vec::new();
                while let Some(row) = result.next().await.map_err(of_error)? {
                    rows.push(row.unwrap().into_iter().map(datum).collect());
                    if rows.len() == ROWS
                        && sender.send(Ok(std::mem::take(&mut rows))).await.is_err()
                    {
                        return Ok(());
                    }
                }
                if !rows.is_empty() {
                    // Who is gone does not want them.
                    let _ = sender.send(Ok(rows)).await;
                }
                Ok(())
            };
            if let Err(trouble) = done.await {
                let _ = sender.send(Err(trouble)).await;
            }
        });
        self.rows = Some(rows);
        Ok(())
    }

    fn rows(&mut self) -> Result<Vec<Vec<Datum>>, Trouble> {
        let Some(rows) = &mut self.rows else {
            return Err(Trouble::later("no snapshot is open"));
        };
        let next = async { tokio::time::timeout(PATIENCE, rows.recv()).await };
        match self.runtime.block_on(next) {
            Ok(Some(Ok(rows))) => Ok(rows),
            Ok(Some(Err(trouble))) => {
                self.close();
                Err(trouble)
            }
            Ok(None) => {
                self.rows = None;
                Ok(Vec::new())
            }
            Err(_) => {
                self.close();
                Err(Trouble::later("the database does not answer"))
            }
        }
    }

    fn stream(&mut self, behind: &str) -> Result<(), Trouble> {
        self.events = None;
        let (target, server_id, behind) = (self.target.clone(), self.server_id, behind.to_owned());
        let started = async {
            let mut connection = target.connect().await?;
            for statement in [
                "SET @mariadb_slave_capability = 4".to_owned(),
                format!("SET @master_heartbeat_period = {HEARTBEAT}"),
                // Digits, commas and hyphens: nothing else is a number of theirs.
                format!("SET @slave_connect_state = '{behind}'"),
                "SET @slave_gtid_strict_mode = 1".to_owned(),
                "SET @slave_gtid_ignore_duplicates = 0".to_owned(),
            ] {
                connection.query_drop(statement).await.map_err(of_error)?;
            }
            let request = BinlogStreamRequest::new(server_id).with_pos(4);
            connection
                .get_binlog_stream(request)
                .await
                .map_err(of_error)
        };
        let stream = self.runtime.block_on(started);
        let stream = match stream {
            Ok(stream) => stream,
            Err(trouble) => {
                self.close();
                return Err(trouble);
            }
        };
        let (sender, events) = mpsc::channel(AHEAD);
        self.runtime.spawn(carried(stream, sender));
        self.events = Some(events);
        Ok(())
    }

    fn next(&mut self, within: Duration) -> Result<Option<Raw>, Trouble> {
        let Some(events) = &mut self.events else {
            return Err(Trouble::later("the log is not open"));
        };
        let next = match events.try_recv() {
            Ok(next) => Some(next),
            Err(mpsc::error::TryRecvError::Empty) if within.is_zero() => return Ok(None),
            Err(mpsc::error::TryRecvError::Empty) => {
                let next = async { tokio::time::timeout(within, events.recv()).await };
                match self.runtime.block_on(next) {
                    Ok(next) => next,
                    Err(_) => return Ok(None),
                }
            }
            Err(mpsc::error::TryRecvError::Disconnected) => None,
        };
        match next {
            Some(Ok(raw)) => Ok(Some(raw)),
            Some(Err(trouble)) => {
                self.close();
                Err(trouble)
            }
            None => {
                self.close();
                Err(Trouble::later(
                    "the log has ended: the server stops, or another replica has the same server-id",
                ))
            }
        }
    }
}

/// Carries events, until the connection or who takes them is gone.
async fn carried(mut stream: BinlogStream, sender: mpsc::Sender<Result<Raw, Trouble>>) {
    loop {
        let next = tokio::select! {
            next = stream.next() => next,
            () = sender.closed() => return,
        };
        let raw = match next {
            None => return,
            Some(Ok(event)) => {
                let header = event.header();
                Ok(Raw {
                    kind: header.event_type_raw(),
                    at: header.timestamp(),
                    server: header.server_id(),
                    end: header.log_pos(),
                    data: event.data().to_vec(),
                })
            }
            Some(Err(Error::Server(e))) if e.code == 1236 => Err(purged(&e.message)),
            Some(Err(error)) => Err(of_error(error)),
        };
        let is_over = raw.is_err();
        if sender.send(raw).await.is_err() || is_over {
            return;
        }
    }
}

/// What the server says of a place that it cannot read from.
fn purged(message: &str) -> Trouble {
    Trouble::Broken(format!(
        "the log cannot be read on from where it was read up to: {message} (1236). It was purged (binlog_expire_logs_seconds says how long it is \
         kept), or this server has another history. What is in the topic stays; to read the table anew, give the source another name"
    ))
}
