//! Canal: `{"type": "UPDATE", "data": [{…}, …], "old": [{…}, …], "isDdl": false, …}`: several rows, whose values are texts.

use super::{Change, Op, Place, Row, Was, is_there, is_tombstone, missing_row, scan, slice, text};
use super::{unknown_op, whole};
use crate::error::{self, DecodeError, shorten};

const NAMES: [&str; 10] = [
    "type", "data", "old", "isDdl", "database", "table", "ts", "es", "pkNames", "sqlType",
];

impl Change {
    pub(super) fn canal(&mut self, record: &[u8]) -> Result<(), DecodeError> {
        if is_tombstone(record) {
            return self.one(Row::of(Op::Skip));
        }
        let found = scan::fields(record, whole(record), &NAMES)?;
        let [kind, data, old, ddl, database, table, ts, es, keys, types] = found.at;
        let Some(of) = text(record, kind) else {
            let detail = "field \"type\" is missing or no text: it is no record of Canal";
            return Err(unknown_op(detail.to_owned()));
        };
        self.telling.of_row(database, table, ts, keys);
        self.telling.of_canal(es, types);
        if !self.include.takes(record, database, table) {
            return self.one(Row::of(Op::Skip));
        }
        let is_ddl = ddl.is_some_and(|at| slice(record, at) == b"true");
        match &*of {
            "TRUNCATE" => return self.one(Row::of(Op::Empty)),
            _ if is_ddl => return self.one(Row::of(Op::Skip)),
            "INSERT" | "UPDATE" | "DELETE" => {}
            // What Canal tells of a schema, by its names, where it does not say that it is that.
            "CREATE" | "ALTER" | "ERASE" | "RENAME" | "CINDEX" | "DINDEX" | "QUERY" => {
                return self.one(Row::of(Op::Skip));
            }
            other => {
                return Err(unknown_op(format!(
                    "field \"type\": found {:?}, expected INSERT, UPDATE, DELETE or TRUNCATE",
                    shorten(other)
                )));
            }
        }
        let data = is_there(record, data).ok_or_else(|| missing_row("data", &of))?;
        let rows = elements(record, "data", data)?;
        let old = match is_there(record, old).filter(|_| of == "UPDATE") {
            Some(old) => elements(record, "old", old)?,
            None => Vec::new(),
        };
        for (n, row) in rows.into_iter().enumerate() {
            let row = row.ok_or_else(|| missing_row("data", &of))?;
            self.rows.push(match &*of {
                "DELETE" => Row {
                    gone: Some(row),
                    was: Was::There(row),
                    ..Row::of(Op::End)
                },
                "UPDATE" => Row {
                    was: match old.get(n) {
                        Some(Some(old)) => Was::Under(row, *old),
                        _ => Was::Unsaid,
                    },
                    is_update: true,
                    ..Row::put(Op::Put, row)
                },
                _ => Row::put(Op::Put, row),
            });
        }
        if self.rows.is_empty() {
            return Err(missing_row("data", &of));
        }
        Ok(())
    }
}

/// The objects of an array; of null none.
fn elements(record: &[u8], name: &str, at: Place) -> Result<Vec<Option<Place>>, DecodeError> {
    let raw = scan::utf8(slice(record, at))?;
    let wrong = |found: &str| {
        let expected = "an array of objects";
        DecodeError::field(error::WRONG_TYPE, name, found, expected)
    };
    if !raw.starts_with('[') {
        return Err(wrong(raw));
    }
    let all: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw)
        .map_err(|e| DecodeError::new(error::MALFORMED, shorten(&e.to_string())))?;
    let all = all.into_iter().map(|one| match one.get() {
        "null" => Ok(None),
        object if object.starts_with('{') => Ok(Some(scan::place(raw, at.0 as usize, object))),
        other => Err(wrong(other)),
    });
    all.collect()
}
