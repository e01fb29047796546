//! Databases of the real Postgres.

use super::kafka::{block, unique};
use super::service;

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
