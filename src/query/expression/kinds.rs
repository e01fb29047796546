//! Types: which go together, what arithmetic makes of them (Flink's rules), and those that a CAST names.

use sqlparser::ast::{
    ArrayElemTypeDef, BinaryLength, CharacterLength, DataType, ExactNumberInfo, TimezoneInfo,
};
use standings_model::expr::Function;
use standings_model::types::{MAX_PRECISION, MAX_SECOND_DIGITS, Type, Width};

/// Digits and scale of an exact number, as arithmetic counts them.
pub(super) fn digits(kind: &Type) -> (i32, i32) {
    match kind {
        Type::Integer(width) => (i32::from(width.digits()), 0),
        Type::Decimal { precision, scale } => (i32::from(*precision), i32::from(*scale)),
        _ => (1, 0),
    }
}

/// A decimal of so many digits: beyond 38, whole digits are kept before fraction digits, of which six stay.
fn adjusted(precision: i32, scale: i32) -> Type {
    let most = i32::from(MAX_PRECISION);
    let (precision, scale) = if precision <= most {
        (precision.max(1), scale)
    } else {
        (most, (most - (precision - scale)).max(scale.min(6)))
    };
    // Both are between 0 and 38.
    Type::decimal(precision as u8, scale.clamp(0, precision) as u8)
}

/// What comes out of arithmetic with two numbers.
pub(super) fn arithmetic(function: Function, left: &Type, right: &Type) -> Type {
    match (left, right) {
        (Type::Null, other) | (other, Type::Null) => return other.clone(),
        (Type::Float, Type::Float) => return Type::Float,
        (Type::Float | Type::Double, _) | (_, Type::Float | Type::Double) => return Type::Double,
        (Type::Integer(a), Type::Integer(b)) => {
            return Type::Integer(match function {
                Function::Modulo => *b,
                _ => *a.max(b),
            });
        }
        _ => {}
    }
    let ((p1, s1), (p2, s2)) = (digits(left), digits(right));
    let whole = (p1 - s1).max(p2 - s2);
    let scale = s1.max(s2);
    match function {
        // One digit more than a product can have: so Flink counts.
        Function::Multiply => adjusted(p1 + p2 + 1, s1 + s2),
        Function::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            adjusted(p1 - s1 + s2 + scale, scale)
        }
        Function::Modulo => adjusted((p1 - s1).min(p2 - s2) + scale, scale),
        _ => adjusted(whole + scale + 1, scale),
    }
}

/// The type that holds the values of both; none where there is no such one.
pub(super) fn common(left: &Type, right: &Type) -> Option<Type> {
    if left == right {
        return Some(left.clone());
    }
    Some(match (left, right) {
        (Type::Null, other) | (other, Type::Null) => other.clone(),
        (Type::Integer(a), Type::Integer(b)) => Type::Integer(*a.max(b)),
        (a, b) if a.is_exact_number() && b.is_exact_number() => {
            let ((p1, s1), (p2, s2)) = (digits(a), digits(b));
            let scale = s1.max(s2);
            adjusted((p1 - s1).max(p2 - s2) + scale, scale)
        }
        (a, b) if a.is_number() && b.is_number() => Type::Double,
        (a, b) if a.is_text() && b.is_text() => match (length(a), length(b)) {
            (Some(a), Some(b)) => Type::Text(Some(a.max(b))),
            _ => Type::STRING,
        },
        (Type::Instant(a), Type::Instant(b)) => Type::Instant(*a.max(b)),
        (Type::Timestamp(a), Type::Timestamp(b)) => Type::Timestamp(*a.max(b)),
        (Type::Timestamp(a), Type::Instant(b)) | (Type::Instant(b), Type::Timestamp(a)) => {
            Type::Instant(*a.max(b))
        }
        (Type::Date, Type::Timestamp(p)) | (Type::Timestamp(p), Type::Date) => Type::Timestamp(*p),
        (Type::Date, Type::Instant(p)) | (Type::Instant(p), Type::Date) => Type::Instant(*p),
        _ => return None,
    })
}

fn length(kind: &Type) -> Option<u32> {
    match kind {
        Type::Text(n) => *n,
        Type::Char(n) => Some(*n),
        _ => None,
    }
}

/// The type that a CAST names; else what may be written.
pub fn type_of(kind: &DataType) -> Result<Type, String> {
    let wrong = || {
        format!(
            "{TYPES}{}",
            match kind {
                DataType::Custom(name, _) =>
                    super::nearest(&name.to_string(), NAMES.iter().copied())
                        .map_or_else(String::new, |n| format!("; did you mean {n}?")),
                _ => String::new(),
            }
        )
    };
    let seconds = |p: Option<u64>, default: u8| match p {
        None => Ok(default),
        Some(p) if p <= u64::from(MAX_SECOND_DIGITS) => Ok(p as u8),
        Some(p) => Err(format!(
            "{p} digits of a second: six are kept, write at most 6"
        )),
    };
    Ok(match kind {
        DataType::Boolean | DataType::Bool => Type::Boolean,
        DataType::TinyInt(None) => Type::Integer(Width::Tiny),
        DataType::SmallInt(None) => Type::Integer(Width::Small),
        DataType::Int(None) | DataType::Integer(None) => Type::Integer(Width::Int),
        DataType::BigInt(None) => Type::BIGINT,
        DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => decimal(info)?,
        DataType::Float(ExactNumberInfo::None) | DataType::Real => Type::Float,
        DataType::Double(ExactNumberInfo::None) | DataType::DoublePrecision => Type::Double,
        DataType::String(None) | DataType::Text => Type::STRING,
        DataType::Varchar(n) | DataType::CharacterVarying(n) | DataType::CharVarying(n) => {
            match characters(n)? {
                // Of one character in Flink, of any number in Postgres.
                None => {
                    return Err("VARCHAR without a length: write STRING, or VARCHAR(n)".to_owned());
                }
                n => Type::Text(n),
            }
        }
        DataType::Char(n) | DataType::Character(n) => Type::Char(characters(n)?.unwrap_or(1)),
        DataType::Bytes(None) | DataType::Bytea => Type::Bytes,
        DataType::Varbinary(None | Some(BinaryLength::IntegerLength { .. })) => Type::Bytes,
        DataType::Date => Type::Date,
        DataType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Type::Time,
        DataType::Timestamp(p, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            Type::Timestamp(seconds(*p, MAX_SECOND_DIGITS)?)
        }
        DataType::Timestamp(p, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            Type::Instant(seconds(*p, MAX_SECOND_DIGITS)?)
        }
        DataType::Array(ArrayElemTypeDef::AngleBracket(of)) => {
            Type::Array(std::sync::Arc::new(type_of(of)?))
        }
        DataType::Custom(name, arguments) => {
            let name = name.to_string().to_uppercase();
            let precision = match &arguments[..] {
                [] => None,
                [one] => Some(one.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            };
            match &*name {
                "TIMESTAMP_LTZ" => Type::Instant(seconds(precision, MAX_SECOND_DIGITS)?),
                _ => return Err(wrong()),
            }
        }
        _ => return Err(wrong()),
    })
}

fn decimal(info: &ExactNumberInfo) -> Result<Type, String> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (10, 0),
        ExactNumberInfo::Precision(p) => (*p, 0),
        ExactNumberInfo::PrecisionAndScale(p, s) => (*p, *s),
    };
    let precision = u8::try_from(precision)
        .ok()
        .filter(|p| (1..=MAX_PRECISION).contains(p));
    let scale = u8::try_from(scale).ok();
    match (precision, scale) {
        (Some(precision), Some(scale)) if scale <= precision => {
            Ok(Type::Decimal { precision, scale })
        }
        _ => Err(
            "DECIMAL(p, s) has p from 1 to 38 digits, and s of them, none to all, behind the point"
                .to_owned(),
        ),
    }
}

fn characters(length: &Option<CharacterLength>) -> Result<Option<u32>, String> {
    match length {
        None | Some(CharacterLength::Max) => Ok(None),
        Some(CharacterLength::IntegerLength { length, .. }) => match u32::try_from(*length) {
            Ok(n) if n > 0 && n <= i32::MAX as u32 => Ok(Some(n)),
            _ => Err("a text has 1 to 2147483647 characters".to_owned()),
        },
    }
}

const TYPES: &str = "types are BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, DECIMAL(p, s), FLOAT, DOUBLE, STRING, VARCHAR(n), CHAR(n), \
                     BYTES, DATE, TIME, TIMESTAMP(p), TIMESTAMP_LTZ(p)";
const NAMES: &[&str] = &[
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INT",
    "BIGINT",
    "DECIMAL",
    "FLOAT",
    "DOUBLE",
    "STRING",
    "VARCHAR",
    "CHAR",
    "BYTES",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
];

#[cfg(test)]
mod tests {
    use super::*;
    use Function::*;

    /// Flink 2.3's own answers among them: (19, 11), (28, 22), (38, 6), (38, 4), (38, 9).
    #[test]
    fn arithmetic_of_decimals_has_flinks_types() {
        let d = Type::decimal;
        let (int, big) = (Type::Integer(Width::Int), Type::BIGINT);
        for (function, left, right, want) in [
            (Add, d(10, 2), d(5, 4), d(13, 4)),
            (Subtract, d(5, 0), d(5, 0), d(6, 0)),
            (Multiply, d(10, 2), d(5, 3), d(16, 5)),
            (Multiply, d(20, 6), d(4, 2), d(25, 8)),
            (Divide, d(10, 2), d(5, 3), d(19, 8)),
            (Divide, d(18, 2), int.clone(), d(29, 13)),
            (Divide, d(8, 2), big.clone(), d(28, 22)),
            (Divide, d(38, 10), d(38, 10), d(38, 6)),
            (Multiply, d(38, 10), d(38, 10), d(38, 6)),
            (Multiply, d(30, 2), d(30, 2), d(38, 4)),
            (Add, d(38, 10), d(38, 9), d(38, 8)),
            (Add, d(38, 38), d(38, 0), d(38, 6)),
            (Modulo, d(10, 2), d(5, 3), d(5, 3)),
            (Multiply, d(28, 2), int.clone(), d(38, 2)),
            (Add, int.clone(), big.clone(), big.clone()),
            (Divide, int.clone(), Type::Double, Type::Double),
            (Add, Type::Float, Type::Float, Type::Float),
        ] {
            assert_eq!(
                arithmetic(function, &left, &right),
                want,
                "{left} {function:?} {right}"
            );
        }
    }

    #[test]
    fn types_that_hold_both() {
        let d = Type::decimal;
        for (left, right, want) in [
            (Type::Integer(Width::Tiny), Type::BIGINT, Some(Type::BIGINT)),
            (Type::Integer(Width::Int), d(8, 2), Some(d(12, 2))),
            (d(8, 2), d(6, 5), Some(d(11, 5))),
            (d(8, 2), Type::Float, Some(Type::Double)),
            (
                Type::Text(Some(3)),
                Type::Char(7),
                Some(Type::Text(Some(7))),
            ),
            (Type::Text(Some(3)), Type::STRING, Some(Type::STRING)),
            (Type::Date, Type::Timestamp(3), Some(Type::Timestamp(3))),
            (Type::Timestamp(0), Type::Instant(3), Some(Type::Instant(3))),
            (Type::Null, Type::Boolean, Some(Type::Boolean)),
            (Type::STRING, Type::BIGINT, None),
            (Type::Time, Type::Date, None),
        ] {
            assert_eq!(common(&left, &right), want, "{left} {right}");
            assert_eq!(common(&right, &left), want, "{right} {left}");
        }
    }
}
