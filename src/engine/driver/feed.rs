//! Where a driver gets its events.

use standings_model::block::{Block, PartitionId, SourceEvent};

/// A reader thread, or a test.
pub trait Feed {
    /// The next event, if one is there.
    fn try_next(&self) -> Option<SourceEvent>;
    /// Everything before these offsets is durable.
    fn durable(&self, offsets: &[(PartitionId, u64)]);
    /// Reading may go on past the hold of its [`Start`](crate::dataflow::control::Start).
    fn release(&self) {}
    /// What rows are joined with is there: rows that waited for it are read.
    fn partners(&self) {}
    /// A block is done with; its memory may be that of another.
    fn recycle(&self, _block: Block) {}
}
