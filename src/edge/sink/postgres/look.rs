//! How far the tables are, and whether a run goes on that writes them.

use tokio_postgres::Client;

use super::tables::Names;
use super::trouble;
use super::{PostgresSink, layout};
use crate::sink::look::Look;
use standings_commit::database::Trouble;
use standings_commit::sink::SinkError;
use standings_postgres::Unnamed;

/// A run writes its row at its start, each `--runs-interval` (a minute, if nothing else is said) and at its end; one that was
/// killed stays `running`. Twice that interval is waited for, and not less than this.
const RUNNING: &str = "SELECT id::text || ', last heard of ' || to_char(updated_at AT TIME ZONE 'UTC', \
    'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM standings_runs
    WHERE outcome = 'running' AND updated_at > now() - greatest(
        interval '150 seconds', 2 * (configuration ->> 'runs_interval')::interval) ORDER BY updated_at DESC LIMIT 1";

impl PostgresSink {
    /// Looks once, without taking the tables over.
    pub fn look(&mut self) -> Result<Look, SinkError> {
        self.0.persist(|postgres| {
            postgres.runtime.block_on(async {
                let client = postgres.target.connect().await?;
                look(&client).await
            })
        })
    }
}

async fn look(client: &Client) -> Result<Look, Trouble> {
    let names = Names::find(client).await?;
    let commit = names.table("standings_commit");
    if !layout::is_there(client, &commit).await? {
        return Ok(Look::default());
    }
    let last = format!("SELECT commit, generation FROM {commit}");
    let Some(last) = client.ask_opt(&last, &[]).await.map_err(trouble)? else {
        return Ok(Look::default());
    };
    let (commit, generation) = (last.get::<_, i64>(0).max(0) as u64, last.get::<_, i64>(1));
    let mut running = None;
    let runs = names.table("standings_runs");
    if layout::is_there(client, &runs).await? {
        // Who may not read it may repair all the same.
        let sql = RUNNING.replace("FROM standings_runs", &format!("FROM {runs}"));
        let row = client.ask_opt(&sql, &[]).await.ok().flatten();
        running = row.map(|row| row.get(0));
    }
    Ok(Look {
        commit,
        generation: generation.max(0) as u64,
        running,
    })
}
