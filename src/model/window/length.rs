//! How long a window, or a pane of one, is: of fixed length, or by the calendar.

use std::fmt;

use crate::duration::format_ms;
use crate::time::DAY;

/// A length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Milliseconds. Of a multiple of a day: days, which in a zone are local ones.
    Time(i64),
    /// Calendar weeks, from Monday.
    Weeks(i64),
    /// Calendar months; a quarter is three of them, a year twelve.
    Months(i64),
}

impl Length {
    /// How long it is, ms; of months as if each had 30 days. For labels, and to tell many windows from few.
    pub fn about(self) -> i64 {
        let (n, days) = match self {
            Length::Time(ms) => return ms,
            Length::Weeks(n) => (n, 7),
            Length::Months(n) => (n, 30),
        };
        n.saturating_mul(days).saturating_mul(DAY)
    }

    /// Whether it is counted by the calendar.
    pub fn is_calendar(self) -> bool {
        !matches!(self, Length::Time(_))
    }

    /// How many of the others this is, if it is a number of them.
    pub fn in_units_of(self, other: Length) -> Option<i64> {
        let (whole, part) = match (self, other) {
            (Length::Months(whole), Length::Months(part)) => (whole, part),
            (Length::Months(_), _) | (_, Length::Months(_)) => return None,
            _ => (self.about(), other.about()),
        };
        (whole % part == 0).then(|| whole / part)
    }
}

/// As people say it: `1d`, `2 weeks`, `1 quarter`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = match *self {
            Length::Time(ms) => return f.write_str(&format_ms(ms)),
            Length::Weeks(n) => (n, "week"),
            Length::Months(n) if n % 12 == 0 => (n / 12, "year"),
            Length::Months(n) if n % 3 == 0 => (n / 3, "quarter"),
            Length::Months(n) => (n, "month"),
        };
        let plural = if n == 1 { "" } else { "s" };
        write!(f, "{n} {unit}{plural}")
    }
}
