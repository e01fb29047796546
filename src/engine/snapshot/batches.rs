//! Parts as Parquet: how they are written, and what reads them without trusting them.

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::error::PartError;
use standings_model::guarded::guarded;

/// Rows of a Parquet row group.
pub(super) const GROUP: usize = 64 << 10;

/// How a part is written.
pub(super) fn properties() -> Result<WriterProperties, ParquetError> {
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(GROUP))
        .build())
}

/// Gives the batches of a part, one after the other.
pub(super) fn each(
    bytes: Vec<u8>,
    mut take: impl FnMut(&RecordBatch) -> Result<(), PartError>,
) -> Result<(), PartError> {
    // What is ours, `take`, is not guarded: a panic there is a defect of ours.
    let mut reader = guarded(|| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
        builder.and_then(ParquetRecordBatchReaderBuilder::build)
    })??;
    while let Some(batch) = guarded(|| reader.next())? {
        take(&batch?)?;
    }
    Ok(())
}
