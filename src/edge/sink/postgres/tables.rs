//! Tables and views: made when missing, checked when present; and what they show when the sink is opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_postgres::{Client, GenericClient, IsolationLevel, Row, Transaction};

use super::trouble;
use super::{identity, layout, timestamp};
use standings_commit::database::Trouble;
use standings_commit::database::{Claim, Here, Opened};
use standings_commit::sink::{Shown, ShownRow};
use standings_engine::event_time::END_OF_TIME;
use standings_model::change::Commit;
use standings_model::identity::Opening;
use standings_model::plan::{Field, Plan, Ranking};
use standings_model::value::Value;
use standings_postgres::{PostgresError, ShapeError};
use standings_postgres::{Unnamed, fields, parts, quoted, selected, value};

/// The names of our tables, in the schema that they were found in when the sink was opened first: what the search path
/// says later does not move them.
#[derive(Clone, Debug)]
pub struct Names {
    schema: String,
}

impl Names {
    /// The schema that `standings_commit` is in, else the one in which tables are made.
    pub async fn find(client: &impl GenericClient) -> Result<Self, Trouble> {
        let row = client
            .ask_one(
                "SELECT coalesce((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.oid = to_regclass('standings_commit')), current_schema())::text",
                &[],
            )
            .await.map_err(trouble)?;
        match row.get::<_, Option<String>>(0) {
            Some(schema) => Ok(Names { schema }),
            None => Err(PostgresError::NoSchema.into()),
        }
    }

    /// The schema.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// A table's or view's whole name.
    pub fn table(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(name))
    }
}

/// Ends transactions that stand still and hold what this cluster needs: of another one (a process that was stopped, a machine
/// that is gone), or of its own connection that went silent and that the server takes for open. Without this it could go on
/// only when the server notices.
const END_FROZEN: &str = "
    SELECT pg_terminate_backend(pid) FROM (
      SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.granted AND a.datname = current_database() AND a.usename = current_user AND l.pid <> pg_backend_pid()
        AND a.state LIKE 'idle in transaction%' AND a.state_change < now() - interval '1 second'
        AND ((l.relation = to_regclass($1) AND l.mode = 'RowExclusiveLock')
          OR (l.locktype = 'advisory' AND ((l.classid::bigint << 32) | l.objid::bigint) = 7302117416943))
    ) AS frozen";

/// The columns of `standings_commit` that say what is shown: commit, generation, offsets, watermark, begins.
const SHOWN: &str = "commit, generation, offsets::text,
   CASE WHEN watermark = 'infinity' THEN 'infinity' ELSE (extract(epoch FROM watermark) * 1000)::bigint::text END,
   begins::text";

/// Ends transactions that stand still and hold what a commit needs.
pub async fn end_frozen(client: &Client, names: &Names) -> Result<(), Trouble> {
    let commit = names.table("standings_commit");
    client.tell(END_FROZEN, &[&commit]).await.map_err(trouble)?;
    Ok(())
}

/// Makes and checks the tables, takes the next generation, and reads what is shown.
pub async fn open(
    client: &mut Client,
    names: &Names,
    plan: &Plan,
    opening: &Opening,
) -> Result<Opened, Trouble> {
    let commit = names.table("standings_commit");
    end_frozen(client, names).await?;
    let transaction = client.transaction().await.map_err(trouble)?;
    // Two clusters that start together make their tables one after the other. Who waits longer looks again for one
    // that stands still.
    transaction
        .batch_execute("SET LOCAL lock_timeout = '2s'; SELECT pg_advisory_xact_lock(7302117416943)")
        .await
        .map_err(trouble)?;
    // Nothing that is there is altered, and nothing is locked that a reader needs.
    let found = identity::find(&transaction, names, plan).await?;
    check(&transaction, names, plan).await?;
    layout::make(&transaction, names, plan).await?;
    let row = transaction
        .ask_one(
            &format!(
                "INSERT INTO {commit} (commit, generation, offsets, begins) VALUES (0, 1, '{{}}', '{{}}')
                 ON CONFLICT (id) DO UPDATE SET generation = {commit}.generation + 1 RETURNING {SHOWN}"
            ),
            &[],
        )
        .await.map_err(trouble)?;
    let last = row.get::<_, i64>(0).max(0) as u64;
    let (is, owner) = identity::take(&transaction, names, plan, opening, last).await?;
    let mut shown = shown(&transaction, names, plan, &row).await?;
    shown.remembers = true;
    shown.known = found.known;
    let missing: Vec<&str> = found
        .was
        .iter()
        .flat_map(|was| was.missing_in(&found.is))
        .collect();
    shown.lacks_tables = missing
        .iter()
        .any(|m| plan.rankings.iter().any(|r| r.name == *m));
    if shown.lacks_tables {
        tracing::warn!(
            event = "sink_tables_missing",
            schema = names.schema(),
            tables = missing.join(", "),
            "they were there, and are not any more: they are made anew, and filled from the input where it is still there"
        );
    }
    let generation = row.get(1);
    transaction.commit().await.map_err(trouble)?;
    Ok(Opened {
        shown,
        generation,
        owner,
        identity: is,
    })
}

/// What the tables show at one moment, without a new generation.
pub async fn peek(client: &mut Client, plan: &Plan) -> Result<Shown, Trouble> {
    let names = Names::find(client).await?;
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(trouble)?;
    let found = identity::find(&transaction, &names, plan).await?;
    let commit = names.table("standings_commit");
    let row = match layout::is_there(&transaction, &commit).await? {
        false => None,
        true => {
            // An older version made it without `begins`; who only looks takes that as it is.
            let begins = "coalesce(to_jsonb(c) ->> 'begins', '{}')";
            let shown = SHOWN.replace("begins::text", begins);
            let sql = format!("SELECT {shown} FROM {commit} c");
            transaction.ask_opt(&sql, &[]).await.map_err(trouble)?
        }
    };
    let Some(row) = row else {
        return Err(PostgresError::NoCommit.into());
    };
    let mut shown = shown(&transaction, &names, plan, &row).await?;
    shown.known = found.known;
    shown.remembers = true;
    Ok(shown)
}

/// The rows, and what a row of `standings_commit` says of them: commit, generation, offsets, watermark, begins.
async fn shown(
    transaction: &Transaction<'_>,
    names: &Names,
    plan: &Plan,
    row: &Row,
) -> Result<Shown, Trouble> {
    let mut shown = Shown {
        commit: row.get::<_, i64>(0).max(0) as u64,
        ..Shown::default()
    };
    let map = |column: usize, name: &str| -> Result<BTreeMap<u32, u64>, Trouble> {
        let read = serde_json::from_str(row.get(column));
        Ok(read.map_err(|source| PostgresError::NotOurs {
            table: "standings_commit",
            column: name.to_owned(),
            source,
        })?)
    };
    let offsets = map(2, "offsets")?;
    shown.begins = map(4, "begins")?;
    shown.offsets = (!offsets.is_empty()).then_some(offsets);
    shown.watermark = row.get::<_, Option<&str>>(3).and_then(|w| match w {
        "infinity" => Some(END_OF_TIME),
        ms => ms.parse().ok(),
    });
    for (number, ranking) in plan.rankings.iter().enumerate() {
        shown
            .rows
            .extend(rows(transaction, names, number, ranking).await?);
    }
    Ok(shown)
}

/// The last commit, the generation and the owner.
pub async fn last(client: &Client, names: &Names) -> Result<Here, Trouble> {
    let (commit, identity) = (
        names.table("standings_commit"),
        names.table("standings_identity"),
    );
    let sql = format!(
        "SELECT c.commit, c.generation, coalesce(i.owner, '') FROM {commit} c LEFT JOIN {identity} i ON i.id = c.id"
    );
    let Some(row) = client.ask_opt(&sql, &[]).await.map_err(trouble)? else {
        return Err(PostgresError::Emptied { table: commit }.into());
    };
    Ok(Here {
        commit: row.get::<_, i64>(0).max(0) as u64,
        generation: row.get(1),
        owner: row.get(2),
    })
}

/// Records a commit as the last one, within the present transaction; `false` if it is not this run's to write.
pub async fn claim(
    client: &Client,
    names: &Names,
    commit: &Commit,
    by: &Claim<'_>,
) -> Result<bool, Trouble> {
    // Maps of numbers always have a JSON form.
    let offsets = serde_json::to_string(&commit.offsets).unwrap_or_else(|_| "{}".to_owned());
    let begins = serde_json::to_string(&commit.begins).unwrap_or_else(|_| "{}".to_owned());
    let (number, watermark) = (commit.number as i64, commit.watermark.map(timestamp));
    let [source, epochs, records] = identity::of_commit(by.opening, commit);
    let sql = format!(
        "WITH claimed AS (
           UPDATE {commits} c SET commit = $1, offsets = $2::text::jsonb, watermark = $3::text::timestamptz,
             begins = $5::text::jsonb, updated_at = now()
           FROM {identity} i WHERE c.generation = $4 AND c.commit < $1 AND i.owner = $6 RETURNING 1),
         known AS (
           UPDATE {identity} SET commit = $1, source = $7::text::jsonb, epochs = $8::text::jsonb,
             records = $9::text::jsonb WHERE EXISTS (SELECT FROM claimed))
         SELECT count(*) FROM claimed",
        commits = names.table("standings_commit"),
        identity = names.table("standings_identity"),
    );
    let row = client
        .ask_one(
            &sql,
            &[
                &number,
                &offsets,
                &watermark,
                &by.generation,
                &begins,
                &by.owner,
                &source,
                &epochs,
                &records,
            ],
        )
        .await
        .map_err(trouble)?;
    Ok(row.get::<_, i64>(0) > 0)
}

/// Whether the tables that are there have the columns that their rankings need.
pub async fn check(client: &impl GenericClient, names: &Names, plan: &Plan) -> Result<(), Trouble> {
    for ranking in &plan.rankings {
        check_one(client, names, ranking).await?;
    }
    Ok(())
}

async fn check_one(
    client: &impl GenericClient,
    names: &Names,
    ranking: &Ranking,
) -> Result<(), Trouble> {
    let found = client
        .ask(
            "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
             WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped",
            &[&names.table(&ranking.name)],
        )
        .await
        .map_err(trouble)?;
    let found: BTreeMap<String, String> =
        found.iter().map(|r| (r.get(0), normal(r.get(1)))).collect();
    if found.is_empty() {
        return Ok(());
    }
    for (name, kind) in layout::columns(ranking) {
        let wanted = normal(&kind);
        let problem = match found.get(&name) {
            None => ShapeError::Lacks {
                column: name,
                wanted: kind,
            },
            Some(have) if *have != wanted => ShapeError::Type {
                column: name,
                found: have.clone(),
                wanted: kind,
            },
            Some(_) => continue,
        };
        let table = ranking.name.clone();
        return Err(PostgresError::Shape { table, problem }.into());
    }
    Ok(())
}

/// One spelling of a type.
fn normal(kind: &str) -> String {
    kind.replace("timestamp with time zone", "timestamptz")
        .replace(" without time zone", "")
        .replace(' ', "")
}

async fn rows(
    transaction: &Transaction<'_>,
    names: &Names,
    number: usize,
    ranking: &Ranking,
) -> Result<Vec<ShownRow>, Trouble> {
    let all = fields(ranking);
    let select: Vec<String> = all
        .iter()
        .map(|f| {
            let name = quoted(ranking.field_name(*f));
            format!(", {}", selected(&ranking.field_type(*f).0, &name))
        })
        .collect();
    // A table that somebody dropped shows nothing; opening the sink makes it anew.
    if !layout::is_there(transaction, &names.table(&ranking.name)).await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT (extract(epoch FROM window_start) * 1000)::bigint, (extract(epoch FROM window_end) * 1000)::bigint,
                rank, final{} FROM {}",
        select.concat(),
        names.table(&ranking.name)
    );
    let found = |row: &Row, i: usize, field: Field| -> Option<Value> {
        match row.get::<_, Option<&str>>(4 + i) {
            None => Some(Value::Null),
            Some(text) => value(&ranking.field_type(field).0, text),
        }
    };
    let mut out = Vec::new();
    for row in transaction.ask(&sql, &[]).await.map_err(trouble)? {
        let values: Option<Vec<Value>> = all
            .iter()
            .enumerate()
            .map(|(i, f)| found(&row, i, *f))
            .collect();
        let values = values.ok_or_else(|| PostgresError::OddRow {
            table: ranking.name.clone(),
        })?;
        let (key, measures) = parts(ranking, values);
        out.push(ShownRow {
            ranking: number,
            window_start: row.get(0),
            window_end: row.get(1),
            key: Arc::from(key),
            rank: u64::from(row.get::<_, Option<i32>>(2).unwrap_or(0).unsigned_abs()),
            measures: Arc::from(measures),
            is_final: row.get::<_, Option<bool>>(3).unwrap_or(false),
        });
    }
    Ok(out)
}
