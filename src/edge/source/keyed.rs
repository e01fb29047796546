//! Files of keys and values, `….upsert.ndjson`: a record's key and timestamp stand beside its value, as in a topic.

use std::io;

use super::blocks::Blocks;
use standings_decode::change::{line, unquoted};
use standings_model::block::{Beside, Block, Clock, NO_TIMESTAMP, Refused};
use standings_model::identity::NO_EPOCH;
use standings_model::table::Table;
use standings_model::table::format::{Encoding, Format};

/// The records of lines.
pub struct Keyed {
    lines: Box<dyn Blocks>,
    /// Whether a key, or a value, that is a JSON string stands for its bytes.
    raw: (bool, bool),
}

impl Keyed {
    /// Of lines that are JSON.
    pub fn new(lines: Box<dyn Blocks>, table: &Table) -> Self {
        let is_raw = |format: &Format| format.encoding == Encoding::Raw;
        Keyed {
            lines,
            raw: (
                table.key_format.as_ref().is_some_and(is_raw),
                is_raw(&table.format),
            ),
        }
    }

    /// Takes the lines of a block apart; what is no such line is refused as it is.
    fn split(&self, mut block: Block) -> Block {
        let refused = std::mem::take(&mut block.refused);
        let mut known = refused.iter().map(|r| r.record).peekable();
        let mut more = Vec::new();
        block.originals.clear();
        for number in 0..block.records.len() {
            let record = block.records[number];
            let whole = (record.start, record.end);
            block.originals.push(whole);
            let mut beside = Beside {
                timestamp: NO_TIMESTAMP,
                leader_epoch: NO_EPOCH,
                ..Beside::default()
            };
            if known.next_if_eq(&(number as u32)).is_none() {
                match line(block.slice(whole)) {
                    Ok(found) => {
                        let within = |(start, end)| (record.start + start, record.start + end);
                        let key = found.key.map(within);
                        beside.key = key.map(|at| place(&mut block, at, self.raw.0));
                        let value = found.value.map(within);
                        let value = value.map(|at| place(&mut block, at, self.raw.1));
                        let record = &mut block.records[number];
                        (record.start, record.end) = value.unwrap_or((whole.0, whole.0));
                        if let Some(ms) = found.timestamp.filter(|ms| *ms >= 0) {
                            (record.timestamp, beside.timestamp) = (ms, ms);
                            beside.clock = Clock::Create;
                        }
                    }
                    Err(e) => more.push(Refused {
                        record: number as u32,
                        reason: e.reason,
                        detail: e.detail,
                    }),
                }
            }
            block.beside.push(beside);
        }
        block.refused = refused;
        block.refused.extend(more);
        block.refused.sort_by_key(|r| r.record);
        block
    }
}

/// Where the bytes lie that a key or a value stands for.
fn place(block: &mut Block, at: (u32, u32), is_raw: bool) -> (u32, u32) {
    match is_raw.then(|| unquoted(block.slice(at))).flatten() {
        Some(bytes) => block.keep(&bytes),
        None => at,
    }
}

impl Blocks for Keyed {
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let block = self.lines.next_block()?;
        Ok(block.map(|block| self.split(block)))
    }

    fn reuse(&mut self, spent: Block) {
        self.lines.reuse(spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::lines::Lines;

    #[test]
    fn keys_values_and_times() {
        let text = concat!(
            r#"{"key":{"id":1},"value":{"a":2},"timestamp":5}"#,
            "\n\n",
            r#"{"key":{"id":1},"value":null}"#,
            "\n{\"value\":1}\n",
            r#"{"key":null,"value":"x"}"#,
        );
        let mut table = Table::sales();
        table.format.encoding = Encoding::Raw;
        let lines = Box::new(Lines::new(text.as_bytes(), 0, 1 << 16, 1 << 10, 0));
        let block = Keyed::new(lines, &table).next_block().unwrap().unwrap();
        let found = block.records.iter().zip(&block.beside).map(|(r, beside)| {
            let value = block.slice((r.start, r.end));
            let key = beside.key.map(|at| block.slice(at));
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            (r.offset, key.map(text), text(value), r.timestamp)
        });
        let key = || Some("{\"id\":1}".to_owned());
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                (0, key(), "{\"a\":2}".to_owned(), 5),
                (2, key(), String::new(), NO_TIMESTAMP),
                (3, None, "{\"value\":1}".to_owned(), NO_TIMESTAMP),
                (4, None, "x".to_owned(), NO_TIMESTAMP),
            ]
        );
        assert_eq!(block.beside[0].clock, Clock::Create);
        let refused: Vec<_> = block.refused.iter().map(|r| (r.record, r.reason)).collect();
        assert_eq!(refused, [(2, "malformed")]);
        let original = |n: usize| block.slice(block.originals[n]);
        assert_eq!(original(1), br#"{"key":{"id":1},"value":null}"#);
    }
}
