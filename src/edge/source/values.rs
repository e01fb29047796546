//! JSON that is not a value a line: one array, whose elements are records, or values over many lines, one behind the other.
//!
//! ```text
//! [                       line 0: the array is one line, and so offset 0 is that of all its elements
//!   {"city": "Porto"},    a record of offset 0
//!   {"city": "Faro"}      a record of offset 0: only behind the `]` reading goes on at 1
//! ]
//! ```
//!
//! Of many elements there are several blocks; all but the last say that they are open. One element is in memory at a time,
//! and of one that is longer than a record may be only its beginning.

use std::io::{self, Read};

use serde::de::IgnoredAny;

use super::blocks::{self, Blocks};
use standings_model::block::{Block, PartitionId};
use standings_model::json_values::Extent;

/// Whether a JSON file that begins so is not a value a line: its first line does not end with its first value, and what
/// follows goes on with that value. Of a line that was torn off it does not, and the lines behind it are values of their own.
pub fn are_values(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let is_array = match text.first() {
        Some(b'[') => true,
        Some(b'{') => false,
        _ => return false,
    };
    let Some(line) = memchr::memchr(b'\n', text) else {
        // Of a line that is longer than what was looked at nothing else is known.
        return is_array;
    };
    match Extent::default().end(&text[..line]) {
        // Another value begins on the line.
        Some(end) => text[end..line].trim_ascii_start().starts_with(b"{"),
        // It ends inside the value. An element of an array may be broken, and costs itself.
        None => is_array || goes_on(text),
    }
}

/// Whether what lies over several lines is one value, as far as it is there.
fn goes_on(text: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Err(e)) => e.is_eof(),
        _ => true,
    }
}

/// Values of a JSON file.
pub struct JsonValues {
    input: Box<dyn Read + Send>,
    partition: PartitionId,
    block_bytes: usize,
    record_bytes: usize,
    from: u64,
    buffer: Vec<u8>,
    at: usize,
    at_end: bool,
    /// The line that `at` is in.
    line: u64,
    /// The line in which the last value began that is no element.
    begun: Option<u64>,
    in_array: bool,
    /// It was told that nothing more comes.
    told: bool,
}

/// What comes next.
enum Next {
    /// A record.
    Value,
    /// Nothing more of this line's values.
    Line,
    End,
}

impl JsonValues {
    /// Reads `input`; values that begin in lines before `from` are passed over.
    pub fn new(
        input: Box<dyn Read + Send>,
        partition: PartitionId,
        sizes: (usize, usize),
        from: u64,
    ) -> Self {
        JsonValues {
            input,
            partition,
            block_bytes: sizes.0.max(1),
            record_bytes: sizes.1,
            from,
            buffer: Vec::new(),
            at: 0,
            at_end: false,
            line: 0,
            begun: None,
            in_array: false,
            told: false,
        }
    }

    /// Reads more behind what is there.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.at_end = blocks::read_more(&mut *self.input, &mut self.buffer, self.block_bytes)?;
        Ok(())
    }

    /// Moves over `length` bytes.
    fn pass(&mut self, length: usize) {
        let passed = &self.buffer[self.at..self.at + length];
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.at += length;
    }

    /// Moves to what comes next.
    fn next(&mut self) -> io::Result<Next> {
        loop {
            let Some(&b) = self.buffer.get(self.at) else {
                if self.at_end {
                    return Ok(Next::End);
                }
                self.fill()?;
                if self.line == 0
                    && self.begun.is_none()
                    && self.buffer.starts_with(b"\xef\xbb\xbf")
                {
                    self.at = 3;
                }
                continue;
            };
            match b {
                b if b.is_ascii_whitespace() => self.pass(1),
                b',' | b']' if self.in_array => {
                    self.in_array = b == b',';
                    self.pass(1);
                }
                _ if self.in_array => return Ok(Next::Value),
                // What begins in another line has another offset.
                _ if self.begun.is_some_and(|line| line < self.line) => return Ok(Next::Line),
                b'[' => {
                    (self.begun, self.in_array) = (Some(self.line), true);
                    self.pass(1);
                }
                _ => {
                    self.begun = Some(self.line);
                    return Ok(Next::Value);
                }
            }
        }
    }

    /// Appends the value that comes next, or as much of it as a record may have and one byte more.
    fn value(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        let mut extent = Extent::default();
        let mut room = self.record_bytes + 1;
        let mut least = 1;
        loop {
            let rest = &self.buffer[self.at..];
            // A sign that begins nothing is a value that is none.
            let end = extent.end(rest).map(|end| end.max(least));
            least = 0;
            let part = &rest[..end.unwrap_or(rest.len())];
            let kept = part.len().min(room);
            into.extend_from_slice(&part[..kept]);
            room -= kept;
            self.pass(part.len());
            if end.is_some() || self.at_end {
                while into.last().is_some_and(u8::is_ascii_whitespace) {
                    into.pop();
                }
                return Ok(());
            }
            self.fill()?;
        }
    }
}

impl Blocks for JsonValues {
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let mut block = Block::new(self.partition);
        while block.bytes.len() < self.block_bytes {
            match self.next()? {
                Next::Value => {
                    let (start, offset) = (block.bytes.len(), self.begun.unwrap_or(self.line));
                    self.value(&mut block.bytes)?;
                    if offset < self.from {
                        block.bytes.truncate(start);
                        continue;
                    }
                    let record = blocks::record(start, block.bytes.len(), offset);
                    block.records.push(record);
                }
                Next::Line => {
                    let line = self.begun.take().unwrap_or(self.line);
                    block.next_offset = line + 1;
                    if !block.records.is_empty() && block.bytes.len() >= self.block_bytes / 2 {
                        return Ok(Some(block));
                    }
                }
                Next::End => {
                    // Once more, so that the last offset is told.
                    block.next_offset = self.begun.map_or(self.line, |line| line + 1);
                    let said = std::mem::replace(&mut self.told, true);
                    return Ok((!said).then_some(block));
                }
            }
        }
        // In the middle of a line's values its offset does not move.
        match self.begun {
            Some(line) if line >= self.from => (block.next_offset, block.open) = (line, true),
            Some(line) => block.next_offset = line,
            None => {}
        }
        Ok(Some(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, block: usize, record: usize, from: u64) -> (Vec<(u64, String)>, u64) {
        let input = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let mut values = JsonValues::new(input, 0, (block, record), from);
        let (mut out, mut next, mut open) = (Vec::new(), 0, false);
        while let Some(block) = values.next_block().unwrap() {
            for r in &block.records {
                let text = &block.bytes[r.start as usize..r.end as usize];
                out.push((r.offset, String::from_utf8_lossy(text).into_owned()));
                // Of what a closed block said nothing comes any more.
                assert!(r.offset >= next);
            }
            assert!(block.next_offset >= next);
            assert!(!block.open || block.records.iter().all(|r| r.offset <= block.next_offset));
            (next, open) = (block.next_offset, block.open);
        }
        assert!(!open);
        (out, next)
    }

    #[test]
    fn an_array_is_one_line() {
        let text = " [ {\"a\": \"]\\\"\"},\n {\"b\": {\"c\": [1, 2]}}\n, 7, \"x\" ]\n";
        for block in 1..90 {
            let (found, next) = all(text, block, 100, 0);
            let texts: Vec<&str> = found.iter().map(|(_, text)| &text[..]).collect();
            let want = [
                "{\"a\": \"]\\\"\"}",
                "{\"b\": {\"c\": [1, 2]}}",
                "7",
                "\"x\"",
            ];
            assert_eq!(texts, want, "blocks of {block}");
            assert!(found.iter().all(|(offset, _)| *offset == 0));
            assert_eq!(next, 1);
            assert_eq!(all(text, block, 100, 1), (vec![], 1));
        }
        assert_eq!(all("[]", 8, 10, 0), (vec![], 1));
        assert_eq!(all("", 8, 10, 0), (vec![], 0));
    }

    #[test]
    fn values_over_many_lines_have_the_line_that_they_begin_in() {
        let text = "{\n \"a\": 1\n}\n{\n \"a\": 2\n} {}\n[3,4]\n[5]";
        for block in 1..60 {
            let (found, next) = all(text, block, 100, 0);
            let offsets: Vec<u64> = found.iter().map(|(offset, _)| *offset).collect();
            assert_eq!(offsets, [0, 3, 5, 6, 6, 7], "blocks of {block}: {found:?}");
            assert_eq!(next, 8);
            let (rest, next) = all(text, block, 100, 6);
            assert_eq!((rest.len(), next), (3, 8));
        }
    }

    #[test]
    fn a_bad_element_costs_itself() {
        for bad in ["{\"a\":]", "{\"a\": \"open\n", "oops", "{]", "[{]"] {
            let text = format!("[{{\"a\":1}},\n{bad},\n{{\"a\":2}}]");
            for block in [1, 7, 64] {
                let (found, next) = all(&text, block, 100, 0);
                let last = found.last().map(|(_, text)| &text[..]);
                assert_eq!(found[0].1, "{\"a\":1}", "{bad}");
                assert!(
                    last == Some("{\"a\":2}") || bad.contains(']'),
                    "{bad}: {found:?}"
                );
                assert!(next >= 1);
            }
        }
        let long = format!("[1, \"{}\", 2]", "x".repeat(5000));
        for block in [1, 100, 10_000] {
            let (found, _) = all(&long, block, 10, 0);
            let sizes: Vec<usize> = found.iter().map(|(_, text)| text.len()).collect();
            assert_eq!(sizes, [1, 11, 1], "blocks of {block}");
        }
    }

    #[test]
    fn what_is_a_value_a_line() {
        for (head, want) in [
            ("[", true),
            (" \n[{\"a\":1}]", true),
            ("[\n{\"a\":1} {", true),
            ("[]\n{\"a\":1}\n", false),
            ("{\"a\":1}\n{\"a\":2}\n", false),
            ("{\n", true),
            ("{\"a\": {\n\"b\"", true),
            ("{\"a\":1}{\"a\":2}\n", true),
            ("{\"a\":\"{\"}\n", false),
            ("{\"a\":\"open\n", false),
            ("{\"a\":1,\n{\"a\":2}\n", false),
            ("{\n{\"a\":2}\n", false),
            ("{\nno\n", false),
            ("{\"a\":1\n}\n", true),
            ("x\n", false),
            ("{\"a\":1", false),
            ("", false),
        ] {
            assert_eq!(are_values(head.as_bytes()), want, "{head}");
        }
    }
}
