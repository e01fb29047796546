//! What a run has done so far, for those who keep a record of it: the table of runs, lineage.
//!
//! The committer only adds numbers up here; who keeps the record reads them on a thread of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::committer::Observer;
use standings_model::block::PartitionId;
use standings_model::change::{Commit, Counts};
use standings_model::plan::Plan;

/// What was done up to the last commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Every sink is open: this run has taken over.
    pub opened: bool,
    /// Records by partition; they go on from the snapshot that the run began with.
    pub counts: BTreeMap<PartitionId, Counts>,
    /// The prefix of the input.
    pub offsets: BTreeMap<PartitionId, u64>,
    /// The global watermark, ms.
    pub watermark: Option<i64>,
    /// Commits written since the start, and the last one's number.
    pub commits: u64,
    /// The number of the last commit; 0 for none.
    pub last: u64,
    /// Changes written since the start, by ranking.
    pub changes: Vec<u64>,
}

impl Done {
    /// Records of all partitions.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.counts.values().for_each(|c| total.add(c));
        total
    }
}

/// Adds up what is committed; shared with those who keep the record.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Done>);

impl Tally {
    /// What was done so far.
    pub fn done(&self) -> Done {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Done> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The committer's side.
pub struct Counting(pub Arc<Tally>);

impl Observer for Counting {
    fn opened(&mut self) {
        self.0.lock().opened = true;
    }

    fn goes_on(&mut self, last: u64) {
        self.0.lock().last = last;
    }

    fn committed(&mut self, plan: &Plan, commit: &Commit) {
        let mut done = self.0.lock();
        if !commit.counts.is_empty() {
            done.counts.clone_from(&commit.counts);
        }
        done.offsets.clone_from(&commit.offsets);
        done.watermark = commit.watermark.or(done.watermark);
        // A commit without a number changed nothing and was not written.
        if commit.number > 0 {
            done.commits += 1;
            done.last = commit.number;
        }
        done.changes.resize(plan.rankings.len(), 0);
        for change in commit.changes.iter() {
            if let Some(n) = done.changes.get_mut(change.ranking) {
                *n += 1;
            }
        }
    }
}
