//! Intervals of fixed length: sizes of windows, how far out of order a table is.

use sqlparser::ast::{DateTimeField, Expr, Interval, Spanned, Value};

use super::error::{QueryError, Text};
use standings_model::time::DAY;

/// How an interval is written.
const ALLOWED: &str = "an interval is written INTERVAL '1' DAY; units are SECOND, MINUTE, HOUR, DAY, also in the plural";

/// Milliseconds in an interval, more than nothing.
pub fn positive(text: Text<'_>, expr: &Expr) -> Result<i64, QueryError> {
    let ms = fixed(text, expr)?;
    if ms <= 0 {
        let found = format!("an interval of {ms} ms");
        return Err(text.error(expr.span(), found, "more than nothing, at most 36600 days"));
    }
    Ok(ms)
}

/// Milliseconds in an interval: `INTERVAL '90' SECOND`, or with the unit in the text, `INTERVAL '90 seconds'`.
pub fn fixed(text: Text<'_>, expr: &Expr) -> Result<i64, QueryError> {
    let wrong = || text.error(expr.span(), format!("`{expr}` as an interval"), ALLOWED);
    let Expr::Interval(Interval {
        value,
        leading_field,
        last_field: None,
        fractional_seconds_precision: None,
        ..
    }) = expr
    else {
        return Err(wrong());
    };
    let Expr::Value(value) = &**value else {
        return Err(wrong());
    };
    let (Value::SingleQuotedString(written) | Value::Number(written, _)) = &value.value else {
        return Err(wrong());
    };
    let (number, unit) = match leading_field {
        Some(unit) => (written.trim(), unit_of(unit)),
        None => {
            let (number, unit) = written.trim().split_once(' ').ok_or_else(wrong)?;
            (number, unit_named(unit.trim()))
        }
    };
    let unit = unit.ok_or_else(wrong)?;
    let ms = scaled(number, unit).ok_or_else(wrong)?;
    match ms.abs() <= 36_600 * DAY {
        true => Ok(ms),
        false => Err(text.error(
            expr.span(),
            format!("an interval of {number}"),
            "at most 36600 days",
        )),
    }
}

/// A number, with at most three fraction digits where the unit is a second.
fn scaled(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole_ms = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    if fraction.is_empty() {
        return Some(whole_ms);
    }
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    if !digits || unit != 1_000 {
        return None;
    }
    let ms: i64 = format!("{fraction:0<3}").parse().ok()?;
    Some(match whole.starts_with('-') {
        true => whole_ms - ms,
        false => whole_ms + ms,
    })
}

fn unit_of(unit: &DateTimeField) -> Option<i64> {
    match unit {
        DateTimeField::Second | DateTimeField::Seconds => Some(1_000),
        DateTimeField::Minute | DateTimeField::Minutes => Some(60_000),
        DateTimeField::Hour | DateTimeField::Hours => Some(3_600_000),
        DateTimeField::Day | DateTimeField::Days => Some(DAY),
        _ => None,
    }
}

fn unit_named(unit: &str) -> Option<i64> {
    let unit = unit.to_ascii_lowercase();
    match unit.strip_suffix('s').unwrap_or(&unit) {
        "second" => Some(1_000),
        "minute" => Some(60_000),
        "hour" => Some(3_600_000),
        "day" => Some(DAY),
        _ => None,
    }
}
