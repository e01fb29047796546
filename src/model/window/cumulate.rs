//! `CUMULATE`: windows that begin together, each a step longer than the one before, up to a size; then they begin anew.

use super::{Cut, Family, Length, Misfit, Shape};

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

    fn shape(&self, intervals: &[Length], cut: Cut) -> Result<Shape, Misfit> {
        let (step, size) = (intervals[0], intervals[1]);
        let whole = cut.grid(1, size)?;
        // A month is whole days, and days are whole parts of one.
        let fits = size.in_units_of(step).is_some()
            || (matches!(size, Length::Months(_)) && Cut::divides_a_day(step));
        if !fits {
            return Err(Misfit::no_multiple(self, step, size));
        }
        let panes = cut.grid(0, step)?.laid_out(whole);
        Ok(Shape {
            whole,
            ..Shape::new(step, size, panes, cut.offset)
        })
    }

    fn start(&self, shape: &Shape, end: i64) -> i64 {
        shape.whole.floor(end.saturating_sub(1))
    }

    fn last(&self, shape: &Shape, pane: i64, _: i64) -> (i64, i64) {
        let last = shape.whole.after(shape.whole.floor(pane));
        (last, shape.panes.count(pane, last))
    }

    fn named_by(&self) -> &'static [&'static str] {
        &["window_start", "window_end"]
    }

    fn words(&self, pane: &str, size: &str, place: &str) -> String {
        format!("up to {size} long, growing by {pane} ({place})")
    }
}
