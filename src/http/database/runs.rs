//! The table of runs.

use serde_json::{Value, json};

use super::Database;
use crate::as_of::{AsOf, time};
use crate::problem::Problem;

impl Database {
    /// The newest runs, as the API tells of them; none where no run has been recorded.
    pub(crate) async fn runs(&self, limit: usize) -> Result<(AsOf, Vec<Value>), Problem> {
        // Beside the commits, as a run writes it.
        let there = "SELECT format('%I.standings_runs', n.nspname) FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = coalesce(to_regclass('standings_commit'), to_regclass('standings_runs'))
              AND to_regclass(format('%I.standings_runs', n.nspname)) IS NOT NULL";
        let (as_of, found) = self.ask(there, &[]).await?;
        let Some(table) = found.first().map(|row| row.get::<_, String>(0)) else {
            return Ok((as_of, Vec::new()));
        };
        let sql = format!("SELECT id::text, (extract(epoch FROM started) * 1000)::bigint,
                (extract(epoch FROM ended) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint,
                version, configuration_hash, configuration::text, counts::text, outcome, error
            FROM {table} ORDER BY started DESC, id DESC LIMIT $1");
        let limit = Box::new(i64::try_from(limit).unwrap_or(i64::MAX));
        let (as_of, rows) = self.ask(&sql, &[limit]).await?;
        let object = |text: &str| -> Value { serde_json::from_str(text).unwrap_or_default() };
        let run = |row: &tokio_postgres::Row| {
            json!({
                "id": row.get::<_, &str>(0),
                "started": time(row.get(1)),
                "ended": row.get::<_, Option<i64>>(2).map(time),
                "updated_at": time(row.get(3)),
                "version": row.get::<_, &str>(4),
                "configuration_hash": row.get::<_, &str>(5),
                "configuration": object(row.get(6)),
                "counts": object(row.get(7)),
                "outcome": row.get::<_, &str>(8),
                "error": row.get::<_, Option<&str>>(9),
            })
        };
        Ok((as_of, rows.iter().map(run).collect()))
    }
}
