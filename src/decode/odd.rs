//! The event time of a row, and times that no clock of today shows.

use standings_model::time::{DAY, MAX_EVENT_TIME, USUAL, format_rfc3339};

use super::cell::Cell;
use super::error::{self, DecodeError};

/// Event times that no clock of today shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Odd {
    /// How many.
    pub count: u64,
    /// The first of them, ms.
    pub first: i64,
}

/// The event time in a cell, ms.
#[inline(always)]
pub(super) fn event_time(
    cell: Cell,
    is_date: bool,
    name: &str,
    odd: &mut Odd,
) -> Result<i64, DecodeError> {
    let Cell::Int(n) = cell else {
        let detail = format!("column {name:?} has no value, and windows are over it");
        return Err(DecodeError::new(error::MISSING_FIELD, detail));
    };
    let ms = if is_date {
        n.saturating_mul(DAY)
    } else {
        n.div_euclid(1000)
    };
    if (USUAL.0..USUAL.1).contains(&ms) {
        return Ok(ms);
    }
    unusual(ms, name, odd)
}

/// A time that no clock of today shows: counted, or refused.
#[cold]
fn unusual(ms: i64, name: &str, odd: &mut Odd) -> Result<i64, DecodeError> {
    if (0..=MAX_EVENT_TIME).contains(&ms) {
        if odd.count == 0 {
            odd.first = ms;
        }
        odd.count += 1;
        return Ok(ms);
    }
    let shown = format_rfc3339(ms.clamp(-62_167_219_200_000, MAX_EVENT_TIME));
    let detail =
        format!("column {name:?}: found {shown}, expected a time of the years 1970 to 9999");
    Err(DecodeError::new(error::TIME_OUT_OF_RANGE, detail))
}
