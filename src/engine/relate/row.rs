//! A row and what it is joined with, as the fold behind needs to see it.

use standings_model::row_id::RowId;
use standings_model::value::Value;
use standings_scalar::{Datum, Row};

use crate::combine::combiner::{Origin, SaleView};

/// A row as it is put together: by the columns of the table whose rows are joined, NULL where nothing was put.
#[derive(Debug)]
pub struct JoinedRow {
    values: Vec<Value>,
    /// The columns that something was put into.
    filled: Vec<usize>,
    /// Columns that are computed, and whose value has an error.
    failed: Vec<usize>,
    /// ms.
    pub(super) time: i64,
    /// Where it stood, as far as that is known.
    pub origin: Origin,
}

impl JoinedRow {
    /// Of a table with so many columns, with nothing in it.
    pub fn new(columns: usize) -> Self {
        JoinedRow {
            values: vec![Value::Null; columns],
            filled: Vec::new(),
            failed: Vec::new(),
            time: 0,
            origin: nowhere(),
        }
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        for column in self.filled.drain(..) {
            self.values[column] = Value::Null;
        }
        self.failed.clear();
        self.time = 0;
        self.origin = nowhere();
    }

    /// Puts a value into a column.
    pub(super) fn put(&mut self, column: usize, value: Value) {
        self.filled.push(column);
        self.values[column] = value;
    }

    /// Notes that the value of a column has an error.
    pub(super) fn fail(&mut self, column: usize) {
        self.failed.push(column);
    }

    /// Notes where the row stood, by its name.
    pub(super) fn is_named(&mut self, name: &Value) {
        let text = name
            .bytes()
            .and_then(|bytes| std::str::from_utf8(bytes).ok());
        if let Some(id) = text.and_then(RowId::parse) {
            self.origin = Origin {
                partition: id.partition,
                offset: id.offset,
                row: id.row,
            };
        }
    }

    /// Its event time, ms; 0 where it is not asked for.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// The value of a column.
    pub(super) fn value(&self, column: usize) -> &Value {
        &self.values[column]
    }
}

fn nowhere() -> Origin {
    Origin {
        partition: 0,
        offset: 0,
        row: 0,
    }
}

impl Row for JoinedRow {
    fn datum(&self, column: usize) -> Datum<'_> {
        self.values.get(column).map_or(Datum::Null, Datum::of)
    }
}

impl SaleView for JoinedRow {
    fn event_time(&self) -> i64 {
        self.time
    }

    fn bytes(&self, column: usize) -> Option<&[u8]> {
        self.values[column].bytes()
    }

    fn number(&self, column: usize) -> Option<i128> {
        self.values[column].number()
    }

    fn is_true(&self, column: usize) -> bool {
        self.values[column] == Value::Boolean(true)
    }

    fn is_null(&self, column: usize) -> bool {
        self.values[column].is_null()
    }

    fn has_error(&self, column: usize) -> bool {
        self.failed.contains(&column)
    }
}
