//! Which partitions something is to be done with: known without asking each, as of a folder of ten thousand files in every turn.
//!
//! Whoever changes a partition notes it ([`Standing::note`]); what is asked of all partitions is asked here.

use std::collections::BTreeSet;

use super::partition::Partition;
use standings_model::block::PartitionId;

/// Partitions by what they are in.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// More records of their last offset are to come.
    open: BTreeSet<PartitionId>,
    /// Something is new since the last epoch.
    changed: BTreeSet<PartitionId>,
    /// More may come.
    unended: BTreeSet<PartitionId>,
    /// They are quiet, and not idle yet.
    quiet: BTreeSet<PartitionId>,
}

/// Puts a number in, or takes it out.
fn set(all: &mut BTreeSet<PartitionId>, id: PartitionId, is_in: bool) {
    match is_in {
        true => drop(all.insert(id)),
        // Mostly there is none.
        false if all.is_empty() => {}
        false => drop(all.remove(&id)),
    }
}

impl Standing {
    /// What a partition is in now.
    pub(super) fn note(&mut self, id: PartitionId, of: &Partition) {
        set(&mut self.open, id, of.is_open());
        set(&mut self.changed, id, of.is_changed());
        set(&mut self.unended, id, !of.has_ended());
        set(&mut self.quiet, id, of.is_quiet());
    }

    /// Whether more of some last offset is to come.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether something is new since the last epoch.
    pub(super) fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Whether nothing more comes of any.
    pub(super) fn has_ended(&self) -> bool {
        self.unended.is_empty()
    }

    /// Those of which something is new, in their order; nothing is from now on.
    pub(super) fn take_changed(&mut self) -> BTreeSet<PartitionId> {
        std::mem::take(&mut self.changed)
    }

    /// Those that may fall idle.
    pub(super) fn quiet(&self) -> Vec<PartitionId> {
        self.quiet.iter().copied().collect()
    }
}
