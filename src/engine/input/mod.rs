//! What can be asked of the input before it is read: which one it is, and whether it still holds what was committed.
//!
//! ```text
//! committer, before it opens a sink ──► identity            (the topic's id, the files' heads)
//! committer, when it knows what sinks show ──► logs, epochs (are these offsets still there, and of the same log?)
//! ```

mod guard;

use std::collections::{BTreeMap, BTreeSet};

pub use self::guard::{Guard, REFRESH, TopicGone, TopicId};

use standings_model::block::PartitionId;
use standings_model::error::Failure;
use standings_model::identity::{HeadOf, SourceIdentity};

/// What a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its first offset.
    pub low: u64,
    /// Its next offset.
    pub high: u64,
}

/// Offsets, by partition.
pub type Offsets = BTreeMap<PartitionId, u64>;

/// The input, as far as it can be asked without reading it. Calls wait while it does not answer.
pub trait Input: Send {
    /// Which input it is; `None` where that cannot be known.
    fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure>;

    /// How to look at its files once more.
    fn head_of(&self) -> Option<HeadOf> {
        None
    }

    /// What these partitions hold; one that is not there is not named. `None`: it cannot be asked.
    fn logs(
        &mut self,
        _partitions: &BTreeSet<PartitionId>,
    ) -> Result<Option<BTreeMap<PartitionId, Log>>, Failure> {
        Ok(None)
    }

    /// The leader epoch of the record just before each offset, where that record is there and has one.
    fn epochs_before(&mut self, _offsets: &Offsets) -> Result<BTreeMap<PartitionId, i32>, Failure> {
        Ok(BTreeMap::new())
    }
}

/// An input of which nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown;

impl Input for Unknown {
    fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure> {
        Ok(None)
    }
}
