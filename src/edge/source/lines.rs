//! Splits a stream of bytes into blocks of whole lines.

use std::io::{self, Read};

use super::blocks::{self, Blocks};
use super::pipe;
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
    /// Whole lines are given on as soon as there are any, however few.
    at_once: bool,
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
            at_once: false,
        }
    }

    /// Gives on what there is, and does not wait for a block to be full: a pipe may be silent for a while.
    pub fn at_once(mut self, at_once: bool) -> Self {
        self.at_once = at_once;
        self
    }

    /// Appends what is next; afterwards it is known whether that was all.
    fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        if !self.at_once {
            let wanted = self.block_bytes as u64;
            let read = (&mut self.input).take(wanted).read_to_end(bytes)?;
            self.at_end = read < self.block_bytes;
            return Ok(());
        }
        self.at_end = pipe::read(&mut self.input, bytes, self.block_bytes)?;
        Ok(())
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
            self.read(&mut bytes)?;
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

    /// A pipe into which somebody writes a piece now and then: who asks for more than there is waits for ever.
    struct Slow(Vec<&'static [u8]>);

    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            assert!(!self.0.is_empty(), "it waits for what does not come");
            let piece = self.0.remove(0);
            into[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn a_line_of_a_pipe_is_given_on_when_it_is_there() {
        let pipe = Slow(vec![
            b"one\ntw",
            b"o",
            b"\n",
            b"three\nfour\n",
            b"five",
            b"",
        ]);
        let mut lines = Lines::new(pipe, 0, 1 << 16, 1 << 10, 0).at_once(true);
        let mut found = Vec::new();
        while let Some(block) = lines.next_block().unwrap() {
            let text = |r: &RecordRef| {
                String::from_utf8(block.bytes[r.start as usize..r.end as usize].to_vec())
            };
            let texts = block.records.iter().map(|r| (r.offset, text(r).unwrap()));
            found.push(texts.collect::<Vec<_>>());
        }
        let line = |n: u64, text: &str| (n, text.to_owned());
        let want = vec![
            vec![line(0, "one")],
            vec![line(1, "two")],
            vec![line(2, "three"), line(3, "four")],
            vec![line(4, "five")],
        ];
        assert_eq!(found, want);
    }

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
