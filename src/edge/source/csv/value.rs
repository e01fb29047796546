//! CSV in a topic: a value is one row, without a header, its cells in the order of the table's columns.
//!
//! As of a file each row becomes the JSON object that the decoder reads, beside its original bytes.

use std::io::{Cursor, Read};

use super::super::charset::{NO_CHARACTER, Text};
use super::header::{self, Column, HeaderError};
use super::numbers::Separators;
use super::object::{Meaning, Wrong};
use super::row::{self, Cells, End, Signs};
use super::times::Times;
use standings_model::block::{Block, NO_TIMESTAMP, Refused};
use standings_model::table::Table;
use standings_model::table::format::Encoding;

/// The rows of a table that lies in a topic.
pub struct ValueRows {
    signs: Signs,
    meaning: Meaning,
    columns: Vec<Option<Column>>,
    charset: Option<String>,
    record_bytes: usize,
    cells: Cells,
}

impl ValueRows {
    /// For a table of this format; larger values are not looked at.
    pub fn of(table: &Table, record_bytes: usize) -> Result<Option<Self>, HeaderError> {
        let Encoding::Csv(csv) = &table.format.encoding else {
            return Ok(None);
        };
        let times = Times::new(csv, table).map_err(HeaderError::Pattern)?;
        let charset = csv.charset.as_deref();
        let charset = charset.filter(|c| !c.eq_ignore_ascii_case("utf-8"));
        let delimiter = csv.delimiter.unwrap_or(b',');
        Ok(Some(ValueRows {
            signs: Signs::new(delimiter, csv.quote, csv.escape, csv.trim),
            meaning: Meaning {
                null: csv.null.clone().map(String::into_bytes),
                separators: Separators::new(csv.decimal_separator, csv.thousands_separator),
                times,
                by: "table",
            },
            columns: header::columns(&header::in_order(table), table)?,
            charset: charset.map(str::to_owned),
            record_bytes,
            cells: Cells::default(),
        }))
    }

    /// Takes a value into a block: as a row, or as one that is refused.
    pub fn push(&mut self, block: &mut Block, value: &[u8], offset: u64, timestamp: i64) {
        // What has no bytes, and what has too many, the decoder refuses unread.
        let is_row = !value.is_empty() && value.len() <= self.record_bytes;
        let number = block.records.len() as u32;
        let start = block.bytes.len();
        let wrong = match (is_row, &self.charset) {
            (false, _) => {
                let most = value.len().min(self.record_bytes + 1);
                block.bytes.extend_from_slice(&value[..most]);
                None
            }
            (true, None) => self.row(&mut block.bytes, value).err(),
            (true, Some(charset)) => match text(value, charset) {
                Ok(text) => self.row(&mut block.bytes, &text).err(),
                Err(wrong) => Some(wrong),
            },
        };
        if let Some(wrong) = wrong {
            block.bytes.truncate(start);
            block.refused.push(wrong.of(number));
        }
        let made = start..block.bytes.len();
        let most = value.len().min(self.record_bytes + 1);
        let original = block.keep(&value[..most]);
        block.originals.push(original);
        block.push(&[], offset, timestamp);
        if let Some(record) = block.records.last_mut() {
            (record.start, record.end) = (made.start as u32, made.end as u32);
        }
    }

    /// The object of a value, as the decoder reads it; why it is no row.
    pub fn object(&mut self, value: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut block = Block::new(0);
        self.push(&mut block, value, 0, NO_TIMESTAMP);
        match block.refused.pop() {
            Some(refused) => Err(refused),
            None => Ok(
                block.bytes[block.records[0].start as usize..block.records[0].end as usize]
                    .to_vec(),
            ),
        }
    }

    /// Appends the object of the one row that a text is.
    fn row(&mut self, out: &mut Vec<u8>, text: &[u8]) -> Result<(), Wrong> {
        match row::parse(text, true, &self.signs, &mut self.cells) {
            End::At(length) => {
                let rest = &text[length..];
                if !rest.iter().all(|b| matches!(b, b'\n' | b'\r')) {
                    return Err(Wrong::malformed("more than one row in a value"));
                }
            }
            End::Open | End::Cut => return Err(Wrong::malformed(super::OPEN_QUOTE)),
        }
        self.meaning.push(out, &self.columns, &self.cells, text)
    }
}

/// A value as UTF-8.
fn text(value: &[u8], charset: &str) -> Result<Vec<u8>, Wrong> {
    let mut text = Text::new(Box::new(Cursor::new(value.to_vec())), Some(charset));
    let mut out = Vec::with_capacity(value.len());
    // What is read lies in memory.
    if text.read_to_end(&mut out).is_err() || out.contains(&NO_CHARACTER) {
        return Err(Wrong::not_text(charset));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::table::format::Csv;

    #[test]
    fn a_value_is_a_row() {
        let mut table = Table::sales();
        table.is_named = true;
        let csv = Csv {
            delimiter: Some(b';'),
            decimal_separator: ',',
            charset: Some("windows-1252".to_owned()),
            ..Csv::default()
        };
        table.format.encoding = Encoding::Csv(csv);
        let mut rows = ValueRows::of(&table, 60).unwrap().unwrap();
        let mut block = Block::new(0);
        let long = [b'x'; 100];
        let values: &[&[u8]] = &[
            b"a;1700000000000;Set\xfabal;S1;;12,5\r\n",
            b"a;1;\"x\";;;\"1,0\"",
            b"a;1;x;y;z;1\nb;1;x;y;z;1",
            b"a;1",
            b"a;1;\"x",
            b"",
            &long,
        ];
        for (offset, value) in values.iter().enumerate() {
            rows.push(&mut block, value, offset as u64 * 2, 7);
        }
        let text = |place| String::from_utf8_lossy(block.slice(place)).into_owned();
        let made: Vec<String> = block
            .records
            .iter()
            .map(|r| text((r.start, r.end)))
            .collect();
        assert_eq!(
            made[..3],
            [
                r#"{"sale_id":"a","event_time":1700000000000,"city":"Setúbal","salesman_id":"S1","salesman_name":null,"amount":"12.5"}"#,
                r#"{"sale_id":"a","event_time":1,"city":"x","salesman_id":null,"salesman_name":null,"amount":"1.0"}"#,
                "",
            ]
        );
        assert_eq!((made[5].len(), made[6].len()), (0, 61));
        let refused: Vec<_> = block
            .refused
            .iter()
            .map(|r| (r.record, r.detail.as_str()))
            .collect();
        assert_eq!(
            refused,
            [
                (2, "more than one row in a value"),
                (3, "the row has 2 cells, and the table 6"),
                (4, "a quote that nothing closes"),
            ]
        );
        for (record, value) in block.originals.iter().zip(values) {
            assert_eq!(block.slice(*record), &value[..value.len().min(61)]);
        }
        assert_eq!(
            (block.records[3].offset, block.records[3].timestamp),
            (6, 7)
        );
        assert_eq!(block.next_offset, 13);
    }
}
