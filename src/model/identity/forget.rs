//! What of what was known does not count at a start, by word of who starts it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::block::PartitionId;

/// The table of a partition that others are joined with and nothing else is made of, by name; none of other partitions.
pub type DimensionOf = Arc<dyn Fn(PartitionId) -> Option<String> + Send + Sync>;

/// `--forget`: what is believed as it is now, where it differs from what was known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forget {
    /// What is remembered of another input, or of what this one does not hold any more.
    pub source: bool,
    /// Where a sink was: its server, schema and tables, or its topics.
    pub sink: bool,
    /// Snapshots.
    pub state: bool,
    /// Of these tables, which others are joined with, what they held when it was committed.
    pub dimensions: BTreeSet<String>,
}
