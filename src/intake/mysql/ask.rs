//! What is asked of a database before a pass: what is read, which database it is, and what runs.
//!
//! ```text
//! greatest cursor ──► now ──► statements that run ──► a transaction of ours ──► transactions that run, ours among them ──► the pass
//! ```
//!
//! 1. In this order: what was taken before `now` and is not committed in the pass belongs to somebody who is in one of the two lists.
//! 2. InnoDB gives the list of transactions anew every tenth of a second at most: one that has not ours is too old, and asked for again.
//! 3. Seconds are all that is said of when something began: two are taken off.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row};
use standings_ingest::feed::Trouble;
use standings_ingest::mysql::sql::{Order, Ordered, Relation};
use standings_ingest::window::{Looked, Stood};

use super::connect::of_error;
use super::qualified;

/// What may not be asked without PROCESS.
const NO_RIGHT: u16 = 1227;
/// How often the list is asked for until ours is in it, and how long it is waited between.
const ATTEMPTS: u32 = 40;
const AGAIN: Duration = Duration::from_millis(110);
/// What is taken off of when something began, ms.
const ROUGHLY: i64 = 2_000;

/// A column as the catalog has it.
struct Listed {
    name: String,
    data_type: String,
    column_type: String,
    may_be_null: bool,
}

impl Listed {
    fn ordered(&self) -> Result<Ordered, Trouble> {
        let (name, kind) = (&self.name, &self.column_type);
        let order = Order::of(&self.data_type, kind).ok_or_else(|| {
            Trouble::Broken(format!(
                "`{name}` is {kind}: rows cannot be gone on from by it; name other columns in the cursor, or read by `query`"
            ))
        })?;
        Ok(Ordered {
            name: name.clone(),
            order,
        })
    }
}

fn no_column(name: &str, all: &[String]) -> Trouble {
    Trouble::Broken(format!(
        "there is no column `{name}`, which the configuration names; there are {}",
        all.join(", ")
    ))
}

/// A table, as the database has it now.
pub(super) async fn table(
    conn: &mut Conn,
    (database, name): (&str, &str),
    cursor: &[String],
) -> Result<Relation, Trouble> {
    let asked = "SELECT table_type, engine FROM information_schema.tables WHERE table_schema = ? AND table_name = ?";
    let found: Option<(String, Option<String>)> = conn
        .exec_first(asked, (database, name))
        .await
        .map_err(of_error)?;
    let Some((kind, engine)) = found else {
        return Err(Trouble::Broken(format!(
            "there is no table {}, or this user may not read it",
            qualified((database, name))
        )));
    };
    let engine = engine.unwrap_or_default();
    if kind != "BASE TABLE" || !engine.eq_ignore_ascii_case("InnoDB") {
        return Err(Trouble::Broken(format!(
            "{} is no table of InnoDB ({kind}, {engine}): its rows are of no moment together; read it by `query`",
            qualified((database, name))
        )));
    }
    let asked = "SELECT column_name, data_type, column_type, is_nullable FROM information_schema.columns \
                 WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position";
    let rows: Vec<(String, String, String, String)> =
        conn.exec(asked, (database, name)).await.map_err(of_error)?;
    let columns = rows
        .into_iter()
        .map(|(name, data_type, column_type, nullable)| Listed {
            name,
            data_type: data_type.to_lowercase(),
            column_type: column_type.to_lowercase(),
            may_be_null: nullable == "YES",
        });
    let columns: Vec<Listed> = columns.collect();
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let asked = "SELECT column_name FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? \
                 AND index_name = 'PRIMARY' ORDER BY seq_in_index";
    let key: Vec<String> = conn.exec(asked, (database, name)).await.map_err(of_error)?;
    if key.is_empty() {
        return Err(Trouble::Broken(format!(
            "{} has no primary key, and nothing else names a row: ALTER TABLE … ADD PRIMARY KEY, or read it by `query`",
            qualified((database, name))
        )));
    }
    let named = |name: &String| {
        // Names of columns are so in whatever case.
        let found = columns
            .iter()
            .find(|c| c.name.to_lowercase() == name.to_lowercase());
        found.ok_or_else(|| no_column(name, &names))
    };
    let mut relation = Relation {
        of: qualified((database, name)),
        columns: names.clone(),
        cursor: Vec::new(),
        may_be_null: false,
        key: Vec::new(),
    };
    for name in cursor {
        let column = named(name)?;
        relation.may_be_null |= column.may_be_null;
        relation.cursor.push(column.ordered()?);
    }
    for name in &key {
        relation.key.push(named(name)?.ordered()?);
    }
    Ok(relation)
}

/// A query, as the database understands it now.
pub(super) async fn query(
    conn: &mut Conn,
    query: &str,
    cursor: &[String],
) -> Result<Relation, Trouble> {
    let of = format!("({query}\n)");
    let probe = format!("SELECT * FROM {of} AS t LIMIT 0");
    let prepared = conn.prep(probe).await.map_err(of_error)?;
    let columns: Vec<(String, Option<Order>)> = prepared
        .columns()
        .iter()
        .map(|c| (c.name_str().into_owned(), order(c)))
        .collect();
    conn.close(prepared).await.map_err(of_error)?;
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let named = |name: &String| {
        let found = columns
            .iter()
            .find(|(n, _)| n.to_lowercase() == name.to_lowercase());
        let (name, order) = found.ok_or_else(|| no_column(name, &names))?;
        let order = order.ok_or_else(|| {
            Trouble::Broken(format!(
                "`{name}` is of a type that rows cannot be gone on from by"
            ))
        })?;
        Ok(Ordered {
            name: name.clone(),
            order,
        })
    };
    let cursor: Result<Vec<Ordered>, Trouble> = cursor.iter().map(named).collect();
    Ok(Relation {
        of,
        cursor: cursor?,
        columns: names,
        may_be_null: false,
        key: Vec::new(),
    })
}

/// What a column of a query is.
fn order(column: &mysql_async::Column) -> Option<Order> {
    use mysql_async::consts::{ColumnFlags, ColumnType};
    let is_unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    match column.column_type() {
        ColumnType::MYSQL_TYPE_TINY
        | ColumnType::MYSQL_TYPE_SHORT
        | ColumnType::MYSQL_TYPE_INT24
        | ColumnType::MYSQL_TYPE_LONG
        | ColumnType::MYSQL_TYPE_LONGLONG => match is_unsigned {
            true => Some(Order::UInt),
            false => Some(Order::Int),
        },
        ColumnType::MYSQL_TYPE_YEAR => Some(Order::Int),
        ColumnType::MYSQL_TYPE_NEWDECIMAL => Some(Order::Decimal),
        ColumnType::MYSQL_TYPE_DATE
        | ColumnType::MYSQL_TYPE_DATETIME
        | ColumnType::MYSQL_TYPE_TIMESTAMP => Some(Order::Moment),
        ColumnType::MYSQL_TYPE_VAR_STRING | ColumnType::MYSQL_TYPE_STRING => {
            let is_enum = column
                .flags()
                .intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG);
            match (is_enum, column.character_set()) {
                (true, _) => None,
                (false, 63) => Some(Order::Bytes),
                (false, _) => Some(Order::Text),
            }
        }
        _ => None,
    }
}

/// How a table stands.
pub(super) async fn stood(
    conn: &mut Conn,
    relation: &Relation,
    overlap: i64,
) -> Result<Stood, Trouble> {
    let database = identity(conn).await?;
    let counter = counter(conn).await?;
    let greatest: Option<Option<i64>> = match relation.cursor.first() {
        Some(first) => {
            let name = format!(
                "MAX(t.{})",
                standings_ingest::mysql::sql::quoted(&first.name)
            );
            let asked = format!("SELECT {} FROM {} AS t", first.measured(&name), relation.of);
            conn.query_first(asked).await.map_err(of_error)?
        }
        None => None,
    };
    let at = now(conn).await?;
    let oldest = match counter {
        Some(_) => Some(running(conn, at).await?),
        None => None,
    };
    Ok(Stood {
        database,
        counter,
        looked: Looked {
            at,
            greatest: greatest.flatten(),
            oldest,
        },
        overlap,
    })
}

/// By the database's clock, ms since 1970.
async fn now(conn: &mut Conn) -> Result<i64, Trouble> {
    let asked = "SELECT CAST(FLOOR(UNIX_TIMESTAMP(NOW(6)) * 1000) AS SIGNED)";
    let now: Option<i64> = conn.query_first(asked).await.map_err(of_error)?;
    now.ok_or_else(|| Trouble::later("the database does not say what time it is"))
}

/// Which server it is: what it says of itself that no other does.
async fn identity(conn: &mut Conn) -> Result<String, Trouble> {
    let asked = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid', 'server_id', 'hostname', 'port')";
    let all: Vec<(String, String)> = conn.query(asked).await.map_err(of_error)?;
    let of = |wanted: &str| {
        let found = all.iter().find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    };
    Ok(match of("server_uuid").or(of("server_uid")) {
        Some(id) => format!("server {id}"),
        None => format!(
            "server {} at {}:{}",
            of("server_id").unwrap_or_default(),
            of("hostname").unwrap_or_default(),
            of("port").unwrap_or_default()
        ),
    })
}

/// The number of InnoDB's next transaction; none where this user may not ask.
async fn counter(conn: &mut Conn) -> Result<Option<u64>, Trouble> {
    let said: Result<Option<Row>, Error> = conn.query_first("SHOW ENGINE INNODB STATUS").await;
    let said = match said {
        Err(Error::Server(e)) if e.code == NO_RIGHT => return Ok(None),
        said => said.map_err(of_error)?,
    };
    let text: Option<String> = said.and_then(|row| row.get_opt(2)).and_then(Result::ok);
    let text = text.unwrap_or_default();
    let found = text.split("Trx id counter ").nth(1);
    let found = found.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    let odd = || {
        Trouble::Broken("SHOW ENGINE INNODB STATUS does not say its `Trx id counter`".to_owned())
    };
    found.map(Some).ok_or_else(odd)
}

/// When the oldest began of what runs, ms; what has not written and is idle is none of it.
async fn running(conn: &mut Conn, at: i64) -> Result<i64, Trouble> {
    // Each statement, whatever it does: it may have taken a number that it has not written yet. First these: what ends here and has
    // written is in the other list, if it is not committed.
    let asked = "SELECT CAST(MAX(time) AS SIGNED) FROM information_schema.processlist WHERE id <> CONNECTION_ID() \
                 AND user NOT IN ('system user', 'event_scheduler') \
                 AND command NOT IN ('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID', 'Slave_IO', 'Slave_SQL', 'Slave_worker')";
    let statements: Option<Option<i64>> = conn.query_first(asked).await.map_err(of_error)?;
    let mut longest = statements.flatten().unwrap_or(0);
    let ours = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
    conn.query_drop(ours).await.map_err(of_error)?;
    // When a transaction began is said in the zone of the server's machine.
    let asked = "SELECT trx_mysql_thread_id = CONNECTION_ID(), \
                 CAST(TIMESTAMPDIFF(SECOND, trx_started, CONVERT_TZ(NOW(), '+00:00', 'SYSTEM')) AS SIGNED), \
                 CAST(trx_rows_modified AS SIGNED) FROM information_schema.innodb_trx";
    for _ in 0..ATTEMPTS {
        let all: Vec<(i64, Option<i64>, i64)> = conn.query(asked).await.map_err(of_error)?;
        let is_new = |(ours, ran, _): &(i64, Option<i64>, i64)| {
            *ours == 1 && ran.is_some_and(|ran| ran <= 1)
        };
        if !all.iter().any(is_new) {
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        let writers = all
            .iter()
            .filter(|(ours, _, written)| *ours != 1 && *written > 0);
        longest = writers
            .filter_map(|(_, ran, _)| *ran)
            .fold(longest, i64::max);
        conn.query_drop("COMMIT").await.map_err(of_error)?;
        return Ok(at
            .saturating_sub(longest.saturating_mul(1_000))
            .saturating_sub(ROUGHLY));
    }
    Err(Trouble::later(
        "information_schema.innodb_trx is older than what is asked of it, again and again",
    ))
}
