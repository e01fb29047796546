//! `HOP`: windows of one length, one beginning with each slide.

use super::Family;

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

    fn words(&self, pane: &str, size: &str) -> String {
        match pane == size {
            true => format!("each {size} (UTC)"),
            false => format!("{size} long, one every {pane} (UTC)"),
        }
    }
}
