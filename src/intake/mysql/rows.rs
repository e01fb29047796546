//! The rows of a pass, one by one: what each has, and where it is.

use mysql_async::consts::ColumnType;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, Params, Row, Value};
use standings_ingest::feed::Trouble;
use standings_ingest::mysql::sql::Relation;
use standings_ingest::mysql::value::{self, Datum, Kind, ZeroDates};
use standings_ingest::postgres::sql::{Found, Place, Statement};
use tokio::sync::mpsc::Sender;

use super::connect::of_error;

/// Rows that are given on at once.
const ROWS: usize = 1_000;
/// The number of the character set that has no characters.
const BINARY: u16 = 63;

/// Reads all of a statement, and ends the transaction; the connection, if it is still good.
pub(super) async fn read(
    mut connection: Conn,
    statement: Statement,
    relation: Relation,
    zero: ZeroDates,
    sender: Sender<Result<Vec<Found>, Trouble>>,
) -> Option<Conn> {
    if let Err(trouble) = all(&mut connection, statement, &relation, zero, &sender).await {
        // Who is gone does not want to know.
        let _ = sender.send(Err(trouble)).await;
        return None;
    }
    connection.query_drop("COMMIT").await.ok()?;
    Some(connection)
}

async fn all(
    connection: &mut Conn,
    statement: Statement,
    relation: &Relation,
    zero: ZeroDates,
    sender: &Sender<Result<Vec<Found>, Trouble>>,
) -> Result<(), Trouble> {
    let parameters = statement.parameters.into_iter().map(Value::from);
    let parameters = match parameters.len() {
        0 => Params::Empty,
        _ => Params::Positional(parameters.collect()),
    };
    let result = connection.exec_iter(statement.text, parameters).await;
    let mut result = result.map_err(of_error)?;
    let kinds: Vec<Kind> = result.columns_ref().iter().map(kind).collect();
    let mut rows = Vec::new();
    while let Some(row) = result.next().await.map_err(of_error)? {
        rows.push(found(row, relation, &kinds, zero)?);
        if rows.len() == ROWS {
            let gone = |_| Trouble::later("nobody reads the pass");
            sender
                .send(Ok(std::mem::take(&mut rows)))
                .await
                .map_err(gone)?;
        }
    }
    if !rows.is_empty() {
        let gone = |_| Trouble::later("nobody reads the pass");
        sender.send(Ok(rows)).await.map_err(gone)?;
    }
    Ok(())
}

/// What a column's values are.
fn kind(column: &Column) -> Kind {
    let digits = match column.decimals() {
        digits @ 0..=6 => digits,
        // An expression that does not say.
        _ => 6,
    };
    match column.column_type() {
        ColumnType::MYSQL_TYPE_NEWDECIMAL | ColumnType::MYSQL_TYPE_DECIMAL => Kind::Decimal,
        ColumnType::MYSQL_TYPE_BIT => match column.column_length() {
            1 => Kind::Bit,
            _ => Kind::Bits,
        },
        ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => Kind::Date,
        ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_DATETIME2 => {
            Kind::Datetime(digits)
        }
        ColumnType::MYSQL_TYPE_TIMESTAMP | ColumnType::MYSQL_TYPE_TIMESTAMP2 => {
            Kind::Timestamp(digits)
        }
        ColumnType::MYSQL_TYPE_TIME | ColumnType::MYSQL_TYPE_TIME2 => Kind::Time(digits),
        // Texts of JSON are utf8mb4, and said to be bytes.
        ColumnType::MYSQL_TYPE_JSON => Kind::Text,
        ColumnType::MYSQL_TYPE_GEOMETRY => Kind::Bytes,
        ColumnType::MYSQL_TYPE_VARCHAR
        | ColumnType::MYSQL_TYPE_VAR_STRING
        | ColumnType::MYSQL_TYPE_STRING
        | ColumnType::MYSQL_TYPE_ENUM
        | ColumnType::MYSQL_TYPE_SET
        | ColumnType::MYSQL_TYPE_TINY_BLOB
        | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
        | ColumnType::MYSQL_TYPE_LONG_BLOB
        | ColumnType::MYSQL_TYPE_BLOB => match column.character_set() {
            BINARY => Kind::Bytes,
            _ => Kind::Text,
        },
        _ => Kind::Number,
    }
}

/// A value as the protocol has it.
pub(super) fn datum(value: Value) -> Datum {
    match value {
        Value::NULL => Datum::Null,
        Value::Bytes(bytes) => Datum::Bytes(bytes),
        Value::Int(n) => Datum::Int(n),
        Value::UInt(n) => Datum::UInt(n),
        Value::Float(n) => Datum::Float(n),
        Value::Double(n) => Datum::Double(n),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            Datum::Date(year, month, day, hour, minute, second, micros)
        }
        Value::Time(is_negative, days, hours, minute, second, micros) => {
            let hours = days.saturating_mul(24).saturating_add(hours.into());
            Datum::Time(is_negative, hours, minute, second, micros)
        }
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

/// A row of a pass.
fn found(row: Row, relation: &Relation, kinds: &[Kind], zero: ZeroDates) -> Result<Found, Trouble> {
    let mut values = row.unwrap();
    let columns = relation.columns.len();
    let place = values.split_off(columns.min(values.len()));
    let measure = match place.first() {
        Some(Value::Int(n)) => Some(*n),
        Some(Value::UInt(n)) => Some(i64::try_from(*n).unwrap_or(i64::MAX)),
        _ => None,
    };
    let has_cursor = matches!(place.get(1), Some(Value::Int(1) | Value::UInt(1)));
    let texts = |from: usize, many: usize| -> Vec<String> {
        (from..from + many).map(|at| text(place.get(at))).collect()
    };
    let cursor = relation.cursor.len();
    let place = Place {
        cursor: has_cursor.then(|| texts(2, cursor)),
        key: texts(2 + cursor, relation.key.len()),
    };
    let mut json = vec![b'{'];
    for ((name, kind), value) in relation.columns.iter().zip(kinds).zip(values) {
        if json.len() > 1 {
            json.push(b',');
        }
        json.extend_from_slice(&serde_json::to_vec(name).unwrap_or_default());
        json.push(b':');
        let pushed = value::push(&mut json, (name, *kind), &datum(value), zero);
        pushed.map_err(|e| Trouble::Broken(format!("a row ({}): {e}", place.key.join(", "))))?;
    }
    json.push(b'}');
    Ok(Found {
        row: json,
        by: 0,
        place,
        measure,
    })
}
