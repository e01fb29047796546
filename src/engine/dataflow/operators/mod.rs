//! The operators, a file each: a struct with the step that it makes at a turn, which knows timely by capabilities alone. How
//! they are wired is in [`graph`](super::graph).

pub mod behind;
pub mod first;
pub mod gather;
pub mod onward;
pub mod pairs;
pub mod step;
pub mod totals;
