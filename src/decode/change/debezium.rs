//! Debezium: `{"before": …, "after": …, "source": …, "op": "u", "ts_ms": …}`, bare or as the payload beside its schema.

use super::scan::{self, Fields};
use super::{Change, Op, Place, Row, Was, is_there, is_tombstone, missing_row, object, slice};
use super::{text, unknown_op, whole};
use crate::error::{self, DecodeError, shorten};

/// What is looked for in an envelope.
const NAMES: [&str; 9] = [
    "op",
    "before",
    "after",
    "databaseName",
    "ddl",
    "status",
    "id",
    "ts_ms",
    "source",
];
const OP: usize = 0;
const BEFORE: usize = 1;
const AFTER: usize = 2;

impl Change {
    pub(super) fn debezium(&mut self, record: &[u8]) -> Result<(), DecodeError> {
        if is_tombstone(record) {
            return self.one(Row::of(Op::Skip));
        }
        let mut envelope = whole(record);
        if self.has_schema {
            let around = scan::fields(record, envelope, &["schema", "payload"])?;
            let [schema, payload] = around.at;
            if around.count > 0 && payload.is_none() {
                let detail = "field \"payload\" is missing: 'debezium-json.schema-include' says that it is around the envelope";
                return Err(DecodeError::new(error::MISSING_FIELD, detail.to_owned()));
            }
            let Some(payload) = object(record, "payload", payload)? else {
                return self.one(Row::of(Op::Skip));
            };
            self.schema = is_there(record, schema);
            envelope = payload;
        }
        let found = scan::fields(record, envelope, &NAMES)?;
        let row = self.of_envelope(record, envelope, &found)?;
        self.telling.note(found.at[7], found.at[8], self.schema);
        self.one(row)
    }

    fn of_envelope(
        &self,
        record: &[u8],
        envelope: Place,
        found: &Fields<9>,
    ) -> Result<Row, DecodeError> {
        let Some(at) = found.at[OP] else {
            return self.without_op(record, envelope, found);
        };
        let Some(op) = text(record, Some(at)) else {
            let found = String::from_utf8_lossy(slice(record, at));
            return Err(no_op(&found));
        };
        of_op(
            &op,
            || object(record, "before", found.at[BEFORE]),
            || object(record, "after", found.at[AFTER]),
        )
    }

    /// Heartbeats, changes of a schema, borders of transactions: what else Debezium writes, or what it does not.
    fn without_op(
        &self,
        record: &[u8],
        envelope: Place,
        found: &Fields<9>,
    ) -> Result<Row, DecodeError> {
        let [_, _, _, database, ddl, status, id, ts_ms, _] = found.at;
        let is_schema = database.is_some() || ddl.is_some();
        let is_border = status.is_some() && id.is_some();
        let is_heartbeat = ts_ms.is_some() && found.count == 1;
        if is_schema || is_border || is_heartbeat {
            return Ok(Row::of(Op::Skip));
        }
        let wrapped = scan::fields(record, envelope, &["payload"])?;
        let hint = match wrapped.at {
            [Some(_)] => "the envelope is its \"payload\": 'debezium-json.schema-include' = 'true'",
            [None] => {
                "it is no envelope of Debezium; of one without envelope the table is 'changelog' = 'upsert'"
            }
        };
        Err(unknown_op(format!("field \"op\" is missing: {hint}")))
    }
}

/// What an operation does to a row; where it lies is looked for only where it is needed.
pub(super) fn of_op(
    op: &str,
    before: impl FnOnce() -> Result<Option<Place>, DecodeError>,
    after: impl FnOnce() -> Result<Option<Place>, DecodeError>,
) -> Result<Row, DecodeError> {
    Ok(match op {
        "c" | "u" | "r" => {
            let after = after()?.ok_or_else(|| missing_row("after", op))?;
            let is_update = op == "u";
            let before = if is_update { before()? } else { None };
            Row {
                was: before.map_or(Was::Unsaid, Was::There),
                is_update,
                ..Row::put(if op == "r" { Op::Found } else { Op::Put }, after)
            }
        }
        "d" => {
            let before = before()?;
            Row {
                gone: before,
                was: before.map_or(Was::Unsaid, Was::There),
                ..Row::of(Op::End)
            }
        }
        "t" => Row::of(Op::Empty),
        "m" => Row::of(Op::Skip),
        other => return Err(no_op(&format!("{other:?}"))),
    })
}

#[cold]
fn no_op(found: &str) -> DecodeError {
    unknown_op(format!(
        "field \"op\": found {}, expected c, r, u, d, t or m",
        shorten(found)
    ))
}
