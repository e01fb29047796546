//! Which column of the table each cell of a row is: by the names in the first row, or in the order of the table.

use standings_model::table::Table;
use standings_model::types::Type;

use super::fields::{self, Lacks};

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
        "the header has no column {}; found: {}; where the first line is a row already, the table says 'csv.header' = \
         'false', and where another sign is between the cells, 'csv.field-delimiter'",
        .0.wanted, .0.found()
    )]
    Lacks(Lacks),
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

/// The names of a file without a header.
pub fn in_order(table: &Table) -> Vec<String> {
    fields::fields(table)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// For each cell the column of the table, if it is one.
pub fn columns(names: &[String], table: &Table) -> Result<Vec<Option<Column>>, HeaderError> {
    let has = |name: &str| names.iter().any(|n| n == name);
    if !table.is_named && has("event_time") && has("timestamp") {
        return Err(HeaderError::TwoTimes);
    }
    let mut first = true;
    let mut all = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let Some(number) = fields::column(table, name) else {
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
