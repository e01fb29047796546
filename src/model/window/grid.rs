//! How time is cut into panes: a row of bounds, from one to the next without a gap.
//!
//! | panes | begin |
//! | --- | --- |
//! | of fixed length, in UTC | at multiples of it from an origin |
//! | parts of a local day | at multiples of their length from the day's first instant; the last may be shorter, and a long day has more |
//! | n local days | with every nth from an origin |
//! | n local months | with every nth from January 1970 |

use super::local::LocalTime;
use crate::time::{DAY, civil_from_days, days_from_civil};

/// A way to cut time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Grid {
    /// Panes of one length, ms.
    Even { length: i64, origin: i64 },
    /// Parts of local days, ms; the days begin as much later as `shift` says.
    Parts {
        length: i64,
        shift: i64,
        zone: &'static LocalTime,
    },
    /// So many local days from a day of number `origin`.
    Days {
        days: i64,
        origin: i64,
        zone: &'static LocalTime,
    },
    /// So many local months.
    Months {
        months: i64,
        zone: &'static LocalTime,
    },
}

/// The month of a day, from January 1970.
fn month(day: i64) -> i64 {
    let (year, month, _) = civil_from_days(day);
    (year - 1970) * 12 + month - 1
}

/// The first day of a month.
fn first_of_month(month: i64) -> i64 {
    days_from_civil(1970 + month.div_euclid(12), month.rem_euclid(12) + 1, 1)
}

impl Grid {
    /// Where the pane begins that holds a time.
    pub(super) fn floor(self, time: i64) -> i64 {
        match self {
            Grid::Even { length, origin } => {
                time.saturating_sub((time - origin).rem_euclid(length))
            }
            Grid::Parts { length, shift, .. } => {
                let (first, _) = self.day(time);
                first + (time - shift - first).div_euclid(length) * length + shift
            }
            Grid::Days { days, origin, zone } => {
                let day = zone.day(time) - origin;
                zone.first(day.div_euclid(days) * days + origin)
            }
            Grid::Months { months, zone } => {
                let month = month(zone.day(time));
                zone.first(first_of_month(month.div_euclid(months) * months))
            }
        }
    }

    /// The bound after that of a pane.
    pub(super) fn after(self, bound: i64) -> i64 {
        match self {
            Grid::Even { length, .. } => bound.saturating_add(length),
            Grid::Parts { length, shift, .. } => {
                let (_, next) = self.day(bound);
                (bound + length).min(next + shift)
            }
            Grid::Days { days, origin, zone } => {
                let day = zone.day(bound) - origin;
                zone.first((day.div_euclid(days) + 1) * days + origin)
            }
            Grid::Months { months, zone } => {
                let month = month(zone.day(bound));
                zone.first(first_of_month((month.div_euclid(months) + 1) * months))
            }
        }
    }

    /// The bound so many panes after one, or before it.
    pub(super) fn step(self, bound: i64, panes: i64) -> i64 {
        match self {
            Grid::Even { length, .. } => bound.saturating_add(length.saturating_mul(panes)),
            Grid::Parts { length, shift, .. } => self.step_parts(bound, panes, length, shift),
            _ if panes < 0 => (panes..0).fold(bound, |at, _| self.floor(at - 1)),
            _ => (0..panes).fold(bound, |at, _| self.after(at)),
        }
    }

    /// Day by day: a window of a day has up to 10,000 parts.
    fn step_parts(self, mut bound: i64, mut panes: i64, length: i64, shift: i64) -> i64 {
        loop {
            let (first, next) = self.day(bound);
            let parts = parts(next - first, length);
            panes += (bound - shift - first) / length;
            if panes < 0 {
                let before = self.day(first + shift - 1);
                panes += self::parts(before.1 - before.0, length);
                bound = before.0 + shift;
            } else if panes >= parts {
                panes -= parts;
                bound = next + shift;
            } else {
                return first + panes * length + shift;
            }
        }
    }

    /// How many panes there are between two bounds.
    pub(super) fn count(self, from: i64, to: i64) -> i64 {
        match self {
            Grid::Even { length, .. } => to.saturating_sub(from) / length,
            Grid::Parts { length, shift, .. } => {
                let (mut at, mut count) = (from, 0);
                loop {
                    let (first, next) = self.day(at);
                    let passed = (at - shift - first) / length;
                    if to <= next + shift {
                        return count + parts(to - shift - first, length) - passed;
                    }
                    count += parts(next - first, length) - passed;
                    at = next + shift;
                }
            }
            _ => {
                let (mut at, mut count) = (from, 0);
                while at < to {
                    (at, count) = (self.after(at), count + 1);
                }
                count
            }
        }
    }

    /// The first instants of the local day of a time and of the next one that there is, both before they are shifted.
    fn day(self, time: i64) -> (i64, i64) {
        match self {
            Grid::Parts { shift, zone, .. } => {
                let day = zone.day(time - shift);
                (zone.first(day), zone.first(day + 1))
            }
            _ => (time.div_euclid(DAY) * DAY, (time.div_euclid(DAY) + 1) * DAY),
        }
    }
}

/// Parts of something of this length, the last of which may be shorter.
fn parts(of: i64, length: i64) -> i64 {
    (of + length - 1) / length
}
