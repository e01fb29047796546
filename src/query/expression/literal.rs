//! Literals, and those that become of the type of what they stand beside.

use sqlparser::ast::{DateTimeField, Expr as Sql, Interval, TypedString, Value as Literal};
use standings_model::expr::{Expr, Node};
use standings_model::types::{MAX_SECOND_DIGITS, Type, Width};
use standings_model::value::Value;
use standings_scalar::number::{exact, parse};
use standings_scalar::time::{DAY, SECOND, text as moment};

use super::{Binder, Bound, place, shown};
use crate::error::QueryError;

impl Binder<'_> {
    /// NULL of a type.
    pub(super) fn null(&self, kind: &Type) -> Expr {
        Expr::literal(Value::Null, kind.clone())
    }

    pub(super) fn value(&self, sql: &Sql, literal: &Literal) -> Bound {
        Ok(match literal {
            Literal::Null => self.null(&Type::Null),
            Literal::Boolean(b) => Expr::literal(Value::Boolean(*b), Type::Boolean),
            Literal::SingleQuotedString(text) => {
                Expr::literal(Value::text(text.as_str()), Type::STRING)
            }
            Literal::Number(text, false) => return self.number_literal(sql, text),
            Literal::DoubleQuotedString(_) => {
                return Err(self.refuse(
                    sql,
                    "strings stand in 'single quotes', names in `backquotes`",
                ));
            }
            _ => {
                return Err(self.refuse(
                    sql,
                    "literals are 12, 12.34, 1e3, 'a text', TRUE, FALSE, NULL",
                ));
            }
        })
    }

    /// A number by what is written: INT, BIGINT or DECIMAL, and DOUBLE with an exponent.
    pub(super) fn number_literal(&self, sql: &Sql, text: &str) -> Bound {
        let wrong = || self.refuse(sql, "a number of at most 38 digits");
        if text.contains(['e', 'E']) {
            let n = parse::double(text).map_err(|_| wrong())?;
            if !n.is_finite() {
                return Err(wrong());
            }
            return Ok(Expr::literal(Value::double(n), Type::Double));
        }
        let fraction = text.split_once('.').map_or("", |(_, f)| f);
        if fraction.is_empty()
            && let Ok(Some(n)) = parse::whole(text)
        {
            let width = [Width::Int, Width::Big].into_iter().find(|w| w.holds(n));
            if let Some(width) = width {
                return Ok(Expr::literal(Value::Integer(n), Type::Integer(width)));
            }
        }
        let scale = u8::try_from(fraction.len()).ok().filter(|s| *s <= 38);
        let scale = scale.ok_or_else(wrong)?;
        let n = parse::decimal(text, scale)
            .ok()
            .flatten()
            .ok_or_else(wrong)?;
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let precision = u8::try_from(digits.clamp(1, 38)).unwrap_or(38).max(scale);
        Ok(Expr::literal(
            Value::decimal(n, scale),
            Type::decimal(precision, scale),
        ))
    }

    /// `DATE '2026-01-23'`, `TIME '10:15:00'`, `TIMESTAMP '2026-01-23 10:15:00'`.
    pub(super) fn typed(&self, sql: &Sql, typed: &TypedString) -> Bound {
        let allowed = "typed literals are DATE '2026-01-23', TIME '10:15:00', TIMESTAMP '2026-01-23 10:15:00.123'";
        let Literal::SingleQuotedString(text) = &typed.value.value else {
            return Err(self.refuse(sql, allowed));
        };
        let kind = super::type_of(&typed.data_type).map_err(|_| self.refuse(sql, allowed))?;
        let found = match kind {
            Type::Date => date(text).map(|d| Expr::literal(Value::Date(d), Type::Date)),
            Type::Time => moment::clock(text).map(|us| Expr::literal(Value::Time(us), Type::Time)),
            Type::Timestamp(_) | Type::Instant(_) => instant_or_local(text),
            _ => None,
        };
        found.ok_or_else(|| self.refuse(sql, allowed))
    }

    pub(super) fn interval(&self, sql: &Sql, interval: &Interval) -> Bound {
        let allowed = "an interval is written INTERVAL '1' DAY, INTERVAL '1 02:03:04' DAY TO SECOND or INTERVAL '2 hours'; units are \
                       YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND";
        let wrong = || {
            self.error(
                place(sql),
                format!("`{}` as an interval", shown(sql)),
                allowed,
            )
        };
        let (negative, value) = match &*interval.value {
            Sql::UnaryOp {
                op: sqlparser::ast::UnaryOperator::Minus,
                expr,
            } => (true, &**expr),
            value => (false, value),
        };
        let Sql::Value(value) = value else {
            return Err(wrong());
        };
        let text = match &value.value {
            Literal::SingleQuotedString(text) | Literal::Number(text, _) => text.trim(),
            _ => return Err(wrong()),
        };
        let units = (
            interval.leading_field.as_ref(),
            interval.last_field.as_ref(),
        );
        let found = match units {
            (Some(unit), None) => one_unit(text, unit),
            (Some(DateTimeField::Year), Some(DateTimeField::Month)) => {
                let (sign, text) = sign(text);
                text.split_once('-').and_then(|(years, months)| {
                    let n = whole(years)?.checked_mul(12)?.checked_add(whole(months)?)?;
                    Some((Type::Months, sign * n))
                })
            }
            (Some(first), Some(last)) => day_to_second(text, first, last),
            (None, _) => in_words(text),
        };
        let (kind, n) = found.ok_or_else(wrong)?;
        let n = if negative { -n } else { n };
        Ok(Expr::literal(Value::Integer(i128::from(n)), kind))
    }

    /// A literal as another type, where that is exact; none where it is no literal, or is not.
    pub(super) fn folded(&self, expr: &Expr, to: &Type) -> Option<Expr> {
        let Node::Literal(value) = &expr.node else {
            return None;
        };
        let literal = |value| Some(Expr::literal(value, to.clone()));
        match (value, to) {
            (Value::Null, _) => literal(Value::Null),
            (Value::Integer(n), Type::Integer(width)) if width.holds(*n) => {
                literal(Value::Integer(*n))
            }
            (Value::Integer(_) | Value::Decimal(_) | Value::Double(_), _)
                if to.is_exact_number() =>
            {
                let (digits, scale) = exact_digits(value)?;
                let n = exact::rescale(digits, scale, to.scale())?;
                if exact::compare(n, to.scale(), digits, scale).is_ne() {
                    return None;
                }
                match to {
                    Type::Integer(width) if width.holds(n) => literal(Value::Integer(n)),
                    Type::Decimal { .. } => literal(Value::decimal(n, to.scale())),
                    _ => None,
                }
            }
            (Value::Text(_), to) if to.is_text() => literal(value.clone()),
            (Value::Text(text), Type::Date) if !text.contains(['T', ':']) => {
                literal(Value::Date(date(text)?))
            }
            (Value::Text(text), Type::Time) => literal(Value::Time(moment::clock(text)?)),
            (Value::Text(text), Type::Timestamp(_)) => match instant_or_local(text)? {
                expr if matches!(expr.kind, Type::Timestamp(_)) => Some(expr),
                _ => None,
            },
            (Value::Text(text), Type::Instant(_)) => {
                let expr = instant_or_local(text)?;
                match expr.kind {
                    Type::Instant(_) => Some(expr),
                    // What instant a local time is, the zone says.
                    _ => Some(cast(expr, to)),
                }
            }
            _ => None,
        }
    }

    /// A literal text where a time is wanted that is none.
    pub(super) fn no_time(&self, sql: &Sql, kind: &Type) -> QueryError {
        let allowed = match kind {
            Type::Date => "the other side is DATE: write '2026-01-23' or DATE '2026-01-23'",
            Type::Time => "the other side is TIME: write '10:15:00' or TIME '10:15:00'",
            Type::Timestamp(_) => {
                "the other side is TIMESTAMP: write TIMESTAMP '2026-01-23 10:00:00' or '2026-01-23'"
            }
            _ => {
                "the other side is TIMESTAMP_LTZ: write '2026-01-23T10:00:00Z', or in local time TIMESTAMP '2026-01-23 10:00:00' or '2026-01-23'"
            }
        };
        self.refuse(sql, allowed)
    }
}

/// A conversion that nobody wrote.
pub(super) fn cast(expr: Expr, to: &Type) -> Expr {
    Expr {
        nullable: expr.nullable,
        node: Node::Cast {
            of: Box::new(expr),
            attempt: false,
        },
        kind: to.clone(),
    }
}

/// The digits and the scale of a number; of a double those of its shortest text, if they are not too many.
fn exact_digits(value: &Value) -> Option<(i128, u8)> {
    match value {
        Value::Integer(n) => Some((*n, 0)),
        Value::Decimal(d) => Some((d.unscaled, d.scale)),
        Value::Double(n) => {
            let n = n.get();
            let scale = (0..=20u8).find(|s| {
                let digits = standings_scalar::number::double::to_exact(n, *s);
                digits.is_some_and(|d| standings_scalar::number::double::of_exact(d, *s) == n)
            })?;
            let digits = standings_scalar::number::double::to_exact(n, scale)?;
            Some((digits, scale))
        }
        _ => None,
    }
}

/// `2026-01-23`, whole.
fn date(text: &str) -> Option<i32> {
    let is_whole = text.matches('-').count() == 2 && !text.trim().contains(' ');
    is_whole.then(|| moment::date(text)).flatten()
}

/// An instant where a text has an offset, else what a clock on the wall shows. Both forms of what is between date and time.
fn instant_or_local(text: &str) -> Option<Expr> {
    let iso = text.trim().replacen(' ', "T", 1);
    if let Some(us) = moment::instant(&iso) {
        return Some(Expr::literal(
            Value::Instant(us),
            Type::Instant(MAX_SECOND_DIGITS),
        ));
    }
    let us = moment::timestamp(&text.trim().replacen(['T', 't'], " ", 1))?;
    Some(Expr::literal(
        Value::Timestamp(us),
        Type::Timestamp(MAX_SECOND_DIGITS),
    ))
}

fn sign(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok())?
}

/// A whole number of a unit, of seconds with a fraction.
fn one_unit(text: &str, unit: &DateTimeField) -> Option<(Type, i64)> {
    let (sign, text) = sign(text);
    let (kind, size) = unit_size(unit)?;
    if size == SECOND
        && let Some((seconds, fraction)) = text.split_once('.')
    {
        let fraction = if fraction.len() <= 6 {
            whole(fraction)? * 10i64.pow(6 - fraction.len() as u32)
        } else {
            return None;
        };
        let us = whole(seconds)?.checked_mul(SECOND)?.checked_add(fraction)?;
        return Some((kind, sign * us));
    }
    Some((kind, sign * whole(text)?.checked_mul(size)?))
}

fn unit_size(unit: &DateTimeField) -> Option<(Type, i64)> {
    use DateTimeField::*;
    Some(match unit {
        Year | Years => (Type::Months, 12),
        Quarter => (Type::Months, 3),
        Month | Months => (Type::Months, 1),
        Week(None) | Weeks => (Type::Span, 7 * DAY),
        Day | Days => (Type::Span, DAY),
        Hour | Hours => (Type::Span, 3600 * SECOND),
        Minute | Minutes => (Type::Span, 60 * SECOND),
        Second | Seconds => (Type::Span, SECOND),
        Millisecond | Milliseconds => (Type::Span, SECOND / 1000),
        _ => return None,
    })
}

/// `'1 02:03:04.5' DAY TO SECOND`, and the shorter ones.
fn day_to_second(text: &str, first: &DateTimeField, last: &DateTimeField) -> Option<(Type, i64)> {
    use DateTimeField::*;
    let order = [Day, Hour, Minute, Second];
    let at = |unit: &DateTimeField| order.iter().position(|u| u == unit);
    let (first, last) = (at(first)?, at(last)?);
    let (sign, text) = sign(text);
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = text;
    if first == 0 {
        let (days, clock) = text.split_once(' ')?;
        parts.push(days);
        rest = clock.trim();
    }
    parts.extend(rest.split(':'));
    if first >= last || parts.len() != last - first + 1 {
        return None;
    }
    let mut total = 0i64;
    for (part, unit) in parts.iter().zip(&order[first..]) {
        total = total.checked_add(one_unit(part, unit)?.1)?;
    }
    Some((Type::Span, sign * total))
}

/// `'1 day'`, `'2 hours 30 minutes'`, `'-1 month'`.
fn in_words(text: &str) -> Option<(Type, i64)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() || !words.len().is_multiple_of(2) {
        return None;
    }
    let mut total: Option<(Type, i64)> = None;
    for two in words.chunks(2) {
        let unit = two[1].to_lowercase();
        let unit = match unit.strip_suffix('s').unwrap_or(&unit) {
            "year" => DateTimeField::Year,
            "quarter" => DateTimeField::Quarter,
            "month" | "mon" => DateTimeField::Month,
            "week" => DateTimeField::Week(None),
            "day" => DateTimeField::Day,
            "hour" => DateTimeField::Hour,
            "minute" | "min" => DateTimeField::Minute,
            "second" | "sec" => DateTimeField::Second,
            "millisecond" => DateTimeField::Millisecond,
            _ => return None,
        };
        let (kind, n) = one_unit(two[0], &unit)?;
        total = Some(match total {
            None => (kind, n),
            Some((known, sum)) if known == kind => (kind, sum.checked_add(n)?),
            Some(_) => return None,
        });
    }
    total
}
