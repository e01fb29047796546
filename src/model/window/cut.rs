//! From lengths to how time is cut: in which zone, and what does not fit.

use super::grid::Grid;
use super::local::{LocalTime, UTC};
use super::{Family, Length, Shape};
use crate::time::DAY;

/// Where a family's panes begin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cut {
    /// The zone whose days and months count; UTC, if there is none.
    pub zone: Option<&'static LocalTime>,
    /// How much later all begin than they would, ms.
    pub offset: i64,
}

/// Why intervals make no windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Which of the intervals, from 0; the offset comes after them.
    pub interval: usize,
    /// What it is.
    pub found: String,
    /// What would do.
    pub allowed: String,
}

impl Misfit {
    /// A size that is not made of panes.
    pub(super) fn no_multiple(family: &dyn Family, pane: Length, size: Length) -> Self {
        let (name, what) = (family.name(), family.intervals()[0]);
        let ms = |length: Length| match length {
            Length::Time(ms) => format!("{ms} ms"),
            other => other.to_string(),
        };
        Misfit {
            interval: 1,
            found: format!(
                "a size of {} that is no multiple of the {what} of {}",
                ms(size),
                ms(pane)
            ),
            allowed: format!("{name} takes the {what}, then the size, a multiple of it"),
        }
    }
}

/// 1969-12-29, the Monday before the first day.
const MONDAY: i64 = -3;

impl Cut {
    /// Whether days are made of such parts.
    pub(super) fn divides_a_day(length: Length) -> bool {
        matches!(length, Length::Time(ms) if DAY % ms == 0)
    }

    /// How panes of this length lie, which is one of the intervals.
    pub(super) fn grid(self, interval: usize, length: Length) -> Result<Grid, Misfit> {
        let offset = self.offset;
        if offset != 0 && length.is_calendar() {
            return Err(Misfit {
                interval,
                found: format!("windows of {length} with an offset"),
                allowed:
                    "no offset: weeks, months, quarters and years begin where the calendar says"
                        .to_owned(),
            });
        }
        match (length, self.zone) {
            (Length::Time(ms), None) => Ok(Grid::Even {
                length: ms,
                origin: offset,
            }),
            (Length::Weeks(n), None) => Ok(Grid::Even {
                length: n * 7 * DAY,
                origin: MONDAY * DAY,
            }),
            (Length::Months(months), zone) => Ok(Grid::Months {
                months,
                zone: zone.unwrap_or(&UTC),
            }),
            (Length::Weeks(n), Some(zone)) => Ok(Grid::Days {
                days: n * 7,
                origin: MONDAY,
                zone,
            }),
            (Length::Time(ms), Some(zone)) if ms % DAY == 0 => match offset {
                0 => Ok(Grid::Days {
                    days: ms / DAY,
                    origin: 0,
                    zone,
                }),
                _ => Err(Misfit {
                    interval,
                    found: format!("days of {} with an offset", zone.name()),
                    allowed: "no offset, where days are local ones; or TIMESTAMP, whose windows are in UTC"
                        .to_owned(),
                }),
            },
            (Length::Time(ms), Some(zone)) if DAY % ms == 0 => Ok(Grid::Parts {
                length: ms,
                shift: offset.rem_euclid(ms),
                zone,
            }),
            (Length::Time(_), Some(zone)) => Err(Misfit {
                interval,
                found: format!(
                    "{length} in {}, which is neither whole days nor a part of one",
                    zone.name()
                ),
                allowed: "a length that divides the day, such as 1, 2, 3, 4, 6, 8 or 12 hours, or whole days: each local \
                          day is cut from its first instant"
                    .to_owned(),
            }),
        }
    }
}

impl Grid {
    /// Whose days it goes by.
    fn zone(self) -> Option<&'static LocalTime> {
        match self {
            Grid::Even { .. } => None,
            Grid::Parts { zone, .. } | Grid::Days { zone, .. } | Grid::Months { zone, .. } => {
                Some(zone)
            }
        }
    }

    /// The same by other clocks.
    fn by(mut self, clocks: &'static LocalTime) -> Grid {
        if let Grid::Parts { zone, .. } | Grid::Days { zone, .. } | Grid::Months { zone, .. } =
            &mut self
        {
            *zone = clocks;
        }
        self
    }

    /// The same from where another begins.
    pub(super) fn laid_out(self, whole: Grid) -> Grid {
        match (self, whole) {
            (Grid::Even { length, .. }, Grid::Even { origin, .. }) => Grid::Even { length, origin },
            (Grid::Days { days, zone, .. }, Grid::Days { origin, .. }) => {
                Grid::Days { days, origin, zone }
            }
            (Grid::Parts { length, zone, .. }, Grid::Parts { shift, .. }) => Grid::Parts {
                length,
                shift,
                zone,
            },
            (same, _) => same,
        }
    }
}

impl Shape {
    /// Windows of one pane each.
    pub(super) fn new(pane: Length, size: Length, panes: Grid, offset: i64) -> Self {
        Shape {
            pane,
            size,
            panes,
            whole: panes,
            held: 1,
            offset,
        }
    }

    /// Windows of so many panes, of one length in UTC; ms.
    pub(super) fn even(pane: i64, size: i64) -> Self {
        let panes = Grid::Even {
            length: pane,
            origin: 0,
        };
        Shape {
            held: size / pane,
            ..Shape::new(Length::Time(pane), Length::Time(size), panes, 0)
        }
    }

    /// The clocks that they are cut by, if it is not UTC.
    pub(super) fn clocks(&self) -> Option<&'static LocalTime> {
        let of = |grid: Grid| grid.zone().filter(|zone| zone.name() != "UTC");
        of(self.panes).or_else(|| of(self.whole))
    }

    /// The same by other clocks.
    pub(super) fn by(self, clocks: &'static LocalTime) -> Self {
        Shape {
            panes: self.panes.by(clocks),
            whole: self.whole.by(clocks),
            ..self
        }
    }
}
