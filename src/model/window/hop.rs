//! `HOP`: windows of one length, one beginning with each slide.

use super::{Family, Misfit, Shape};

pub(super) struct Hop;

impl Family for Hop {
    fn name(&self) -> &'static str {
        "HOP"
    }

    fn intervals(&self) -> &'static [&'static str] {
        &["slide", "size"]
    }

    fn example(&self) -> &'static str {
        "TABLE(HOP(TABLE sales, DESCRIPTOR(event_time), INTERVAL '5' MINUTES, INTERVAL '1' HOUR)) (slide, then size)"
    }

    fn shape(&self, intervals: &[i64]) -> Result<Shape, Misfit> {
        let (pane, size) = (intervals[0], intervals[1]);
        match size % pane {
            0 => Ok(Shape { pane, size }),
            _ => Err(Misfit {
                interval: 1,
                found: format!("a size of {size} ms that is no multiple of the slide of {pane} ms"),
                allowed: "HOP takes the slide, then the size, a multiple of it".to_owned(),
            }),
        }
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

    fn words(&self, pane: &str, size: &str) -> String {
        match pane == size {
            true => format!("each {size} (UTC)"),
            false => format!("{size} long, one every {pane} (UTC)"),
        }
    }
}
