//! Times: the calendar, what Flink takes as text, and Java's patterns.

pub mod calendar;
pub mod optional;
pub mod pattern;
pub mod text;

/// A second in microseconds.
pub const SECOND: i64 = 1_000_000;
/// A day in microseconds.
pub const DAY: i64 = 86_400 * SECOND;

/// Years that times are of: 0000 to 9999. What is computed beyond is an error.
pub fn in_range(us: i64) -> bool {
    // 0000-01-01T00:00:00 to the last microsecond of 9999.
    (-719_528 * DAY..2_932_897 * DAY).contains(&us)
}
