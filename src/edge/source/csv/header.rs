//! Which column of the table each cell of a row is: by the names in the first row, or in the order of the table.

use standings_model::table::{Origin, Table};
use standings_model::types::Type;

use super::near::nearest;

/// So many names are said.
const SHOWN: usize = 40;

/// What is written for a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its text; what is no value of the column the decoder refuses.
    Text,
    Integer,
    Decimal,
    Double,
    Boolean,
    Time,
    Date,
}

/// A column of the table that the file has.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    /// What is written before its value.
    pub before: Vec<u8>,
}

/// What is wrong with the first row of a CSV file, which names the columns.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// There is none.
    #[error("the file is empty; its first row names the columns")]
    Empty,
    /// It does not end.
    #[error("the header has a quote that nothing closes")]
    OpenQuote,
    /// A column that there must be.
    #[error(
        "the header has no column {wanted}; found: {}{near}; where the first line is a row already, the table says \
         'csv.header' = 'false', and where the delimiter is another, 'csv.field-delimiter'",
        listed(.found)
    )]
    Lacks {
        /// Which.
        wanted: String,
        /// The names that are there.
        found: Vec<String>,
        /// `; the nearest is …`, if one is near.
        near: String,
    },
    /// One name for two columns.
    #[error("the header names the column `{0}` twice")]
    Twice(String),
    /// Two names for one column.
    #[error("the header has both `event_time` and `timestamp`; they mean the same")]
    TwoTimes,
    /// A pattern of times that is none.
    #[error("'csv.timestamp-format' = '{0}' is no pattern of times such as dd/MM/yyyy HH:mm[:ss]")]
    Pattern(String),
}

/// Names, separated; of very many the first.
fn listed(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn kind(of: &Type) -> Kind {
    match of {
        Type::Integer(_) => Kind::Integer,
        Type::Decimal { .. } => Kind::Decimal,
        Type::Float | Type::Double => Kind::Double,
        Type::Boolean => Kind::Boolean,
        Type::Timestamp(_) | Type::Instant(_) => Kind::Time,
        Type::Date => Kind::Date,
        _ => Kind::Text,
    }
}

/// The columns that are read from fields of a record, by the fields' names.
pub fn fields(table: &Table) -> impl Iterator<Item = (usize, &str)> {
    let columns = table.declared().iter().enumerate();
    columns.filter_map(|(number, column)| match &column.origin {
        Origin::Field(path) if path.len() == 1 => Some((number, &*path[0])),
        Origin::Parts => Some((number, &*column.name)),
        _ => None,
    })
}

/// The names of a file without a header.
pub fn in_order(table: &Table) -> Vec<String> {
    fields(table).map(|(_, name)| name.to_owned()).collect()
}

/// For each cell the column of the table, if it is one.
pub fn columns(names: &[String], table: &Table) -> Result<Vec<Option<Column>>, HeaderError> {
    let has = |name: &str| names.iter().any(|n| n == name);
    if !table.is_named && has("event_time") && has("timestamp") {
        return Err(HeaderError::TwoTimes);
    }
    let alias = |name: &str| match name {
        "timestamp" if !table.is_named => "event_time".to_owned(),
        name => name.to_owned(),
    };
    let mut first = true;
    let mut all = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let meant = alias(name);
        let Some((number, _)) = fields(table).find(|(_, field)| *field == meant) else {
            all.push(None);
            continue;
        };
        if names[..at].contains(name) {
            return Err(HeaderError::Twice(name.clone()));
        }
        let mut before = vec![if first { b'{' } else { b',' }];
        super::blocks::push_json_string(&mut before, name.as_bytes());
        before.push(b':');
        first = false;
        all.push(Some(Column {
            name: name.clone(),
            kind: kind(&table.columns[number].kind),
            before,
        }));
    }
    Ok(all)
}

/// Refuses a file without a column that there must be; the others that it has not got.
pub fn lacking(names: &[String], table: &Table) -> Result<Vec<String>, HeaderError> {
    let has = |name: &str| names.iter().any(|n| n == name);
    let lacks = |wanted: String, name: &str| {
        let near = nearest(name, names.iter().map(String::as_str));
        Err(HeaderError::Lacks {
            wanted,
            found: names.to_vec(),
            near: near.map_or_else(String::new, |near| format!("; the nearest is `{near}`")),
        })
    };
    if !table.is_named {
        if !has("amount") {
            return lacks("`amount`".to_owned(), "amount");
        }
        if !has("event_time") && !has("timestamp") {
            return lacks("`event_time` (or `timestamp`)".to_owned(), "event_time");
        }
        return Ok(Vec::new());
    }
    let mut nullable = Vec::new();
    for (number, name) in fields(table).filter(|(_, name)| !has(name)) {
        if !table.columns[number].nullable || is_time(table, number) {
            return lacks(format!("`{name}`"), name);
        }
        nullable.push(name.to_owned());
    }
    Ok(nullable)
}

/// Whether a column is the event time, or what alone it is computed of.
fn is_time(table: &Table, number: usize) -> bool {
    let Some(time) = table.event_time else {
        return false;
    };
    match table.columns.get(time).map(|c| &c.origin) {
        Some(Origin::Computed(expr)) => expr.columns() == [number],
        _ => time == number,
    }
}
