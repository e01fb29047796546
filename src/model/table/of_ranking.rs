//! The rows of a ranking as a table that others read.
//!
//! ```text
//! column   0              1            2             3      4 …
//!          window_start   window_end   window_time   rank   the fields of a row, in their order
//! ```
//!
//! Bounds of a ranking of all time are NULL, and nobody can name them. The rank is 0 where rows do not say it.

use std::sync::Arc;

use super::super::window::Window;

/// Where the rank is.
pub const RANK: usize = 3;
/// Where the first field of a row is.
pub const FIELDS: usize = 4;

/// Of which ranking rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfRanking {
    /// Its name.
    pub ranking: Arc<str>,
    /// Its window.
    pub window: Window,
    /// How much later than others its windows are dropped, by what it is made of, ms.
    pub waits: i64,
    /// How many rankings lie over each other there: 1 for one of tables alone.
    pub depth: usize,
}
