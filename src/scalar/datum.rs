//! A value while it is worked with: borrowed from the row where it can be.

use std::borrow::Cow;
use std::sync::Arc;

use standings_model::types::Type;
use standings_model::value::{Real, Value};

/// A value. Of which type it is, and so the scale of a decimal, is known beside it.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum<'a> {
    /// SQL NULL.
    Null,
    /// `BOOLEAN`.
    Boolean(bool),
    /// A whole number of any width.
    Integer(i128),
    /// All digits of a decimal, as a whole number, at the scale of its type.
    Decimal(i128),
    /// `FLOAT`, `DOUBLE`.
    Double(f64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds on a clock on a wall since 1970-01-01T00:00:00.
    Timestamp(i64),
    /// Microseconds since the Unix epoch.
    Instant(i64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// A row, an array or a map.
    Nested(Cow<'a, Value>),
    /// An interval of months.
    Months(i64),
    /// An interval of microseconds.
    Span(i64),
}

/// What an expression reads.
pub trait Row {
    /// The value of a column, by its number in the table.
    fn datum(&self, column: usize) -> Datum<'_>;
}

/// A row of its values; a column that is not there is NULL.
impl Row for [Datum<'_>] {
    fn datum(&self, column: usize) -> Datum<'_> {
        self.get(column).map_or(Datum::Null, Datum::borrowed)
    }
}

impl<'a> Datum<'a> {
    /// Text, borrowed.
    pub fn text(text: &'a str) -> Self {
        Datum::Text(Cow::Borrowed(text))
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }

    /// The same, borrowed from this.
    pub fn borrowed(&self) -> Datum<'_> {
        match self {
            Datum::Text(text) => Datum::Text(Cow::Borrowed(text)),
            Datum::Bytes(bytes) => Datum::Bytes(Cow::Borrowed(bytes)),
            Datum::Nested(value) => Datum::Nested(Cow::Borrowed(value)),
            Datum::Null => Datum::Null,
            Datum::Boolean(b) => Datum::Boolean(*b),
            Datum::Integer(n) => Datum::Integer(*n),
            Datum::Decimal(n) => Datum::Decimal(*n),
            Datum::Double(n) => Datum::Double(*n),
            Datum::Date(n) => Datum::Date(*n),
            Datum::Time(n) => Datum::Time(*n),
            Datum::Timestamp(n) => Datum::Timestamp(*n),
            Datum::Instant(n) => Datum::Instant(*n),
            Datum::Months(n) => Datum::Months(*n),
            Datum::Span(n) => Datum::Span(*n),
        }
    }

    /// Of a value that lies somewhere.
    pub fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Datum::Null,
            Value::Boolean(b) => Datum::Boolean(*b),
            Value::Integer(n) => Datum::Integer(*n),
            Value::Decimal(d) => Datum::Decimal(d.unscaled),
            Value::Double(n) => Datum::Double(n.get()),
            Value::Date(n) => Datum::Date(*n),
            Value::Time(n) => Datum::Time(*n),
            Value::Timestamp(n) => Datum::Timestamp(*n),
            Value::Instant(n) => Datum::Instant(*n),
            Value::Text(text) => Datum::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => Datum::Bytes(Cow::Borrowed(bytes)),
            Value::Row(_) | Value::Array(_) | Value::Map(_) => Datum::Nested(Cow::Borrowed(value)),
        }
    }

    /// As a value of its type. Intervals, which no column has, are whole numbers.
    pub fn into_value(self, kind: &Type) -> Value {
        match self {
            Datum::Null => Value::Null,
            Datum::Boolean(b) => Value::Boolean(b),
            Datum::Integer(n) => Value::Integer(n),
            Datum::Decimal(n) => Value::decimal(n, kind.scale()),
            Datum::Double(n) => Value::Double(Real::new(n)),
            Datum::Date(n) => Value::Date(n),
            Datum::Time(n) => Value::Time(n),
            Datum::Timestamp(n) => Value::Timestamp(n),
            Datum::Instant(n) => Value::Instant(n),
            Datum::Text(text) => Value::Text(Arc::from(text)),
            Datum::Bytes(bytes) => Value::Bytes(Arc::from(bytes)),
            Datum::Nested(value) => value.into_owned(),
            Datum::Months(n) | Datum::Span(n) => Value::Integer(i128::from(n)),
        }
    }

    /// The digits of a whole number or of a decimal.
    #[inline]
    pub(crate) fn digits(&self) -> i128 {
        match self {
            Datum::Integer(n) | Datum::Decimal(n) => *n,
            Datum::Boolean(b) => i128::from(*b),
            Datum::Months(n) | Datum::Span(n) => i128::from(*n),
            _ => 0,
        }
    }

    /// A number as a double; `scale` is that of its type.
    pub(crate) fn double(&self, scale: u8) -> f64 {
        match self {
            Datum::Double(n) => *n,
            other => crate::number::double::of_exact(other.digits(), scale),
        }
    }

    /// Its text; nothing of what is no text.
    pub(crate) fn as_text(&self) -> &str {
        match self {
            Datum::Text(text) => text,
            _ => "",
        }
    }

    /// Its text, taken.
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        match self {
            Datum::Text(text) => text,
            _ => Cow::Borrowed(""),
        }
    }

    /// A part of a nested value, borrowed where the whole is.
    pub(crate) fn part(self, find: impl Fn(&Value) -> Option<&Value>) -> Datum<'a> {
        match self {
            Datum::Nested(Cow::Borrowed(value)) => find(value).map_or(Datum::Null, Datum::of),
            Datum::Nested(Cow::Owned(value)) => {
                find(&value).map_or(Datum::Null, |part| Datum::owned(part.clone()))
            }
            _ => Datum::Null,
        }
    }

    /// Of a value that nobody else has.
    pub fn owned(value: Value) -> Self {
        match &value {
            Value::Text(text) => Datum::Text(Cow::Owned(text.to_string())),
            Value::Bytes(bytes) => Datum::Bytes(Cow::Owned(bytes.to_vec())),
            Value::Row(_) | Value::Array(_) | Value::Map(_) => Datum::Nested(Cow::Owned(value)),
            plain => match Datum::of(plain) {
                Datum::Boolean(b) => Datum::Boolean(b),
                Datum::Integer(n) => Datum::Integer(n),
                Datum::Decimal(n) => Datum::Decimal(n),
                Datum::Double(n) => Datum::Double(n),
                Datum::Date(n) => Datum::Date(n),
                Datum::Time(n) => Datum::Time(n),
                Datum::Timestamp(n) => Datum::Timestamp(n),
                Datum::Instant(n) => Datum::Instant(n),
                _ => Datum::Null,
            },
        }
    }
}
