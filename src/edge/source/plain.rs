//! A file's rows as plain JSON, all of its columns, without a table that says which: for ingestion, which passes on what is
//! there.
//!
//! ```text
//! open file ──► kind ──► columns: CSV's header, Parquet's and Avro's schema ──► a table of all of them ──► rows as JSON objects
//! ```
//!
//! A CSV cell is a text, unless the caller's table has another type for its column. JSON values stay as they were written.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use super::avro::{self, AvroRows};
use super::blocks::Blocks;
use super::csv::CsvRows;
use super::error::FileError;
use super::kind::Kind;
use super::lines::Lines;
use super::look;
use super::parquet::{self, ParquetRows};
use super::site::{Patience, Site};
use super::values::{JsonValues, are_values};
use standings_decode::avro::Schema;
use standings_model::block::Block;
use standings_model::table::{Column, Origin, Table};
use standings_model::types::Type;

/// Bytes of a block, and of a record.
const SIZES: (usize, usize) = (1 << 20, 1 << 20);

/// A file, and its columns.
pub struct Plain {
    /// Its rows.
    pub rows: PlainBlocks,
    /// Names and types of its columns; none where each row says them. A type is empty where the file has none.
    pub columns: Option<Vec<(String, String)>>,
    /// Of these the numbers are decimals.
    pub decimals: Vec<String>,
    /// What is not as it seems, a sentence each.
    pub said: Vec<String>,
}

/// Blocks whose records are JSON.
pub struct PlainBlocks {
    blocks: Box<dyn Blocks>,
    /// Records are Avro, and of this schema.
    avro: Option<Schema>,
}

impl PlainBlocks {
    /// The next block, or none after the last.
    ///
    /// # Errors
    /// The file is damaged, or cannot be read.
    pub fn next_block(&mut self) -> io::Result<Option<Block>> {
        let Some(mut block) = self.blocks.next_block()? else {
            return Ok(None);
        };
        let Some(schema) = &self.avro else {
            return Ok(Some(block));
        };
        let mut bytes = Vec::with_capacity(2 * block.bytes.len());
        for record in &mut block.records {
            let raw = &block.bytes[record.start as usize..record.end as usize];
            let start = bytes.len();
            schema
                .push_json(raw, &mut bytes)
                .map_err(io::Error::other)?;
            (record.start, record.end) = (start as u32, bytes.len() as u32);
        }
        block.bytes = bytes;
        Ok(Some(block))
    }
}

/// The same of a file wherever it lies; an object is brought here.
///
/// # Errors
/// It cannot be read, or is none that is.
pub fn plain_of(site: &Site, table: &Table) -> Result<Plain, FileError> {
    let file = site.whole(&Patience::default());
    let file = file.map_err(FileError::reading(site.path()))?;
    plain(&file, site.path(), table)
}

/// Opens a file's rows. `name` says what it is called; `table` has the format, its options, and the types of columns.
///
/// # Errors
/// It cannot be read, or is none that is.
pub fn plain(file: &File, name: &Path, table: &Table) -> Result<Plain, FileError> {
    let again = || -> Result<File, FileError> {
        let copy = file.try_clone().and_then(|mut copy| {
            copy.seek(SeekFrom::Start(0))?;
            Ok(copy)
        });
        copy.map_err(FileError::reading(name))
    };
    let mut base = table.clone();
    (base.is_named, base.is_declared, base.event_time) = (true, true, None);
    let found = look::of(Box::new(again()?), name, &base)?;
    let (said, mut decimals) = (found.said, Vec::new());
    let mut avro = None;
    let (blocks, columns): (Box<dyn Blocks>, _) = match found.kind {
        Kind::Json => {
            let input = found.input;
            let blocks: Box<dyn Blocks> = match are_values(&found.head) {
                true => Box::new(JsonValues::new(input, 0, SIZES, 0)),
                false => Box::new(Lines::new(input, 0, SIZES.0, SIZES.1, 0)),
            };
            (blocks, None)
        }
        Kind::Csv => {
            let header = CsvRows::open(name, found.input, &base, 0, SIZES, 0)?;
            let columns: Vec<(String, Type)> = header
                .names()
                .iter()
                .map(|n| (n.clone(), of_table(&base, n).unwrap_or(Type::STRING)))
                .collect();
            let all = with(&base, columns.iter().cloned());
            let input = look::of(Box::new(again()?), name, &base)?.input;
            let rows = CsvRows::open(name, input, &all, 0, SIZES, 0)?;
            let typed = columns.into_iter().map(|(n, _)| {
                let kind = of_table(&base, &n).map(|k| k.to_string());
                (n, kind.unwrap_or_default())
            });
            (Box::new(rows), Some(typed.collect()))
        }
        Kind::Parquet => {
            let declared = parquet::declared_of(again()?, name)?;
            let kind = |k: &Option<Type>| k.clone().unwrap_or(Type::STRING);
            let all = with(&base, declared.iter().map(|(n, k)| (n.clone(), kind(k))));
            let is_decimal = |k: &Option<Type>| matches!(k, Some(Type::Decimal { .. }));
            decimals.extend(
                declared
                    .iter()
                    .filter(|(_, k)| is_decimal(k))
                    .map(|(n, _)| n.clone()),
            );
            let rows = ParquetRows::of(again()?, name, &all, (0, 0), None)?;
            let typed = declared
                .iter()
                .map(|(n, k)| (n.clone(), kind(k).to_string()));
            (Box::new(rows), Some(typed.collect()))
        }
        Kind::Avro => {
            let (columns, schema) = avro::whole(name, found.input)?;
            avro = Some(schema);
            let input = look::of(Box::new(again()?), name, &base)?.input;
            base.columns.clear();
            let rows = AvroRows::open(name, input, &base, 0, SIZES, 0)?;
            (Box::new(rows), Some(columns))
        }
    };
    Ok(Plain {
        rows: PlainBlocks { blocks, avro },
        columns,
        decimals,
        said,
    })
}

/// The type that a table has for a column.
fn of_table(table: &Table, name: &str) -> Option<Type> {
    let column = table.columns.iter().find(|c| c.name == name);
    column.map(|c| c.kind.clone())
}

/// The same table with these columns.
fn with(base: &Table, columns: impl Iterator<Item = (String, Type)>) -> Table {
    let columns = columns.map(|(name, kind)| Column {
        origin: Origin::Field([name.clone()].into()),
        name,
        kind,
        nullable: true,
        comment: None,
    });
    let mut table = Table::new(&base.name, columns.collect());
    (table.is_named, table.is_declared) = (true, true);
    table.format = base.format.clone();
    table
}
