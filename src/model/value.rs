//! A typed value: of a column, of an expression, of a row's measure.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digits;

/// A floating point number with an order that is total: -0 is 0, and what is not a number is greatest.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Real(f64);

impl Real {
    /// Of a number as it came.
    pub fn new(n: f64) -> Self {
        if n.is_nan() {
            Real(f64::NAN)
        } else if n == 0.0 {
            Real(0.0)
        } else {
            Real(n)
        }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// A whole number whose order is that of the numbers.
    pub fn to_ordered(self) -> i64 {
        let bits = self.0.to_bits() as i64;
        // Of a negative number more bits mean less.
        if bits < 0 { !bits ^ i64::MIN } else { bits }
    }

    /// The number that [`Real::to_ordered`] gave this for.
    pub fn of_ordered(n: i64) -> Self {
        let bits = if n < 0 { !(n ^ i64::MIN) } else { n };
        Real(f64::from_bits(bits as u64))
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Real {}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// A decimal: its digits as a whole number, and how many of them are a fraction. 12.34 is `{ unscaled: 1234, scale: 2 }`.
/// Values of one column have one scale, so their order is that of their digits; decimals of different scales are
/// compared by expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Decimal {
    /// All digits.
    pub unscaled: i128,
    /// Fraction digits.
    pub scale: u8,
}

/// A value. `Null` sorts below everything, as in Flink SQL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// `BOOLEAN`.
    Boolean(bool),
    /// A whole number: of a column, a count, a sum.
    Integer(i128),
    /// `DECIMAL(p, s)`.
    Decimal(Decimal),
    /// `FLOAT`, `DOUBLE`.
    Double(Real),
    /// `DATE`: days since 1970-01-01.
    Date(i32),
    /// `TIME`: microseconds since midnight.
    Time(i64),
    /// `TIMESTAMP`: microseconds on a clock on a wall since 1970-01-01T00:00:00.
    Timestamp(i64),
    /// `TIMESTAMP_LTZ`: microseconds since the Unix epoch.
    Instant(i64),
    /// Text; never holds U+0000 (the decoder refuses it, since Postgres cannot store it).
    Text(Arc<str>),
    /// `BYTES`.
    Bytes(Arc<[u8]>),
    /// `ROW`, in the order of its type's fields.
    Row(Arc<[Value]>),
    /// `ARRAY`.
    Array(Arc<[Value]>),
    /// `MAP`, in the order of the record.
    Map(Arc<[(Value, Value)]>),
}

impl Value {
    /// Text from anything that becomes an `Arc<str>`.
    pub fn text(s: impl Into<Arc<str>>) -> Self {
        Value::Text(s.into())
    }

    /// A decimal.
    pub fn decimal(unscaled: i128, scale: u8) -> Self {
        Value::Decimal(Decimal { unscaled, scale })
    }

    /// A decimal of two fraction digits: `1234` is 12.34.
    pub fn cents(minor: i128) -> Self {
        Value::decimal(minor, 2)
    }

    /// A double.
    pub fn double(n: f64) -> Self {
        Value::Double(Real::new(n))
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

/// For a person: `12.34`, `2026-01-23T10:15:00Z`, text as it is, `NULL`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, all: &[Value]| {
            let all: Vec<String> = all.iter().map(Value::to_string).collect();
            f.pad(&format!("[{}]", all.join(", ")))
        };
        match self {
            Value::Null => return f.pad("NULL"),
            Value::Text(text) => return f.pad(text),
            Value::Row(all) | Value::Array(all) => return list(f, all),
            Value::Map(all) => {
                let all: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
                return f.pad(&format!("{{{}}}", all.join(", ")));
            }
            _ => {}
        }
        f.pad(&digits::text(|out| self.push_plain(out)))
    }
}

impl Value {
    /// Appends a value that is no text and not made of others, as it is written in JSON but for quotes. NULL is nothing.
    pub fn push_plain(&self, out: &mut Vec<u8>) {
        match self {
            Value::Boolean(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
            Value::Integer(n) => digits::push_integer(out, *n),
            Value::Decimal(d) => digits::push_decimal(out, d.unscaled, d.scale),
            Value::Double(n) => digits::push_double(out, n.get()),
            Value::Date(days) => digits::push_date(out, i64::from(*days)),
            Value::Time(us) => digits::push_clock(out, *us),
            Value::Timestamp(us) => digits::push_timestamp(out, *us),
            Value::Instant(us) => digits::push_instant(out, *us),
            Value::Bytes(bytes) => digits::push_base64(out, bytes),
            Value::Null | Value::Text(_) | Value::Row(_) | Value::Array(_) | Value::Map(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_for_people() {
        for (value, text) in [
            (Value::Null, "NULL"),
            (Value::Boolean(true), "true"),
            (Value::Integer(-7), "-7"),
            (Value::cents(-5), "-0.05"),
            (Value::decimal(-5, 0), "-5"),
            (Value::decimal(13_5075, 4), "13.5075"),
            (Value::double(0.1), "0.1"),
            (Value::Date(-1), "1969-12-31"),
            (Value::Time(36_900_000_000), "10:15:00"),
            (Value::Time(36_900_120_000), "10:15:00.120"),
            (
                Value::Timestamp(1_769_126_400_000_001),
                "2026-01-23T00:00:00.000001",
            ),
            (
                Value::Instant(1_769_126_400_000_000),
                "2026-01-23T00:00:00Z",
            ),
            (Value::text("Łódź"), "Łódź"),
            (
                Value::Array(Arc::from([Value::Integer(1), Value::Null])),
                "[1, NULL]",
            ),
        ] {
            assert_eq!(value.to_string(), text);
        }
        assert_eq!(format!("{:>6}|", Value::cents(1234)), " 12.34|");
    }

    #[test]
    fn reals_keep_their_order_as_whole_numbers() {
        let all = [
            f64::NEG_INFINITY,
            -1e300,
            -1.5,
            -f64::MIN_POSITIVE,
            0.0,
            f64::MIN_POSITIVE,
            1.5,
            1e300,
            f64::INFINITY,
            f64::NAN,
        ]
        .map(Real::new);
        assert!(all.windows(2).all(|two| two[0] < two[1]));
        let turned = all.map(Real::to_ordered);
        assert!(turned.windows(2).all(|two| two[0] < two[1]), "{turned:?}");
        assert!(
            all.iter()
                .zip(turned)
                .all(|(n, o)| *n == Real::of_ordered(o))
        );
        assert_eq!(Real::new(-0.0), Real::new(0.0));
    }
}
