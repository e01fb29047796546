//! Where the faces of rankings are kept that everybody may see (`public`).
//!
//! 1. What was read is kept for [`FRESH`], a failure too: a crowd before a database that is down does not ask it each.
//! 2. Who comes while it is read waits for that, and does not read it again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::as_of::AsOf;
use super::board::{Row, WindowInfo};
use super::problem::Problem;

/// How long what was read is shown.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// The newest window of a ranking, as it was at a commit.
#[derive(Debug)]
pub(super) struct Face {
    /// What it is of.
    pub(super) as_of: AsOf,
    /// The window and its first rows; `None` before there are any.
    pub(super) window: Option<(WindowInfo, Vec<Row>)>,
    /// The same for the page.
    pub(super) text: String,
}

/// What was read of one ranking.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) at: Instant,
    pub(super) face: Result<Arc<Face>, Problem>,
}

/// The faces of all rankings.
#[derive(Debug)]
pub(super) struct Stage(Vec<Mutex<Option<Kept>>>);

impl Stage {
    /// For so many rankings.
    pub(super) fn new(rankings: usize) -> Self {
        Stage((0..rankings).map(|_| Mutex::default()).collect())
    }

    /// What was read of a ranking.
    pub(super) fn of(&self, ranking: usize) -> Option<&Mutex<Option<Kept>>> {
        self.0.get(ranking)
    }
}
