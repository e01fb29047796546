//! `HOP`: windows of one length, one beginning with each slide.

use super::{Cut, Family, Length, Misfit, Shape};

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

    fn shape(&self, intervals: &[Length], cut: Cut) -> Result<Shape, Misfit> {
        let (slide, size) = (intervals[0], intervals[1]);
        let panes = cut.grid(0, slide)?;
        let Some(held) = size.in_units_of(slide) else {
            return Err(Misfit::no_multiple(self, slide, size));
        };
        Ok(Shape {
            held,
            ..Shape::new(slide, size, panes, cut.offset)
        })
    }

    fn words(&self, pane: &str, size: &str, place: &str) -> String {
        match pane == size {
            true => format!("each {size} ({place})"),
            false => format!("{size} long, one every {pane} ({place})"),
        }
    }
}
