//! JSON arrays behind a schema's id: each element becomes a record of its own, behind the same id.
//!
//! ```text
//! 0 id [{"a":1},{"a":2}]    offset 7  ──►  0 id {"a":1}   offset 7
//!                                          0 id {"a":2}   offset 7
//! ```
//!
//! 1. All have the offset of the record, and what came beside it; they lie in one block, so that the offset moves when all are taken.
//! 2. An array without an element, and what is no whole array, stays as it is: a record that is no row, as any other.

use standings_model::block::{Block, RecordRef};
use standings_model::json_values::elements;
use standings_model::schema::{FRAME, unframed};
use standings_model::table::Table;
use standings_model::table::format::Encoding;

/// Whether a table's records may be such arrays.
pub fn may_be_arrays(table: &Table) -> bool {
    let is_framed = table.format.registry.is_some();
    is_framed && matches!(table.format.encoding, Encoding::Json(_)) && !table.changes()
}

/// Takes the arrays of a block apart; records that are longer than `most` are left to be refused.
pub fn take_apart(block: &mut Block, most: usize) {
    let is_array = |record: &RecordRef| {
        let bytes = block.slice((record.start, record.end));
        bytes.len() <= most && array(bytes).is_some()
    };
    let Some(first) = block.records.iter().position(is_array) else {
        return;
    };
    let records = block.records.split_off(first);
    let beside = match block.beside.is_empty() {
        true => Vec::new(),
        false => block.beside.split_off(first),
    };
    // Where each record of then is now.
    let mut places = Vec::with_capacity(records.len());
    for (n, record) in records.into_iter().enumerate() {
        places.push(block.records.len() as u32);
        let bytes = block.slice((record.start, record.end));
        let all = (bytes.len() <= most).then(|| array(bytes)).flatten();
        let all = all.and_then(elements).filter(|all| !all.is_empty());
        let Some(all) = all else {
            block.records.push(record);
            block.beside.extend(beside.get(n).copied());
            continue;
        };
        let bytes = bytes.to_vec();
        let (frame, json) = bytes.split_at(FRAME);
        for element in all {
            let start = block.bytes.len() as u32;
            block.bytes.extend_from_slice(frame);
            block.bytes.extend_from_slice(&json[element]);
            let end = block.bytes.len() as u32;
            block.records.push(RecordRef {
                start,
                end,
                ..record
            });
            block.beside.extend(beside.get(n).copied());
        }
    }
    for refused in &mut block.refused {
        if let Some(n) = (refused.record as usize).checked_sub(first) {
            refused.record = places.get(n).copied().unwrap_or(refused.record);
        }
    }
}

/// The JSON behind the id, where it begins an array.
fn array(bytes: &[u8]) -> Option<&[u8]> {
    let (_, json) = unframed(bytes)?;
    (json.trim_ascii_start().first() == Some(&b'[')).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::block::{Beside, Clock, NO_TIMESTAMP, Refused};

    fn framed(json: &str) -> Vec<u8> {
        [&b"\0\0\0\0\x07"[..], json.as_bytes()].concat()
    }

    #[test]
    fn each_element_is_a_record_behind_the_id() {
        let mut block = Block::new(0);
        let all = [
            "{\"a\":1}",
            " [ {\"a\":2} ,[3], x]",
            "[]",
            "[{\"a\":4}",
            "[{\"a\":5}]",
        ];
        for (n, json) in all.iter().enumerate() {
            block.push(&framed(json), 10 + n as u64, n as i64);
            block.beside.push(Beside {
                timestamp: n as i64,
                clock: Clock::Create,
                ..Beside::default()
            });
        }
        block.push(b"[{\"a\":6}]", 15, NO_TIMESTAMP);
        block.beside.push(Beside::default());
        let refused = |record| Refused {
            record,
            reason: "x",
            detail: String::new(),
        };
        block.refused = vec![refused(0), refused(4)];
        take_apart(&mut block, 100);
        let found: Vec<(u64, i64, String)> = block
            .records
            .iter()
            .zip(&block.beside)
            .map(|(r, b)| {
                let bytes = block.slice((r.start, r.end));
                let text =
                    String::from_utf8_lossy(bytes.strip_prefix(b"\0\0\0\0\x07").unwrap_or(bytes));
                (r.offset, b.timestamp, text.into_owned())
            })
            .collect();
        let one = |offset: u64, time: i64, text: &str| (offset, time, text.to_owned());
        assert_eq!(
            found[..4],
            [
                one(10, 0, "{\"a\":1}"),
                one(11, 1, "{\"a\":2}"),
                one(11, 1, "[3]"),
                one(11, 1, "x")
            ]
        );
        assert_eq!(found[4], one(12, 2, "[]"));
        assert_eq!(
            found.last().unwrap().2,
            "[{\"a\":6}]",
            "without a frame it is none"
        );
        assert_eq!(block.refused[0].record, 0);
        let moved = &block.records[block.refused[1].record as usize];
        assert_eq!(moved.offset, 14);
        assert_eq!(block.next_offset, 16);
        // What is too large is left alone.
        let mut large = Block::new(0);
        large.push(&framed("[1,2]"), 0, NO_TIMESTAMP);
        take_apart(&mut large, 6);
        assert_eq!(large.records.len(), 1);
    }
}
