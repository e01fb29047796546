//! The log of a Postgres, its slot and its snapshots: two connections, one that asks and one that is replicated to.
//!
//! ```text
//! make ──► replication: CREATE_REPLICATION_SLOT … EXPORT_SNAPSHOT ──► name of a snapshot ──► the other: SET TRANSACTION SNAPSHOT, DECLARE
//! look ──► the other: REPEATABLE READ, what it sees                                           FETCH … until there is no more: COMMIT
//! stream ► replication: START_REPLICATION ──► pieces, decoded
//! ```
//!
//! 1. Values are written by the server, on both connections by the same settings: a row has one text, whichever way it comes.
//! 2. Whatever fails, both connections are given up.

mod ask;

use std::time::Duration;

use standings_commit::database::Trouble as Failed;
use standings_ingest::config::Changes;
use standings_ingest::feed::Trouble;
use standings_ingest::postgres::changes::Names;
use standings_ingest::postgres::changes::kind::Types;
use standings_ingest::postgres::changes::pgoutput::{Datum, Tuple, decode};
use standings_ingest::postgres::changes::server::{Said, Seen, Select, Server, Stood};
use standings_ingest::postgres::sql::quoted;
use standings_model::error::Failure;
use standings_postgres::replication::{Piece, Session, Stream, read};
use standings_postgres::{Target, trouble};
use standings_process::exit::NoThread;
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// Rows that are fetched at once.
const ROWS: usize = 2_000;
/// How long a connection may take, and a statement: the first rows may have to be sorted, and a slot waits for transactions that run.
const CONNECT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(600);
/// What values are written by.
const SETTINGS: [(&str, &str); 8] = [
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO,YMD"),
    ("IntervalStyle", "iso_8601"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("lc_monetary", "C"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
];

/// A database.
pub struct Postgres {
    runtime: Runtime,
    target: Target,
    names: Names,
    client: Option<Client>,
    stream: Option<Stream>,
    /// The cluster's identifier and its timeline, as long as the stream goes on.
    identity: Option<(String, u32)>,
}

pub(super) fn of(failed: Failed) -> Trouble {
    match failed {
        Failed::Passing(why) => Trouble::later(why),
        Failed::Login(_) | Failed::Wrong(_) | Failed::Final(_) => Trouble::Broken(failed.text()),
    }
}

pub(super) fn of_error(e: Error) -> Trouble {
    of(trouble(e))
}

/// A slot that another connection still has: a killed one is let go of in a moment.
fn of_slot(failed: Failed) -> Trouble {
    match failed.text() {
        text if text.contains("(55006)") => Trouble::later(text),
        // The next look at the database says what that means.
        text if text.contains("(42704)") => Trouble::later(text),
        _ => of(failed),
    }
}

impl Postgres {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// A URL that is none; this process has no thread for it.
    pub fn new(url: &str, changes: &Changes) -> Result<Self, Failure> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A thread of its own: the server is answered also while this one waits for Kafka.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("replication")
            .enable_all()
            .build()
            .map_err(NoThread)?;
        Ok(Postgres {
            runtime,
            target: Target::parse(url)?,
            names: changes.names.clone(),
            client: None,
            stream: None,
            identity: None,
        })
    }

    /// Does something in time; where it fails, nothing stays open.
    fn patiently<T>(
        &mut self,
        what: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let done = async { tokio::time::timeout(PATIENCE, what).await };
        let done = self.runtime.block_on(done);
        let done =
            done.unwrap_or_else(|_| Err(Trouble::later("the database does not answer in time")));
        if done.is_err() {
            self.close();
        }
        done
    }

    fn close(&mut self) {
        (self.client, self.stream, self.identity) = (None, None, None);
    }

    /// Runs something on the connection that asks; it is taken for that long.
    fn on<T>(
        &mut self,
        what: impl AsyncFnOnce(&Client, &Names) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        self.connected()?;
        let Some(client) = self.client.take() else {
            return Err(Trouble::later("there is no connection"));
        };
        let names = self.names.clone();
        let done = self.patiently(async {
            let done = what(&client, &names).await?;
            Ok((done, client))
        });
        let (done, client) = done?;
        self.client = Some(client);
        Ok(done)
    }

    fn connected(&mut self) -> Result<(), Trouble> {
        let client = self.client.as_ref();
        if client.is_some_and(|client| !client.is_closed()) {
            return Ok(());
        }
        let target = &self.target;
        let done = async {
            let client = tokio::time::timeout(CONNECT, target.connect()).await;
            let client = client.map_err(|_| Trouble::later("the database does not answer"))?;
            let client = client.map_err(of)?;
            let settings = SETTINGS.iter();
            let settings: Vec<String> = settings
                .map(|(name, value)| format!("SET {name} = '{value}'"))
                .collect();
            let settings = settings.join("; ");
            client.batch_execute(&settings).await.map_err(of_error)?;
            Ok(client)
        };
        self.client = Some(self.runtime.block_on(done)?);
        Ok(())
    }

    /// Another connection, of replication.
    fn session(&mut self) -> Result<Session, Trouble> {
        let settings = SETTINGS.iter().take(6);
        let settings: Vec<String> = settings
            .map(|(name, value)| format!("-c {name}={value}"))
            .collect();
        let settings = settings.join(" ");
        let connected = Session::connect(&self.target, &settings);
        let connected = self.runtime.block_on(connected).map_err(of);
        if connected.is_err() {
            self.close();
        }
        connected
    }

    /// Who the server is.
    fn identified(&mut self) -> Result<(String, u32), Trouble> {
        if let Some(identity) = &self.identity
            && self.stream.is_some()
        {
            return Ok(identity.clone());
        }
        let mut session = self.session()?;
        let rows = self.patiently(async { session.query("IDENTIFY_SYSTEM").await.map_err(of) })?;
        let row = rows.into_iter().next().unwrap_or_default();
        let mut texts = row.into_iter().map(Option::unwrap_or_default);
        let (system, timeline) = (
            texts.next().unwrap_or_default(),
            texts.next().unwrap_or_default(),
        );
        let timeline = timeline.parse();
        let strange =
            |_| Trouble::Broken("the server does not say on which timeline it is".to_owned());
        let identity = (system, timeline.map_err(strange)?);
        self.identity = Some(identity.clone());
        Ok(identity)
    }
}

impl Server for Postgres {
    fn stood(&mut self) -> Result<Stood, Trouble> {
        let (system, timeline) = self.identified()?;
        let stood = self.on(async |client, names| ask::stood(client, names).await)?;
        Ok(Stood {
            system,
            timeline,
            ..stood
        })
    }

    fn publish(&mut self) -> Result<(), Trouble> {
        self.on(async |client, names| {
            let statement = format!(
                "CREATE PUBLICATION {} FOR TABLE {} WITH (publish_via_partition_root = true)",
                quoted(&names.publication),
                names.quoted()
            );
            let made = client.batch_execute(&statement).await;
            made.map_err(|e| {
                let is_right = e.code().is_some_and(|code| code.code() == "42501");
                match of_error(e) {
                    Trouble::Broken(why) if is_right => Trouble::Broken(format!(
                        "the publication is not there, and this user may not make it: {why}; let the table's owner run {statement}"
                    )),
                    other => other,
                }
            })
        })
    }

    fn make(&mut self, anew: bool) -> Result<u64, Trouble> {
        self.stream = None;
        if anew {
            self.on(async |client, names| {
                let drop = "SELECT pg_drop_replication_slot($1)";
                let dropped = client.execute(drop, &[&names.slot]).await;
                dropped.map(|_| ()).map_err(|e| of_slot(trouble(e)))
            })?;
        }
        let mut session = self.session()?;
        let command = format!(
            "CREATE_REPLICATION_SLOT {} LOGICAL pgoutput EXPORT_SNAPSHOT",
            self.names.slot
        );
        let rows = self.patiently(async { session.query(&command).await.map_err(of_slot) })?;
        let row = rows.into_iter().next().unwrap_or_default();
        let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let (Some(at), snapshot) = (read(&text(1)), text(2)) else {
            self.close();
            return Err(Trouble::Broken(
                "the server does not say where the slot begins".to_owned(),
            ));
        };
        self.on(async |client, _| {
            let begin = format!(
                "ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{}'",
                snapshot.replace('\'', "''")
            );
            client.batch_execute(&begin).await.map_err(of_error)
        })?;
        // Only now may the connection that holds the snapshot end.
        drop(session);
        Ok(at)
    }

    fn look(&mut self) -> Result<(Seen, u64), Trouble> {
        self.stream = None;
        self.on(async |client, _| {
            let begin = "ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
            client.batch_execute(begin).await.map_err(of_error)?;
            ask::seen(client).await
        })
    }

    fn select(&mut self, what: &Select) -> Result<(), Trouble> {
        self.on(async |client, names| {
            let statement = what.statement(&names.quoted());
            let text = format!(
                "DECLARE standings_snapshot NO SCROLL CURSOR FOR {}",
                statement.text
            );
            let parameters = statement.parameters.iter();
            let parameters: Vec<&(dyn ToSql + Sync)> =
                parameters.map(|text| text as &(dyn ToSql + Sync)).collect();
            let declared = client.execute(&text, &parameters).await;
            declared.map(|_| ()).map_err(of_error)
        })
    }

    fn rows(&mut self) -> Result<Vec<Tuple>, Trouble> {
        self.on(async |client, _| {
            // The simple protocol: values as the server writes them, which the log has too.
            let fetch = format!("FETCH {ROWS} FROM standings_snapshot");
            let said = client.simple_query(&fetch).await.map_err(of_error)?;
            let rows = said.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            });
            let rows: Vec<Tuple> = rows
                .map(|row| {
                    let datum = |at| match row.get(at) {
                        Some(text) => Datum::Text(text.to_owned()),
                        None => Datum::Null,
                    };
                    (0..row.len()).map(datum).collect()
                })
                .collect();
            if rows.is_empty() {
                client.batch_execute("COMMIT").await.map_err(of_error)?;
            }
            Ok(rows)
        })
    }

    fn stream(&mut self, from: u64) -> Result<(), Trouble> {
        self.stream = None;
        let session = self.session()?;
        let (slot, publication) = (self.names.slot.clone(), self.names.publication.clone());
        let started = self.patiently(async {
            session
                .start(&slot, from, &publication)
                .await
                .map_err(of_slot)
        });
        self.stream = Some(started?);
        Ok(())
    }

    fn next(&mut self, within: Duration) -> Result<Option<Said>, Trouble> {
        let Some(stream) = &mut self.stream else {
            return Err(Trouble::later("the log is not open"));
        };
        let piece = match stream.ready() {
            Ok(None) if !within.is_zero() => {
                let next = async { tokio::time::timeout(within, stream.next()).await };
                self.runtime.block_on(next).ok().transpose()
            }
            piece => piece,
        };
        let piece = match piece {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(None),
            Err(failed) => {
                self.close();
                // The next look at the database says whether more is wrong than the connection.
                return Err(Trouble::later(failed.text()));
            }
        };
        Ok(Some(match piece {
            Piece::Alive { end } => Said::Alive { end },
            Piece::Log { at, data } => {
                let message = decode(&data).map_err(|e| Trouble::Broken(e.to_string()))?;
                Said::Log { at, message }
            }
        }))
    }

    fn acknowledge(&mut self, upto: u64) {
        if let Some(stream) = &self.stream {
            stream.acknowledge(upto);
        }
    }

    fn types(&mut self, of: &[u32]) -> Result<Types, Trouble> {
        self.on(async |client, _| ask::types(client, of).await)
    }
}
