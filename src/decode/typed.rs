//! One JSON value as its column takes it: the rules of the full path.

use std::borrow::Cow;

use super::cell::Cell;
use super::columns::{Column, Kind};
use super::error::{self, DecodeError};
use standings_model::decimal::{DecimalError, parse_minor};
use standings_model::time::{MAX_EVENT_TIME, parse_rfc3339};

/// Checks and converts `raw`, a whole valid JSON value that begins at byte `start` of the record. Text with escapes
/// is appended to `scratch`.
pub(super) fn cell(
    column: &Column,
    raw: &str,
    start: u32,
    scratch: &mut String,
) -> Result<Cell, DecodeError> {
    let refuse =
        |reason, expected: &str| Err(DecodeError::field(reason, &column.name, raw, expected));
    let shape = Shape::of(raw);
    if shape == Shape::Null {
        return if column.required {
            refuse(error::MISSING_FIELD, "a value")
        } else {
            Ok(Cell::Null)
        };
    }
    match (column.kind, shape) {
        (Kind::Text | Kind::Id, Shape::String) => text(column, raw, start, scratch),
        (Kind::Id, Shape::Integer) => Ok(Cell::Text {
            start,
            end: start + raw.len() as u32,
            scratch: false,
        }),
        (Kind::Text, _) => refuse(error::WRONG_TYPE, "a string"),
        (Kind::Id, _) => refuse(error::WRONG_TYPE, "a string or an integer"),
        (Kind::BigInt, Shape::Integer) => match raw.parse() {
            Ok(n) => Ok(Cell::Int(n)),
            Err(_) => refuse(error::WRONG_TYPE, "an integer of 64 bits"),
        },
        (Kind::BigInt, _) => refuse(error::WRONG_TYPE, "an integer"),
        (Kind::Decimal { precision }, Shape::Integer | Shape::Number | Shape::String) => {
            let number = if shape == Shape::String {
                unescape(column, raw)?
            } else {
                Cow::Borrowed(raw)
            };
            match parse_minor(number.as_bytes(), precision) {
                Ok(minor) => Ok(Cell::Decimal(minor)),
                Err(DecimalError::Range) => refuse(
                    error::AMOUNT_OUT_OF_RANGE,
                    &format!("at most {precision} digits in all"),
                ),
                Err(DecimalError::Fraction) => {
                    refuse(error::BAD_AMOUNT, "at most two fraction digits")
                }
                Err(DecimalError::Syntax) => refuse(error::BAD_AMOUNT, "a number"),
            }
        }
        (Kind::Decimal { .. }, _) => refuse(error::WRONG_TYPE, "a number"),
        (Kind::Time, Shape::String) => match parse_rfc3339(unescape(column, raw)?.as_bytes()) {
            Some(ms) if in_range(ms) => Ok(Cell::Time(ms)),
            Some(_) => refuse(error::TIME_OUT_OF_RANGE, "a time of the years 1970 to 9999"),
            None => refuse(error::BAD_TIME, "RFC 3339 such as 2026-01-23T10:15:00Z"),
        },
        (Kind::Time, Shape::Integer) => match raw.parse() {
            Ok(ms) if in_range(ms) => Ok(Cell::Time(ms)),
            _ => refuse(
                error::TIME_OUT_OF_RANGE,
                "milliseconds of the years 1970 to 9999",
            ),
        },
        (Kind::Time, Shape::Number) => refuse(error::BAD_TIME, "whole milliseconds"),
        (Kind::Time, _) => refuse(error::WRONG_TYPE, "RFC 3339 or integer milliseconds"),
    }
}

/// Whether an event time is one of the years 1970 to 9999.
pub(super) fn in_range(ms: i64) -> bool {
    (0..=MAX_EVENT_TIME).contains(&ms)
}

fn text(column: &Column, raw: &str, start: u32, scratch: &mut String) -> Result<Cell, DecodeError> {
    match unescape(column, raw)? {
        Cow::Borrowed(inner) => {
            let start = start + 1;
            Ok(Cell::Text {
                start,
                end: start + inner.len() as u32,
                scratch: false,
            })
        }
        // Unescaped U+0000 is a control character, which JSON itself refuses.
        Cow::Owned(inner) if inner.contains('\0') => Err(DecodeError::field(
            error::NUL_IN_TEXT,
            &column.name,
            raw,
            "text without U+0000",
        )),
        Cow::Owned(inner) => {
            let start = scratch.len() as u32;
            scratch.push_str(&inner);
            Ok(Cell::Text {
                start,
                end: scratch.len() as u32,
                scratch: true,
            })
        }
    }
}

/// The content of a JSON string. Its syntax was checked before; what can still be wrong is a lone surrogate.
fn unescape<'a>(column: &Column, raw: &'a str) -> Result<Cow<'a, str>, DecodeError> {
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(raw.get(1..raw.len() - 1).unwrap_or_default()));
    }
    match serde_json::from_str::<String>(raw) {
        Ok(inner) => Ok(Cow::Owned(inner)),
        Err(_) => Err(DecodeError::field(
            error::MALFORMED,
            &column.name,
            raw,
            "a string without lone surrogates",
        )),
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
