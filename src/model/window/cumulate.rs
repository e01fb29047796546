//! `CUMULATE`: windows that begin together, each a step longer than the one before, up to a size; then they begin anew.

use super::{Family, Shape};

pub(super) struct Cumulate;

impl Family for Cumulate {
    fn name(&self) -> &'static str {
        "CUMULATE"
    }

    fn intervals(&self) -> &'static [&'static str] {
        &["step", "size"]
    }

    fn example(&self) -> &'static str {
        "TABLE(CUMULATE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR, INTERVAL '1' DAY)) (step, then size)"
    }

    fn start(&self, shape: Shape, end: i64) -> i64 {
        end.saturating_sub(1).div_euclid(shape.size) * shape.size
    }

    fn last(&self, shape: Shape, pane: i64) -> i64 {
        (pane.div_euclid(shape.size) * shape.size).saturating_add(shape.size)
    }

    fn is_named_by_start(&self) -> bool {
        false
    }

    fn words(&self, pane: &str, size: &str) -> String {
        format!("up to {size} long, growing by {pane} (UTC)")
    }
}
