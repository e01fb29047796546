//! The value of one column of a record: text is left where it lies.

use standings_model::types::Type;
use standings_model::value::{Real, Value};

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
    /// `STRING`, `BYTES`: the bytes `start..end` of the record, or of the decoder's scratch; read it with [`Sale::bytes`](crate::Sale::bytes).
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
    /// What a ranking computes failed: the number of the error; see [`Sale::error`](crate::Sale::error).
    Error(u32),
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
