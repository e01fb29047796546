//! A typed value: of a column, of an expression, of a row's measure.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::types::Type;
use crate::{decimal, digits, time};

/// A floating point number with an order that is total: -0 is 0, and what is not a number is greatest.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
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

    /// What a number means in a column of a type that is kept as a number; the opposite of [`Value::number`].
    pub fn of_number(n: i128, kind: &Type) -> Self {
        match kind {
            Type::Boolean => Value::Boolean(n != 0),
            Type::Decimal { scale, .. } => Value::decimal(n, *scale),
            // What was made a whole number of 64 bits or fewer is one.
            Type::Float | Type::Double => Value::Double(Real::of_ordered(n as i64)),
            Type::Date => Value::Date(n as i32),
            Type::Time => Value::Time(n as i64),
            Type::Timestamp(_) => Value::Timestamp(n as i64),
            Type::Instant(_) => Value::Instant(n as i64),
            _ => Value::Integer(n),
        }
    }

    /// What bytes mean in a column of a type that is kept as bytes.
    pub fn of_bytes(bytes: &[u8], kind: &Type) -> Self {
        match kind {
            Type::Bytes => Value::Bytes(bytes.into()),
            // Texts are checked where they are decoded; the lossy form changes nothing and needs no failure path.
            _ => Value::Text(Arc::from(String::from_utf8_lossy(bytes))),
        }
    }

    /// Reads a value that is no row, array or map as it is written: its text in JSON, without quotes.
    pub fn parse(text: &str, kind: &Type) -> Option<Self> {
        Some(match kind {
            Type::Null => Value::Null,
            Type::Boolean => match text {
                "true" | "t" => Value::Boolean(true),
                "false" | "f" => Value::Boolean(false),
                _ => return None,
            },
            Type::Integer(_) => Value::Integer(text.parse().ok()?),
            Type::Decimal { scale, .. } => {
                let number = decimal::parse(text.as_bytes(), 38, *scale, true);
                Value::decimal(number.ok()?, *scale)
            }
            Type::Float | Type::Double => Value::double(text.parse().ok()?),
            Type::Text(_) | Type::Char(_) => Value::text(text),
            Type::Bytes => Value::Bytes(STANDARD.decode(text).ok()?.into()),
            Type::Date => {
                let ms = time::parse_date(text)?;
                Value::Date(i32::try_from(ms.div_euclid(time::DAY)).ok()?)
            }
            Type::Time => {
                let us = time::parse_written_us(&format!("1970-01-01T{text}Z"))?;
                Value::Time(us)
            }
            Type::Timestamp(_) => Value::Timestamp(time::parse_written_us(&format!("{text}Z"))?),
            Type::Instant(_) => Value::Instant(time::parse_written_us(text)?),
            Type::Row(_) | Type::Array(_) | Type::Map(_) | Type::Months | Type::Span => {
                return None;
            }
        })
    }

    /// The value as a number whose order is that of the values of its column; none of NULL, of bytes and of what is made of
    /// others.
    pub fn number(&self) -> Option<i128> {
        match self {
            Value::Boolean(b) => Some(i128::from(*b)),
            Value::Integer(n) => Some(*n),
            Value::Decimal(d) => Some(d.unscaled),
            Value::Double(n) => Some(i128::from(n.to_ordered())),
            Value::Date(n) => Some(i128::from(*n)),
            Value::Time(n) | Value::Timestamp(n) | Value::Instant(n) => Some(i128::from(*n)),
            Value::Null
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::Row(_)
            | Value::Array(_)
            | Value::Map(_) => None,
        }
    }

    /// The value as bytes whose order is that of the values of its column; none of what is kept as a number.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
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
    fn what_is_written_is_read() {
        for (value, kind) in [
            (Value::Boolean(false), Type::Boolean),
            (Value::Integer(-7), Type::BIGINT),
            (Value::decimal(-1, 6), Type::decimal(18, 6)),
            (Value::decimal(10i128.pow(38) - 1, 0), Type::decimal(38, 0)),
            (Value::double(-1e300), Type::Double),
            (Value::double(0.1), Type::Double),
            (Value::Date(-719_000), Type::Date),
            (Value::Time(1), Type::Time),
            (Value::Timestamp(-1), Type::Timestamp(6)),
            (Value::Instant(1_769_126_400_123_456), Type::Instant(6)),
            (Value::text("a\"b"), Type::STRING),
            (Value::Bytes(Arc::from([0, 255, 7])), Type::Bytes),
        ] {
            let text = value.to_string();
            assert_eq!(Value::parse(&text, &kind), Some(value), "{text}");
        }
        assert_eq!(Value::parse("x", &Type::BIGINT), None);
        assert_eq!(Value::parse("1.234", &Type::decimal(5, 2)), None);
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
