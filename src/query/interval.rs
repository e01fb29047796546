//! Intervals: of fixed length, or by the calendar where windows are cut.

use sqlparser::ast::{Expr, Interval, Spanned, UnaryOperator, Value};

use super::error::{QueryError, Text};
use standings_model::time::DAY;
use standings_model::window::Length;

/// How an interval is written.
const ALLOWED: &str = "an interval is written INTERVAL '1' DAY; units are SECOND, MINUTE, HOUR, DAY, also in the plural";
const OF_WINDOWS: &str = "an interval is written INTERVAL '1' DAY; units are SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR, \
                          also in the plural";

/// What an interval counts.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    /// So many milliseconds.
    Time(i64),
    Weeks,
    /// So many months.
    Months(i64),
}

/// The length of a window, more than nothing: `INTERVAL '90' SECOND`, `INTERVAL '1 month'`.
pub fn length(text: Text<'_>, expr: &Expr) -> Result<Length, QueryError> {
    let wrong = || text.error(expr.span(), format!("`{expr}` as an interval"), OF_WINDOWS);
    let (number, unit) = written(expr).ok_or_else(wrong)?;
    let length = match unit {
        Unit::Time(_) => return positive(text, expr).map(Length::Time),
        Unit::Weeks => number.parse().map(Length::Weeks),
        Unit::Months(n) => number
            .parse()
            .map(|m: i64| Length::Months(m.saturating_mul(n))),
    };
    let length = length.map_err(|_| wrong())?;
    match (1..=36_600 * DAY).contains(&length.about()) {
        true => Ok(length),
        false => {
            let found = format!("an interval of {length}");
            Err(text.error(expr.span(), found, "more than nothing, at most 36600 days"))
        }
    }
}

/// Milliseconds in an interval, more than nothing.
fn positive(text: Text<'_>, expr: &Expr) -> Result<i64, QueryError> {
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
    let (number, Unit::Time(unit)) = written(expr).ok_or_else(wrong)? else {
        return Err(wrong());
    };
    let ms = scaled(&number, unit).ok_or_else(wrong)?;
    match ms.abs() <= 36_600 * DAY {
        true => Ok(ms),
        false => Err(text.error(
            expr.span(),
            format!("an interval of {number}"),
            "at most 36600 days",
        )),
    }
}

/// An interval's number, as it is written, and its unit. A sign may stand before the interval.
fn written(expr: &Expr) -> Option<(String, Unit)> {
    if let Expr::UnaryOp {
        op: UnaryOperator::Minus,
        expr,
    } = expr
    {
        let (number, unit) = written(expr)?;
        return match number.strip_prefix('-') {
            Some(number) => Some((number.to_owned(), unit)),
            None => Some((format!("-{number}"), unit)),
        };
    }
    let Expr::Interval(Interval {
        value,
        leading_field,
        last_field: None,
        fractional_seconds_precision: None,
        ..
    }) = expr
    else {
        return None;
    };
    let Expr::Value(value) = &**value else {
        return None;
    };
    let (Value::SingleQuotedString(written) | Value::Number(written, _)) = &value.value else {
        return None;
    };
    let (number, unit) = match leading_field {
        Some(unit) => (written.trim(), unit_named(&unit.to_string())),
        None => {
            let (number, unit) = written.trim().split_once(' ')?;
            (number, unit_named(unit.trim()))
        }
    };
    Some((number.to_owned(), unit?))
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

fn unit_named(unit: &str) -> Option<Unit> {
    let unit = unit.to_ascii_lowercase();
    Some(match unit.strip_suffix('s').unwrap_or(&unit) {
        "second" => Unit::Time(1_000),
        "minute" => Unit::Time(60_000),
        "hour" => Unit::Time(3_600_000),
        "day" => Unit::Time(DAY),
        "week" => Unit::Weeks,
        "month" => Unit::Months(1),
        "quarter" => Unit::Months(3),
        "year" => Unit::Months(12),
        _ => return None,
    })
}
