//! Raw records on their way from a source to the decoder.

use std::sync::Arc;
use std::time::Instant;

use super::error::Failure;
use super::rows::{Row, Rows};
use super::schema::Given;

/// A source partition: a Kafka partition's number, or a file's number in flag order.
pub type PartitionId = u32;

/// What a partition is of: the same for all its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The number of its table in the plan.
    pub table: usize,
    /// Its number in its topic, or of its file, within the table.
    pub partition: u32,
    /// The topic, where there is one.
    pub topic: Option<Arc<str>>,
    /// The file, where there is one.
    pub file: Option<Arc<FileHome>>,
}

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileHome {
    /// Its name.
    pub name: String,
    /// Its path, relative to the table's.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was changed, ms since the Unix epoch.
    pub modified: i64,
    /// Parts of its path, `city=Porto`; of `__HIVE_DEFAULT_PARTITION__` no value.
    pub parts: Vec<(String, Option<String>)>,
}

impl FileHome {
    /// Whether its lines have the key of a record beside its value, where its table's rows are known by their key: by its name,
    /// `….upsert.ndjson`, and that of its compression.
    pub fn has_keys(&self) -> bool {
        has_keys(&self.name)
    }
}

/// The same of a file's name.
pub fn has_keys(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = match name.rsplit_once('.') {
        Some((plain, "ndjson")) => plain,
        Some((rest, _)) => rest.strip_suffix(".ndjson").unwrap_or_default(),
        None => "",
    };
    plain.ends_with(".upsert")
}

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

/// No leader epoch is known.
pub const NO_EPOCH: i32 = -1;

/// Which clock a record's timestamp is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// It has no timestamp.
    #[default]
    None,
    /// Its producer's.
    Create,
    /// The log's, when it was appended.
    Append,
}

/// A header of a record: where its name and its value lie in the block; a value may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: (u32, u32),
    /// Its value.
    pub value: Option<(u32, u32)>,
}

/// What came with a record beside its value, for tables that ask for it ([`Table::asks_beside`]).
///
/// [`Table::asks_beside`]: super::table::Table::asks_beside
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Where its key lies in the block.
    pub key: Option<(u32, u32)>,
    /// Its headers' first and last (exclusive) among those of the block.
    pub headers: (u32, u32),
    /// Its timestamp as it was written, ms: that of [`RecordRef`] is never after it was read.
    pub timestamp: i64,
    /// Which clock that is of.
    pub clock: Clock,
    /// The leader epoch that it was written under, or [`NO_EPOCH`].
    pub leader_epoch: i32,
}

/// A record that was found wrong before it was decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its number in the block's records.
    pub record: u32,
    /// The reason, as of those that are found while decoding.
    pub reason: &'static str,
    /// What was found, for a person.
    pub detail: String,
}

/// A run of records of one partition, in order. Kafka payloads are copied into one buffer, so that their cost
/// does not fall on the worker's core; a null Kafka value is an empty record.
///
/// # Examples
///
/// ```
/// use standings_model::block::{Block, NO_TIMESTAMP};
///
/// let mut block = Block::new(0);
/// block.push(b"{\"amount\":1}", 7, NO_TIMESTAMP);
/// block.push(b"", 9, NO_TIMESTAMP);
/// // Offsets may have holes; reading goes on behind the last.
/// assert_eq!((block.records.len(), block.next_offset), (2, 10));
/// assert_eq!(block.records[1].start, block.records[1].end);
/// ```
#[derive(Clone, Debug)]
pub struct Block {
    /// Which partition.
    pub partition: PartitionId,
    /// The bytes of all records.
    pub bytes: Vec<u8>,
    /// The records, offsets ascending. Blank file lines are not records.
    pub records: Vec<RecordRef>,
    /// What its records are where they are columns already; of those the bytes are empty.
    pub rows: Option<Box<Rows>>,
    /// Where each record's original bytes lie, if records were rewritten (CSV); empty where they are as they came.
    pub originals: Vec<(u32, u32)>,
    /// Records that were found wrong before decoding, in order.
    pub refused: Vec<Refused>,
    /// What came with each record beside its value; empty where no table asks for it.
    pub beside: Vec<Beside>,
    /// The headers of all records.
    pub headers: Vec<Header>,
    /// Schemas that these records, and those behind them, need beside those that came with earlier blocks.
    pub schemas: Vec<Given>,
    /// The offset to continue from after this block.
    pub next_offset: u64,
    /// More records of the offset that it ends with follow in the next block: until then nothing of it may be committed.
    pub open: bool,
    /// The leader epoch of its last record, or [`NO_EPOCH`].
    pub leader_epoch: i32,
    /// When the block was read.
    pub arrived: Instant,
}

impl Block {
    /// Without a record, read now.
    pub fn new(partition: PartitionId) -> Self {
        Block {
            partition,
            bytes: Vec::new(),
            records: Vec::new(),
            rows: None,
            originals: Vec::new(),
            refused: Vec::new(),
            beside: Vec::new(),
            headers: Vec::new(),
            schemas: Vec::new(),
            next_offset: 0,
            open: false,
            leader_epoch: NO_EPOCH,
            arrived: Instant::now(),
        }
    }

    /// Appends a record that came with an offset and a timestamp of its own.
    #[inline]
    pub fn push(&mut self, record: &[u8], offset: u64, timestamp: i64) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(record);
        self.records.push(RecordRef {
            start,
            end: self.bytes.len() as u32,
            offset,
            timestamp,
        });
        self.next_offset = offset + 1;
    }

    /// The row that a record is, by its number, where it is no bytes.
    #[inline]
    pub fn row(&self, number: usize) -> Option<Row<'_>> {
        self.rows.as_ref()?.row(number)
    }

    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.rows.as_ref().map_or(0, |rows| rows.bytes())
    }

    /// Keeps bytes that belong to a record beside its value: where they lie.
    pub fn keep(&mut self, bytes: &[u8]) -> (u32, u32) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        (start, self.bytes.len() as u32)
    }

    /// The bytes of a place in it.
    #[inline]
    pub fn slice(&self, (start, end): (u32, u32)) -> &[u8] {
        &self.bytes[start as usize..end as usize]
    }
}

/// What a reader thread tells its worker.
#[derive(Clone, Debug)]
pub enum SourceEvent {
    /// This worker now owns the partition (sent before its first block); reading begins at `offset`.
    Assigned {
        /// Which partition.
        partition: PartitionId,
        /// What it is of.
        home: Arc<Home>,
        /// First offset that will be read.
        offset: u64,
        /// Its end as it is seen now; of a file, which has one, the greatest number.
        end: u64,
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
    /// Reading failed for good; the process must end with this.
    Failed(Failure),
}
