//! A decoded record: one cell per column of its table.

use std::sync::Arc;

use standings_model::rows::Row;
use standings_model::table::Column;
use standings_model::types::Type;
use standings_model::value::Value;

use super::cell::{Cell, integer};
use super::error::DecodeError;
use super::made::Made;

/// One decoded record.
#[derive(Clone, Copy, Debug)]
pub struct Sale<'a> {
    /// When it happened, ms since the Unix epoch.
    pub event_time: i64,
    /// One cell per column of the table.
    pub cells: &'a [Cell],
    pub(super) columns: &'a [Column],
    pub(super) record: &'a [u8],
    pub(super) made: &'a Made,
    /// Where it was no record but a row of columns.
    pub(super) row: Option<Row<'a>>,
}

impl<'a> Sale<'a> {
    /// The bytes of a column of text or bytes; none where the cell is neither. Text is always UTF-8.
    #[inline]
    pub fn bytes(&self, column: usize) -> Option<&'a [u8]> {
        match *self.cells.get(column)? {
            Cell::Text {
                start,
                end,
                scratch,
            } => {
                let bytes = if scratch {
                    &self.made.scratch[..]
                } else {
                    self.record
                };
                bytes.get(start as usize..end as usize)
            }
            _ => None,
        }
    }

    /// Of a column of texts of a dictionary that its file has: the dictionary, and which of its entries this is.
    #[inline]
    pub fn entry(&self, column: usize) -> Option<(u64, u32)> {
        self.row?.entry(column)
    }

    /// What texts that were not made lie in: the record, or the part of it that is the row; of a row of columns its block.
    #[inline]
    pub fn record(&self) -> &'a [u8] {
        self.record
    }

    /// How many bytes the texts of all columns can have together: those of the record, and those that were made.
    #[inline]
    pub fn held(&self) -> usize {
        let own = self.row.map_or(self.record.len(), Row::longest);
        own + self.made.scratch.len()
    }

    /// A value that is made of others.
    pub fn nested(&self, column: usize) -> Option<&'a Value> {
        match self.cells.get(column)? {
            Cell::Nested(n) => self.made.nested.get(*n as usize),
            _ => None,
        }
    }

    /// Why the value of a column that a ranking computes has none.
    #[inline]
    pub fn error(&self, column: usize) -> Option<&'a DecodeError> {
        match self.cells.get(column)? {
            Cell::Error(n) => self.made.errors.get(*n as usize),
            _ => None,
        }
    }

    /// The value of a column, owned; NULL for a column that the table does not have.
    pub fn value(&self, column: usize) -> Value {
        let kind = self.columns.get(column).map(|c| &c.kind);
        let (Some(cell), Some(kind)) = (self.cells.get(column), kind) else {
            return Value::Null;
        };
        match *cell {
            Cell::Null | Cell::Error(_) => Value::Null,
            Cell::Int(n) => integer(n, kind),
            Cell::Decimal(unscaled) => Value::decimal(unscaled, kind.scale()),
            Cell::Double(n) => Value::Double(n),
            Cell::Nested(_) => self.nested(column).cloned().unwrap_or(Value::Null),
            Cell::Text { .. } if *kind == Type::Bytes => {
                Value::Bytes(Arc::from(self.bytes(column).unwrap_or_default()))
            }
            // The bytes are UTF-8 already: the lossy form changes nothing and needs no failure path.
            Cell::Text { .. } => Value::Text(Arc::from(String::from_utf8_lossy(
                self.bytes(column).unwrap_or_default(),
            ))),
        }
    }
}
