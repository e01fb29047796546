//! Where drafts go, as the coordinator sees it: the committer's side, or a stand-in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use standings_model::block::PartitionId;
use standings_model::change::Commit;
use standings_model::placed::Watch;

use super::control::Start;
use crate::rank::messages::Epoch;
use crate::rank::state::GatherState;
use crate::snapshot::order::Complete;

/// Where drafts go; decides when one may be made.
pub trait Gate {
    /// Rung when there is something to look at that no message announces.
    fn bell(&self) -> Bell;
    /// Whether a draft is being written: the bell rings when that is done.
    fn is_writing(&self) -> bool;
    /// How to begin, once it is known; asked until it is. With worker 0's part of the snapshot, if there is one.
    fn start(&mut self) -> Option<(Start, Option<GatherState>)>;
    /// Whether reading may go on past the hold.
    fn released(&self) -> bool;
    /// The number of the snapshot to take now, if one is due.
    fn snapshot_due(&mut self) -> Option<u64>;
    /// Whether a complete snapshot could not be kept since this was last asked: the next one is news.
    fn snapshot_lost(&mut self) -> bool {
        false
    }
    /// Takes a complete snapshot; it counts once everything before its epoch is durable. `None`: it failed.
    fn snapshot(&mut self, complete: Option<Complete>);
    /// Whether a draft would be taken now; `more`: of a backlog, of which much more will be read soon.
    fn ready(&mut self, more: bool) -> bool;
    /// When a draft would be taken, if only time is missing.
    fn ready_at(&self, _more: bool) -> Option<Instant> {
        None
    }
    /// Whether the next draft should bring all rows, not only what changed: of this prefix, and everything before
    /// epoch `up_to`.
    fn wants_whole(&self, _offsets: &BTreeMap<PartitionId, u64>, _up_to: Epoch) -> bool {
        false
    }
    /// Whether a draft is wanted although nothing is new: a sink that fell behind is to be brought to it.
    fn wants_again(&self) -> bool {
        false
    }
    /// The windows that are to be told of, when others are than were last answered.
    fn watches(&mut self) -> Option<Vec<Watch>> {
        None
    }
    /// Takes a draft of everything before epoch `up_to` ([`Epoch::MAX`]: of everything, the input has ended).
    fn offer(&mut self, draft: Commit, up_to: Epoch);
    /// Windows up to this time (ms) were closed by an earlier run, and stay closed; asked when ready.
    fn closed_before(&self) -> i64;
    /// Everything before this epoch is durable.
    fn durable(&self) -> Epoch;
}

/// Rung by who writes commits, answered by worker 0.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<AtomicBool>);

impl Bell {
    /// There is something to look at.
    pub fn ring(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was rung since this was last asked.
    pub fn answer(&self) -> bool {
        // Most of the time it was not: no write to what the other thread reads.
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Acquire)
    }
}

/// When gather looks again at what no message and no bell announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// There is nothing to look at.
    No,
    /// Soon, and again soon after: nobody knows when.
    Soon,
    /// A draft may be made then.
    At(Instant),
}
