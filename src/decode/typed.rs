//! One JSON value into the cell of its column.

use std::borrow::Cow;

use super::cell::Cell;
use super::columns::{Column, Kind};
use super::error::{self, DecodeError};
use super::made::Made;
use super::nested;
use super::scalar::{Scalar, scalar};

/// Checks and converts `raw`, a whole valid JSON value that begins at byte `start` of the record.
pub(super) fn cell(
    column: &Column,
    raw: &str,
    start: u32,
    made: &mut Made,
) -> Result<Cell, DecodeError> {
    if column.kind == Kind::Nested {
        return nested(column, raw, made);
    }
    let value = scalar(column.kind, raw, &made.zone)
        .map_err(|no| DecodeError::field(no.reason, &column.name, raw, &no.expected))?;
    Ok(match value {
        Scalar::Null if column.required => {
            let (reason, expected) = (error::MISSING_FIELD, "a value");
            return Err(DecodeError::field(reason, &column.name, raw, expected));
        }
        Scalar::Null => Cell::Null,
        Scalar::Int(n) => Cell::Int(n),
        Scalar::Decimal(n) => Cell::Decimal(n),
        Scalar::Double(n) => Cell::Double(n),
        Scalar::Text(Cow::Borrowed(text)) => {
            // It is the value itself, or what is between its quotes.
            let start = start + u32::from(text.len() < raw.len());
            Cell::Text {
                start,
                end: start + text.len() as u32,
                scratch: false,
            }
        }
        Scalar::Text(Cow::Owned(text)) => made.bytes(text.as_bytes()),
        Scalar::Bytes(bytes) => made.bytes(&bytes),
    })
}

fn nested(column: &Column, raw: &str, made: &mut Made) -> Result<Cell, DecodeError> {
    let value = nested::value(
        &column.of,
        column.required,
        raw,
        (&column.json, made),
        &column.name,
    )?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    Ok(made.value(value))
}
