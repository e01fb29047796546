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

    fn start(&self, shape: Shape, end: i64) -> i64 {
        end.saturating_sub(shape.size)
    }

    fn last(&self, shape: Shape, pane: i64) -> i64 {
        pane.saturating_add(shape.size)
    }

    fn is_named_by_start(&self) -> bool {
        true
    }

    fn words(&self, _: &str, size: &str) -> String {
        format!("each {size} (UTC)")
    }
}
