//! One JSON value that is not made of others, as its column takes it: the rules of the full path.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use standings_model::decimal::{self, DecimalError};
use standings_model::types::Width;
use standings_model::value::Real;

use super::columns::{Kind, Told};
use super::error;
use super::times::{self, NoTime, Times};
use super::zone::Zone;

/// A value that was read: of a column, or a part of one.
pub(super) enum Scalar<'a> {
    Null,
    Int(i64),
    Decimal(i128),
    Double(Real),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
}

/// Why a value is not taken: the reason, and what would be.
pub(super) struct Refused {
    pub(super) reason: &'static str,
    pub(super) expected: Cow<'static, str>,
}

pub(super) fn refuse<T>(
    reason: &'static str,
    expected: impl Into<Cow<'static, str>>,
) -> Result<T, Refused> {
    Err(Refused {
        reason,
        expected: expected.into(),
    })
}

/// Reads one value that is not made of others.
pub(super) fn scalar<'a>(kind: Kind, raw: &'a str, zone: &Zone) -> Result<Scalar<'a>, Refused> {
    let shape = Shape::of(raw);
    if shape == Shape::Null {
        return Ok(Scalar::Null);
    }
    match (kind, shape) {
        (Kind::Text { most }, Shape::String) => text(raw, most),
        (Kind::Padded { to }, Shape::String) => padded(raw, to),
        (Kind::Text { .. } | Kind::Padded { .. }, _) => refuse(error::WRONG_TYPE, "a string"),
        (Kind::Id, Shape::String) => text(raw, u32::MAX),
        (Kind::Id, Shape::Integer) => Ok(Scalar::Text(Cow::Borrowed(raw))),
        (Kind::Id, _) => refuse(error::WRONG_TYPE, "a string or an integer"),
        (Kind::Written, Shape::String) => text(raw, u32::MAX),
        (Kind::Written, Shape::Other) if raw.starts_with(['{', '[']) => {
            refuse(error::WRONG_TYPE, "a string, a number or a boolean")
        }
        (Kind::Written, _) => Ok(Scalar::Text(Cow::Borrowed(raw))),
        (Kind::Bytes, Shape::String) => bytes(raw),
        (Kind::Bytes, _) => refuse(error::WRONG_TYPE, "a string of base64"),
        (Kind::Boolean, _) => match raw {
            "true" => Ok(Scalar::Int(1)),
            "false" => Ok(Scalar::Int(0)),
            _ => refuse(error::WRONG_TYPE, "true or false"),
        },
        (Kind::Integer { width }, Shape::Integer) => match raw.parse::<i64>() {
            Ok(n) if width.holds(i128::from(n)) => Ok(Scalar::Int(n)),
            _ => refuse(
                error::WRONG_TYPE,
                format!("an integer of {} bits", bits(width)),
            ),
        },
        (Kind::Integer { .. }, _) => refuse(error::WRONG_TYPE, "an integer"),
        (
            Kind::Decimal { .. } | Kind::Base64 { .. },
            Shape::Integer | Shape::Number | Shape::String,
        ) => number(kind, raw, shape),
        (Kind::Decimal { .. } | Kind::Base64 { .. }, _) => refuse(error::WRONG_TYPE, "a number"),
        (Kind::Double { single }, Shape::Integer | Shape::Number) => double(raw, single),
        (Kind::Double { .. }, _) => refuse(error::WRONG_TYPE, "a number"),
        (Kind::Told(told), Shape::String) => {
            let text = unescape(raw)?;
            // Databases write a boolean as a number.
            let text = match (told, text.trim()) {
                (Told::Boolean, "1") => "true",
                (Told::Boolean, "0") => "false",
                // An empty text, or the word, is no value.
                (_, "" | "null") => "?",
                (_, text) => text,
            };
            match scalar(told.plain(), text, zone)? {
                Scalar::Int(n) => Ok(Scalar::Int(n)),
                Scalar::Double(n) => Ok(Scalar::Double(n)),
                // None of the three is anything else.
                _ => refuse(error::WRONG_TYPE, "a number"),
            }
        }
        (Kind::Told(told), _) => scalar(told.plain(), raw, zone),
        (Kind::Time(times), _) => time(times, raw, shape, zone),
        (Kind::Date, Shape::String) => match times::date(unescape(raw)?.as_bytes()) {
            Some(days) => Ok(Scalar::Int(days)),
            None => refuse(error::BAD_TIME, "a date such as 2026-01-23"),
        },
        (Kind::Date, _) => refuse(error::WRONG_TYPE, "a date such as \"2026-01-23\""),
        (Kind::Clock, Shape::String) => match times::clock(unescape(raw)?.as_bytes()) {
            Some(us) => Ok(Scalar::Int(us)),
            None => refuse(error::BAD_TIME, "a time of day such as 10:15:00"),
        },
        (Kind::Clock, _) => refuse(error::WRONG_TYPE, "a time of day such as \"10:15:00\""),
        // Nested values are read elsewhere.
        (Kind::Nested, _) => refuse(error::WRONG_TYPE, "an array or an object"),
    }
}

fn bits(width: Width) -> u32 {
    match width {
        Width::Tiny => 8,
        Width::Small => 16,
        Width::Int => 32,
        Width::Big | Width::Sum => 64,
    }
}

fn number(kind: Kind, raw: &str, shape: Shape) -> Result<Scalar<'_>, Refused> {
    let (precision, scale, zeros, base64) = match kind {
        Kind::Decimal {
            precision,
            scale,
            zeros,
        } => (precision, scale, zeros, false),
        Kind::Base64 { precision, scale } => (precision, scale, true, true),
        // Asked for these two alone.
        _ => (0, 0, false, false),
    };
    let number = match shape {
        Shape::String => unescape(raw)?,
        _ => Cow::Borrowed(raw),
    };
    if base64 && shape == Shape::String {
        return match twos_complement(&number) {
            Some(n) if n.unsigned_abs() < 10u128.pow(u32::from(precision)) => {
                Ok(Scalar::Decimal(n))
            }
            Some(_) => refuse(
                error::AMOUNT_OUT_OF_RANGE,
                format!("at most {precision} digits in all"),
            ),
            None => refuse(error::BAD_AMOUNT, "base64 of a number of at most 16 bytes"),
        };
    }
    match decimal::parse(number.as_bytes(), precision, scale, zeros) {
        Ok(unscaled) => Ok(Scalar::Decimal(unscaled)),
        Err(DecimalError::Range) => refuse(
            error::AMOUNT_OUT_OF_RANGE,
            format!("at most {precision} digits in all"),
        ),
        // The words of a sale's amount.
        Err(DecimalError::Fraction) if !zeros => {
            refuse(error::BAD_AMOUNT, "at most two fraction digits")
        }
        Err(DecimalError::Fraction) if fraction_digits(&number) > MOST_DIGITS => refuse(
            error::BAD_AMOUNT,
            format!("at most {scale} fraction digits; round it in a computed column, of a DOUBLE"),
        ),
        Err(DecimalError::Fraction) => {
            let digits = fraction_digits(&number);
            refuse(
                error::BAD_AMOUNT,
                format!(
                    "at most {scale} fraction digits; declare DECIMAL(…, {digits}), or round it in a computed column"
                ),
            )
        }
        Err(DecimalError::Syntax) if zeros && stands_for_null(&number) => refuse(
            error::BAD_AMOUNT,
            format!(
                "a number; if it stands for NULL: of CSV 'csv.null-literal' = '{number}', else a STRING column, and \
                 CAST(NULLIF(column, '{number}') AS DECIMAL(…)) in a computed one"
            ),
        ),
        Err(DecimalError::Syntax)
            if zeros && shape == Shape::String && looks_like_base64(&number) =>
        {
            refuse(
                error::BAD_AMOUNT,
                "a number; if this is base64, as Kafka Connect writes decimals, declare 'json.decimal-format' = 'base64'",
            )
        }
        Err(DecimalError::Syntax) => refuse(error::BAD_AMOUNT, "a number"),
    }
}

/// The digits of a DECIMAL.
const MOST_DIGITS: usize = 38;

/// A word that people write where there is no value.
fn stands_for_null(text: &str) -> bool {
    let words = ["null", "\\n", "n/a", "na", "none", "nil", "-"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Fraction digits that a number needs.
fn fraction_digits(number: &str) -> usize {
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse().unwrap_or(0)),
        None => (number, 0),
    };
    let fraction = number.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits = fraction.trim_end_matches('0').len() as i64 - exponent;
    digits.clamp(0, 1000) as usize
}

fn looks_like_base64(text: &str) -> bool {
    text.len() >= 4 && twos_complement(text).is_some()
}

/// A number of at most 16 bytes in two's complement, the highest first, in base64: how Kafka Connect writes decimals.
pub(super) fn twos_complement(text: &str) -> Option<i128> {
    of_twos_complement(&STANDARD.decode(text).ok()?)
}

/// The same of the bytes, more than 16 of them where those before are copies of the sign; none of no byte.
#[inline]
pub(super) fn of_twos_complement(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    let fill = if first >= 0x80 { 0xff } else { 0 };
    // What nearly all decimals have.
    if bytes.len() <= 8 {
        let mut word = [fill; 8];
        word[8 - bytes.len()..].copy_from_slice(bytes);
        return Some(i128::from(i64::from_be_bytes(word)));
    }
    let (spare, digits) = bytes.split_at(bytes.len().saturating_sub(16));
    if spare.iter().any(|b| *b != fill) {
        return None;
    }
    let mut word = [fill; 16];
    word[16 - digits.len()..].copy_from_slice(digits);
    let n = i128::from_be_bytes(word);
    // What was cut off were copies of the sign.
    ((n < 0) == (first >= 0x80)).then_some(n)
}

fn double(raw: &str, single: bool) -> Result<Scalar<'_>, Refused> {
    let parsed = match single {
        // Of 32 bits, and shown by its own shortest digits.
        true => raw
            .parse::<f32>()
            .ok()
            .and_then(|n| n.to_string().parse().ok()),
        false => raw.parse::<f64>().ok(),
    };
    match parsed {
        Some(n) if f64::is_finite(n) => Ok(Scalar::Double(Real::new(n))),
        _ => refuse(
            error::WRONG_TYPE,
            "a number that a floating point number can be",
        ),
    }
}

fn time<'a>(times: Times, raw: &'a str, shape: Shape, zone: &Zone) -> Result<Scalar<'a>, Refused> {
    const LOCAL: &str = "a time with an offset such as 2026-01-23T10:15:00Z; declare 'timestamp-format.standard' = 'SQL' or \
                         'ISO-8601' for times without one";
    match shape {
        Shape::String => {
            let text = unescape(raw)?;
            match times.parse(text.as_bytes(), |clock| zone.instant(clock)) {
                Ok(us) => Ok(Scalar::Int(us)),
                Err(NoTime::Range) if times.strict => {
                    refuse(error::TIME_OUT_OF_RANGE, "a time of the years 1970 to 9999")
                }
                Err(NoTime::Range) => {
                    refuse(error::TIME_OUT_OF_RANGE, "a time of the years 1 to 9999")
                }
                Err(NoTime::NoOffset) => refuse(error::BAD_TIME, LOCAL),
                Err(NoTime::Gap) => refuse(
                    error::BAD_TIME,
                    format!(
                        "a time that there was in {}: the clocks were put forward over it",
                        zone.name()
                    ),
                ),
                Err(NoTime::Form) => {
                    refuse(error::BAD_TIME, "RFC 3339 such as 2026-01-23T10:15:00Z")
                }
            }
        }
        Shape::Integer => {
            let ms: Option<i64> = raw.parse().ok();
            let us = ms.and_then(|ms| ms.checked_mul(1000));
            match us.and_then(|us| times.kept(us)) {
                Some(us) => Ok(Scalar::Int(us)),
                None if times.strict => refuse(
                    error::TIME_OUT_OF_RANGE,
                    "milliseconds of the years 1970 to 9999",
                ),
                None => refuse(
                    error::TIME_OUT_OF_RANGE,
                    "milliseconds of the years 1 to 9999; of other units TO_TIMESTAMP_LTZ(n, 0 to 9) makes a time",
                ),
            }
        }
        Shape::Number => refuse(error::BAD_TIME, "whole milliseconds"),
        _ => refuse(error::WRONG_TYPE, "RFC 3339 or integer milliseconds"),
    }
}

fn text(raw: &str, most: u32) -> Result<Scalar<'_>, Refused> {
    let text = unescape(raw)?;
    // Unescaped U+0000 is a control character, which JSON itself refuses.
    if matches!(text, Cow::Owned(_)) && text.contains('\0') {
        return refuse(error::NUL_IN_TEXT, "text without U+0000");
    }
    if text.len() > most as usize && text.chars().count() > most as usize {
        return refuse(error::TEXT_TOO_LONG, format!("at most {most} characters"));
    }
    Ok(Scalar::Text(text))
}

fn padded(raw: &str, to: u32) -> Result<Scalar<'_>, Refused> {
    let Scalar::Text(text) = text(raw, to)? else {
        return refuse(error::WRONG_TYPE, "a string");
    };
    let spaces = (to as usize).saturating_sub(text.chars().count());
    if spaces == 0 {
        return Ok(Scalar::Text(text));
    }
    let mut text = text.into_owned();
    text.extend(std::iter::repeat_n(' ', spaces));
    Ok(Scalar::Text(Cow::Owned(text)))
}

fn bytes(raw: &str) -> Result<Scalar<'_>, Refused> {
    match STANDARD.decode(&*unescape(raw)?) {
        Ok(bytes) => Ok(Scalar::Bytes(bytes)),
        Err(_) => refuse(error::WRONG_TYPE, "a string of base64"),
    }
}

/// The content of a JSON string. Its syntax was checked before; what can still be wrong is a lone surrogate.
fn unescape(raw: &str) -> Result<Cow<'_, str>, Refused> {
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(raw.get(1..raw.len() - 1).unwrap_or_default()));
    }
    match serde_json::from_str::<String>(raw) {
        Ok(inner) => Ok(Cow::Owned(inner)),
        Err(_) => refuse(error::MALFORMED, "a string without lone surrogates"),
    }
}

/// The shape of a JSON value, as far as columns tell them apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Null,
    String,
    /// A number without fraction and exponent.
    Integer,
    Number,
    /// A boolean, an array or an object.
    Other,
}

impl Shape {
    fn of(raw: &str) -> Self {
        match raw.bytes().next() {
            Some(b'n') => Shape::Null,
            Some(b'"') => Shape::String,
            Some(b'-' | b'0'..=b'9') if raw.contains(['.', 'e', 'E']) => Shape::Number,
            Some(b'-' | b'0'..=b'9') => Shape::Integer,
            _ => Shape::Other,
        }
    }
}
