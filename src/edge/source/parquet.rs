//! Parquet: each row as the JSON object that the decoder reads. Row *n* of the file has offset *n*.
//!
//! Only the columns of the schema are read. A dead letter shows the row as this JSON: a Parquet row has no bytes of its
//! own.
//!
//! Row groups are read one by one, so that one that is damaged is named. The crate may panic at it ([`guarded`]).

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::ArrowError;
use arrow_schema::{DataType, Field, FieldRef, Schema as ArrowSchema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use parquet::basic::{Compression, Type as PhysicalType};
use parquet::errors::ParquetError;

use super::blocks::{self, Blocks, push_json_string};
use super::error::FileError;
use standings_model::block::{Block, PartitionId};
use standings_model::guarded::{Panicked, guarded};
use standings_model::table::{Column, Origin, Table};

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
    /// The row group that is read next, or is being read.
    group: usize,
    /// Its rows, and how many of them were given.
    batches: Option<(ParquetRecordBatchReader, u64)>,
    partition: PartitionId,
    from: u64,
    row: u64,
}

/// The file, and what its end says of it.
fn open(path: &Path) -> Result<(File, ArrowReaderMetadata), FileError> {
    let file = File::open(path).map_err(FileError::reading(path))?;
    // Without what the writer's own types were: a dictionary of strings is strings.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let footer = guarded(|| {
        let footer = ArrowReaderMetadata::load(&file, options.clone())?;
        in_milliseconds(footer, options)
    });
    let footer = footer.map_err(ParquetProblem::from);
    match footer.and_then(|footer| Ok(footer?)) {
        Ok(footer) => Ok((file, footer)),
        Err(source) => Err(FileError::NotParquet {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The same, with times of 96 bits read as milliseconds: as nanoseconds, which is what they are taken for, they end in 2262,
/// and begin again in 1677.
fn in_milliseconds(
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
                let kind = DataType::Timestamp(TimeUnit::Millisecond, None);
                Arc::new(Field::clone(field).with_data_type(kind))
            }
            false => Arc::clone(field),
        })
        .collect();
    let metadata = Arc::clone(footer.metadata());
    let options = options.with_schema(Arc::new(ArrowSchema::new(fields)));
    ArrowReaderMetadata::try_new(metadata, options)
}

/// The codec of a column that this program has not got.
fn foreign_codec(footer: &ArrowReaderMetadata, table: &Table) -> Option<(String, Compression)> {
    let groups = footer.metadata().row_groups().iter();
    let mut columns = groups.flat_map(|group| group.columns());
    columns.find_map(|column| {
        let name = column.column_path().parts().first()?;
        let codec = column.compression();
        let is_read = matches!(
            codec,
            Compression::UNCOMPRESSED
                | Compression::SNAPPY
                | Compression::GZIP(_)
                | Compression::ZSTD(_)
        );
        (is_known(name, table) && !is_read).then(|| (name.clone(), codec))
    })
}

fn is_known(name: &str, table: &Table) -> bool {
    (name == "timestamp" && !table.is_named) || table.find(name).is_some()
}

/// Refuses column types that cannot be read, or not exactly.
pub fn check(path: &Path, table: &Table) -> Result<Vec<String>, FileError> {
    judge(path, table, &open(path)?.1)?;
    Ok(Vec::new())
}

fn judge(path: &Path, table: &Table, footer: &ArrowReaderMetadata) -> Result<(), FileError> {
    let fields = footer.schema().fields();
    for field in fields.iter().filter(|f| is_known(f.name(), table)) {
        let (name, kind) = (field.name(), field.data_type());
        let instead = if kind.is_floating() {
            "money is exact here: store it as DECIMAL, text or whole numbers"
        } else if !is_readable(kind) {
            "use text, DECIMAL up to 38 digits, whole numbers or TIMESTAMP"
        } else {
            continue;
        };
        return Err(FileError::ColumnType {
            path: path.to_owned(),
            column: name.clone(),
            kind: Box::new(kind.clone()),
            instead,
        });
    }
    if let Some((column, codec)) = foreign_codec(footer, table) {
        let path = path.to_owned();
        return Err(FileError::Codec {
            path,
            column,
            codec,
        });
    }
    let has = |name: &str| fields.iter().any(|f| f.name() == name);
    let is_sales = !table.is_named;
    let lacks_sale = !has("amount") || !(has("event_time") || has("timestamp"));
    let wanted = |c: &Column| !c.nullable && matches!(c.origin, Origin::Field(_));
    let lacks = table.declared().iter().any(|c| wanted(c) && !has(&c.name));
    if (is_sales && lacks_sale) || (!is_sales && lacks) {
        return Err(FileError::Columns {
            path: path.to_owned(),
            found: fields.iter().map(|f| f.name().clone()).collect(),
        });
    }
    Ok(())
}

impl ParquetRows {
    /// Opens the file. Rows before `from` are passed over.
    pub fn open(
        path: &Path,
        table: &Table,
        partition: PartitionId,
        from: u64,
    ) -> Result<Self, FileError> {
        let (file, footer) = open(path)?;
        judge(path, table, &footer)?;
        let known = footer.schema().fields().iter().enumerate();
        let known: Vec<usize> = known
            .filter(|(_, f)| is_known(f.name(), table))
            .map(|(i, _)| i)
            .collect();
        let mask = ProjectionMask::roots(footer.parquet_schema(), known);
        Ok(ParquetRows {
            file,
            footer,
            mask,
            group: 0,
            batches: None,
            partition,
            from,
            row: 0,
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
                let batches = guarded(|| {
                    ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer)
                        .with_projection(mask)
                        .with_row_groups(vec![self.group])
                        .with_batch_size(1024)
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

impl Blocks for ParquetRows {
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let batch = loop {
            let batch = self.next_batch().map_err(|e| {
                // What was being read is in an unknown state.
                self.batches = None;
                io::Error::other(format!("row group {}: {e}", self.group))
            })?;
            match batch {
                Some(batch) => break batch,
                None if self.group >= self.footer.metadata().num_row_groups() => return Ok(None),
                None => (self.group, self.batches) = (self.group + 1, None),
            }
        };
        let mut block = Block::new(self.partition);
        for row in 0..batch.num_rows() {
            let offset = self.row;
            self.row += 1;
            if offset < self.from {
                continue;
            }
            let start = block.bytes.len();
            push_row(&mut block.bytes, &batch, row)?;
            let record = blocks::record(start, block.bytes.len(), offset);
            block.records.push(record);
        }
        block.next_offset = self.row;
        Ok(Some(block))
    }
}

fn push_row(out: &mut Vec<u8>, batch: &RecordBatch, row: usize) -> io::Result<()> {
    out.push(b'{');
    let schema = batch.schema();
    for (i, (field, column)) in schema.fields().iter().zip(batch.columns()).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_json_string(out, field.name().as_bytes());
        out.push(b':');
        push_cell(out, column, row)
            .map_err(|e| io::Error::other(format!("column `{}`: {e}", field.name())))?;
    }
    out.push(b'}');
    Ok(())
}

/// The types that [`push_cell`] takes.
fn is_readable(kind: &DataType) -> bool {
    kind.is_integer()
        || matches!(
            kind,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Timestamp(..)
        )
        || matches!(kind, DataType::Decimal128(_, scale) if *scale >= 0)
}

fn push_cell(out: &mut Vec<u8>, column: &dyn Array, row: usize) -> Result<(), ParquetProblem> {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    macro_rules! value {
        ($kind:ty) => {
            column.as_primitive::<$kind>().value(row)
        };
    }
    let number = match column.data_type() {
        DataType::Utf8 => return text(out, column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => return text(out, column.as_string::<i64>().value(row)),
        DataType::Utf8View => return text(out, column.as_string_view().value(row)),
        DataType::Decimal128(_, scale) if *scale >= 0 => {
            let digits = value!(Decimal128Type);
            out.extend_from_slice(decimal(digits, *scale as usize).as_bytes());
            return Ok(());
        }
        DataType::Int8 => i128::from(value!(Int8Type)),
        DataType::Int16 => i128::from(value!(Int16Type)),
        DataType::Int32 => i128::from(value!(Int32Type)),
        DataType::Int64 => i128::from(value!(Int64Type)),
        DataType::UInt8 => i128::from(value!(UInt8Type)),
        DataType::UInt16 => i128::from(value!(UInt16Type)),
        DataType::UInt32 => i128::from(value!(UInt32Type)),
        DataType::UInt64 => i128::from(value!(UInt64Type)),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => i128::from(value!(TimestampSecondType)) * 1000,
            TimeUnit::Millisecond => i128::from(value!(TimestampMillisecondType)),
            TimeUnit::Microsecond => i128::from(value!(TimestampMicrosecondType)).div_euclid(1000),
            TimeUnit::Nanosecond => {
                i128::from(value!(TimestampNanosecondType)).div_euclid(1_000_000)
            }
        },
        other => return Err(ParquetProblem::Type(other.clone())),
    };
    out.extend_from_slice(number.to_string().as_bytes());
    Ok(())
}

fn text(out: &mut Vec<u8>, value: &str) -> Result<(), ParquetProblem> {
    push_json_string(out, value.as_bytes());
    Ok(())
}

/// A decimal's digits without the zeros at its end, so that a scale above two is fine when the value is exact.
fn decimal(digits: i128, scale: usize) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_value() {
        assert_eq!(decimal(123_450, 4), "12.345");
        assert_eq!(decimal(-1_200, 4), "-0.12");
        assert_eq!(decimal(1_200, 2), "12");
        assert_eq!(decimal(0, 0), "0");
    }
}
