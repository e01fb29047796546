//! What a database's rows are of, beside `standings_commit`, whose columns are those of the first version: which input,
//! which server, schema and tables, who has opened it, and the fingerprint of each ranking.
//!
//! ```text
//! standings_identity  one row: source, epochs, records   as of `commit`, in the same transaction
//!                              sink, owner               as of the last opening
//! standings_rankings  one row a ranking: fingerprint     as of the last opening
//! ```
//!
//! 1. What `epochs` and `records` say counts only where `commit` is that of `standings_commit`: an earlier version goes
//!    on without this table.
//! 2. A failover keeps system identifier and tables, and gets a new timeline: it is the same database. A copy made with
//!    a dump is another one, and so is a table that was dropped and made anew.

use serde::Serialize;
use tokio_postgres::{GenericClient, Row};

use super::layout;
use super::tables::Names;
use super::trouble;
use standings_commit::database::{DatabaseIdentity, Found, Trouble};
use standings_model::change::Commit;
use standings_model::identity::{Known, Opening};
use standings_model::plan::Plan;
use standings_postgres::PostgresError;
use standings_postgres::Unnamed;

/// The form of these tables. A version refuses what is newer than its own.
pub const FORMAT: i32 = 1;

/// `CREATE TABLE` of both tables, by name.
pub fn ddl(names: &Names) -> [(&'static str, String); 2] {
    let (identity, rankings) = (
        names.table("standings_identity"),
        names.table("standings_rankings"),
    );
    [
        (
            "standings_identity",
            format!(
                "CREATE TABLE {identity} (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  format integer NOT NULL,
  commit bigint NOT NULL,
  source jsonb,
  epochs jsonb NOT NULL,
  records jsonb NOT NULL,
  sink jsonb NOT NULL,
  owner text NOT NULL
);"
            ),
        ),
        (
            "standings_rankings",
            format!(
                "CREATE TABLE {rankings} (
  ranking text PRIMARY KEY,
  fingerprint text NOT NULL,
  since bigint NOT NULL
);"
            ),
        ),
    ]
}

/// What the database is now, of the rankings of a plan.
pub async fn present(
    client: &impl GenericClient,
    names: &Names,
    plan: &Plan,
) -> Result<DatabaseIdentity, Trouble> {
    // Where the role may not ask, nothing is known of the server, and nothing held against it.
    let asked = "SELECT has_function_privilege('pg_control_system()', 'execute')";
    let may_ask: bool = client.ask_one(asked, &[]).await.map_err(trouble)?.get(0);
    let mut found = DatabaseIdentity {
        schema: names.schema().to_owned(),
        ..DatabaseIdentity::default()
    };
    if may_ask {
        let row = client
            .ask_one(
                "SELECT system_identifier::text,
                   CASE WHEN pg_is_in_recovery() THEN NULL ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END
                 FROM pg_control_system()",
                &[],
            )
            .await.map_err(trouble)?;
        (found.system, found.timeline) = (row.get(0), row.get(1));
    }
    for ranking in &plan.rankings {
        let row = client
            .ask_one(
                "SELECT to_regclass($1)::oid",
                &[&names.table(&ranking.name)],
            )
            .await
            .map_err(trouble)?;
        if let Some(oid) = row.get::<_, Option<u32>>(0) {
            found.tables.insert(ranking.name.clone(), oid);
        }
    }
    Ok(found)
}

/// What is known, and what there is. Takes nothing over; asked where nothing is there, it finds nothing.
pub async fn find(
    client: &impl GenericClient,
    names: &Names,
    plan: &Plan,
) -> Result<Found, Trouble> {
    let mut found = Found {
        is: present(client, names, plan).await?,
        ..Found::default()
    };
    let (commit, identity) = (
        names.table("standings_commit"),
        names.table("standings_identity"),
    );
    if !layout::is_there(client, &commit).await? {
        return Ok(found);
    }
    let last = format!("SELECT commit FROM {commit}");
    let Some(row) = client.ask_opt(&last, &[]).await.map_err(trouble)? else {
        return Ok(found);
    };
    found.commit = row.get::<_, i64>(0).max(0) as u64;
    if !layout::is_there(client, &identity).await? {
        return Ok(found);
    }
    let all = format!(
        "SELECT format, commit, source::text, epochs::text, records::text, sink::text FROM {identity}"
    );
    let Some(row) = client.ask_opt(&all, &[]).await.map_err(trouble)? else {
        return Ok(found);
    };
    newer(&row)?;
    found.was = Some(json(&row, 5, "sink")?);
    found.known = Some(known(client, names, &row, found.commit).await?);
    Ok(found)
}

/// Refuses what a newer version wrote.
fn newer(row: &Row) -> Result<(), Trouble> {
    let format: i32 = row.get(0);
    if format <= FORMAT {
        return Ok(());
    }
    let known = FORMAT;
    Err(PostgresError::Newer { format, known }.into())
}

async fn known(
    client: &impl GenericClient,
    names: &Names,
    row: &Row,
    last: u64,
) -> Result<Known, Trouble> {
    let is_of_last = row.get::<_, i64>(1).max(0) as u64 == last;
    let source: Option<&str> = row.get(2);
    let mut known = Known {
        source: source.map(|_| json(row, 2, "source")).transpose()?,
        ..Known::default()
    };
    if is_of_last {
        known.epochs = json(row, 3, "epochs")?;
        known.records = json(row, 4, "records")?;
    }
    let table = names.table("standings_rankings");
    if layout::is_there(client, &table).await? {
        let all = format!("SELECT ranking, fingerprint FROM {table}");
        let rows = client.ask(&all, &[]).await.map_err(trouble)?;
        known.rankings = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    }
    Ok(known)
}

fn json<T: serde::de::DeserializeOwned>(row: &Row, at: usize, name: &str) -> Result<T, Trouble> {
    let read = serde_json::from_str(row.get(at));
    Ok(read.map_err(|source| PostgresError::NotOurs {
        table: "standings_identity",
        column: name.to_owned(),
        source,
    })?)
}

/// Takes the tables over, within the transaction of an opening: who has them now, and what they are of. What the last
/// commit is of is written only where it was not known: as long as nothing is committed, it stays what it was.
pub async fn take(
    client: &impl GenericClient,
    names: &Names,
    plan: &Plan,
    opening: &Opening,
    commit: u64,
) -> Result<(DatabaseIdentity, String), Trouble> {
    let is = present(client, names, plan).await?;
    let (sink, source) = (text(&is), opening.source.as_ref().map(text));
    let sql = format!(
        "INSERT INTO {} AS known (format, commit, source, epochs, records, sink, owner)
         VALUES ({FORMAT}, $1, $2::text::jsonb, '{{}}', '{{}}', $3::text::jsonb, gen_random_uuid()::text)
         ON CONFLICT (id) DO UPDATE SET format = excluded.format, sink = excluded.sink, owner = excluded.owner,
           source = coalesce(known.source, excluded.source)
         RETURNING owner",
        names.table("standings_identity")
    );
    let row = client
        .ask_one(&sql, &[&(commit as i64), &source, &sink])
        .await
        .map_err(trouble)?;
    let all = format!(
        "INSERT INTO {} AS known VALUES ($1, $2, $3)
         ON CONFLICT (ranking) DO UPDATE SET fingerprint = excluded.fingerprint, since = excluded.since
         WHERE known.fingerprint <> excluded.fingerprint",
        names.table("standings_rankings")
    );
    for (ranking, fingerprint) in &opening.rankings {
        client
            .tell(&all, &[ranking, fingerprint, &(commit as i64)])
            .await
            .map_err(trouble)?;
    }
    Ok((is, row.get(0)))
}

/// JSON of what always has such a form: texts, numbers and maps of them.
fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// A commit's part of these tables, for the statement that records it: its source, epochs and records as JSON.
pub fn of_commit(opening: &Opening, commit: &Commit) -> [Option<String>; 3] {
    let known = Known::of(opening, commit);
    [
        known.source.as_ref().map(text),
        Some(text(&known.epochs)),
        Some(text(&known.records)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(system: Option<&str>, tables: &[(&str, u32)]) -> DatabaseIdentity {
        DatabaseIdentity {
            system: system.map(str::to_owned),
            timeline: None,
            schema: "public".to_owned(),
            tables: tables.iter().map(|(n, o)| ((*n).to_owned(), *o)).collect(),
        }
    }

    #[test]
    fn another_server_and_another_table_are_told_from_a_failover() {
        let then = identity(Some("1"), &[("a", 10), ("b", 11)]);
        let promoted = DatabaseIdentity {
            timeline: Some("00000002".to_owned()),
            ..then.clone()
        };
        assert_eq!(then.differs(&promoted), None);
        assert_eq!(then.differs(&identity(None, &[("a", 10)])), None);
        assert!(then.differs(&identity(Some("2"), &[("a", 10)])).is_some());
        let anew = identity(Some("1"), &[("a", 10), ("b", 12)]);
        assert!(then.differs(&anew).is_some_and(|d| d.contains("table b")));
        let dropped = identity(Some("1"), &[("a", 10), ("c", 13)]);
        assert_eq!(then.differs(&dropped), None);
        assert_eq!(then.missing_in(&dropped).collect::<Vec<_>>(), ["b"]);
    }
}
