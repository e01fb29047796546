//! Databases of the real Postgres.

use std::collections::BTreeMap;

use super::kafka::{block, unique};
use super::{Rows, keys_of, measures_of, service};
use serde_json::Value;
use tokio_postgres::error::SqlState;

/// A plain connection.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// A database of its own.
pub fn database() -> String {
    let url = service("POSTGRES_URL");
    let name = unique("test");
    block(async {
        connect(&url)
            .await
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap()
    });
    let (base, _) = url.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

/// The tables as the change log would show them. A table that is not there yet holds no rows: what is asked for
/// while a cluster starts may come before its tables do.
pub fn rows_of(url: &str) -> Rows {
    block(async { rows_in(&connect(url).await).await.unwrap() })
}

async fn rows_in(client: &tokio_postgres::Client) -> Result<Rows, tokio_postgres::Error> {
    let mut rows = Rows::new();
    for ranking in [
        "top_sales_per_city",
        "top_salesmen",
        "top_salesmen_per_city",
    ] {
        let columns: Vec<&str> = keys_of(ranking)
            .iter()
            .chain(measures_of(ranking))
            .copied()
            .collect();
        let select: String = columns.iter().map(|c| format!(", {c}::text")).collect();
        let sql = format!(
            "SELECT rank, (extract(epoch FROM window_start) * 1000)::bigint{select} FROM {ranking}"
        );
        let found = match client.query(&sql, &[]).await {
            Ok(found) => found,
            Err(e) if e.code() == Some(&SqlState::UNDEFINED_TABLE) => continue,
            Err(e) => return Err(e),
        };
        for row in found {
            let text = |i: usize| row.get::<_, Option<String>>(2 + i);
            let keys = (0..keys_of(ranking).len())
                .map(|i| text(i).unwrap())
                .collect();
            let value = |i: usize| match text(i) {
                None => Value::Null,
                Some(t)
                    if columns[i].contains("count")
                        || columns[i].contains("d") && t.parse::<i64>().is_ok() =>
                {
                    Value::from(t.parse::<i64>().unwrap())
                }
                Some(t) => Value::from(t),
            };
            let measures = (keys_of(ranking).len()..columns.len()).map(value).collect();
            rows.insert(
                (ranking.to_owned(), row.get(1), keys),
                (row.get::<_, i32>(0) as u64, measures),
            );
        }
    }
    Ok(rows)
}

/// What the database shows at one moment.
pub struct Snapshot {
    pub commit: u64,
    pub generation: i64,
    /// The next offset to read, by partition.
    pub offsets: BTreeMap<usize, u64>,
    pub rows: Rows,
}

/// Reads commits as they come, on one connection.
pub struct Watching {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Watching {
    /// `None` while the server is down.
    pub fn at(url: &str) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(async {
            let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
            let (client, connection) = connected.ok()?;
            tokio::spawn(connection);
            Some(client)
        })?;
        Some(Watching { runtime, client })
    }

    /// What is shown, if it is a later commit than this; an error when the connection is lost.
    pub fn after(&self, commit: u64) -> Result<Option<Snapshot>, tokio_postgres::Error> {
        self.runtime.block_on(async {
            let client = &self.client;
            client
                .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .await?;
            let there = "SELECT to_regclass('standings_commit') IS NOT NULL";
            let mut found = None;
            if client.query_one(there, &[]).await?.get::<_, bool>(0) {
                let sql = "SELECT commit, generation, offsets::text FROM standings_commit";
                if let Some(row) = client.query_opt(sql, &[]).await?
                    && row.get::<_, i64>(0) as u64 > commit
                {
                    found = Some(Snapshot {
                        commit: row.get::<_, i64>(0) as u64,
                        generation: row.get(1),
                        offsets: serde_json::from_str(row.get(2)).unwrap(),
                        rows: rows_in(client).await?,
                    });
                }
            }
            client.batch_execute("COMMIT").await?;
            Ok(found)
        })
    }
}
