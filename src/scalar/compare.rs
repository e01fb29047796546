//! Values of types that go together, compared by what they are: 1, 1.0 and 1e0 are equal.

use std::cmp::Ordering;

use standings_model::types::Type;
use standings_model::value::Real;

use super::datum::Datum;
use super::number::exact;

/// How two types are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Exact numbers of these scales.
    Exact(u8, u8),
    /// One of them is a double; the scales of those that are exact.
    Double(u8, u8),
    /// Both are of one type.
    Same,
}

impl By {
    /// Of two types.
    pub fn of(left: &Type, right: &Type) -> By {
        let scales = (left.scale(), right.scale());
        match (left.is_exact_number(), right.is_exact_number()) {
            (true, true) => By::Exact(scales.0, scales.1),
            _ if left.is_number() && right.is_number() => By::Double(scales.0, scales.1),
            _ => By::Same,
        }
    }

    /// The order of two values, neither of them NULL.
    #[inline]
    pub fn compare(self, left: &Datum<'_>, right: &Datum<'_>) -> Ordering {
        match self {
            By::Exact(a, b) if a == b => left.digits().cmp(&right.digits()),
            By::Exact(a, b) => exact::compare(left.digits(), a, right.digits(), b),
            By::Double(a, b) => Real::new(left.double(a)).cmp(&Real::new(right.double(b))),
            By::Same => same(left, right),
        }
    }
}

fn same(left: &Datum<'_>, right: &Datum<'_>) -> Ordering {
    match (left, right) {
        (Datum::Text(a), Datum::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Datum::Boolean(a), Datum::Boolean(b)) => a.cmp(b),
        (Datum::Date(a), Datum::Date(b)) => a.cmp(b),
        (Datum::Time(a), Datum::Time(b))
        | (Datum::Timestamp(a), Datum::Timestamp(b))
        | (Datum::Instant(a), Datum::Instant(b))
        | (Datum::Months(a), Datum::Months(b))
        | (Datum::Span(a), Datum::Span(b)) => a.cmp(b),
        (Datum::Bytes(a), Datum::Bytes(b)) => a.cmp(b),
        (Datum::Nested(a), Datum::Nested(b)) => a.cmp(b),
        // Of two types no program is made that compares them.
        _ => Ordering::Equal,
    }
}
