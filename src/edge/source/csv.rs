//! CSV with a header (RFC 4180): each row as the JSON object that the decoder reads, beside its original bytes.
//!
//! 1. The decoder's rules are the same for every kind of file; cells keep their text, so nothing passes through
//!    floating point. An empty cell is NULL.
//! 2. CsvRow *n* after the header has offset *n*.
//! 3. A quote that nothing closes costs its own line, not the rest of the file: where a row would be longer than a
//!    record may be, never ends, or spans lines and does not fit the header, its first line alone is the row, and it
//!    is refused.

use std::io::{self, Read};
use std::path::Path;

use csv_core::{ReadRecordResult, Reader};

use super::blocks::{self, Blocks, push_json_string};
use super::error::FileError;
use standings_model::block::{Block, PartitionId};
use standings_model::table::Table;
use standings_model::types::Type;

/// A column of the file.
struct Column {
    name: Vec<u8>,
    /// Its whole-number cells are JSON numbers.
    is_number: bool,
}

/// Rows of a CSV file.
pub struct CsvRows {
    input: Box<dyn Read + Send>,
    partition: PartitionId,
    block_bytes: usize,
    record_bytes: usize,
    from: u64,
    parser: Reader,
    columns: Vec<Column>,
    row: u64,
    /// Bytes read and not taken, from `at` on.
    buffer: Vec<u8>,
    at: usize,
    at_end: bool,
    cells: Cells,
}

/// The unquoted cells of one row.
#[derive(Default)]
struct Cells {
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Cells {
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).map(|i| {
            let start = if i == 0 { 0 } else { self.ends[i - 1] };
            &self.text[start..self.ends[i]]
        })
    }
}

/// How the next row lies in the buffer.
enum CsvRow {
    /// So many bytes, and the cells are parsed.
    Whole(usize),
    /// So many bytes, and no end of the quoted cell.
    Broken(usize),
    /// More bytes are needed.
    Cut,
    /// Nothing more.
    None,
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
        let mut rows = CsvRows {
            input,
            partition,
            block_bytes: sizes.0.max(1),
            record_bytes: sizes.1,
            from,
            parser: Reader::new(),
            columns: Vec::new(),
            row: 0,
            buffer: Vec::new(),
            at: 0,
            at_end: false,
            cells: Cells::default(),
        };
        rows.fill().map_err(FileError::reading(path))?;
        if rows.buffer.starts_with(b"\xef\xbb\xbf") {
            rows.at = 3;
        }
        let wrong = |source| FileError::Header {
            path: path.to_owned(),
            source,
        };
        loop {
            match rows.next_row() {
                CsvRow::Whole(length) => {
                    rows.at += length;
                    break;
                }
                CsvRow::Cut => rows.fill().map_err(FileError::reading(path))?,
                CsvRow::Broken(_) => {
                    return Err(wrong(HeaderError::OpenQuote));
                }
                CsvRow::None => {
                    return Err(wrong(HeaderError::Empty));
                }
            }
        }
        let column = |name: &[u8]| Column {
            name: name.to_vec(),
            is_number: is_number(name, table),
        };
        rows.columns = rows.cells.iter().map(column).collect();
        match check_header(&rows.columns, table) {
            Ok(()) => Ok(rows),
            Err(problem) => Err(wrong(problem)),
        }
    }

    /// Reads more.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let wanted = self.block_bytes as u64;
        let read = (&mut self.input)
            .take(wanted)
            .read_to_end(&mut self.buffer)?;
        self.at_end = read < self.block_bytes;
        Ok(())
    }

    /// Parses the row at `at`; moves nothing.
    fn next_row(&mut self) -> CsvRow {
        // Blank lines are no rows.
        let blank = |b: &&u8| matches!(b, b'\n' | b'\r');
        self.at += self.buffer[self.at..].iter().take_while(blank).count();
        let rest = &self.buffer[self.at..];
        if rest.is_empty() {
            return if self.at_end {
                CsvRow::None
            } else {
                CsvRow::Cut
            };
        }
        let cells = &mut self.cells;
        self.parser.reset();
        let (mut taken, mut written, mut ends) = (0, 0, 0);
        loop {
            let limit = rest.len().min(self.record_bytes + 1);
            // At the end of the file the parser is told so by an empty input.
            let input = &rest[taken..limit];
            if input.is_empty() && !(self.at_end && limit == rest.len()) {
                break;
            }
            let (result, read, out, fields) =
                self.parser
                    .read_record(input, &mut cells.text[written..], &mut cells.ends[ends..]);
            taken += read;
            written += out;
            ends += fields;
            match result {
                ReadRecordResult::Record => {
                    cells.count = ends;
                    // What lies inside quotes at the end of the file was never closed.
                    let row = &rest[..taken];
                    let unclosed = taken == rest.len() && self.at_end && is_open(row);
                    // A row over several lines that does not fit the header: a quote was closed by a later row's.
                    let misfit = !self.columns.is_empty() && ends != self.columns.len();
                    let several = memchr::memchr(b'\n', row).is_some_and(|at| at + 1 < taken);
                    return if unclosed || (misfit && several) {
                        broken(rest)
                    } else {
                        CsvRow::Whole(taken)
                    };
                }
                ReadRecordResult::OutputFull => cells.text.resize(cells.text.len() * 2 + 256, 0),
                ReadRecordResult::OutputEndsFull => cells.ends.resize(cells.ends.len() * 2 + 16, 0),
                ReadRecordResult::InputEmpty if input.is_empty() => break,
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::End => return CsvRow::None,
            }
        }
        if rest.len() > self.record_bytes || self.at_end {
            broken(rest)
        } else {
            CsvRow::Cut
        }
    }

    /// Appends the row of the parsed cells; what is wrong with it, if anything.
    fn push_object(&self, out: &mut Vec<u8>) -> Option<String> {
        if self.cells.count != self.columns.len() {
            return Some(format!(
                "the row has {} cells, and the header {}",
                self.cells.count,
                self.columns.len()
            ));
        }
        out.push(b'{');
        for (i, (column, cell)) in self.columns.iter().zip(self.cells.iter()).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            push_json_string(out, &column.name);
            out.push(b':');
            let digits = cell.strip_prefix(b"-").unwrap_or(cell);
            if cell.is_empty() {
                out.extend_from_slice(b"null");
            } else if column.is_number
                && !digits.is_empty()
                && digits.iter().all(u8::is_ascii_digit)
            {
                out.extend_from_slice(cell);
            } else {
                push_json_string(out, cell);
            }
        }
        out.push(b'}');
        None
    }
}

/// The first line alone.
fn broken(rest: &[u8]) -> CsvRow {
    CsvRow::Broken(memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1))
}

/// Whether a row ends inside a quoted cell.
fn is_open(row: &[u8]) -> bool {
    let (mut quoted, mut at_start) = (false, true);
    let mut bytes = row.iter().peekable();
    while let Some(b) = bytes.next() {
        match (quoted, b) {
            (true, b'"') if bytes.peek() == Some(&&b'"') => drop(bytes.next()),
            (true, b'"') => quoted = false,
            (true, _) => {}
            (false, b'"') if at_start => quoted = true,
            _ => {}
        }
        at_start = !quoted && matches!(b, b',' | b'\n');
    }
    quoted
}

impl Blocks for CsvRows {
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let mut block = Block::new(self.partition);
        while block.bytes.len() < self.block_bytes {
            let (length, mut problem) = match self.next_row() {
                CsvRow::Whole(length) => (length, None),
                CsvRow::Broken(length) => (length, Some("a quote that nothing closes".to_owned())),
                CsvRow::Cut => {
                    self.fill()?;
                    continue;
                }
                CsvRow::None => break,
            };
            let offset = self.row;
            self.row += 1;
            let raw = self.at..self.at + length;
            self.at = raw.end;
            if offset < self.from {
                continue;
            }
            let start = block.bytes.len();
            if problem.is_none() {
                problem = self.push_object(&mut block.bytes);
            }
            let end = block.bytes.len();
            let mut original = &self.buffer[raw];
            while let [rest @ .., b'\n' | b'\r'] = original {
                original = rest;
            }
            // One byte more than allowed is enough for the decoder to refuse the record.
            let original = &original[..original.len().min(self.record_bytes + 1)];
            block.bytes.extend_from_slice(original);
            let number = block.records.len() as u32;
            block.records.push(blocks::record(start, end, offset));
            block.originals.push((end as u32, block.bytes.len() as u32));
            if let Some(problem) = problem {
                block.refused.push((number, problem));
            }
        }
        block.next_offset = self.row;
        let nothing = block.records.is_empty() && self.at_end && self.at == self.buffer.len();
        Ok((!nothing).then_some(block))
    }
}

/// Columns whose whole-number cells are JSON numbers: times in ms and BIGINT.
fn is_number(name: &[u8], table: &Table) -> bool {
    (name == b"timestamp" && !table.is_named)
        || table.declared().iter().any(|c| {
            let is_it = matches!(
                c.kind,
                Type::Integer(_) | Type::Timestamp(_) | Type::Instant(_)
            );
            c.name.as_bytes() == name && is_it
        })
}

/// What is wrong with the first row of a CSV file, which names the columns.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// There is none.
    #[error("the file is empty; its first row names the columns")]
    Empty,
    /// It does not end.
    #[error("the header has a quote that nothing closes")]
    OpenQuote,
    /// A column that every sale has.
    #[error("the header has no column {wanted}; found: {}", .found.join(", "))]
    Lacks {
        /// Which.
        wanted: &'static str,
        /// The names that are there.
        found: Vec<String>,
    },
    /// One name for two columns.
    #[error("the header names the column `{0}` twice")]
    Twice(String),
    /// Two names for one column.
    #[error("the header has both `event_time` and `timestamp`; they mean the same")]
    TwoTimes,
}

fn check_header(columns: &[Column], table: &Table) -> Result<(), HeaderError> {
    let name = |c: &Column| String::from_utf8_lossy(&c.name).into_owned();
    let has = |name: &str| columns.iter().any(|c| c.name == name.as_bytes());
    let lacks = |wanted| {
        let found = columns.iter().map(name).collect();
        Err(HeaderError::Lacks { wanted, found })
    };
    if !table.is_named && !has("amount") {
        return lacks("`amount`");
    }
    if !table.is_named && !has("event_time") && !has("timestamp") {
        return lacks("`event_time` (or `timestamp`)");
    }
    for (i, column) in columns.iter().enumerate() {
        if columns[..i].iter().any(|c| c.name == column.name) {
            return Err(HeaderError::Twice(name(column)));
        }
    }
    if !table.is_named && has("event_time") && has("timestamp") {
        return Err(HeaderError::TwoTimes);
    }
    Ok(())
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
                let refused = block.refused.iter().find(|(n, _)| *n == i as u32);
                all.push((
                    r.offset,
                    text(r.start, r.end),
                    text(a, b),
                    refused.map(|r| r.1.clone()),
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
