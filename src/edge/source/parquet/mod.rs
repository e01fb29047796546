//! Parquet: rows as columns, or each as the JSON object that the decoder reads. Row *n* of the file has offset *n*.
//!
//! ```text
//! row group ──► batches ──┬── columns: of a run, where table and types let them ──► Rows, texts in the block   columns
//!                         └── JSON: all others, and rows whose values may be refused ──► records              cells
//! ```
//!
//! Only the columns of the table are read, and their values are written as its types take them. A dead letter shows the row as
//! this JSON, in whichever way it came: a Parquet row has no bytes of its own. What falls back for all its rows is decided when
//! the file is opened, by the table and the types alone: tables whose rows change or whose columns are masked, columns with rows, arrays or maps, types that
//! would have to be read as texts (a time in a STRING), CHAR, a column that is there twice.
//!
//! Row groups are read one by one, so that one that is damaged is named. The crate may panic at it ([`guarded`]).

mod cells;
mod columns;
mod declared;
#[cfg(test)]
mod tests;
mod texts;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use arrow_schema::{DataType, Field, FieldRef, Schema as ArrowSchema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use parquet::basic::{Compression, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::ChunkReader;

use super::blocks::{self, Blocks, Spent, push_json_string};
use super::error::FileError;
use super::fields;
use super::instants;
use super::site::{Patience, Site};
use cells::Cell;
use columns::Direct;
pub use declared::{declared, declared_of};
use standings_model::block::{Block, PartitionId};
use standings_model::guarded::{Panicked, guarded};
use standings_model::rows::Original;
use standings_model::table::Table;
use standings_model::types::Type;
use standings_scalar::Zone;

/// What a Parquet file does not give.
#[derive(Debug, thiserror::Error)]
pub enum ParquetProblem {
    /// The library refuses it.
    #[error(transparent)]
    Library(#[from] ParquetError),
    /// The same, of rows.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// The library panicked at it.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// It cannot be opened once more.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A row group that counts below zero.
    #[error("it has less than no rows")]
    LessThanNone,
    /// Offsets count rows, and some are missing.
    #[error("it should have {rows} rows, and {given} were found")]
    Rows {
        /// As it says.
        rows: u64,
        /// As it is.
        given: u64,
    },
    /// A value of another type than the column's.
    #[error("the type {0} is not read")]
    Type(DataType),
}

/// Rows of a Parquet file.
pub struct ParquetRows {
    file: File,
    footer: ArrowReaderMetadata,
    mask: ProjectionMask,
    shape: Arc<Shape>,
    /// How its rows are columns of the table, where they are.
    direct: Option<Direct>,
    /// Rows of a batch that did not go into the block before.
    pending: Option<RecordBatch>,
    /// The row group that is read next, or is being read.
    group: usize,
    /// Its rows, and how many of them were given.
    batches: Option<(ParquetRecordBatchReader, u64)>,
    partition: PartitionId,
    from: u64,
    row: u64,
    /// Blocks that are done with.
    spent: Spent,
}

/// How a row is written as a record.
#[derive(Debug)]
struct Shape {
    /// What is written before each column, and its type in the table.
    columns: Vec<(Vec<u8>, Option<Type>)>,
    /// Of times that are not adjusted to UTC.
    zone: Option<Zone>,
}

/// Rows of a batch, as records when they are asked for.
#[derive(Debug)]
struct Shown {
    batch: RecordBatch,
    shape: Arc<Shape>,
}

impl Original for Shown {
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        // The types of its columns were looked at when the file was opened: of no row can they be others.
        let _ = self.shape.push(out, &self.batch, row);
    }
}

/// Rows of a batch that are columns, and of one whose rows are records.
const ROWS: (usize, usize) = (4096, 1024);
/// A block of records that has so many bytes ends.
const BLOCK: usize = 4 << 20;

/// What the end of a file says of it.
fn footer(site: &Site) -> Result<ArrowReaderMetadata, FileError> {
    let path = site.path();
    let reading = FileError::reading(path);
    match site {
        Site::Disk(disk) => begin(&File::open(disk).map_err(reading)?, path),
        Site::Object(object) => begin(&object.chunks(&Patience::default()).map_err(reading)?, path),
    }
}

/// The same of a file that is open.
fn begin<R: ChunkReader>(file: &R, path: &Path) -> Result<ArrowReaderMetadata, FileError> {
    // Without what the writer's own types were: a dictionary of strings is strings.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let footer = guarded(|| {
        let footer = ArrowReaderMetadata::load(file, options.clone())?;
        in_microseconds(footer, options)
    });
    let footer = footer.map_err(ParquetProblem::from);
    match footer.and_then(|footer| Ok(footer?)) {
        Ok(footer) => Ok(footer),
        Err(source) => Err(FileError::NotParquet {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The same, with times of 96 bits read as microseconds: as nanoseconds, which is what they are taken for, they end in 2262,
/// and begin again in 1677.
fn in_microseconds(
    footer: ArrowReaderMetadata,
    options: ArrowReaderOptions,
) -> Result<ArrowReaderMetadata, ParquetError> {
    let columns = footer.parquet_schema().root_schema().get_fields();
    let is_96 = |column: &parquet::schema::types::TypePtr| {
        column.is_primitive() && column.get_physical_type() == PhysicalType::INT96
    };
    if !columns.iter().any(is_96) {
        return Ok(footer);
    }
    let fields = footer.schema().fields().iter().zip(columns);
    let fields: Vec<FieldRef> = fields
        .map(|(field, column)| match is_96(column) {
            true => {
                let kind = DataType::Timestamp(TimeUnit::Microsecond, None);
                Arc::new(Field::clone(field).with_data_type(kind))
            }
            false => Arc::clone(field),
        })
        .collect();
    let metadata = Arc::clone(footer.metadata());
    let options = options.with_schema(Arc::new(ArrowSchema::new(fields)));
    ArrowReaderMetadata::try_new(metadata, options)
}

/// The same, with texts that the file has in dictionaries left in them. Where that cannot be, as they were.
fn with_dictionaries(footer: ArrowReaderMetadata) -> ArrowReaderMetadata {
    let groups = footer.metadata().row_groups();
    let columns = footer.parquet_schema().root_schema().get_fields();
    let in_dictionary = |name: &str| {
        let of = |group: &RowGroupMetaData| {
            let mut columns = group.columns().iter();
            let column = columns.find(|c| c.column_path().parts() == [name]);
            column.is_some_and(|c| c.dictionary_page_offset().is_some())
        };
        !groups.is_empty() && groups.iter().all(of)
    };
    let fields = footer.schema().fields().iter().zip(columns);
    let fields: Vec<FieldRef> = fields
        .map(|(field, column)| {
            let is_text = column.is_primitive() && *field.data_type() == DataType::Utf8;
            match is_text && in_dictionary(field.name()) {
                true => {
                    let (key, of) = (Box::new(DataType::Int32), Box::new(DataType::Utf8));
                    let kind = DataType::Dictionary(key, of);
                    Arc::new(Field::clone(field).with_data_type(kind))
                }
                false => Arc::clone(field),
            }
        })
        .collect();
    let metadata = Arc::clone(footer.metadata());
    let options = ArrowReaderOptions::new()
        .with_skip_arrow_metadata(true)
        .with_schema(Arc::new(ArrowSchema::new(fields)));
    ArrowReaderMetadata::try_new(metadata, options).unwrap_or(footer)
}

/// The codec of a column that this program has not got.
fn foreign_codec(footer: &ArrowReaderMetadata, table: &Table) -> Option<(String, Compression)> {
    let groups = footer.metadata().row_groups().iter();
    let mut columns = groups.flat_map(|group| group.columns());
    columns.find_map(|column| {
        let name = column.column_path().parts().first()?;
        let is_foreign = matches!(column.compression(), Compression::LZO);
        let is_ours = fields::column(table, name).is_some();
        (is_ours && is_foreign).then(|| (name.clone(), column.compression()))
    })
}

/// Refuses column types that cannot be read; the columns that it has not got, and that are NULL.
pub fn check(site: &Site, table: &Table) -> Result<Vec<String>, FileError> {
    judge(site.path(), table, &footer(site)?)
}

fn judge(
    path: &Path,
    table: &Table,
    footer: &ArrowReaderMetadata,
) -> Result<Vec<String>, FileError> {
    let columns = footer.schema().fields();
    for field in columns {
        let is_ours = fields::column(table, field.name()).is_some();
        if is_ours && !cells::is_readable(field.data_type()) {
            return Err(FileError::ColumnType {
                path: path.to_owned(),
                column: field.name().clone(),
                kind: Box::new(field.data_type().clone()),
                instead: "store it as text, a number, a date, a time, or what is made of these",
            });
        }
    }
    if let Some((column, codec)) = foreign_codec(footer, table) {
        let path = path.to_owned();
        return Err(FileError::Codec {
            path,
            column,
            codec,
        });
    }
    let names: Vec<String> = columns.iter().map(|f| f.name().clone()).collect();
    fields::lacking(&names, table).map_err(|lacks| FileError::lacks(path, table, lacks))
}

/// What is written before each column of a row, and what it is for the table.
fn plan(footer: &ArrowReaderMetadata, table: &Table) -> Vec<(Vec<u8>, Option<Type>)> {
    let columns = footer.schema().fields().iter();
    let ours = columns.filter_map(|field| {
        let number = fields::column(table, field.name())?;
        Some((field.name(), table.columns[number].kind.clone()))
    });
    let plan = ours.enumerate().map(|(n, (name, kind))| {
        let mut before = vec![if n == 0 { b'{' } else { b',' }];
        push_json_string(&mut before, name.as_bytes());
        before.push(b':');
        (before, Some(kind))
    });
    plan.collect()
}

impl ParquetRows {
    /// Opens the file. Rows before `from` are passed over. `columns`: rows may come as columns where their records could have at
    /// most so many bytes.
    pub fn open(
        site: &Site,
        table: &Table,
        partition: PartitionId,
        from: u64,
        patience: &Patience,
        columns: Option<usize>,
    ) -> Result<Self, FileError> {
        let path = site.path();
        let file = site.whole(patience).map_err(FileError::reading(path))?;
        ParquetRows::of(file, path, table, (partition, from), columns)
    }

    /// The same of a file that is open.
    pub fn of(
        file: File,
        path: &Path,
        table: &Table,
        (partition, from): (PartitionId, u64),
        columns: Option<usize>,
    ) -> Result<Self, FileError> {
        let footer = begin(&file, path)?;
        judge(path, table, &footer)?;
        let is_ours = |field: &&FieldRef| fields::column(table, field.name()).is_some();
        let known = footer.schema().fields().iter().enumerate();
        let known: Vec<usize> = known
            .filter(|(_, field)| is_ours(field))
            .map(|(i, _)| i)
            .collect();
        let mask = ProjectionMask::roots(footer.parquet_schema(), known);
        let ours = footer.schema().fields().iter().filter(is_ours);
        let direct = columns.and_then(|most| Direct::of(ours.map(|field| &**field), table, most));
        let shape = Arc::new(Shape {
            columns: plan(&footer, table),
            zone: table.format.zone.as_deref().and_then(Zone::named),
        });
        let footer = match direct {
            Some(_) => with_dictionaries(footer),
            None => footer,
        };
        Ok(ParquetRows {
            shape,
            direct,
            pending: None,
            file,
            footer,
            mask,
            group: 0,
            batches: None,
            partition,
            from,
            row: 0,
            spent: Spent::default(),
        })
    }

    /// The next rows of the row group that is read; `None` after its last, or after the last of all.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ParquetProblem> {
        let Some(group) = self.footer.metadata().row_groups().get(self.group) else {
            return Ok(None);
        };
        let rows = u64::try_from(group.num_rows()).map_err(|_| ParquetProblem::LessThanNone)?;
        let (batches, given) = match &mut self.batches {
            Some(open) => open,
            closed => {
                let file = self.file.try_clone()?;
                let (footer, mask) = (self.footer.clone(), self.mask.clone());
                let size = match self.direct {
                    Some(_) => ROWS.0,
                    None => ROWS.1,
                };
                let batches = guarded(|| {
                    ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer)
                        .with_projection(mask)
                        .with_row_groups(vec![self.group])
                        .with_batch_size(size)
                        .build()
                })??;
                closed.insert((batches, 0))
            }
        };
        let batch = guarded(|| batches.next().transpose())??;
        *given += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        // Offsets count rows: one that is missing would shift all that follow.
        if *given > rows || (batch.is_none() && *given < rows) {
            let given = *given;
            return Err(ParquetProblem::Rows { rows, given });
        }
        Ok(batch)
    }
}

impl ParquetRows {
    /// The next rows that are wanted; none after the last.
    fn next_rows(&mut self) -> io::Result<Option<RecordBatch>> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        loop {
            let batch = self.next_batch().map_err(|e| {
                // What was being read is in an unknown state.
                self.batches = None;
                io::Error::other(format!("row group {}: {e}", self.group))
            })?;
            match batch {
                Some(batch) => {
                    // Those before the first that is wanted are passed over.
                    let passed = self.from.saturating_sub(self.row);
                    let passed = passed.min(batch.num_rows() as u64);
                    self.row += passed;
                    let passed = passed as usize;
                    return Ok(Some(batch.slice(passed, batch.num_rows() - passed)));
                }
                None if self.group >= self.footer.metadata().num_row_groups() => return Ok(None),
                None => (self.group, self.batches) = (self.group + 1, None),
            }
        }
    }
}

impl Blocks for ParquetRows {
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let Some(batch) = self.next_rows()? else {
            return Ok(None);
        };
        let mut block = self.spent.block(self.partition);
        let original = || Shown {
            batch: batch.clone(),
            shape: Arc::clone(&self.shape),
        };
        let mut rows = self.direct.as_mut().map(|direct| {
            let zone = self.shape.zone.as_ref();
            Box::new(direct.rows(&batch, zone, &mut block.bytes, Arc::new(original())))
        });
        let texts = block.bytes.len();
        for row in 0..batch.num_rows() {
            if block.bytes.len() - texts >= BLOCK {
                self.pending = Some(batch.slice(row, batch.num_rows() - row));
                rows.as_mut().map(|rows| rows.split_off(row));
                break;
            }
            let start = block.bytes.len();
            if rows.as_ref().is_none_or(|rows| !rows.here[row]) {
                self.shape.push(&mut block.bytes, &batch, row)?;
            }
            let record = blocks::record(start, block.bytes.len(), self.row);
            block.records.push(record);
            self.row += 1;
        }
        block.rows = rows;
        block.next_offset = self.row;
        Ok(Some(block))
    }

    fn reuse(&mut self, spent: Block) {
        self.spent.keep(spent);
    }
}

impl Shape {
    /// Appends the record of a row.
    fn push(&self, out: &mut Vec<u8>, batch: &RecordBatch, row: usize) -> io::Result<()> {
        let start = out.len();
        for (n, (before, kind)) in self.columns.iter().enumerate() {
            out.extend_from_slice(before);
            let (array, kind) = (&**batch.column(n), kind.as_ref());
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
