//! Connections to one server, kept for the next who asks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join4;
use tokio::sync::Semaphore;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::standby::Behind;
use crate::as_of::AsOf;
use standings_commit::database::Trouble;
use standings_commit::sink::SinkError;
use standings_postgres::{Parameter, Target, is_pooled, trouble, typed};

/// How long a request waits for a connection of the pool.
const PLACE: Duration = Duration::from_secs(2);
/// How long a new connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// A server that was away is asked last for so long.
const AWAY: Duration = Duration::from_secs(5);
/// How much longer than a statement may take an answer is waited for.
const GRACE: Duration = Duration::from_secs(2);

/// What a snapshot of the database is of.
const AS_OF: &str = "SELECT commit, offsets::text,
    CASE WHEN watermark = 'infinity' THEN 'infinity' ELSE (extract(epoch FROM watermark) * 1000)::bigint::text END
    FROM standings_commit";

struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
    /// A pooler is between: what is prepared or set here may not be there at the next transaction, and be there for
    /// others.
    pooled: bool,
}

/// One server and its connections.
pub(super) struct Server {
    target: Target,
    begin: String,
    timeout: Duration,
    places: Semaphore,
    idle: Mutex<Vec<Connection>>,
    away: Mutex<Option<Instant>>,
    behind: Mutex<Option<Behind>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.target.name)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub(super) fn new(url: &str, places: usize, timeout: Duration) -> Result<Self, SinkError> {
        let ms = timeout.as_millis().max(2);
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {ms}; SET LOCAL lock_timeout = {}",
            ms / 2
        );
        Ok(Server {
            target: Target::parse(url)?,
            begin,
            timeout,
            places: Semaphore::new(places),
            idle: Mutex::default(),
            away: Mutex::default(),
            behind: Mutex::default(),
        })
    }

    /// How far it is behind, if it is.
    pub(super) fn behind(&self) -> Option<Behind> {
        *lock(&self.behind)
    }

    pub(super) fn set_behind(&self, behind: Option<Behind>) {
        *lock(&self.behind) = behind;
    }

    /// Whether it did not answer a moment ago.
    pub(super) fn is_away(&self) -> bool {
        lock(&self.away).is_some_and(|since| since.elapsed() < AWAY)
    }

    /// One query, and what it is of, in one snapshot.
    pub(super) async fn snapshot(
        &self,
        sql: &str,
        parameters: &[&dyn Parameter],
    ) -> Result<(AsOf, Vec<Row>), Trouble> {
        let passing = |text: &str| Trouble::Passing(text.to_owned());
        let place = tokio::time::timeout(PLACE, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            return Err(passing("all connections of the pool are in use"));
        };
        let kept = lock(&self.idle).pop().filter(|c| !c.client.is_closed());
        let was_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let limit = self.timeout + GRACE;
        let read = tokio::time::timeout(limit, self.read(&mut connection, sql, parameters)).await;
        let mut read = read.unwrap_or_else(|_| Err(passing("no answer in time")));
        if was_kept && matches!(read, Err(Trouble::Passing(_))) && connection.client.is_closed() {
            // The server was restarted while the connection was kept.
            lock(&self.idle).clear();
            connection = self.connect().await?;
            let again = tokio::time::timeout(limit, self.read(&mut connection, sql, parameters));
            read = again
                .await
                .unwrap_or_else(|_| Err(passing("no answer in time")));
        }
        match read {
            Ok(found) => {
                *lock(&self.away) = None;
                lock(&self.idle).push(connection);
                Ok(found)
            }
            // The connection goes with its transaction.
            Err(trouble) => Err(trouble),
        }
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        // Statements are prepared outside of a transaction: a table that is locked holds that up too.
        let ms = self.timeout.as_millis().max(2);
        let limits = format!(
            "SET statement_timeout = {ms}; SET lock_timeout = {}",
            ms / 2
        );
        let connect = async {
            let client = self.target.connect().await?;
            let pooled = is_pooled(&client).await.map_err(trouble)?;
            if !pooled {
                client.batch_execute(&limits).await.map_err(trouble)?;
            }
            Ok((client, pooled))
        };
        let connected = tokio::time::timeout(CONNECT, connect).await;
        let connected =
            connected.unwrap_or_else(|_| Err(Trouble::Passing("no connection in time".to_owned())));
        match connected {
            Ok((client, pooled)) => Ok(Connection {
                client,
                statements: HashMap::new(),
                pooled,
            }),
            Err(trouble) => {
                *lock(&self.away) = Some(Instant::now());
                Err(trouble)
            }
        }
    }

    async fn read(
        &self,
        connection: &mut Connection,
        sql: &str,
        parameters: &[&dyn Parameter],
    ) -> Result<(AsOf, Vec<Row>), Trouble> {
        if connection.pooled {
            return self.read_whole(&connection.client, sql, parameters).await;
        }
        for text in [AS_OF, sql] {
            if !connection.statements.contains_key(text) {
                let statement = connection.client.prepare(text).await.map_err(trouble)?;
                connection.statements.insert(text.to_owned(), statement);
            }
        }
        let Connection {
            client, statements, ..
        } = connection;
        let values: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|p| p.value()).collect();
        let (Some(as_of), Some(data)) = (statements.get(AS_OF), statements.get(sql)) else {
            return Err(Trouble::Passing("a statement was not kept".to_owned()));
        };
        // Sent together, in this order, on one connection: one round trip.
        let (begun, as_of, rows, ended) = join4(
            client.batch_execute(&self.begin),
            client.query(as_of, &[]),
            client.query(data, &values),
            client.batch_execute("COMMIT"),
        )
        .await;
        begun.map_err(trouble)?;
        let (as_of, rows) = (as_of.map_err(trouble)?, rows.map_err(trouble)?);
        ended.map_err(trouble)?;
        Ok((read_as_of(&as_of), rows))
    }

    /// The same by statements that are sent whole.
    async fn read_whole(
        &self,
        client: &Client,
        sql: &str,
        parameters: &[&dyn Parameter],
    ) -> Result<(AsOf, Vec<Row>), Trouble> {
        let values = typed(parameters);
        let (begun, as_of, rows, ended) = join4(
            client.batch_execute(&self.begin),
            client.query_typed(AS_OF, &[]),
            client.query_typed(sql, &values),
            client.batch_execute("COMMIT"),
        )
        .await;
        begun.map_err(trouble)?;
        let (as_of, rows) = (as_of.map_err(trouble)?, rows.map_err(trouble)?);
        ended.map_err(trouble)?;
        Ok((read_as_of(&as_of), rows))
    }
}

/// What a row of `standings_commit` says; before the first cluster there is none.
fn read_as_of(rows: &[Row]) -> AsOf {
    let Some(row) = rows.first() else {
        return AsOf::default();
    };
    let offsets: std::collections::BTreeMap<u32, u64> =
        serde_json::from_str(row.get(1)).unwrap_or_default();
    let watermark = row.get::<_, Option<&str>>(2).and_then(|w| match w {
        "infinity" => Some(standings_engine::event_time::END_OF_TIME),
        ms => ms.parse().ok(),
    });
    AsOf {
        commit: row.get::<_, i64>(0).max(0) as u64,
        offsets: crate::as_of::offsets(&offsets),
        watermark,
    }
}
