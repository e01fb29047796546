//! Maxwell: `{"database": …, "table": …, "type": "update", "ts": …, "data": {…}, "old": {…}}`.

use regex::Regex;
use standings_model::table::Table;

use super::{Change, Op, Place, Row, Was, is_tombstone, missing_row, object, scan, text};
use super::{unknown_op, whole};
use crate::error::{DecodeError, shorten};

/// Which databases and tables changes are taken of: patterns of the whole name.
#[derive(Debug, Default)]
pub(super) struct Include {
    database: Option<Regex>,
    table: Option<Regex>,
}

impl Include {
    pub(super) fn of(table: &Table) -> Self {
        // That it is a pattern was seen when it was declared.
        let of = |pattern: &Option<String>| {
            let pattern = pattern.as_ref()?;
            Regex::new(&format!("^(?:{pattern})$")).ok()
        };
        Include {
            database: of(&table.database_include),
            table: of(&table.table_include),
        }
    }

    /// Whether a record of these is taken; one that does not say is not, where it is asked.
    pub(super) fn takes(
        &self,
        record: &[u8],
        database: Option<Place>,
        table: Option<Place>,
    ) -> bool {
        let takes = |pattern: &Option<Regex>, place| match pattern {
            None => true,
            Some(pattern) => text(record, place).is_some_and(|name| pattern.is_match(&name)),
        };
        takes(&self.database, database) && takes(&self.table, table)
    }
}

const NAMES: [&str; 7] = [
    "type",
    "data",
    "old",
    "database",
    "table",
    "ts",
    "primary_key_columns",
];

impl Change {
    pub(super) fn maxwell(&mut self, record: &[u8]) -> Result<(), DecodeError> {
        if is_tombstone(record) {
            return self.one(Row::of(Op::Skip));
        }
        let found = scan::fields(record, whole(record), &NAMES)?;
        let [kind, data, old, database, table, ts, keys] = found.at;
        let Some(of) = text(record, kind) else {
            let detail = "field \"type\" is missing or no text: it is no record of Maxwell";
            return Err(unknown_op(detail.to_owned()));
        };
        self.telling.of_row(database, table, ts, keys);
        let row = || {
            let data = object(record, "data", data)?;
            data.ok_or_else(|| missing_row("data", &of))
        };
        let row = match &*of {
            _ if !self.include.takes(record, database, table) => Row::of(Op::Skip),
            "insert" => Row::put(Op::Put, row()?),
            "bootstrap-insert" => Row::put(Op::Found, row()?),
            "update" => {
                let data = row()?;
                Row {
                    was: match object(record, "old", old)? {
                        Some(old) => Was::Under(data, old),
                        None => Was::Unsaid,
                    },
                    is_update: true,
                    ..Row::put(Op::Put, data)
                }
            }
            "delete" => {
                let data = row()?;
                Row {
                    gone: Some(data),
                    was: Was::There(data),
                    ..Row::of(Op::End)
                }
            }
            "bootstrap-start" | "bootstrap-complete" | "heartbeat" | "table-create"
            | "table-alter" | "table-drop" | "database-create" | "database-alter"
            | "database-drop" => Row::of(Op::Skip),
            other => {
                return Err(unknown_op(format!(
                    "field \"type\": found {:?}, expected insert, update, delete or bootstrap-insert",
                    shorten(other)
                )));
            }
        };
        self.one(row)
    }
}
