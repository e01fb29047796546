//! Raw records on their way from a source to the decoder.

use std::time::Instant;

/// A source partition: a Kafka partition's number, or a file's number in flag order.
pub type PartitionId = u32;

/// One record inside a [`Block`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef {
    /// Where its bytes begin in the block.
    pub start: u32,
    /// Where they end (exclusive).
    pub end: u32,
    /// Its offset in the partition: Kafka's offset, or the 0-based line or row number of a file.
    pub offset: u64,
    /// Kafka record timestamp in milliseconds, or [`NO_TIMESTAMP`].
    pub timestamp: i64,
}

/// The record timestamp of sources that have none.
pub const NO_TIMESTAMP: i64 = i64::MIN;

/// A run of records of one partition, in order. Kafka payloads are copied into one buffer, so that their cost
/// does not fall on the worker's core; a null Kafka value is an empty record.
#[derive(Clone, Debug)]
pub struct Block {
    /// Which partition.
    pub partition: PartitionId,
    /// The bytes of all records.
    pub bytes: Vec<u8>,
    /// The records, offsets ascending. Blank file lines are not records.
    pub records: Vec<RecordRef>,
    /// Where each record's original bytes lie, if records were rewritten (CSV); empty where they are as they came.
    pub originals: Vec<(u32, u32)>,
    /// Records that were found wrong before decoding: their number in `records`, ascending, and what was found.
    pub refused: Vec<(u32, String)>,
    /// The offset to continue from after this block.
    pub next_offset: u64,
    /// The leader epoch of its last record, or [`NO_EPOCH`](super::identity::NO_EPOCH).
    pub leader_epoch: i32,
    /// When the block was read.
    pub arrived: Instant,
}

/// What a reader thread tells its worker.
#[derive(Clone, Debug)]
pub enum SourceEvent {
    /// This worker now owns the partition (sent before its first block); reading begins at `offset`.
    Assigned {
        /// Which partition.
        partition: PartitionId,
        /// First offset that will be read.
        offset: u64,
    },
    /// Records.
    Block(Block),
    /// The reader is at the partition's present end (Kafka); idleness is measured from here.
    CaughtUp {
        /// Which partition.
        partition: PartitionId,
    },
    /// With `--until-end`, or for a file: nothing more will come from this partition.
    Ended {
        /// Which partition.
        partition: PartitionId,
    },
    /// The initial partitions of this worker are all assigned (sent once, also with no partition).
    Ready,
    /// Reading failed for good; the process must end with this message.
    Failed(String),
}
