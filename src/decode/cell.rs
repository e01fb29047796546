//! A decoded record: one cell per column of its table, text left where it lies.

use std::sync::Arc;

use standings_model::table::Column;
use standings_model::types::Type;
use standings_model::value::{Real, Value};

use super::error::DecodeError;

/// The value of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Missing or null.
    Null,
    /// A whole number; of a `BOOLEAN` 0 or 1, of a `DATE` days, of a `TIME`, `TIMESTAMP` or `TIMESTAMP_LTZ` microseconds.
    Int(i64),
    /// `DECIMAL(p, s)`: all its digits.
    Decimal(i128),
    /// `FLOAT`, `DOUBLE`.
    Double(Real),
    /// `STRING`, `BYTES`: the bytes `start..end` of the record, or of the decoder's scratch; read it with [`Sale::bytes`].
    Text {
        /// First byte.
        start: u32,
        /// After the last byte.
        end: u32,
        /// Whether it lies in the scratch: it was unescaped, or computed.
        scratch: bool,
    },
    /// `ARRAY`, `MAP`: its number among the values that the decoder made.
    Nested(u32),
    /// What a ranking computes failed: the number of the error; see [`Sale::error`].
    Error(u32),
}

/// One decoded record.
#[derive(Clone, Copy, Debug)]
pub struct Sale<'a> {
    /// When it happened, ms since the Unix epoch.
    pub event_time: i64,
    /// One cell per column of the table.
    pub cells: &'a [Cell],
    pub(super) columns: &'a [Column],
    pub(super) record: &'a [u8],
    pub(super) scratch: &'a [u8],
    pub(super) nested: &'a [Value],
    pub(super) errors: &'a [DecodeError],
}

impl<'a> Sale<'a> {
    /// The bytes of a column of text or bytes; none where the cell is neither. Text is always UTF-8.
    #[inline]
    pub fn bytes(&self, column: usize) -> Option<&'a [u8]> {
        match *self.cells.get(column)? {
            Cell::Text {
                start,
                end,
                scratch,
            } => {
                let bytes = if scratch { self.scratch } else { self.record };
                bytes.get(start as usize..end as usize)
            }
            _ => None,
        }
    }

    /// How many bytes the texts of all columns can have together: those of the record, and those that were made.
    #[inline]
    pub fn held(&self) -> usize {
        self.record.len() + self.scratch.len()
    }

    /// A value that is made of others.
    pub fn nested(&self, column: usize) -> Option<&'a Value> {
        match self.cells.get(column)? {
            Cell::Nested(n) => self.nested.get(*n as usize),
            _ => None,
        }
    }

    /// Why the value of a column that a ranking computes has none.
    #[inline]
    pub fn error(&self, column: usize) -> Option<&'a DecodeError> {
        match self.cells.get(column)? {
            Cell::Error(n) => self.errors.get(*n as usize),
            _ => None,
        }
    }

    /// The value of a column, owned; NULL for a column that the table does not have.
    pub fn value(&self, column: usize) -> Value {
        let kind = self.columns.get(column).map(|c| &c.kind);
        let (Some(cell), Some(kind)) = (self.cells.get(column), kind) else {
            return Value::Null;
        };
        match *cell {
            Cell::Null | Cell::Error(_) => Value::Null,
            Cell::Int(n) => integer(n, kind),
            Cell::Decimal(unscaled) => Value::decimal(unscaled, kind.scale()),
            Cell::Double(n) => Value::Double(n),
            Cell::Nested(_) => self.nested(column).cloned().unwrap_or(Value::Null),
            Cell::Text { .. } if *kind == Type::Bytes => {
                Value::Bytes(Arc::from(self.bytes(column).unwrap_or_default()))
            }
            // The bytes are UTF-8 already: the lossy form changes nothing and needs no failure path.
            Cell::Text { .. } => Value::Text(Arc::from(String::from_utf8_lossy(
                self.bytes(column).unwrap_or_default(),
            ))),
        }
    }
}

/// What a whole number means in a column of a type.
pub(super) fn integer(n: i64, kind: &Type) -> Value {
    match kind {
        Type::Boolean => Value::Boolean(n != 0),
        // Days are 32 bits where they are made.
        Type::Date => Value::Date(n as i32),
        Type::Time => Value::Time(n),
        Type::Timestamp(_) => Value::Timestamp(n),
        Type::Instant(_) => Value::Instant(n),
        _ => Value::Integer(i128::from(n)),
    }
}
