//! What was made of a record, where it did not lie in it.

use standings_model::value::Value;

use super::cell::Cell;
use super::error::DecodeError;
use super::zone::Zone;

/// What was made of a record, where it did not lie in it: text with escapes, bytes, nested values.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) scratch: Vec<u8>,
    pub(super) nested: Vec<Value>,
    pub(super) errors: Vec<DecodeError>,
    /// The zone of times without an offset.
    pub(super) zone: Zone,
}

/// How much was made at some moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark(usize, usize, usize);

/// Bytes of scratch that stay allocated between records.
const KEPT: usize = 4096;

impl Made {
    /// Of another record.
    #[inline]
    pub(super) fn clear(&mut self) {
        // Mostly everything lies in the record.
        if !(self.scratch.is_empty() && self.nested.is_empty() && self.errors.is_empty()) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.scratch.clear();
        self.nested.clear();
        self.errors.clear();
        // One giant record must not hold its memory for good.
        self.scratch.shrink_to(KEPT);
    }

    /// Keeps a value that is made of others; the cell that says which.
    pub(super) fn value(&mut self, value: Value) -> Cell {
        self.nested.push(value);
        Cell::Nested(self.nested.len() as u32 - 1)
    }

    /// How much there is.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.scratch.len(), self.nested.len(), self.errors.len())
    }

    /// Forgets what was made after a mark.
    pub(super) fn back_to(&mut self, Mark(scratch, nested, errors): Mark) {
        self.scratch.truncate(scratch);
        self.nested.truncate(nested);
        self.errors.truncate(errors);
    }

    /// The cell of a value.
    pub(super) fn cell(&mut self, value: Value) -> Cell {
        match value {
            Value::Null => Cell::Null,
            Value::Boolean(b) => Cell::Int(i64::from(b)),
            // Elements are of 64 bits at most: no sum is one.
            Value::Integer(n) => Cell::Int(n as i64),
            Value::Decimal(d) => Cell::Decimal(d.unscaled),
            Value::Double(n) => Cell::Double(n),
            Value::Date(days) => Cell::Int(i64::from(days)),
            Value::Time(us) | Value::Timestamp(us) | Value::Instant(us) => Cell::Int(us),
            Value::Text(text) => self.bytes(text.as_bytes()),
            Value::Bytes(bytes) => self.bytes(&bytes),
            nested @ (Value::Row(_) | Value::Array(_) | Value::Map(_)) => self.value(nested),
        }
    }

    /// Keeps bytes; the cell that says where.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Cell {
        let start = self.scratch.len() as u32;
        self.scratch.extend_from_slice(bytes);
        Cell::Text {
            start,
            end: self.scratch.len() as u32,
            scratch: true,
        }
    }
}
