//! What every kind of file is read as: blocks of whole records.

use std::io::{self, Read};
use std::time::Instant;

use standings_model::block::{Block, NO_TIMESTAMP, PartitionId, RecordRef};
use standings_model::identity::NO_EPOCH;

/// A file, block by block.
pub trait Blocks: Send {
    /// The next block, or `None` after the last.
    fn next_block(&mut self) -> io::Result<Option<Block>>;
    /// Takes back a block that nobody needs any more: its memory is that of one to come, and need not be asked for and
    /// cleared by the system again.
    fn reuse(&mut self, _spent: Block) {}
}

/// An empty block that was read now, in the memory of one that is done with.
pub fn again(mut spent: Block, partition: PartitionId) -> Block {
    spent.bytes.clear();
    spent.records.clear();
    spent.rows = None;
    spent.originals.clear();
    spent.refused.clear();
    spent.beside.clear();
    spent.headers.clear();
    spent.schemas.clear();
    Block {
        partition,
        next_offset: 0,
        open: false,
        leader_epoch: NO_EPOCH,
        arrived: Instant::now(),
        ..spent
    }
}

/// Blocks that are done with, kept for their memory.
#[derive(Debug, Default)]
pub struct Spent(Vec<Block>);

impl Spent {
    /// The worker has few of them at once.
    const MOST: usize = 4;
    /// One that held a giant record does not stay so large.
    const BYTES: usize = 4 << 20;

    /// An empty one.
    pub fn block(&mut self, partition: PartitionId) -> Block {
        match self.0.pop() {
            Some(spent) => again(spent, partition),
            None => Block::new(partition),
        }
    }

    /// Keeps one.
    pub fn keep(&mut self, block: Block) {
        if self.0.len() < Self::MOST && block.bytes.capacity() <= Self::BYTES {
            self.0.push(block);
        }
    }
}

/// Takes the records from `offset` on out of a block, as a block of their own; `None` if there is none.
pub fn split(block: &mut Block, offset: u64) -> Option<Block> {
    if block.next_offset <= offset {
        return None;
    }
    let at = block.records.partition_point(|r| r.offset < offset);
    let mut rest = Block {
        bytes: block.bytes.clone(),
        records: block.records.split_off(at),
        next_offset: block.next_offset,
        open: std::mem::take(&mut block.open),
        leader_epoch: block.leader_epoch,
        ..Block::new(block.partition)
    };
    rest.rows = block.rows.as_mut().map(|rows| Box::new(rows.split_off(at)));
    if !block.originals.is_empty() {
        rest.originals = block.originals.split_off(at);
    }
    if !block.beside.is_empty() {
        rest.beside = block.beside.split_off(at);
        rest.headers = block.headers.clone();
    }
    let refused = block.refused.partition_point(|r| (r.record as usize) < at);
    rest.refused = block.refused.split_off(refused);
    rest.refused.iter_mut().for_each(|r| r.record -= at as u32);
    block.next_offset = offset;
    Some(rest)
}

/// Reads `most` more bytes behind what is there; whether there are no more.
pub fn read_more(input: &mut dyn Read, buffer: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    let read = input.take(most as u64).read_to_end(buffer)?;
    Ok(read < most)
}

/// A record of a file, which has no timestamp.
pub fn record(start: usize, end: usize, offset: u64) -> RecordRef {
    RecordRef {
        start: start as u32,
        end: end as u32,
        offset,
        timestamp: NO_TIMESTAMP,
    }
}

/// Appends a JSON string of bytes that may be no UTF-8: the decoder judges that.
pub fn push_json_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    let special = |b: &u8| matches!(b, b'"' | b'\\' | 0..=0x1f);
    // Most texts have none: all of them are looked at, many at a time.
    if !text.iter().fold(false, |found, b| found | special(b)) {
        out.extend_from_slice(text);
        out.push(b'"');
        return;
    }
    while let Some(at) = rest.iter().position(special) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', b]),
            b => out.extend_from_slice(format!("\\u{b:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
