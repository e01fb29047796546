//! `TUMBLE`: windows of one length, one after the other.

use super::{Family, Misfit, Shape};

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

    fn shape(&self, intervals: &[i64]) -> Result<Shape, Misfit> {
        let size = intervals[0];
        Ok(Shape { pane: size, size })
    }

    fn words(&self, _: &str, size: &str) -> String {
        format!("each {size} (UTC)")
    }
}
