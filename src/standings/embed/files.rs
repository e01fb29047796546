//! Records as blocks, which is what the engine takes: those of a file, and those that are pushed.

use std::path::Path;

use standings_edge::source::{self, Blocks, FileError};
use standings_model::block::{Block, NO_TIMESTAMP, PartitionId};
use standings_model::table::Table;

/// A file from its start.
pub(super) fn open(
    path: &Path,
    table: &Table,
    partition: PartitionId,
) -> Result<Box<dyn Blocks>, FileError> {
    source::open_file(path, table, partition)
}

/// A file's next block; `None` after the last.
pub(super) fn next(blocks: &mut dyn Blocks, path: &Path) -> Result<Option<Block>, FileError> {
    let block = blocks.next_block();
    block.map_err(FileError::reading(path))
}

/// What is left of a record that is too large, so that the decoder refuses it.
const CUT: usize = (1 << 20) + 1;

/// Appends a record, which has no time but its event time.
pub(super) fn append(block: &mut Block, record: &[u8], offset: u64) {
    block.push(&record[..record.len().min(CUT)], offset, NO_TIMESTAMP);
}
