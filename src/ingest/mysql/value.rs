//! A value of MySQL or MariaDB as JSON, without losing a digit.
//!
//! | of | so it is |
//! | --- | --- |
//! | whole numbers, YEAR | numbers, BIGINT UNSIGNED with all its digits |
//! | DECIMAL | a text |
//! | FLOAT, DOUBLE | the shortest number that reads back as the same |
//! | BIT(1) | true or false; longer ones a number |
//! | DATE, DATETIME, TIME | a text as the table has it, without a zone; TIME may be beyond a day, and negative |
//! | TIMESTAMP | a text with `+00:00`: the connection's zone is UTC |
//! | BINARY, VARBINARY, BLOB, GEOMETRY | base64 |
//! | text, ENUM, SET, JSON | a text |
//! | a date that is none (`0000-00-00`, `2026-00-10`) | NULL, or the row is refused |

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::row::push_text;

/// A value, as the protocol has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// One without a sign.
    UInt(u64),
    /// FLOAT.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// A text, or bytes.
    Bytes(Vec<u8>),
    /// Year, month, day, hour, minute, second, µs.
    Date(u16, u8, u8, u8, u8, u8, u32),
    /// Whether negative; hours, minutes, seconds, µs.
    Time(bool, u32, u8, u8, u32),
}

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// DECIMAL.
    Decimal,
    /// BIT(1).
    Bit,
    /// BIT of more than one.
    Bits,
    /// DATE.
    Date,
    /// DATETIME, with so many digits behind the point.
    Datetime(u8),
    /// TIMESTAMP, as well.
    Timestamp(u8),
    /// TIME, as well.
    Time(u8),
    /// Bytes.
    Bytes,
    /// A text in UTF-8.
    Text,
}

/// What is written for a date that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroDates {
    /// NULL.
    Null,
    /// Nothing: the row is no record.
    Refuse,
}

/// Why a value has no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoValue {
    /// A day that no calendar has.
    #[error("`{0}` has a date that is none ({1}), and zero-dates = \"refuse\" is said")]
    ZeroDate(String, String),
    /// A text that is not in the character set of the connection.
    #[error("`{0}` has a text that is no UTF-8")]
    NotText(String),
    /// The protocol gave something else than the column is.
    #[error("`{0}` has a value of another kind than its column")]
    Odd(String),
}

/// `10:15:00.123`: with so many digits behind the point.
fn clock((hour, minute, second): (u32, u8, u8), micros: u32, digits: u8) -> String {
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    let digits = usize::from(digits.min(6));
    if digits > 0 {
        text.push('.');
        text.push_str(&format!("{micros:06}")[..digits]);
    }
    text
}

/// Adds a value to the text of a row.
///
/// # Errors
/// It has none.
pub fn push(
    out: &mut Vec<u8>,
    (name, kind): (&str, Kind),
    datum: &Datum,
    zero: ZeroDates,
) -> Result<(), NoValue> {
    match (datum, kind) {
        (Datum::Null, _) => out.extend_from_slice(b"null"),
        (Datum::Int(n), _) => out.extend_from_slice(n.to_string().as_bytes()),
        (Datum::UInt(n), _) => out.extend_from_slice(n.to_string().as_bytes()),
        // Neither NaN nor infinity is in a table of theirs; Rust's text is the shortest that reads back.
        (Datum::Float(n), _) => out.extend_from_slice(format!("{n:?}").as_bytes()),
        (Datum::Double(n), _) => out.extend_from_slice(format!("{n:?}").as_bytes()),
        (Datum::Date(year, month, day, hour, minute, second, micros), _) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            if *month == 0 || *day == 0 {
                return match zero {
                    ZeroDates::Null => {
                        out.extend_from_slice(b"null");
                        Ok(())
                    }
                    ZeroDates::Refuse => Err(NoValue::ZeroDate(name.to_owned(), date)),
                };
            }
            let text = match kind {
                Kind::Datetime(digits) => {
                    format!(
                        "{date}T{}",
                        clock(((*hour).into(), *minute, *second), *micros, digits)
                    )
                }
                Kind::Timestamp(digits) => {
                    let of_day = clock(((*hour).into(), *minute, *second), *micros, digits);
                    format!("{date}T{of_day}+00:00")
                }
                _ => date,
            };
            push_text(out, &text);
        }
        (Datum::Time(is_negative, hours, minute, second, micros), _) => {
            let digits = match kind {
                Kind::Time(digits) => digits,
                _ => 6,
            };
            let sign = if *is_negative { "-" } else { "" };
            push_text(
                out,
                &format!(
                    "{sign}{}",
                    clock((*hours, *minute, *second), *micros, digits)
                ),
            );
        }
        (Datum::Bytes(bytes), Kind::Bit | Kind::Bits) => {
            let number = bytes
                .iter()
                .try_fold(0u64, |n, b| Some(n.checked_mul(256)? | u64::from(*b)));
            let number = number.ok_or_else(|| NoValue::Odd(name.to_owned()))?;
            let text = match kind {
                Kind::Bit => (number != 0).to_string(),
                _ => number.to_string(),
            };
            out.extend_from_slice(text.as_bytes());
        }
        (Datum::Bytes(bytes), Kind::Bytes) => push_text(out, &STANDARD.encode(bytes)),
        (Datum::Bytes(bytes), Kind::Text | Kind::Decimal) => match std::str::from_utf8(bytes) {
            Ok(text) => push_text(out, text),
            Err(_) => return Err(NoValue::NotText(name.to_owned())),
        },
        (Datum::Bytes(_), _) => return Err(NoValue::Odd(name.to_owned())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(kind: Kind, datum: Datum) -> String {
        let mut out = Vec::new();
        push(&mut out, ("c", kind), &datum, ZeroDates::Null).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_digit_is_lost() {
        let bytes = |text: &str| Datum::Bytes(text.as_bytes().to_vec());
        for (kind, datum, want) in [
            (Kind::Number, Datum::UInt(u64::MAX), "18446744073709551615"),
            (Kind::Number, Datum::Int(i64::MIN), "-9223372036854775808"),
            (
                Kind::Decimal,
                bytes("12345678901234567890.0123456789"),
                "\"12345678901234567890.0123456789\"",
            ),
            (Kind::Number, Datum::Float(0.1), "0.1"),
            (Kind::Number, Datum::Double(1e300), "1e300"),
            (Kind::Bit, Datum::Bytes(vec![1]), "true"),
            (Kind::Bits, Datum::Bytes(vec![1, 255]), "511"),
            (
                Kind::Date,
                Datum::Date(2026, 1, 23, 0, 0, 0, 0),
                "\"2026-01-23\"",
            ),
            (Kind::Date, Datum::Date(2026, 0, 23, 0, 0, 0, 0), "null"),
            (
                Kind::Datetime(3),
                Datum::Date(2026, 1, 23, 10, 15, 0, 123_000),
                "\"2026-01-23T10:15:00.123\"",
            ),
            (Kind::Datetime(0), Datum::Date(0, 0, 0, 0, 0, 0, 0), "null"),
            (
                Kind::Timestamp(6),
                Datum::Date(2026, 1, 23, 10, 15, 0, 7),
                "\"2026-01-23T10:15:00.000007+00:00\"",
            ),
            (
                Kind::Time(0),
                Datum::Time(true, 838, 59, 59, 0),
                "\"-838:59:59\"",
            ),
            (Kind::Bytes, Datum::Bytes(vec![0, 255]), "\"AP8=\""),
            (Kind::Text, bytes("Zoë \"x\""), "\"Zoë \\\"x\\\"\""),
            (Kind::Text, Datum::Null, "null"),
        ] {
            assert_eq!(json(kind, datum.clone()), want, "{kind:?} {datum:?}");
        }
    }

    #[test]
    fn what_has_no_text_says_so() {
        let zero = Datum::Date(0, 0, 0, 0, 0, 0, 0);
        let refused = push(
            &mut Vec::new(),
            ("at", Kind::Date),
            &zero,
            ZeroDates::Refuse,
        );
        assert!(refused.unwrap_err().to_string().contains("`at`"));
        let bytes = Datum::Bytes(vec![0xff]);
        assert!(push(&mut Vec::new(), ("t", Kind::Text), &bytes, ZeroDates::Null).is_err());
    }
}
