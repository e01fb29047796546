//! A row as the record that it would have been.

use std::io;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::again::Again;
use super::blocks::push_json_string;
use super::cells::Cell;
use super::fields;
use super::spare::Left;
use standings_model::rows::Original;
use standings_model::table::Table;
use standings_model::types::Type;
use standings_scalar::Zone;

/// How a row is written as a record.
#[derive(Debug)]
pub(super) struct Shape {
    /// What is written before the value of each column, and its type in the table.
    columns: Vec<(Vec<u8>, Type)>,
    /// Of times that are not adjusted to UTC.
    pub(super) zone: Option<Zone>,
}

/// Rows of a batch, as records when they are asked for.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) batch: RecordBatch,
    pub(super) shape: Arc<Shape>,
    pub(super) left: Arc<Left>,
    /// Where all of the rows is, which of its row groups they are of, and which row of that is the first.
    pub(super) of: (Arc<Again>, usize, u64),
    /// All of them, once they were asked for.
    pub(super) whole: OnceLock<Option<RecordBatch>>,
}

impl Shown {
    /// Appends the record of a row.
    pub(super) fn push(&self, row: usize, out: &mut Vec<u8>) -> io::Result<()> {
        if self.left.is_empty() {
            return self.shape.push(out, &self.batch, row, &[]);
        }
        let (again, group, at) = &self.of;
        let count = self.batch.num_rows();
        let whole = self.whole.get_or_init(|| {
            // It was there when it was opened. If it is not any more, its reader says so, or has read it all: what is known is shown.
            again.read(*group, *at, count).ok()
        });
        match whole {
            Some(whole) => self.shape.push(out, whole, row, &[]),
            None => self.shape.push(out, &self.batch, row, self.left.columns()),
        }
    }
}

impl Original for Shown {
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        // The types of its columns were looked at when the file was opened: of no row can they be others.
        let _ = self.push(row, out);
    }
}

impl Shape {
    /// How rows of a file are written for a table.
    pub(super) fn of(footer: &ArrowReaderMetadata, table: &Table) -> Self {
        let columns = footer.schema().fields().iter();
        let ours = columns.filter_map(|field| {
            let number = fields::column(table, field.name())?;
            Some((field.name(), table.columns[number].kind.clone()))
        });
        let columns = ours.map(|(name, kind)| {
            let mut before = Vec::new();
            push_json_string(&mut before, name.as_bytes());
            before.push(b':');
            (before, kind)
        });
        Shape {
            columns: columns.collect(),
            zone: table.format.zone.as_deref().and_then(Zone::named),
        }
    }

    /// Appends the record of a row; `left`: the columns that are not in the batch, if any.
    fn push(
        &self,
        out: &mut Vec<u8>,
        batch: &RecordBatch,
        row: usize,
        left: &[bool],
    ) -> io::Result<()> {
        let start = out.len();
        let columns = self.columns.iter().enumerate();
        let there = columns.filter(|(n, _)| left.get(*n) != Some(&true));
        for (n, (_, (before, kind))) in there.enumerate() {
            out.push(if out.len() == start { b'{' } else { b',' });
            out.extend_from_slice(before);
            let (array, kind) = (&**batch.column(n), Some(kind));
            let zone = self.zone.as_ref();
            let pushed = Cell {
                array,
                row,
                kind,
                zone,
            }
            .push(out);
            pushed.map_err(|e| {
                let schema = batch.schema();
                io::Error::other(format!("column `{}`: {e}", schema.field(n).name()))
            })?;
        }
        if out.len() == start {
            out.push(b'{');
        }
        out.push(b'}');
        Ok(())
    }
}
