//! A typed value of a sale's column or of a row's measure.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digits::{push_integer, push_minor, push_rfc3339};

/// A value. `Null` sorts below everything, as in Flink SQL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A whole number: `BIGINT` columns, counts, sums of `BIGINT`.
    Integer(i128),
    /// A decimal with two fraction digits, in minor units (cents): 12.34 is `Decimal(1234)`.
    Decimal(i128),
    /// Milliseconds since the Unix epoch, UTC.
    Time(i64),
    /// Text; never holds U+0000 (the decoder refuses it, since Postgres cannot store it).
    Text(Arc<str>),
}

impl Value {
    /// Text from anything that becomes an `Arc<str>`.
    pub fn text(s: impl Into<Arc<str>>) -> Self {
        Value::Text(s.into())
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

/// For a person: `12.34`, `2026-01-23T10:15:00Z`, text as it is, `NULL`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        match self {
            Value::Null => return f.pad("NULL"),
            Value::Text(text) => return f.pad(text),
            Value::Integer(n) => push_integer(&mut out, *n),
            Value::Decimal(n) => push_minor(&mut out, *n),
            Value::Time(t) => push_rfc3339(&mut out, *t),
        }
        // Digits and signs alone.
        f.pad(&String::from_utf8_lossy(&out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_for_people() {
        for (value, text) in [
            (Value::Null, "NULL"),
            (Value::Integer(-7), "-7"),
            (Value::Decimal(-5), "-0.05"),
            (Value::Time(1_769_126_400_000), "2026-01-23T00:00:00Z"),
            (Value::text("Łódź"), "Łódź"),
        ] {
            assert_eq!(value.to_string(), text);
        }
        assert_eq!(format!("{:>6}|", Value::Decimal(1234)), " 12.34|");
    }
}
