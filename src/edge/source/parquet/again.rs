//! Rows of a row group once more: with the columns that were left out when they were read.
//!
//! A column that nobody reads is left out where it can refuse no row (`spare`). A dead letter and a late row show the whole row all
//! the same: then its batch is read again, here, by whoever wants it. From then on nothing more is left out of the file: where there is
//! one such row there are more.
//!
//! The file is that of the reader, which goes on meanwhile in a thread of its own: it is read by places, and has no position that both
//! could move.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::ParquetProblem;
use standings_model::guarded::guarded;

/// A file that is read by places.
#[derive(Clone, Debug)]
pub(super) struct Placed(pub(super) Arc<File>);

/// From a place on.
pub(super) struct From {
    file: Arc<File>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Length for Placed {
    fn len(&self) -> u64 {
        Length::len(&*self.0)
    }
}

impl ChunkReader for Placed {
    type T = io::BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let file = Arc::clone(&self.0);
        Ok(io::BufReader::new(From { file, at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// A file of which something was left out.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) file: Placed,
    footer: ArrowReaderMetadata,
    /// All columns of the table.
    mask: ProjectionMask,
    asked: AtomicBool,
}

impl Again {
    pub(super) fn new(file: Placed, footer: ArrowReaderMetadata, mask: ProjectionMask) -> Self {
        Again {
            file,
            footer,
            mask,
            asked: AtomicBool::new(false),
        }
    }

    /// Whether whole rows were asked for.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// So many rows of a row group, from one on, with all columns.
    pub(super) fn read(
        &self,
        group: usize,
        at: u64,
        count: usize,
    ) -> Result<RecordBatch, ParquetProblem> {
        self.asked.store(true, Ordering::Relaxed);
        let (file, footer) = (self.file.clone(), self.footer.clone());
        let batch = guarded(|| {
            let rows = vec![RowSelector::skip(at as usize), RowSelector::select(count)];
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer);
            let mut reader = builder
                .with_projection(self.mask.clone())
                .with_row_groups(vec![group])
                .with_row_selection(RowSelection::from(rows))
                .with_batch_size(count)
                .build()?;
            Ok::<_, ParquetProblem>(reader.next().transpose()?)
        })??;
        match batch {
            Some(batch) if batch.num_rows() == count => Ok(batch),
            other => Err(ParquetProblem::Rows {
                rows: count as u64,
                given: other.map_or(0, |batch| batch.num_rows() as u64),
            }),
        }
    }
}
