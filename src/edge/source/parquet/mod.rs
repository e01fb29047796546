//! Parquet: rows as columns, or each as the JSON object that the decoder reads. Row *n* of the file has offset *n*.
//!
//! ```text
//! row group ──► batches ──┬── columns: of a run, where table and types let them ──► Rows, texts in the block   columns
//!                         └── JSON: all others, and rows whose values may be refused ──► records              cells
//! ```
//!
//! Only the columns of the table are read, of rows as columns only those that somebody reads (`spare`: where that is all the same),
//! and their values are written as its types take them. A dead letter shows the row as
//! this JSON, in whichever way it came: a Parquet row has no bytes of its own. What falls back for all its rows is decided when
//! the file is opened, by the table and the types alone: tables whose rows change or whose columns are masked, columns with rows, arrays or maps, types that
//! would have to be read as texts (a time in a STRING), CHAR, a column that is there twice.
//!
//! Row groups are read one by one, so that one that is damaged is named. The crate may panic at it ([`guarded`]).

mod again;
mod cells;
mod columns;
mod declared;
mod problem;
mod shown;
mod spare;
#[cfg(test)]
mod tests;
mod texts;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Schema as ArrowSchema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};

use parquet::basic::{Compression, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::ChunkReader;

use super::blocks::{self, Blocks, Spent};
use super::error::FileError;
use super::fields;
use super::instants;
use super::site::{Patience, Site};
use again::{Again, Placed};
use columns::Direct;
pub use declared::{declared, declared_of};
pub use problem::ParquetProblem;
use shown::{Shape, Shown};
use spare::Left;
use standings_model::block::{Block, PartitionId};
use standings_model::guarded::guarded;
use standings_model::table::Table;

/// Rows of a Parquet file.
pub struct ParquetRows {
    file: File,
    footer: ArrowReaderMetadata,
    /// The columns of the file that are the table's.
    ours: Vec<usize>,
    mask: ProjectionMask,
    shape: Arc<Shape>,
    /// How its rows are columns of the table, where they are.
    direct: Option<Direct>,
    /// Rows of a batch that did not go into the block before.
    pending: Option<Batch>,
    /// The row group that is read next, or is being read.
    group: usize,
    open: Option<Open>,
    /// By column of the table, whether somebody reads it.
    needed: Vec<bool>,
    again: Arc<Again>,
    partition: PartitionId,
    from: u64,
    row: u64,
    /// Blocks that are done with.
    spent: Spent,
}

/// A row group that is read.
struct Open {
    rows: ParquetRecordBatchReader,
    /// How many rows of it were given.
    given: u64,
    left: Arc<Left>,
}

/// Rows of a row group, from one on.
struct Batch {
    rows: RecordBatch,
    group: usize,
    at: u64,
    left: Arc<Left>,
}

impl Batch {
    /// The same from a row on.
    fn from(&self, row: usize) -> Self {
        Batch {
            rows: self.rows.slice(row, self.rows.num_rows() - row),
            group: self.group,
            at: self.at + row as u64,
            left: Arc::clone(&self.left),
        }
    }
}

/// How rows may come as columns.
#[derive(Clone, Copy, Debug)]
pub struct AsColumns<'a> {
    /// Only where their records could have at most so many bytes.
    pub most: usize,
    /// By column of the table, whether somebody reads it.
    pub needed: &'a [bool],
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

impl ParquetRows {
    /// Opens the file. Rows before `from` are passed over. `columns`: rows may come as columns.
    pub fn open(
        site: &Site,
        table: &Table,
        partition: PartitionId,
        from: u64,
        patience: &Patience,
        columns: Option<AsColumns<'_>>,
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
        columns: Option<AsColumns<'_>>,
    ) -> Result<Self, FileError> {
        let footer = begin(&file, path)?;
        judge(path, table, &footer)?;
        let is_ours = |field: &&FieldRef| fields::column(table, field.name()).is_some();
        let known = footer.schema().fields().iter().enumerate();
        let known: Vec<usize> = known
            .filter(|(_, field)| is_ours(field))
            .map(|(i, _)| i)
            .collect();
        let mask = ProjectionMask::roots(footer.parquet_schema(), known.iter().copied());
        let ours = footer.schema().fields().iter().filter(is_ours);
        let fields = ours.map(|field| &**field);
        let direct = columns.and_then(|columns| Direct::of(fields, table, columns.most));
        let needed = columns.map_or_else(Vec::new, |columns| columns.needed.to_vec());
        let shape = Arc::new(Shape::of(&footer, table));
        let footer = match direct {
            Some(_) => with_dictionaries(footer),
            None => footer,
        };
        let placed = Placed(Arc::new(
            file.try_clone().map_err(FileError::reading(path))?,
        ));
        let again = Again::new(placed, footer.clone(), mask.clone());
        Ok(ParquetRows {
            shape,
            direct,
            pending: None,
            file,
            footer,
            ours: known,
            mask,
            group: 0,
            open: None,
            needed,
            again: Arc::new(again),
            partition,
            from,
            row: 0,
            spent: Spent::default(),
        })
    }

    /// What is left out of the row group that is read.
    fn left(&self) -> Left {
        match &self.direct {
            Some(direct) if !self.again.was_asked() => {
                let of = (&self.again.file, &self.footer, self.group);
                Left::of(of, direct, &self.needed, self.shape.zone.as_ref())
            }
            _ => Left::default(),
        }
    }

    /// Begins the row group that is next; or, where whole rows are asked for by now, goes on in it behind so many.
    fn begin(&self, given: u64) -> Result<Open, ParquetProblem> {
        let left = self.left();
        let ours = self.ours.iter().enumerate();
        let read = ours.filter(|(position, _)| left.columns().get(*position) != Some(&true));
        let read = read.map(|(_, column)| *column);
        let mask = match left.is_empty() {
            true => self.mask.clone(),
            false => ProjectionMask::roots(self.footer.parquet_schema(), read),
        };
        let file = self.file.try_clone()?;
        let size = match self.direct {
            Some(_) => ROWS.0,
            None => ROWS.1,
        };
        let footer = self.footer.clone();
        let rows = guarded(|| {
            let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer)
                .with_projection(mask)
                .with_row_groups(vec![self.group])
                .with_batch_size(size);
            if given > 0 {
                let rest = self.rows_of_group()?.saturating_sub(given);
                let rows = vec![
                    RowSelector::skip(given as usize),
                    RowSelector::select(rest as usize),
                ];
                builder = builder.with_row_selection(RowSelection::from(rows));
            }
            Ok::<_, ParquetProblem>(builder.build()?)
        })??;
        let left = Arc::new(left);
        Ok(Open { rows, given, left })
    }

    /// How many rows the row group has that is read.
    fn rows_of_group(&self) -> Result<u64, ParquetProblem> {
        let group = self.footer.metadata().row_group(self.group);
        u64::try_from(group.num_rows()).map_err(|_| ParquetProblem::LessThanNone)
    }

    /// The next rows of the row group that is read; `None` after its last, or after the last of all.
    fn next_batch(&mut self) -> Result<Option<Batch>, ParquetProblem> {
        if self.group >= self.footer.metadata().num_row_groups() {
            return Ok(None);
        }
        let rows = self.rows_of_group()?;
        let asked = self.again.was_asked();
        let given = match self.open.take_if(|open| asked && !open.left.is_empty()) {
            Some(open) => open.given,
            None => 0,
        };
        let open = match self.open.take() {
            Some(open) => open,
            // Nothing may be behind them.
            None if given > 0 && given >= rows => return Ok(None),
            None => self.begin(given)?,
        };
        let open = self.open.insert(open);
        let batch = guarded(|| open.rows.next().transpose())??;
        let at = open.given;
        open.given += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        // Offsets count rows: one that is missing would shift all that follow.
        if open.given > rows || (batch.is_none() && open.given < rows) {
            let given = open.given;
            return Err(ParquetProblem::Rows { rows, given });
        }
        let (group, left) = (self.group, &open.left);
        Ok(batch.map(|rows| Batch {
            rows,
            group,
            at,
            left: Arc::clone(left),
        }))
    }
}

impl ParquetRows {
    /// The next rows that are wanted; none after the last.
    fn next_rows(&mut self) -> io::Result<Option<Batch>> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        loop {
            let batch = self.next_batch().map_err(|e| {
                // What was being read is in an unknown state.
                self.open = None;
                io::Error::other(format!("row group {}: {e}", self.group))
            })?;
            match batch {
                Some(batch) => {
                    // Those before the first that is wanted are passed over.
                    let passed = self.from.saturating_sub(self.row);
                    let passed = passed.min(batch.rows.num_rows() as u64);
                    self.row += passed;
                    return Ok(Some(batch.from(passed as usize)));
                }
                None if self.group >= self.footer.metadata().num_row_groups() => return Ok(None),
                None => (self.group, self.open) = (self.group + 1, None),
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
        let shown = Arc::new(Shown {
            batch: batch.rows.clone(),
            shape: Arc::clone(&self.shape),
            left: Arc::clone(&batch.left),
            of: (Arc::clone(&self.again), batch.group, batch.at),
            whole: OnceLock::new(),
        });
        let mut rows = self.direct.as_mut().map(|direct| {
            let zone = self.shape.zone.as_ref();
            let (of, original) = ((&batch.rows, &*batch.left), Arc::clone(&shown) as _);
            Box::new(direct.rows(of, zone, &mut block.bytes, original))
        });
        let texts = block.bytes.len();
        for row in 0..batch.rows.num_rows() {
            if block.bytes.len() - texts >= BLOCK {
                self.pending = Some(batch.from(row));
                rows.as_mut().map(|rows| rows.split_off(row));
                break;
            }
            let start = block.bytes.len();
            if rows.as_ref().is_none_or(|rows| !rows.here[row]) {
                shown.push(row, &mut block.bytes)?;
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
