//! What the catalog is asked: how the database, the slot, the publication and the table stand.
//!
//! Columns that not every version has are asked for through JSON, where they are NULL if they are not there.

use standings_ingest::feed::Trouble;
use standings_ingest::postgres::changes::Names;
use standings_ingest::postgres::changes::kind::{Type, Types};
use standings_ingest::postgres::changes::pgoutput::Column;
use standings_ingest::postgres::changes::server::{Publication, Seen, Slot, Stood, Table};
use tokio_postgres::types::{FromSql, ToSql};
use tokio_postgres::{Client, Row};

use super::of_error;

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

fn get<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, Trouble> {
    row.try_get(at).map_err(of_error)
}

/// A number that was asked for as a text.
fn number<T: std::str::FromStr>(row: &Row, at: usize) -> Result<T, Trouble> {
    let text: Option<String> = get(row, at)?;
    let text = text.unwrap_or_default();
    text.parse().map_err(|_| {
        Trouble::later(format!(
            "the database says {text:?} where a number is wanted"
        ))
    })
}

async fn one(client: &Client, text: &str, of: Parameters<'_>) -> Result<Option<Row>, Trouble> {
    client.query_opt(text, of).await.map_err(of_error)
}

/// All of it; who the server is, is asked elsewhere.
pub(super) async fn stood(client: &Client, names: &Names) -> Result<Stood, Trouble> {
    let asked = "SELECT d.oid::text, d.datname::text, (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
         ELSE pg_current_wal_flush_lsn() END - '0/0')::text FROM pg_database d WHERE d.datname = current_database()";
    let row = client.query_one(asked, &[]).await.map_err(of_error)?;
    let table = table(client, names).await?;
    Ok(Stood {
        system: String::new(),
        timeline: 0,
        database: number(&row, 0)?,
        called: get(&row, 1)?,
        end: number(&row, 2)?,
        slot: slot(client, names).await?,
        publication: publication(client, names, table.as_ref()).await?,
        table,
    })
}

async fn slot(client: &Client, names: &Names) -> Result<Option<Slot>, Trouble> {
    let asked = "SELECT coalesce(s.plugin, 'none')::text, coalesce(s.database, '')::text,
          coalesce(s.confirmed_flush_lsn - '0/0', 0)::text,
          CASE WHEN to_jsonb(s) ->> 'invalidation_reason' IS NOT NULL THEN to_jsonb(s) ->> 'invalidation_reason'
            WHEN to_jsonb(s) ->> 'wal_status' = 'lost' THEN 'wal_removed' END
        FROM pg_replication_slots s WHERE s.slot_name = $1::text";
    let Some(row) = one(client, asked, &[&names.slot]).await? else {
        return Ok(None);
    };
    Ok(Some(Slot {
        plugin: get(&row, 0)?,
        database: get(&row, 1)?,
        confirmed: number(&row, 2)?,
        lost: get(&row, 3)?,
    }))
}

async fn publication(
    client: &Client,
    names: &Names,
    table: Option<&Table>,
) -> Result<Option<Publication>, Trouble> {
    let asked = "SELECT t.tablename IS NOT NULL OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid::text = $4),
          to_jsonb(t) ->> 'rowfilter' IS NULL, (SELECT array_agg(a) FROM jsonb_array_elements_text(to_jsonb(t) -> 'attnames') a),
          p.pubviaroot, p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
        FROM pg_publication p LEFT JOIN pg_publication_tables t
          ON t.pubname = p.pubname AND t.schemaname = $2::text AND t.tablename = $3::text
        WHERE p.pubname = $1::text";
    let id = table.map_or_else(String::new, |table| table.id.to_string());
    let of: Parameters<'_> = &[&names.publication, &names.schema, &names.table, &id];
    let Some(row) = one(client, asked, of).await? else {
        return Ok(None);
    };
    let columns: Option<Vec<String>> = get(&row, 2)?;
    let has_all = columns.is_none_or(|there| {
        let columns = table.map_or(&[][..], |table| &table.columns);
        columns.iter().all(|column| there.contains(&column.name))
    });
    Ok(Some(Publication {
        has_table: get(&row, 0)?,
        is_whole: get::<bool>(&row, 1)? && has_all,
        is_by_root: get(&row, 3)?,
        has_all: get(&row, 4)?,
    }))
}

async fn table(client: &Client, names: &Names) -> Result<Option<Table>, Trouble> {
    let asked = "SELECT c.oid::text, c.relkind::text,
          coalesce((SELECT array_agg(a.attname::text ORDER BY k.place)
            FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (number, place), pg_attribute a
            WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.number), '{}'),
          coalesce((SELECT array_agg(format('%I.%I', m.nspname, l.relname) ORDER BY l.relname)
            FROM pg_class l JOIN pg_namespace m ON m.oid = l.relnamespace
            WHERE (l.relkind = 'r' OR l.oid = c.oid) AND l.relreplident <> 'f'
              AND (l.oid = c.oid OR l.oid IN (SELECT relid FROM pg_partition_tree(c.oid)))), '{}')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1::text AND c.relname = $2::text";
    let Some(row) = one(client, asked, &[&names.schema, &names.table]).await? else {
        return Ok(None);
    };
    let kind: String = get(&row, 1)?;
    if kind != "r" && kind != "p" {
        return Err(Trouble::Broken(format!(
            "{} is no table of its own (a view, or a foreign table): it has no log",
            names.quoted()
        )));
    }
    let id: u32 = number(&row, 0)?;
    let (columns, casts) = columns(client, id).await?;
    let kinds: Vec<u32> = columns.iter().map(|column| column.kind).collect();
    Ok(Some(Table {
        id,
        is_partitioned: kind == "p",
        key: get(&row, 2)?,
        not_full: get(&row, 3)?,
        columns,
        casts,
        types: types(client, &kinds).await?,
    }))
}

/// The columns of a table that the log has, and their types in words.
async fn columns(client: &Client, id: u32) -> Result<(Vec<Column>, Vec<String>), Trouble> {
    let asked = "SELECT attname::text, atttypid::text, atttypmod::text, format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = $1::text::oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";
    let rows = client.query(asked, &[&id.to_string()]).await;
    let (mut columns, mut casts) = (Vec::new(), Vec::new());
    for row in rows.map_err(of_error)? {
        columns.push(Column {
            name: get(&row, 0)?,
            kind: number(&row, 1)?,
            modifier: number(&row, 2)?,
        });
        casts.push(get(&row, 3)?);
    }
    Ok((columns, casts))
}

/// Types, and those that they are made of.
pub(super) async fn types(client: &Client, of: &[u32]) -> Result<Types, Trouble> {
    let asked = "WITH RECURSIVE wanted (oid) AS (
          SELECT unnest($1::text::oid[])
          UNION SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END FROM pg_type t JOIN wanted w ON w.oid = t.oid
            WHERE t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0))
        SELECT t.oid::text, n.nspname::text, t.typname::text, t.typtype::text, t.typbasetype::text, t.typtypmod::text,
          CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem::text END, coalesce(e.typdelim, ',')::text
        FROM pg_type t JOIN wanted w ON w.oid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace
        LEFT JOIN pg_type e ON e.oid = t.typelem";
    let numbers: Vec<String> = of.iter().map(u32::to_string).collect();
    let numbers = format!("{{{}}}", numbers.join(","));
    let rows = client.query(asked, &[&numbers]).await.map_err(of_error)?;
    let mut all = Types::new();
    for row in rows {
        let is_domain = get::<String>(&row, 3)? == "d";
        let element: Option<String> = get(&row, 6)?;
        let between: String = get(&row, 7)?;
        let element = element.and_then(|number| number.parse().ok());
        let found = Type {
            schema: get(&row, 1)?,
            name: get(&row, 2)?,
            base: match is_domain {
                true => Some((number(&row, 4)?, number(&row, 5)?)),
                false => None,
            },
            element: element.map(|of| (of, between.chars().next().unwrap_or(','))),
        };
        all.insert(number(&row, 0)?, found);
    }
    Ok(all)
}

/// What the snapshot of this transaction has seen, and the end of the log behind all of that.
pub(super) async fn seen(client: &Client) -> Result<(Seen, u64), Trouble> {
    let asked = "SELECT pg_snapshot_xmax(s)::text, ARRAY(SELECT x::text FROM pg_snapshot_xip(s) x) FROM pg_current_snapshot() s";
    let row = client.query_one(asked, &[]).await.map_err(of_error)?;
    let running: Vec<String> = get(&row, 1)?;
    let seen = Seen {
        next: number(&row, 0)?,
        running: running.iter().filter_map(|n| n.parse().ok()).collect(),
    };
    // What it has seen is committed, and so before where the log ends by now.
    let asked = "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END - '0/0')::text";
    let row = client.query_one(asked, &[]).await.map_err(of_error)?;
    Ok((seen, number(&row, 0)?))
}
