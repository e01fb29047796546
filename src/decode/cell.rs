//! A decoded sale: one cell per column, text left where it lies.

use std::sync::Arc;

use standings_model::value::Value;

/// The value of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Missing or null.
    Null,
    /// `BIGINT`.
    Int(i64),
    /// `DECIMAL(p, 2)` in minor units.
    Decimal(i128),
    /// `TIMESTAMP(3)`, ms since the Unix epoch.
    Time(i64),
    /// `STRING`: the bytes `start..end` of the record, or of the decoder's scratch; read it with [`Sale::text`].
    Text {
        /// First byte.
        start: u32,
        /// After the last byte.
        end: u32,
        /// Whether it was unescaped into the scratch.
        scratch: bool,
    },
}

/// One decoded record.
#[derive(Clone, Copy, Debug)]
pub struct Sale<'a> {
    /// When it happened, ms since the Unix epoch.
    pub event_time: i64,
    /// One cell per column of the schema.
    pub cells: &'a [Cell],
    record: &'a [u8],
    scratch: &'a [u8],
}

impl<'a> Sale<'a> {
    pub(super) fn new(
        event_time: i64,
        cells: &'a [Cell],
        record: &'a [u8],
        scratch: &'a [u8],
    ) -> Self {
        Sale {
            event_time,
            cells,
            record,
            scratch,
        }
    }

    /// The text of a column, always UTF-8; none where the cell is not text.
    #[inline]
    pub fn text(&self, column: usize) -> Option<&'a [u8]> {
        match *self.cells.get(column)? {
            Cell::Text {
                start,
                end,
                scratch,
            } => {
                let bytes = if scratch { self.scratch } else { self.record };
                bytes.get(start as usize..end as usize)
            }
            _ => None,
        }
    }

    /// The value of a column, owned; NULL for a column that the schema does not have.
    pub fn value(&self, column: usize) -> Value {
        match self.cells.get(column) {
            None | Some(Cell::Null) => Value::Null,
            Some(Cell::Int(n)) => Value::Integer(i128::from(*n)),
            Some(Cell::Decimal(minor)) => Value::Decimal(*minor),
            Some(Cell::Time(ms)) => Value::Time(*ms),
            // The bytes are UTF-8 already: the lossy form changes nothing and needs no failure path.
            Some(Cell::Text { .. }) => Value::Text(Arc::from(String::from_utf8_lossy(
                self.text(column).unwrap_or_default(),
            ))),
        }
    }
}
