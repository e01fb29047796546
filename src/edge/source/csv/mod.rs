//! CSV (RFC 4180, and what else people have): each row as the JSON object that the decoder reads, beside its original bytes.
//!
//! ```text
//! bytes ─ charset ─► rows ─► cells ─ header ─► columns of the table ─ types ─► {"city":"Porto","amount":"1234.50"}
//!                                              others are not written           NULL, separators, patterns
//! ```
//!
//! 1. The decoder's rules are the same for every kind of file; cells keep their text, so nothing passes through
//!    floating point. An empty cell without quotes is NULL, unless the table says what is.
//! 2. Row *n* after the header has offset *n*; blank lines and comments are no rows.
//! 3. A quote that nothing closes costs its own line, not the rest of the file: where a row would be longer than a
//!    record may be, never ends, or spans lines and does not fit the header, its first line alone is the row, and it
//!    is refused.

#[cfg(test)]
mod dialects;
mod header;
mod numbers;
mod object;
mod row;
mod times;
mod value;

use std::io::{self, Read};
use std::path::Path;

use super::blocks::{self, Blocks, Spent};
use super::charset::{NO_CHARACTER, Text};
use super::error::FileError;
use super::fields;
use header::Column;
pub use header::HeaderError;
use numbers::Separators;
use object::{Meaning, Wrong};
use row::{Cells, End, Signs};
use standings_model::block::{Block, PartitionId};
use standings_model::table::Table;
use standings_model::table::format::{Csv, Encoding};
use times::Times;
pub use value::ValueRows;

/// Rows of a CSV file.
pub struct CsvRows {
    input: Text,
    partition: PartitionId,
    block_bytes: usize,
    record_bytes: usize,
    from: u64,
    signs: Signs,
    comments: bool,
    meaning: Meaning,
    columns: Vec<Option<Column>>,
    /// The names of the file's columns.
    names: Vec<String>,
    /// Columns of the table that the file has not got, and that may be NULL.
    lacking: Vec<String>,
    row: u64,
    /// Bytes read and not taken, from `at` on.
    buffer: Vec<u8>,
    at: usize,
    at_end: bool,
    /// What comes up to the end of the line belongs to a row that was refused.
    passing: bool,
    cells: Cells,
    spent: Spent,
}

/// What a row is whose quoted cell has no end.
const OPEN_QUOTE: &str = "a quote that nothing closes";

/// How the next row lies in the buffer.
enum CsvRow {
    /// So many bytes, and the cells are parsed.
    Whole(usize),
    /// So many bytes, which are no row, and why.
    Broken(usize, Wrong),
    /// More bytes are needed.
    Cut,
    /// Nothing more.
    None,
}

/// What is between two cells, where the table does not say it: by the file's name.
fn delimiter(path: &Path) -> u8 {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let endings: Vec<&str> = name.split('.').skip(1).collect();
    let mut known = endings.into_iter().rev().filter_map(super::kind::delimiter);
    known.next().unwrap_or(b',')
}

impl CsvRows {
    /// Reads the header. Rows before `from` are passed over.
    pub fn open(
        path: &Path,
        input: Box<dyn Read + Send>,
        table: &Table,
        partition: PartitionId,
        sizes: (usize, usize),
        from: u64,
    ) -> Result<Self, FileError> {
        let wrong = |source| FileError::Header {
            path: path.to_owned(),
            source,
        };
        let csv = match &table.format.encoding {
            Encoding::Csv(csv) => csv.clone(),
            _ => Csv::default(),
        };
        let times = Times::new(&csv, table).map_err(|p| wrong(HeaderError::Pattern(p)))?;
        let delimiter = csv.delimiter.unwrap_or_else(|| delimiter(path));
        let mut rows = CsvRows {
            input: Text::new(input, csv.charset.as_deref()),
            partition,
            block_bytes: sizes.0.max(1),
            record_bytes: sizes.1,
            from,
            signs: Signs::new(delimiter, csv.quote, csv.escape, csv.trim),
            comments: csv.comments,
            meaning: Meaning {
                null: csv.null.map(String::into_bytes),
                separators: Separators::new(csv.decimal_separator, csv.thousands_separator),
                times,
                by: match csv.header {
                    true => "header",
                    false => "table",
                },
            },
            columns: Vec::new(),
            names: Vec::new(),
            lacking: Vec::new(),
            row: 0,
            buffer: Vec::new(),
            at: 0,
            at_end: false,
            passing: false,
            cells: Cells::default(),
            spent: Spent::default(),
        };
        rows.fill().map_err(FileError::reading(path))?;
        let names = match csv.header {
            true => rows.header(path)?,
            false => header::in_order(table),
        };
        rows.lacking = fields::lacking(&names, table).map_err(|l| wrong(HeaderError::Lacks(l)))?;
        rows.columns = header::columns(&names, table).map_err(wrong)?;
        rows.names = names;
        Ok(rows)
    }

    /// Columns of the table that the file has not got: all their values are NULL.
    pub fn lacking(&self) -> &[String] {
        &self.lacking
    }

    /// The names of the file's columns, whether or not the table takes them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Takes the first row; its cells.
    fn header(&mut self, path: &Path) -> Result<Vec<String>, FileError> {
        let wrong = |source| FileError::Header {
            path: path.to_owned(),
            source,
        };
        let length = loop {
            match self.next_row() {
                CsvRow::Whole(length) => break length,
                CsvRow::Cut => self.fill().map_err(FileError::reading(path))?,
                CsvRow::Broken(..) => return Err(wrong(HeaderError::OpenQuote)),
                CsvRow::None => return Err(wrong(HeaderError::Empty)),
            }
        };
        let row = &self.buffer[self.at..self.at + length];
        let text = |n| String::from_utf8_lossy(self.cells.get(n, row).0).into_owned();
        let mut names: Vec<String> = (0..self.cells.len()).map(text).collect();
        // A delimiter at the end of every row is no column.
        if names.len() > 1 {
            names.pop_if(|name| name.is_empty());
        }
        self.at += length;
        Ok(names)
    }

    /// Reads more.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.at_end = blocks::read_more(&mut self.input, &mut self.buffer, self.block_bytes)?;
        Ok(())
    }

    /// Moves over lines that are no rows; whether the rest of one may be still to come.
    fn skip_lines(&mut self) -> bool {
        if self.passing {
            match memchr::memchr(b'\n', &self.buffer[self.at..]) {
                Some(end) => self.at += end,
                None => self.at = self.buffer.len(),
            }
            self.passing = self.at == self.buffer.len() && !self.at_end;
        }
        loop {
            let rest = &self.buffer[self.at..];
            let blank = rest.iter().take_while(|b| matches!(b, b'\n' | b'\r'));
            self.at += blank.count();
            let rest = &self.buffer[self.at..];
            if !self.comments || rest.first() != Some(&b'#') {
                return false;
            }
            match memchr::memchr2(b'\n', b'\r', rest) {
                Some(end) => self.at += end,
                None if self.at_end => self.at = self.buffer.len(),
                None => {
                    // Of a comment nothing is kept but its sign.
                    self.buffer.truncate(self.at + 1);
                    return true;
                }
            }
        }
    }

    /// Parses the row at `at`; moves over what is before it.
    fn next_row(&mut self) -> CsvRow {
        if self.skip_lines() {
            return CsvRow::Cut;
        }
        let rest = &self.buffer[self.at..];
        if rest.is_empty() {
            return match self.at_end {
                true => CsvRow::None,
                false => CsvRow::Cut,
            };
        }
        // What is longer than a record may be is not looked at.
        let most = rest.len().min(self.record_bytes + 1);
        let is_all = self.at_end && most == rest.len();
        match row::parse(&rest[..most], is_all, &self.signs, &mut self.cells) {
            End::At(length) => {
                // A row over several lines that does not fit the header: a quote was closed by a later row's.
                let several =
                    memchr::memchr(b'\n', &rest[..length]).is_some_and(|at| at + 1 < length);
                let columns = self.columns.len();
                if several && columns > 0 && !self.cells.fit(columns, rest) {
                    return broken(rest, Wrong::malformed(OPEN_QUOTE));
                }
                CsvRow::Whole(length)
            }
            End::Cut | End::Open if rest.len() <= self.record_bytes && !self.at_end => CsvRow::Cut,
            End::Open => broken(rest, Wrong::malformed(OPEN_QUOTE)),
            End::Cut => broken(rest, Wrong::too_large(self.record_bytes)),
        }
    }

    /// Takes a row of so many bytes into a block; `broken`: why it is none.
    fn take(&mut self, block: &mut Block, length: usize, broken: Option<Wrong>) {
        let offset = self.row;
        self.row += 1;
        let raw = self.at..self.at + length;
        self.at = raw.end;
        // Of a line whose end is not there yet the rest is no row of its own.
        self.passing = broken.is_some() && !self.buffer[raw.clone()].ends_with(b"\n");
        if offset < self.from {
            return;
        }
        let start = block.bytes.len();
        let row = &self.buffer[raw];
        let made = if let Some(wrong) = broken {
            Err(wrong)
        } else if let Some(charset) = self.input.charset()
            && row.contains(&NO_CHARACTER)
        {
            Err(Wrong::not_text(charset))
        } else {
            let columns = &self.columns;
            self.meaning
                .push(&mut block.bytes, columns, &self.cells, row)
        };
        if made.is_err() {
            block.bytes.truncate(start);
        }
        let end = block.bytes.len();
        let mut original = row;
        while let [rest @ .., b'\n' | b'\r'] = original {
            original = rest;
        }
        // One byte more than allowed is enough for the decoder to refuse the record.
        let original = &original[..original.len().min(self.record_bytes + 1)];
        block.bytes.extend_from_slice(original);
        let number = block.records.len() as u32;
        block.records.push(blocks::record(start, end, offset));
        block.originals.push((end as u32, block.bytes.len() as u32));
        if let Err(wrong) = made {
            block.refused.push(wrong.of(number));
        }
    }
}

/// The first line alone.
fn broken(rest: &[u8], wrong: Wrong) -> CsvRow {
    let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
    CsvRow::Broken(length, wrong)
}

impl Blocks for CsvRows {
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let mut block = self.spent.block(self.partition);
        while block.bytes.len() < self.block_bytes {
            match self.next_row() {
                CsvRow::Whole(length) => self.take(&mut block, length, None),
                CsvRow::Broken(length, wrong) => self.take(&mut block, length, Some(wrong)),
                CsvRow::Cut => self.fill()?,
                CsvRow::None => break,
            }
        }
        block.next_offset = self.row;
        let nothing = block.records.is_empty() && self.at_end && self.at == self.buffer.len();
        Ok((!nothing).then_some(block))
    }

    fn reuse(&mut self, spent: Block) {
        self.spent.keep(spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shown = (u64, String, String, Option<String>);

    fn read(csv: &str, block: usize, record: usize) -> Result<Vec<Shown>, String> {
        let input: Box<dyn Read + Send> = Box::new(io::Cursor::new(csv.as_bytes().to_vec()));
        let path = Path::new("t.csv");
        let mut rows = CsvRows::open(path, input, &Table::sales(), 0, (block, record), 0)
            .map_err(|e| e.to_string())?;
        let mut all = Vec::new();
        while let Some(block) = rows.next_block().unwrap() {
            for (i, r) in block.records.iter().enumerate() {
                let text = |a: u32, b: u32| {
                    String::from_utf8_lossy(&block.bytes[a as usize..b as usize]).into_owned()
                };
                let (a, b) = block.originals[i];
                let refused = block.refused.iter().find(|r| r.record == i as u32);
                all.push((
                    r.offset,
                    text(r.start, r.end),
                    text(a, b),
                    refused.map(|r| r.detail.clone()),
                ));
            }
        }
        Ok(all)
    }

    const HEADER: &str = "event_time,city,amount\n";

    #[test]
    fn rows_are_objects_whatever_the_size_of_a_block() {
        let csv = format!(
            "\u{feff}{HEADER}1700000000000,\"Lis\"\"bon\",12.34\r\n\r\n,\"a,\nb\",\n1,2\n5,x,7"
        );
        for block in 3..80 {
            let rows = read(&csv, block, 1000).unwrap();
            let of = |n: usize| (rows[n].0, rows[n].1.as_str(), rows[n].2.as_str());
            assert_eq!(rows.len(), 4, "blocks of {block}: {rows:?}");
            assert_eq!(
                of(0),
                (
                    0,
                    r#"{"event_time":1700000000000,"city":"Lis\"bon","amount":"12.34"}"#,
                    "1700000000000,\"Lis\"\"bon\",12.34"
                )
            );
            let second = r#"{"event_time":null,"city":"a,\u000ab","amount":null}"#;
            assert_eq!(of(1), (1, second, ",\"a,\nb\","));
            assert_eq!(of(2), (2, "", "1,2"));
            assert!(rows[2].3.as_ref().unwrap().contains("2 cells"));
            assert_eq!(
                of(3),
                (3, r#"{"event_time":5,"city":"x","amount":"7"}"#, "5,x,7")
            );
        }
    }

    #[test]
    fn an_open_quote_costs_one_line() {
        let good = "5,x,7\n".repeat(40);
        for csv in [
            format!("{HEADER}1,\"open,2\n{good}"),          // never closed
            format!("{HEADER}1,\"open,2\n{good}1,x\",2\n"), // closed too late
        ] {
            for block in [7, 64, 4096] {
                let rows = read(&csv, block, 60).unwrap();
                assert!(rows[0].3.as_ref().unwrap().contains("quote"), "{rows:?}");
                assert_eq!(rows[0].2, "1,\"open,2");
                assert!(
                    rows[1..41].iter().all(|r| r.3.is_none() && r.2 == "5,x,7"),
                    "{rows:?}"
                );
                assert!(rows.iter().enumerate().all(|(i, r)| r.0 == i as u64));
            }
        }
    }

    #[test]
    fn a_wrong_header_is_refused() {
        for (csv, part) in [
            ("", "empty"),
            (
                "event_time,city\n",
                "no column `amount`; found: event_time, city",
            ),
            ("amount,city\n", "no column `event_time`"),
            ("amount,event_time,amount\n", "`amount` twice"),
            ("amount,event_time,timestamp\n", "mean the same"),
            ("amount,\"event_time\n1,2\n", "quote"),
        ] {
            let error = read(csv, 1000, 1000).unwrap_err();
            assert!(error.contains(part), "{csv}: {error}");
        }
    }
}
