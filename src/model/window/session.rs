//! `SESSION`: from a row to the last that follows within a gap, and the gap: what its rows make of it, key by key.
//!
//! A row alone is in the session `[time, time + gap)`; those of one key that touch are one. That is done by who owns the key:
//! here a window is what a row alone makes.

use super::{Cut, Family, Length, Misfit, Shape};

pub(super) struct Session;

impl Family for Session {
    fn name(&self) -> &'static str {
        "SESSION"
    }

    fn intervals(&self) -> &'static [&'static str] {
        &["gap"]
    }

    fn example(&self) -> &'static str {
        "TABLE(SESSION(TABLE sales PARTITION BY city, DESCRIPTOR(event_time), INTERVAL '30' MINUTES))"
    }

    fn shape(&self, intervals: &[Length], cut: Cut) -> Result<Shape, Misfit> {
        let gap = intervals[0];
        let misfit = |interval, found: String, allowed: &str| {
            Err(Misfit {
                interval,
                found,
                allowed: allowed.to_owned(),
            })
        };
        match gap {
            Length::Time(_) if cut.offset != 0 => misfit(
                1,
                "SESSION with an offset".to_owned(),
                "no offset: a session begins with its first row",
            ),
            Length::Time(ms) => Ok(Shape::even(ms, ms)),
            _ => misfit(
                0,
                format!("a gap of {gap}"),
                "a gap of fixed length, such as INTERVAL '30' MINUTES",
            ),
        }
    }

    fn named_by(&self) -> &'static [&'static str] {
        &["window_start", "window_end"]
    }

    fn is_of_rows(&self) -> bool {
        true
    }

    fn words(&self, _: &str, size: &str, _: &str) -> String {
        format!("sessions: rows that follow each other within {size}, and {size} after the last")
    }
}
