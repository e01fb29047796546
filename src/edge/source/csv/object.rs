//! The cells of a row as the JSON object that the decoder reads.

use standings_model::block::Refused;

use super::blocks::push_json_string;
use super::header::{Column, Kind};
use super::numbers::{Separators, is_integer, is_number};
use super::row::Cells;
use super::times::{NoTime, Times};
use crate::source::instants;

/// What cells mean.
#[derive(Debug)]
pub struct Meaning {
    /// What stands for NULL; not said: a cell that is empty and not quoted.
    pub null: Option<Vec<u8>>,
    pub separators: Option<Separators>,
    pub times: Option<Times>,
    /// What says how many cells a row has.
    pub by: &'static str,
}

/// Why a row is none: the reason, and what was found.
pub struct Wrong {
    reason: &'static str,
    detail: String,
}

impl Wrong {
    /// It is no row at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Wrong {
            reason: "malformed",
            detail: detail.into(),
        }
    }

    /// More bytes than a record may have.
    pub fn too_large(most: usize) -> Self {
        Wrong {
            reason: "too_large",
            detail: format!("a row of more than {most} bytes (--max-record-bytes)"),
        }
    }

    /// A byte that is no character.
    pub fn not_text(charset: &str) -> Self {
        Wrong {
            reason: "not_utf8",
            detail: format!("a byte of it is no character of {charset} ('csv.charset')"),
        }
    }

    #[cold]
    fn field(reason: &'static str, name: &str, found: &[u8], expected: &str) -> Self {
        const MOST: usize = 60;
        let found = String::from_utf8_lossy(found);
        let found = match found.char_indices().nth(MOST) {
            Some((cut, _)) => format!("{}…", &found[..cut]),
            None => found.into_owned(),
        };
        Wrong {
            reason,
            detail: format!("field {name:?}: found {found:?}, expected {expected}"),
        }
    }

    /// As a block says it of its record with this number.
    pub fn of(self, record: u32) -> Refused {
        Refused {
            record,
            reason: self.reason,
            detail: self.detail,
        }
    }
}

impl Meaning {
    /// Appends the object of a row.
    pub fn push(
        &self,
        out: &mut Vec<u8>,
        columns: &[Option<Column>],
        cells: &Cells,
        row: &[u8],
    ) -> Result<(), Wrong> {
        if !cells.fit(columns.len(), row) {
            return Err(Wrong::malformed(format!(
                "the row has {} cells, and the {} {}",
                cells.len(),
                self.by,
                columns.len()
            )));
        }
        let start = out.len();
        for (number, column) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let (cell, quoted) = cells.get(number, row);
            out.extend_from_slice(&column.before);
            self.push_cell(out, column, cell, quoted)?;
        }
        if out.len() == start {
            out.push(b'{');
        }
        out.push(b'}');
        Ok(())
    }

    #[inline]
    fn push_cell(
        &self,
        out: &mut Vec<u8>,
        column: &Column,
        cell: &[u8],
        quoted: bool,
    ) -> Result<(), Wrong> {
        let is_null = match &self.null {
            None => cell.is_empty() && !quoted,
            Some(null) => cell == null.as_slice(),
        };
        if is_null {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match column.kind {
            Kind::Text => push_json_string(out, cell),
            Kind::Integer | Kind::Decimal | Kind::Double => {
                return self.push_number(out, column, cell);
            }
            Kind::Time | Kind::Date => return self.push_time(out, column, cell),
            Kind::Boolean if cell.eq_ignore_ascii_case(b"true") => out.extend_from_slice(b"true"),
            Kind::Boolean if cell.eq_ignore_ascii_case(b"false") => {
                out.extend_from_slice(b"false");
            }
            Kind::Boolean => push_json_string(out, cell),
        }
        Ok(())
    }

    #[inline]
    fn push_number(&self, out: &mut Vec<u8>, column: &Column, cell: &[u8]) -> Result<(), Wrong> {
        let plain;
        let mut number = cell;
        if let Some(separators) = &self.separators {
            let found = std::str::from_utf8(cell).ok();
            plain = found
                .and_then(|cell| separators.plain(cell))
                .ok_or_else(|| {
                    let reason = match column.kind {
                        Kind::Decimal => "bad_amount",
                        _ => "wrong_type",
                    };
                    Wrong::field(reason, &column.name, cell, &separators.example())
                })?;
            number = plain.as_bytes();
        }
        let is_it = match column.kind {
            Kind::Integer => is_integer(number),
            Kind::Double => is_number(number),
            // By the decoder, which knows its digits.
            _ => false,
        };
        match is_it {
            true => out.extend_from_slice(number),
            false => push_json_string(out, number),
        }
        Ok(())
    }

    #[inline]
    fn push_time(&self, out: &mut Vec<u8>, column: &Column, cell: &[u8]) -> Result<(), Wrong> {
        let wrong = |times: &Times, no: NoTime| {
            Wrong::field("bad_time", &column.name, cell, &times.expected(&no))
        };
        match &self.times {
            Some(times) if column.kind == Kind::Time => {
                let cell = std::str::from_utf8(cell).map_err(|_| wrong(times, NoTime::Form))?;
                let us = times.instant(cell).map_err(|no| wrong(times, no))?;
                instants::push_instant(out, us);
            }
            Some(times) if times.is_date => {
                let cell = std::str::from_utf8(cell).map_err(|_| wrong(times, NoTime::Form))?;
                let date = times.date(cell).ok_or_else(|| wrong(times, NoTime::Form))?;
                push_json_string(out, date.as_bytes());
            }
            _ if column.kind == Kind::Time && is_integer(cell) => out.extend_from_slice(cell),
            _ => push_json_string(out, cell),
        }
        Ok(())
    }
}
