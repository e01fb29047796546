//! Splits a stream of bytes into blocks of whole lines.

use std::io::{self, Read};

use super::blocks::{self, Blocks};
use standings_model::block::{Block, PartitionId, RecordRef};

/// Emptied blocks that are kept: as many as are on their way at once.
const SPARE: usize = 6;

/// Reads whole lines, block by block.
pub struct Lines<R> {
    input: R,
    partition: PartitionId,
    block_bytes: usize,
    record_bytes: usize,
    /// The beginning of a line whose end has not been read.
    carry: Vec<u8>,
    /// Memory of blocks that came back, emptied.
    spare: Vec<(Vec<u8>, Vec<RecordRef>)>,
    line: u64,
    from: u64,
    at_end: bool,
    at_start: bool,
}

impl<R: Read> Lines<R> {
    /// Reads `input`; lines before `from` are passed over.
    pub fn new(
        input: R,
        partition: PartitionId,
        block_bytes: usize,
        record_bytes: usize,
        from: u64,
    ) -> Self {
        Lines {
            input,
            partition,
            block_bytes: block_bytes.max(1),
            record_bytes,
            carry: Vec::new(),
            spare: Vec::new(),
            line: 0,
            from,
            at_end: false,
            at_start: true,
        }
    }

    fn keep_rest(&mut self, rest: &[u8]) {
        // One byte more than allowed is enough for the decoder to refuse the record.
        let keep = rest.len().min(self.record_bytes + 1);
        self.carry.clear();
        self.carry.extend_from_slice(&rest[..keep]);
    }

    fn split(&mut self, bytes: Vec<u8>, mut records: Vec<RecordRef>) -> Block {
        records.reserve(bytes.len() / 160 + 1);
        let mut start = 0;
        while start < bytes.len() {
            let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at);
            let mut stop = end;
            while stop > start && bytes[stop - 1] == b'\r' {
                stop -= 1;
            }
            let cut = stop.min(start + self.record_bytes + 1);
            let blank = bytes[start..stop].iter().all(u8::is_ascii_whitespace);
            if !blank && self.line >= self.from {
                records.push(blocks::record(start, cut, self.line));
            }
            self.line += 1;
            start = end + 1;
        }
        Block {
            bytes,
            records,
            next_offset: self.line,
            ..Block::new(self.partition)
        }
    }
}

impl<R: Read + Send> Blocks for Lines<R> {
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        while !self.at_end {
            let (mut bytes, records) = self.spare.pop().unwrap_or_default();
            bytes.extend_from_slice(&self.carry);
            let searched = bytes.len();
            bytes.reserve(self.block_bytes);
            let wanted = self.block_bytes as u64;
            let read = (&mut self.input).take(wanted).read_to_end(&mut bytes)?;
            self.at_end = read < self.block_bytes;
            if self.at_start {
                self.at_start = false;
                if bytes.starts_with(b"\xef\xbb\xbf") {
                    bytes.drain(..3);
                }
            }
            let searched = searched.min(bytes.len());
            let end = match memchr::memrchr(b'\n', &bytes[searched..]) {
                Some(at) => searched + at + 1,
                None => 0,
            };
            let end = if self.at_end { bytes.len() } else { end };
            self.keep_rest(&bytes[end..]);
            if end == 0 && self.at_end && bytes.is_empty() {
                break;
            }
            if end > 0 {
                bytes.truncate(end);
                return Ok(Some(self.split(bytes, records)));
            }
            bytes.clear();
            self.spare.push((bytes, records));
            // No line ends here: what is longer than a record is not kept.
        }
        Ok(None)
    }

    fn reuse(&mut self, spent: Block) {
        let (mut bytes, mut records) = (spent.bytes, spent.records);
        if self.spare.len() < SPARE && bytes.capacity() <= 2 * self.block_bytes {
            bytes.clear();
            records.clear();
            self.spare.push((bytes, records));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], block: usize, record: usize) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(text, 0, block, record, 0);
        let mut out = Vec::new();
        let mut last = 0;
        while let Some(block) = lines.next_block().unwrap() {
            for r in &block.records {
                out.push((
                    r.offset,
                    block.bytes[r.start as usize..r.end as usize].to_vec(),
                ));
            }
            assert!(block.next_offset >= last);
            last = block.next_offset;
        }
        out
    }

    #[test]
    fn any_block_size_gives_the_same_lines() {
        let text = b"\xef\xbb\xbfone\r\n\n  \ntwo two two two\nthree".to_vec();
        let want = vec![
            (0, b"one".to_vec()),
            (3, b"two two two two".to_vec()),
            (4, b"three".to_vec()),
        ];
        for block in 4..60 {
            assert_eq!(all(&text, block, 100), want, "blocks of {block}");
        }
        assert_eq!(all(b"", 8, 10), vec![]);
        assert_eq!(all(b"\n", 8, 10), vec![]);
    }

    #[test]
    fn a_huge_line_is_cut_and_not_kept() {
        let mut text = b"a\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 100_000));
        text.extend(b"\nb\n");
        for block in [5, 64, 1000, 1 << 20] {
            let found = all(&text, block, 10);
            assert_eq!(found.len(), 3, "blocks of {block}");
            assert!(
                found[1].1.len() > 10 && found[1].1.len() <= 1000,
                "{}",
                found[1].1.len()
            );
            assert_eq!((found[1].0, &found[2]), (1, &(2, b"b".to_vec())));
        }
    }
}
