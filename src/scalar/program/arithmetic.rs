//! `+ - * / %` of numbers, of times and of intervals.

use standings_model::expr::Function;
use standings_model::types::{Type, Width};

use crate::number::exact::Shape;
use crate::time::{DAY, calendar, in_range};
use crate::{Datum, Fault};

/// The operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// An operator with what its types make of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arithmetic {
    /// Whole numbers; what is beyond the width is an error.
    Integer(Operator, Width),
    /// Exact numbers of two scales, and what comes out.
    Decimal(Operator, u8, u8, Shape),
    /// One of them is a double; the scales of those that are exact.
    Double(Operator, u8, u8),
    /// A time and months, which are taken away where the flag says so.
    Months(bool),
    /// A time and microseconds.
    Span(bool),
    /// Two intervals of one kind.
    Intervals(Operator),
}

impl Arithmetic {
    /// Of a function over two types, if it is arithmetic.
    pub fn of(function: Function, kinds: &[&Type], out: &Type) -> Option<Self> {
        let operator = match function {
            Function::Add => Operator::Add,
            Function::Subtract => Operator::Subtract,
            Function::Multiply => Operator::Multiply,
            Function::Divide => Operator::Divide,
            Function::Modulo => Operator::Modulo,
            _ => return None,
        };
        let [left, right] = kinds else { return None };
        let takes = operator == Operator::Subtract;
        Some(match (right, out) {
            (_, Type::Months | Type::Span) => Arithmetic::Intervals(operator),
            (Type::Months, _) => Arithmetic::Months(takes),
            (Type::Span, _) => Arithmetic::Span(takes),
            (_, Type::Integer(width)) => Arithmetic::Integer(operator, *width),
            (_, Type::Decimal { precision, scale }) => Arithmetic::Decimal(
                operator,
                left.scale(),
                right.scale(),
                Shape {
                    precision: *precision,
                    scale: *scale,
                },
            ),
            _ => Arithmetic::Double(operator, left.scale(), right.scale()),
        })
    }

    /// Of two values, neither of them NULL.
    #[inline]
    pub fn apply(
        self,
        left: &Datum<'_>,
        right: &Datum<'_>,
        kind: &Type,
    ) -> Result<Datum<'static>, Fault> {
        match self {
            Arithmetic::Integer(operator, width) => {
                let n = integers(operator, left.digits(), right.digits())?;
                let n = n.ok_or_else(|| Fault::range(kind))?;
                match width.holds(n) {
                    true => Ok(Datum::Integer(n)),
                    false => Err(Fault::beyond(n, kind)),
                }
            }
            Arithmetic::Decimal(operator, a_scale, b_scale, shape) => {
                let (a, b) = (left.digits(), right.digits());
                let n = match operator {
                    Operator::Add => shape.sum(a, a_scale, b, b_scale),
                    Operator::Subtract => shape.sum(a, a_scale, -b, b_scale),
                    Operator::Multiply => shape.product(a, a_scale, b, b_scale),
                    _ if b == 0 => return Err(Fault::DivisionByZero),
                    Operator::Divide => shape.quotient(a, a_scale, b, b_scale),
                    Operator::Modulo => shape.remainder(a, a_scale, b, b_scale),
                };
                n.map(Datum::Decimal).ok_or_else(|| Fault::range(kind))
            }
            Arithmetic::Double(operator, a_scale, b_scale) => {
                doubles(operator, left.double(a_scale), right.double(b_scale), kind)
            }
            Arithmetic::Months(takes) => {
                let months = signed(right, takes);
                months
                    .and_then(|n| months_further(left, n))
                    .ok_or_else(|| Fault::range(kind))
            }
            Arithmetic::Span(takes) => {
                let span = signed(right, takes);
                span.and_then(|n| further(left, n, kind))
                    .ok_or_else(|| Fault::range(kind))
            }
            Arithmetic::Intervals(operator) => {
                let n = integers(operator, left.digits(), right.digits())?;
                let n = n.filter(|n| Width::Big.holds(*n));
                n.map(Datum::Integer).ok_or_else(|| Fault::range(kind))
            }
        }
    }
}

/// None beyond 128 bits.
#[inline]
fn integers(operator: Operator, a: i128, b: i128) -> Result<Option<i128>, Fault> {
    // Division of 64 bits is one instruction, of 128 a call.
    let narrow = (i64::try_from(a), i64::try_from(b));
    Ok(match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        _ if b == 0 => return Err(Fault::DivisionByZero),
        Operator::Divide => match narrow {
            (Ok(a), Ok(b)) if b != -1 => Some(i128::from(a / b)),
            _ => a.checked_div(b),
        },
        Operator::Modulo => match narrow {
            (Ok(a), Ok(b)) if b != -1 => Some(i128::from(a % b)),
            _ => Some(a.checked_rem(b).unwrap_or(0)),
        },
    })
}

fn doubles(operator: Operator, a: f64, b: f64, kind: &Type) -> Result<Datum<'static>, Fault> {
    let n = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        _ if b == 0.0 => return Err(Fault::DivisionByZero),
        Operator::Divide => a / b,
        Operator::Modulo => a % b,
    };
    let n = match kind {
        Type::Float => f64::from(n as f32),
        _ => n,
    };
    if n.is_infinite() && a.is_finite() && b.is_finite() {
        return Err(Fault::range(kind));
    }
    Ok(Datum::Double(n))
}

fn signed(interval: &Datum<'_>, takes: bool) -> Option<i64> {
    let n = i64::try_from(interval.digits()).ok()?;
    if takes { n.checked_neg() } else { Some(n) }
}

fn months_further(time: &Datum<'_>, months: i64) -> Option<Datum<'static>> {
    let further = |us: i64| calendar::plus_months(us, months);
    Some(match time {
        Datum::Date(days) => {
            let us = further(i64::from(*days).checked_mul(DAY)?)?;
            Datum::Date(i32::try_from(us.div_euclid(DAY)).ok()?)
        }
        Datum::Timestamp(us) => Datum::Timestamp(further(*us)?),
        Datum::Instant(us) => Datum::Instant(further(*us)?),
        _ => return None,
    })
}

fn further(time: &Datum<'_>, span: i64, kind: &Type) -> Option<Datum<'static>> {
    let plus = |us: i64| us.checked_add(span).filter(|us| in_range(*us));
    Some(match time {
        Datum::Date(days) => {
            let us = plus(i64::from(*days).checked_mul(DAY)?)?;
            match kind {
                Type::Date => Datum::Date(i32::try_from(us.div_euclid(DAY)).ok()?),
                _ => Datum::Timestamp(us),
            }
        }
        Datum::Time(us) => Datum::Time((us + span % DAY).rem_euclid(DAY)),
        Datum::Timestamp(us) => Datum::Timestamp(plus(*us)?),
        Datum::Instant(us) => Datum::Instant(plus(*us)?),
        _ => return None,
    })
}
