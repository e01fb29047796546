//! All time: the window of a ranking without one.

use super::grid::Grid;
use super::{Bounds, Cut, Family, Length, Misfit, Shape, Window};

struct Always;

/// The window.
pub(super) const WINDOW: Window = Window {
    family: &Always,
    shape: Shape {
        pane: Length::Time(i64::MAX),
        size: Length::Time(i64::MAX),
        panes: EVER,
        whole: EVER,
        held: 1,
        offset: 0,
    },
};

/// From the beginning of event time on, for ever.
const EVER: Grid = Grid::Even {
    length: i64::MAX,
    origin: 0,
};

impl Family for Always {
    fn name(&self) -> &'static str {
        "all time"
    }

    fn intervals(&self) -> &'static [&'static str] {
        &[]
    }

    fn example(&self) -> &'static str {
        "a table, without a window"
    }

    fn shape(&self, _: &[Length], _: Cut) -> Result<Shape, Misfit> {
        Ok(WINDOW.shape)
    }

    fn start(&self, _: &Shape, _: i64) -> i64 {
        Bounds::ALWAYS.start
    }

    fn named_by(&self) -> &'static [&'static str] {
        &[]
    }

    fn words(&self, _: &str, _: &str, _: &str) -> String {
        "all time: its rows are never final".to_owned()
    }
}
