//! A typed value of a sale's column or of a row's measure.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

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
