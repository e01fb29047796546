//! The table `standings_runs`: when a run began and ended, of which version and configuration, what it did, how it ended.
//!
//! 1. It is written by process 0, beside the commits and never in their transactions.
//! 2. A database that is down, or that refuses the table, costs the run nothing but the record.
//! 3. Each write says everything, so that one that was lost is made good by the next.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ring::digest;
use tokio::runtime::Runtime;
use tokio_postgres::Client;

use standings_commit::database::Trouble;
use standings_commit::tally::{Done, Tally};
use standings_edge::sink::postgres::Names;
use standings_model::error::codes;
use standings_model::time::{format_rfc3339, unix_ms};
use standings_postgres::{Target, Unnamed, trouble};
use standings_process::exit::Failure;
use standings_process::run_id::RunId;
use standings_process::witness::{End, Keeper};

/// How long one write may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon a write that failed is tried again, at most.
const AGAIN: Duration = Duration::from_secs(5);
/// Characters of an error that are kept.
const LONGEST_ERROR: usize = 4_000;

/// How the table of this whole name is made.
pub fn table(name: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {name} (
    id uuid PRIMARY KEY,
    started timestamptz NOT NULL,
    ended timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    version text NOT NULL,
    configuration_hash text NOT NULL,
    configuration jsonb NOT NULL,
    counts jsonb NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('running', 'done', 'failed')),
    error text
);
CREATE INDEX IF NOT EXISTS standings_runs_started ON {name} (started DESC)"
    )
}

/// What comes after `INSERT INTO` and the table's name.
const WRITE: &str = "
    (id, started, ended, updated_at, version, configuration_hash, configuration, counts, outcome, error)
    VALUES ($1::text::uuid, $2::text::timestamptz, $3::text::timestamptz, now(), $4, $5, $6::text::jsonb,
            $7::text::jsonb, $8, $9)
    ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, updated_at = excluded.updated_at,
        counts = excluded.counts, outcome = excluded.outcome, error = excluded.error";

/// A run that was killed cannot say so; who takes over its tables does.
/// After `UPDATE` and the table's name.
const TAKE_OVER: &str = "SET outcome = 'failed', ended = updated_at,
        error = 'it did not say how it ended; the run ' || $1 || ' took over'
    WHERE outcome = 'running' AND id <> $1::text::uuid AND started <= $2::text::timestamptz";

/// What does not change while a run goes on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The run's name.
    pub id: RunId,
    /// When it began.
    pub started: SystemTime,
    /// The configuration in force, without secrets.
    pub configuration: serde_json::Value,
}

impl Facts {
    /// Of a run that begins now.
    pub fn new(configuration: serde_json::Value) -> Self {
        Facts {
            id: RunId::new(),
            started: SystemTime::now(),
            configuration,
        }
    }

    /// SHA-256 of the configuration without what differs from generation to generation: two runs with the same were
    /// told the same.
    pub fn configuration_hash(&self) -> String {
        let mut same = self.configuration.clone();
        if let Some(members) = same.as_object_mut() {
            // The hosts file is made by the supervisor, for each generation.
            for changing in ["generation", "hosts"] {
                members.remove(changing);
            }
        }
        let hash = digest::digest(&digest::SHA256, same.to_string().as_bytes());
        hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Writes one run's row into one database.
pub struct Record {
    target: Target,
    runtime: Runtime,
    facts: Facts,
    tally: Arc<Tally>,
    interval: Duration,
    /// Where it is, as found first: what the search path says later does not move it.
    names: Option<Names>,
    has_table: bool,
    took_over: bool,
    /// The last write did not succeed, and that was said.
    failing: bool,
}

impl Record {
    /// For the database of a `--sink`; connects when the run begins.
    pub fn new(
        url: &str,
        facts: Facts,
        tally: Arc<Tally>,
        interval: Duration,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Record {
            target: Target::parse(url)?,
            runtime: runtime.map_err(|e| {
                Failure::of(
                    &codes::process::SYSTEM,
                    format!("cannot start the Postgres client: {e}"),
                )
            })?,
            facts,
            tally,
            interval,
            names: None,
            has_table: false,
            took_over: false,
            failing: false,
        })
    }

    fn write(&mut self, end: Option<&End>) {
        let done = self.tally.done();
        let has_table = std::mem::take(&mut self.has_table);
        let (target, names) = (&self.target, &mut self.names);
        let writing = async {
            let client = target.connect().await?;
            let names = match names {
                Some(names) => names,
                None => names.insert(Names::find(&client).await?),
            };
            let table = names.table("standings_runs");
            if !has_table {
                make(&client, &table).await?;
            }
            write(&client, &table, &self.facts, &done, end).await
        };
        let written = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, writing).await });
        let problem = match written {
            Ok(Ok(())) => {
                self.has_table = true;
                self.took_over |= done.opened;
                self.failing = false;
                return;
            }
            Ok(Err(trouble)) => trouble.text(),
            Err(_) => format!("no answer within {PATIENCE:?}"),
        };
        if !self.failing {
            let database = &self.target.name;
            tracing::warn!(
                event = "run_not_recorded",
                database,
                problem,
                "the run goes on"
            );
        }
        self.failing = true;
    }
}

/// Who may not make tables may still have been given this one.
async fn make(client: &Client, table: &str) -> Result<(), Trouble> {
    let there = "SELECT to_regclass($1) IS NOT NULL";
    if !client
        .ask_one(there, &[&table])
        .await
        .map_err(trouble)?
        .get::<_, bool>(0)
    {
        client
            .batch_execute(&self::table(table))
            .await
            .map_err(trouble)?;
    }
    Ok(())
}

async fn write(
    client: &Client,
    table: &str,
    facts: &Facts,
    done: &Done,
    end: Option<&End>,
) -> Result<(), Trouble> {
    let (outcome, error) = match end {
        None => ("running", None),
        Some(End::Done) => ("done", None),
        Some(End::Failed(problem)) => ("failed", Some(shortened(problem))),
    };
    let id = facts.id.to_string();
    let started = format_rfc3339(unix_ms(facts.started));
    let ended = end.map(|_| format_rfc3339(unix_ms(SystemTime::now())));
    let hash = facts.configuration_hash();
    let configuration = facts.configuration.to_string();
    let counts = counts(done).to_string();
    client
        .tell(
            &format!("INSERT INTO {table} {WRITE}"),
            &[
                &id,
                &started,
                &ended,
                &env!("CARGO_PKG_VERSION"),
                &hash,
                &configuration,
                &counts,
                &outcome,
                &error,
            ],
        )
        .await
        .map_err(trouble)?;
    if done.opened {
        let take_over = format!("UPDATE {table} {TAKE_OVER}");
        client
            .tell(&take_over, &[&id, &started])
            .await
            .map_err(trouble)?;
    }
    Ok(())
}

/// Without what Postgres cannot hold, and not endless.
fn shortened(problem: &str) -> String {
    let text = problem.chars().filter(|c| *c != '\0');
    text.take(LONGEST_ERROR).collect()
}

fn counts(done: &Done) -> serde_json::Value {
    let total = done.total();
    serde_json::json!({
        "read": total.read,
        "ranked": total.ranked,
        "late": total.late,
        "retired": total.retired,
        "dead_lettered": total.dead,
        "duplicate": total.duplicate,
        "filtered": total.filtered,
        "updated": total.updated,
        "unchanged": total.unchanged,
        "deleted": total.deleted,
        "skipped": total.skipped,
        "contradicted": total.contradicted,
        "keys_moved": total.keys_moved,
        "commits": done.commits,
        "last_commit": done.last,
        "changes": done.changes.iter().sum::<u64>(),
        "offsets": done.offsets,
        "watermark": done.watermark.map(standings_http::as_of::time),
    })
}

impl Keeper for Record {
    fn began(&mut self) {
        self.write(None);
    }

    fn goes_on(&mut self) {
        self.write(None);
    }

    fn ended(&mut self, end: &End) {
        self.write(Some(end));
    }

    fn wait(&self) -> Duration {
        // Until the run has taken over, to say so soon; a database that is down is asked more often too.
        match self.failing || !self.took_over {
            true => self.interval.min(AGAIN),
            false => self.interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_what_was_told_and_not_of_the_generation() {
        let of = |text: &str| Facts::new(serde_json::from_str(text).unwrap()).configuration_hash();
        let first = of(r#"{"generation":1,"workers":2}"#);
        assert_eq!(first.len(), 64);
        assert_eq!(first, of(r#"{"workers":2,"generation":7}"#));
        assert_ne!(first, of(r#"{"generation":1,"workers":3}"#));
    }

    #[test]
    fn an_error_is_kept_short_and_without_what_postgres_refuses() {
        assert_eq!(shortened("a\0b"), "ab");
        assert_eq!(shortened(&"é".repeat(9_000)).chars().count(), LONGEST_ERROR);
    }
}
