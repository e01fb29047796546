//! What the committer tells, kept for those who ask over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use tokio::sync::broadcast;

use super::board::Board;
use super::json;
use crate::model::change::Commit;
use crate::model::plan::Plan;
use crate::observe::metrics::Metrics;
use crate::run::committer::Observer;

/// Commits that wait for a slow page before it is given a snapshot instead.
const EVENTS: usize = 256;
/// A commit with more changes than this is not sent change by change: pages get a snapshot.
const CHANGES: usize = 2_000;

/// One commit for the pages that follow.
#[derive(Clone, Debug)]
pub(super) struct CommitEvent {
    pub(super) number: u64,
    /// `None`: too large, take a snapshot.
    pub(super) changes: Option<Arc<str>>,
}

/// What a process shows over HTTP.
#[derive(Debug)]
pub struct Shown {
    /// The rankings.
    pub plan: Arc<Plan>,
    /// Their rows now.
    pub board: Board,
    /// Counters.
    pub metrics: Arc<Metrics>,
    pub(super) events: broadcast::Sender<CommitEvent>,
    pub(super) ready: AtomicBool,
    /// Only process 0 commits, so only its board has rows.
    pub(super) commits_here: bool,
}

impl Shown {
    /// Nothing yet.
    pub fn new(plan: Arc<Plan>, metrics: Arc<Metrics>, commits_here: bool) -> Arc<Self> {
        Arc::new(Shown {
            board: Board::new(&plan),
            plan,
            metrics,
            events: broadcast::channel(EVENTS).0,
            ready: AtomicBool::new(false),
            commits_here,
        })
    }

    /// From now on `/readyz` says yes.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }
}

/// The committer's side.
pub struct Watch(pub Arc<Shown>);

impl Observer for Watch {
    fn opened(&mut self) {
        self.0.set_ready();
    }

    fn committed(&mut self, plan: &Plan, commit: &Commit) {
        let shown = &self.0;
        shown
            .metrics
            .observe_commit(commit, plan, SystemTime::now());
        if commit.changes.is_empty() {
            return;
        }
        shown.board.apply(plan, commit);
        if shown.events.receiver_count() > 0 {
            let changes = (commit.changes.len() <= CHANGES).then(|| json::commit(plan, commit));
            // Fails when the last page has just left.
            let _ = shown.events.send(CommitEvent {
                number: commit.number,
                changes,
            });
        }
    }
}
