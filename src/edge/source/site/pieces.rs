//! The bytes of an object, piece by piece: nothing of it is on a disk, and two pieces at most are in memory.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use object_store::path::Path;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::bucket::{Bucket, Later};
use super::object::Seen;
use super::patience::Patience;

/// The first piece: who only looks needs no more.
const FIRST: usize = 64 << 10;
/// Those that follow grow up to this.
const MOST: usize = 1 << 20;

/// An object that is read from its first byte to its last.
pub struct Pieces {
    from: Arc<Bucket>,
    key: Path,
    seen: Arc<Seen>,
    patience: Patience,
    /// What was asked for, and is not read yet.
    piece: Bytes,
    /// Where the next piece begins.
    at: u64,
    /// How long it is.
    size: usize,
    /// The next piece, where it is asked for already.
    next: Option<(Range<u64>, Later)>,
}

impl Pieces {
    pub(super) fn new(from: Arc<Bucket>, key: Path, seen: Arc<Seen>, patience: &Patience) -> Self {
        Pieces {
            from,
            key,
            seen,
            patience: patience.clone(),
            piece: Bytes::new(),
            at: 0,
            size: FIRST,
            next: None,
        }
    }

    /// The same with a first piece of this size.
    pub(super) fn of(mut self, size: usize) -> Self {
        self.size = size.clamp(1, MOST);
        self
    }

    /// The same from another byte on.
    fn from(mut self, at: u64) -> Self {
        self.at = at;
        self
    }

    /// The same with its first piece asked for already.
    pub(super) fn ahead(mut self) -> Self {
        let range = self.range();
        if !range.is_empty() {
            let later = self.from.bytes_later(&self.key, &self.seen, range.clone());
            self.next = Some((range, later));
        }
        self
    }

    /// Where the next piece lies.
    fn range(&self) -> Range<u64> {
        self.at..self.seen.size.min(self.at + self.size as u64)
    }

    fn fill(&mut self) -> io::Result<()> {
        let range = self.range();
        let is_first = self.size <= FIRST;
        let ready = match self.next.take() {
            Some((asked, later)) if asked == range => self.from.bytes_now(later, &self.patience)?,
            _ => None,
        };
        self.piece = match ready {
            Some(piece) => piece,
            None => {
                let range = range.clone();
                self.from
                    .bytes(&self.key, &self.seen, range, &self.patience)?
            }
        };
        self.at = range.end;
        self.size = (self.size * 4).min(MOST);
        if !is_first && self.at < self.seen.size {
            let range = self.range();
            let later = self.from.bytes_later(&self.key, &self.seen, range.clone());
            self.next = Some((range, later));
        }
        Ok(())
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && self.at < self.seen.size && !into.is_empty() {
            self.fill()?;
        }
        let count = into.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

/// An object that is read by places, as the end of a Parquet file is.
pub struct Chunks {
    from: Arc<Bucket>,
    key: Path,
    seen: Arc<Seen>,
    patience: Patience,
}

impl Chunks {
    pub(super) fn new(from: Arc<Bucket>, key: Path, seen: Arc<Seen>, patience: &Patience) -> Self {
        let patience = patience.clone();
        Chunks {
            from,
            key,
            seen,
            patience,
        }
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.seen.size
    }
}

impl ChunkReader for Chunks {
    type T = Pieces;

    fn get_read(&self, start: u64) -> Result<Pieces, ParquetError> {
        let (from, key) = (Arc::clone(&self.from), self.key.clone());
        let pieces = Pieces::new(from, key, Arc::clone(&self.seen), &self.patience);
        Ok(pieces.from(start.min(self.seen.size)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.checked_add(length as u64);
        let end = end.filter(|end| *end <= self.seen.size).ok_or_else(|| {
            ParquetError::EOF(format!(
                "bytes {start} and {length} more of {} bytes",
                self.seen.size
            ))
        })?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let range = start..end;
        let bytes = self
            .from
            .bytes(&self.key, &self.seen, range, &self.patience);
        bytes.map_err(|e| ParquetError::External(Box::new(e)))
    }
}
