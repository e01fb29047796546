//! The schema as the decoder needs it: what each column takes, and which field name means which column.

use standings_model::schema::{ColumnType, Schema};

/// What a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A JSON string.
    Text,
    /// A JSON string or integer, kept as text: `sale_id`.
    Id,
    /// A JSON integer of 64 bits.
    BigInt,
    /// A JSON number, or a string that holds one.
    Decimal { precision: u8 },
    /// RFC 3339 or a JSON integer.
    Time,
}

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// May not be missing or null.
    pub(super) required: bool,
}

/// All columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    /// The number of `event_time`; a schema always has one.
    pub(super) event_time: usize,
    /// `timestamp` means `event_time`, unless the schema declares a column of that name.
    alias: bool,
}

impl Columns {
    pub(super) fn new(schema: &Schema, required: &[usize]) -> Self {
        let column = |(number, column): (usize, &standings_model::schema::Column)| Column {
            name: column.name.clone(),
            kind: match column.kind {
                ColumnType::Text if column.name == "sale_id" => Kind::Id,
                ColumnType::Text => Kind::Text,
                ColumnType::BigInt => Kind::BigInt,
                ColumnType::Decimal { precision } => Kind::Decimal { precision },
                ColumnType::Timestamp => Kind::Time,
            },
            required: required.contains(&number)
                || column.name == "event_time"
                || column.name == "amount",
        };
        Columns {
            list: schema.columns.iter().enumerate().map(column).collect(),
            event_time: schema.find("event_time").unwrap_or(usize::MAX),
            alias: schema.find("timestamp").is_none(),
        }
    }

    /// The column that a field of this name fills.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let name = if self.alias && name == "timestamp" {
            "event_time"
        } else {
            name
        };
        self.list.iter().position(|c| c.name == name)
    }
}
