//! Avro object container files: their records as they lie there, and the schema that all of them have. Record *n* of the file
//! has offset *n*.
//!
//! ```text
//! "Obj" 1 │ schema, codec │ sync        header
//! n │ bytes │ n records, compressed │ sync        a block; and so on
//! ```
//!
//! A block is in memory at a time, and may have sixteen times the bytes of a record. What is damaged ends the file, with the
//! number of the block and the byte that it begins at: where the next record would begin, nobody can say.

mod codec;
mod header;

use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use self::codec::Codec;
use self::header::Header;
use super::blocks::{self, Blocks, Spent};
use super::error::FileError;
use super::fields;
use standings_decode::avro::{BadSchema, Schema, fit};
use standings_model::block::{Block, PartitionId};
use standings_model::schema::Given;
use standings_model::table::Table;

/// Records of no bytes that a block may have.
const EMPTY: u64 = 1 << 20;

/// An Avro file that is not read.
#[derive(Debug, thiserror::Error)]
pub enum AvroProblem {
    /// Its header.
    #[error("{0}")]
    Header(String),
    /// Its schema.
    #[error("its schema: {0}")]
    Schema(#[from] BadSchema),
    /// A codec that is not read.
    #[error(
        "it is compressed with {0:?}, which is not read; write it with zstandard, deflate, snappy, bzip2, xz or null"
    )]
    Codec(String),
    /// A column whose values are never of the type that the table declares.
    #[error("column `{column}`: {why}")]
    Column {
        /// Which.
        column: String,
        /// What it is, and what to declare.
        why: String,
    },
}

/// Records of an Avro file.
pub struct AvroRows {
    input: Counted,
    schema: Schema,
    /// What the partition's worker must know, until it was told.
    given: Option<Given>,
    spent: Spent,
    codec: Codec,
    sync: [u8; 16],
    partition: PartitionId,
    /// What a block of ours holds at most, and one of the file.
    sizes: (usize, usize),
    from: u64,
    /// The number of the next record.
    row: u64,
    /// The block of the file that is read, decompressed; where in it, and how many records are left.
    data: Vec<u8>,
    at: usize,
    left: u64,
    /// Its number, and the byte that it begins at.
    number: u64,
    begins: u64,
    at_end: bool,
}

/// Bytes of a file, and how many were read.
struct Counted {
    input: BufReader<Box<dyn Read + Send>>,
    read: u64,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.read += read as u64;
        Ok(read)
    }
}

impl Counted {
    fn new(input: Box<dyn Read + Send>) -> Self {
        Counted {
            input: BufReader::with_capacity(64 << 10, input),
            read: 0,
        }
    }

    /// A whole number; none at the end.
    fn long(&mut self) -> io::Result<Option<i64>> {
        let (mut n, mut shift) = (0u64, 0);
        loop {
            let mut byte = [0];
            if self.read(&mut byte)? == 0 {
                return match shift {
                    0 => Ok(None),
                    _ => Err(io::Error::other("it ends in the middle of a number")),
                };
            }
            if shift == 63 && byte[0] > 1 {
                return Err(io::Error::other("a number of more than 64 bits"));
            }
            n |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(Some((n >> 1) as i64 ^ -((n & 1) as i64)));
            }
            shift += 7;
        }
    }

    /// So many bytes, which are not taken for there before they are.
    fn exactly(&mut self, n: usize, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        let read = self.take(n as u64).read_to_end(into)?;
        match read == n {
            true => Ok(()),
            false => Err(io::Error::other("it is cut off")),
        }
    }
}

/// Refuses a file whose header cannot be read, and columns that can never have values; the columns that it has not got, and
/// that are NULL.
pub fn check(
    path: &Path,
    input: Box<dyn Read + Send>,
    table: &Table,
) -> Result<Vec<String>, FileError> {
    let wrong = |problem: AvroProblem| FileError::NotAvro {
        path: path.to_owned(),
        problem,
    };
    let header = Header::read(&mut Counted::new(input)).map_err(wrong)?;
    judge(path, &header, table)
}

/// The columns of a file, and what to declare them.
pub fn declared(
    path: &Path,
    input: Box<dyn Read + Send>,
) -> Result<Vec<(String, String)>, FileError> {
    let wrong = |problem: AvroProblem| FileError::NotAvro {
        path: path.to_owned(),
        problem,
    };
    let header = Header::read(&mut Counted::new(input)).map_err(wrong)?;
    let schema = Schema::of(&header.schema).map_err(|e| wrong(e.into()))?;
    Ok(schema.fields().into_iter().flatten().collect())
}

/// The columns of a file, and what to declare them, with the schema of its records.
pub fn whole(
    path: &Path,
    input: Box<dyn Read + Send>,
) -> Result<(Vec<(String, String)>, Schema), FileError> {
    let wrong = |problem: AvroProblem| FileError::NotAvro {
        path: path.to_owned(),
        problem,
    };
    let header = Header::read(&mut Counted::new(input)).map_err(wrong)?;
    let schema = Schema::of(&header.schema).map_err(|e| wrong(e.into()))?;
    Ok((schema.fields().into_iter().flatten().collect(), schema))
}

fn judge(path: &Path, header: &Header, table: &Table) -> Result<Vec<String>, FileError> {
    let wrong = |problem: AvroProblem| FileError::NotAvro {
        path: path.to_owned(),
        problem,
    };
    let schema = Schema::of(&header.schema).map_err(|e| wrong(e.into()))?;
    let fit = fit(table, false, &header.schema).map_err(|e| wrong(e.into()))?;
    if let Some((column, why)) = fit.misfits.into_iter().next() {
        return Err(wrong(AvroProblem::Column { column, why }));
    }
    fields::lacking(&schema.names(), table).map_err(|lacks| FileError::lacks(path, table, lacks))
}

impl AvroRows {
    /// Reads a file's header. Records before `from` are passed over; `sizes`: of a block, and of a record.
    pub fn open(
        path: &Path,
        input: Box<dyn Read + Send>,
        table: &Table,
        partition: PartitionId,
        sizes: (usize, usize),
        from: u64,
    ) -> Result<Self, FileError> {
        let wrong = |problem: AvroProblem| FileError::NotAvro {
            path: path.to_owned(),
            problem,
        };
        let mut input = Counted::new(input);
        let header = Header::read(&mut input).map_err(wrong)?;
        judge(path, &header, table)?;
        Ok(AvroRows {
            schema: Schema::of(&header.schema).map_err(|e| wrong(e.into()))?,
            given: Some(Given {
                of_key: false,
                id: None,
                schema: Arc::new(header.schema),
            }),
            codec: header.codec,
            sync: header.sync,
            input,
            partition,
            sizes: (sizes.0.max(1), sizes.1.saturating_mul(16).min(1 << 30)),
            from,
            row: 0,
            data: Vec::new(),
            at: 0,
            left: 0,
            number: 0,
            begins: 0,
            at_end: false,
            spent: Spent::default(),
        })
    }

    /// Names the block in which something is wrong.
    fn in_block(&self, why: &dyn std::fmt::Display) -> io::Error {
        io::Error::other(format!(
            "block {} at byte {}: {why}",
            self.number, self.begins
        ))
    }

    /// Reads the next block of the file; `false` after the last.
    fn open_block(&mut self) -> io::Result<bool> {
        self.begins = self.input.read;
        self.number += 1;
        let read = self.read_block();
        read.map_err(|e| self.in_block(&e))
    }

    fn read_block(&mut self) -> io::Result<bool> {
        let Some(count) = self.input.long()? else {
            return Ok(false);
        };
        let cut = || io::Error::other("it is cut off");
        let size = self.input.long()?.ok_or_else(cut)?;
        let count = u64::try_from(count)
            .map_err(|_| io::Error::other(format!("it says that it has {count} records")))?;
        let most = self.sizes.1;
        let size = usize::try_from(size).ok().filter(|n| *n <= most);
        let size = size.ok_or_else(|| {
            io::Error::other(format!(
                "it has more than {most} bytes, 16 times --max-record-bytes"
            ))
        })?;
        let mut packed = Vec::new();
        self.input.exactly(size, &mut packed)?;
        let mut sync = Vec::new();
        self.input.exactly(self.sync.len(), &mut sync)?;
        if sync != self.sync {
            return Err(io::Error::other(
                "what is to mark its end is not there: it is damaged",
            ));
        }
        let end = self.row.checked_add(count);
        let end = end.ok_or_else(|| io::Error::other("more records than can be counted"))?;
        if end <= self.from {
            // Of what was read before nothing needs to be looked at.
            (self.row, self.left) = (end, 0);
            self.data.clear();
            self.at = 0;
            return Ok(true);
        }
        self.codec.plain(packed, most, &mut self.data)?;
        if count > (self.data.len() as u64).max(EMPTY) {
            let text = format!(
                "it says that it has {count} records, in {} bytes",
                self.data.len()
            );
            return Err(io::Error::other(text));
        }
        (self.at, self.left) = (0, count);
        self.is_whole()?;
        Ok(true)
    }

    /// Refuses what is left behind the last record of a block.
    fn is_whole(&self) -> io::Result<()> {
        let more = self.data.len() - self.at;
        match self.left == 0 && more > 0 {
            true => Err(io::Error::other(format!(
                "{more} bytes are left behind its last record"
            ))),
            false => Ok(()),
        }
    }
}

impl Blocks for AvroRows {
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let mut block = self.spent.block(self.partition);
        while block.bytes.len() < self.sizes.0 && block.records.len() < self.sizes.0 {
            if self.left == 0 {
                if self.at_end || !self.open_block()? {
                    self.at_end = true;
                    break;
                }
                continue;
            }
            let end = self.schema.end_of(&self.data, self.at).ok_or_else(|| {
                let row = self.row;
                self.in_block(&format!(
                    "record {row} of the file is not one of its schema"
                ))
            })?;
            if self.row >= self.from {
                let start = block.bytes.len();
                block.bytes.extend_from_slice(&self.data[self.at..end]);
                let record = blocks::record(start, block.bytes.len(), self.row);
                block.records.push(record);
            }
            (self.at, self.row, self.left) = (end, self.row + 1, self.left - 1);
            self.is_whole().map_err(|e| self.in_block(&e))?;
        }
        block.next_offset = self.row;
        if self.at_end && block.records.is_empty() && self.given.is_none() {
            return Ok(None);
        }
        block.schemas.extend(self.given.take());
        Ok(Some(block))
    }

    fn reuse(&mut self, spent: Block) {
        self.spent.keep(spent);
    }
}

#[cfg(test)]
mod tests;
