//! `TUMBLE`: windows of one length, one after the other.

use super::{Cut, Family, Length, Misfit, Shape};

pub(super) struct Tumble;

impl Family for Tumble {
    fn name(&self) -> &'static str {
        "TUMBLE"
    }

    fn intervals(&self) -> &'static [&'static str] {
        &["size"]
    }

    fn example(&self) -> &'static str {
        "TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))"
    }

    fn shape(&self, intervals: &[Length], cut: Cut) -> Result<Shape, Misfit> {
        let size = intervals[0];
        Ok(Shape::new(size, size, cut.grid(0, size)?, cut.offset))
    }

    fn words(&self, _: &str, size: &str, place: &str) -> String {
        format!("each {size} ({place})")
    }
}
