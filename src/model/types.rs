//! The types of columns, of expressions and of measures.
//!
//! They are those of Flink SQL, exact ones as integers: a decimal is its unscaled digits, a time is microseconds.

use std::fmt;
use std::sync::Arc;

/// The most digits that a decimal has.
pub const MAX_PRECISION: u8 = 38;
/// The most fraction digits of a second that are kept.
pub const MAX_SECOND_DIGITS: u8 = 6;

/// How large a whole number may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// `TINYINT`, 8 bits.
    Tiny,
    /// `SMALLINT`, 16 bits.
    Small,
    /// `INT`, 32 bits.
    Int,
    /// `BIGINT`, 64 bits; counts.
    Big,
    /// A sum of whole numbers: `numeric(38, 0)` where it is written, a number in JSON.
    Sum,
}

impl Width {
    /// Whether a number is of this width.
    pub fn holds(self, n: i128) -> bool {
        match self {
            Width::Tiny => i8::try_from(n).is_ok(),
            Width::Small => i16::try_from(n).is_ok(),
            Width::Int => i32::try_from(n).is_ok(),
            Width::Big => i64::try_from(n).is_ok(),
            Width::Sum => true,
        }
    }

    /// The digits that a decimal needs to hold any number of this width, as Flink counts them.
    pub fn digits(self) -> u8 {
        match self {
            Width::Tiny => 3,
            Width::Small => 5,
            Width::Int => 10,
            Width::Big => 19,
            Width::Sum => MAX_PRECISION,
        }
    }
}

/// A field of a `ROW`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowField {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// A type. Whether a value may be NULL is said beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Of `NULL` alone: every type takes it.
    Null,
    /// `BOOLEAN`.
    Boolean,
    /// `TINYINT`, `SMALLINT`, `INT`, `BIGINT`, and the sum of them.
    Integer(Width),
    /// `DECIMAL(p, s)`.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Fraction digits, at most as many.
        scale: u8,
    },
    /// `FLOAT`: 32 bits on the wire, kept as 64.
    Float,
    /// `DOUBLE`.
    Double,
    /// `STRING`, or with a length `VARCHAR(n)`, in characters (Unicode scalar values).
    Text(Option<u32>),
    /// `CHAR(n)`: padded with spaces to its length.
    Char(u32),
    /// `BYTES`.
    Bytes,
    /// `DATE`: days since 1970-01-01.
    Date,
    /// `TIME`: microseconds since midnight.
    Time,
    /// `TIMESTAMP(p)`: what a clock on a wall shows, as microseconds since 1970-01-01T00:00:00 on it.
    Timestamp(u8),
    /// `TIMESTAMP_LTZ(p)`: an instant, microseconds since the Unix epoch.
    Instant(u8),
    /// `ROW<…>`.
    Row(Arc<[RowField]>),
    /// `ARRAY<…>`; the elements may be NULL where the flag says so.
    Array(Arc<Type>),
    /// `MAP<…, …>`.
    Map(Arc<(Type, Type)>),
    /// `INTERVAL … MONTH` or `YEAR`, in months; inside of expressions alone.
    Months,
    /// `INTERVAL … DAY` to `SECOND`, in microseconds; inside of expressions alone.
    Span,
}

impl Type {
    /// `BIGINT`.
    pub const BIGINT: Type = Type::Integer(Width::Big);
    /// `STRING`.
    pub const STRING: Type = Type::Text(None);

    /// A decimal; the scale is cut to the precision.
    pub fn decimal(precision: u8, scale: u8) -> Type {
        Type::Decimal {
            precision,
            scale: scale.min(precision),
        }
    }

    /// Whether it is a whole number or a decimal: what is summed exactly.
    pub fn is_exact_number(&self) -> bool {
        matches!(self, Type::Integer(_) | Type::Decimal { .. })
    }

    /// Whether it is a number of any kind.
    pub fn is_number(&self) -> bool {
        self.is_exact_number() || matches!(self, Type::Float | Type::Double)
    }

    /// Whether it is text.
    pub fn is_text(&self) -> bool {
        matches!(self, Type::Text(_) | Type::Char(_))
    }

    /// Whether its values are kept as bytes (texts too), and not as a number.
    pub fn is_bytes(&self) -> bool {
        self.is_text() || matches!(self, Type::Bytes)
    }

    /// Whether it is made of others.
    pub fn is_nested(&self) -> bool {
        matches!(self, Type::Row(_) | Type::Array(_) | Type::Map(_))
    }

    /// Whether it is a time that windows can be over.
    pub fn is_event_time(&self) -> bool {
        matches!(self, Type::Timestamp(_) | Type::Instant(_) | Type::Date)
    }

    /// Fraction digits of an exact number; 0 for whole numbers and everything else.
    pub fn scale(&self) -> u8 {
        match self {
            Type::Decimal { scale, .. } => *scale,
            _ => 0,
        }
    }
}

/// As it is declared.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Null => f.write_str("NULL"),
            Type::Boolean => f.write_str("BOOLEAN"),
            Type::Integer(Width::Tiny) => f.write_str("TINYINT"),
            Type::Integer(Width::Small) => f.write_str("SMALLINT"),
            Type::Integer(Width::Int) => f.write_str("INT"),
            Type::Integer(Width::Big) => f.write_str("BIGINT"),
            Type::Integer(Width::Sum) => f.write_str("DECIMAL(38, 0)"),
            Type::Decimal { precision, scale } => write!(f, "DECIMAL({precision}, {scale})"),
            Type::Float => f.write_str("FLOAT"),
            Type::Double => f.write_str("DOUBLE"),
            Type::Text(None) => f.write_str("STRING"),
            Type::Text(Some(n)) => write!(f, "VARCHAR({n})"),
            Type::Char(n) => write!(f, "CHAR({n})"),
            Type::Bytes => f.write_str("BYTES"),
            Type::Date => f.write_str("DATE"),
            Type::Time => f.write_str("TIME"),
            Type::Timestamp(p) => write!(f, "TIMESTAMP({p})"),
            Type::Instant(p) => write!(f, "TIMESTAMP_LTZ({p})"),
            Type::Row(fields) => {
                f.write_str("ROW<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    let null = if field.nullable { "" } else { " NOT NULL" };
                    write!(f, "{comma}{} {}{null}", field.name, field.kind)?;
                }
                f.write_str(">")
            }
            Type::Array(of) => write!(f, "ARRAY<{of}>"),
            Type::Map(of) => write!(f, "MAP<{}, {}>", of.0, of.1),
            Type::Months => f.write_str("INTERVAL MONTH"),
            Type::Span => f.write_str("INTERVAL SECOND"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_as_they_are_declared() {
        let row = Type::Row(Arc::from([
            RowField {
                name: "sku".to_owned(),
                kind: Type::STRING,
                nullable: false,
            },
            RowField {
                name: "price".to_owned(),
                kind: Type::decimal(10, 3),
                nullable: true,
            },
        ]));
        for (kind, text) in [
            (
                Type::Array(Arc::new(row)),
                "ARRAY<ROW<sku STRING NOT NULL, price DECIMAL(10, 3)>>",
            ),
            (
                Type::Map(Arc::new((Type::STRING, Type::Bytes))),
                "MAP<STRING, BYTES>",
            ),
            (Type::Instant(3), "TIMESTAMP_LTZ(3)"),
            (Type::decimal(3, 9), "DECIMAL(3, 3)"),
        ] {
            assert_eq!(kind.to_string(), text);
        }
    }

    #[test]
    fn widths_hold_what_their_bits_hold() {
        for (width, most) in [
            (Width::Tiny, 127),
            (Width::Small, 32_767),
            (Width::Int, 2_147_483_647),
            (Width::Big, i128::from(i64::MAX)),
        ] {
            assert!(width.holds(most) && width.holds(-most - 1));
            assert!(!width.holds(most + 1) && !width.holds(-most - 2));
            assert!(most < 10i128.pow(u32::from(width.digits())));
        }
    }
}
