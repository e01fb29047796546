//! Databases of the real Postgres.

use super::kafka::{block, unique};
use super::{Rows, keys_of, measures_of, service};
use serde_json::Value;

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

/// The tables as the change log would show them.
pub fn rows_of(url: &str) -> Rows {
    block(async {
        let client = connect(url).await;
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
            for row in client.query(&sql, &[]).await.unwrap() {
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
        rows
    })
}
