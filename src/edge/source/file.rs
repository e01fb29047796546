//! Files: NDJSON as it is; CSV and Parquet rows as JSON objects, so that one decoder judges all of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::blocks::{self, Blocks};
use super::csv::CsvRows;
use super::error::FileError;
use super::gzip::Gzip;
use super::lines::Lines;
use super::options::SourceOptions;
use super::parquet::{self, ParquetRows};
use super::reader::Outlet;
use super::url::SourceUrl;
use standings_model::block::{Block, PartitionId, SourceEvent};
use standings_model::table::Table;

/// The next block of a file, in the memory of those that are done with.
fn next(blocks: &mut Box<dyn Blocks>, out: &Outlet) -> std::io::Result<Option<Block>> {
    while let Some(spent) = out.spent() {
        blocks.reuse(spent);
    }
    blocks.next_block()
}

/// Reads this worker's files, a block of each in turn, so that none gets far ahead in event time.
pub fn read(
    options: &SourceOptions,
    worker: usize,
    workers: usize,
    out: &Outlet,
) -> Result<(), FileError> {
    let mut files = Vec::new();
    // What lies past the hold of a block that was read.
    let mut held: BTreeMap<PartitionId, Block> = BTreeMap::new();
    let urls = options.urls.iter().enumerate();
    for (number, url) in urls.filter(|(n, _)| n % workers == worker) {
        let SourceUrl::File(path) = url else { continue };
        let partition = number as PartitionId;
        let from = options.resume.get(&partition).copied().unwrap_or(0);
        let sizes = (options.max_block_bytes, options.max_record_bytes);
        let first = options.first(partition, from);
        let table = &options.tables[options.table_of(number)];
        let blocks = open(path, table, partition, sizes, first)?;
        files.push((partition, path, blocks, 0));
        if !out.send(SourceEvent::Assigned {
            partition,
            home: Arc::new(options.home_of_file(number, path)),
            offset: from,
        }) {
            return Ok(());
        }
    }
    if !out.send(SourceEvent::Ready) {
        return Ok(());
    }
    while !files.is_empty() {
        let mut still = Vec::new();
        let mut waits = 0;
        for (partition, path, mut blocks, read) in files {
            let from = options.resume.get(&partition).copied().unwrap_or(0);
            let hold = options.hold.of(partition, from);
            let hold = hold.filter(|_| !out.released());
            if hold.is_some_and(|hold| read.max(from) >= hold) {
                waits += 1;
                still.push((partition, path, blocks, read));
                continue;
            }
            let block = match held.remove(&partition) {
                Some(rest) => Some(rest),
                None => next(&mut blocks, out).map_err(FileError::reading(path))?,
            };
            let event = match block {
                Some(mut block) => {
                    if let Some(hold) = hold
                        && let Some(rest) = blocks::split(&mut block, hold)
                    {
                        held.insert(partition, rest);
                    }
                    still.push((partition, path, blocks, block.next_offset));
                    SourceEvent::Block(block)
                }
                None => {
                    if read < from {
                        return Err(FileError::Shorter {
                            path: path.clone(),
                            records: read,
                            next: from,
                        });
                    }
                    SourceEvent::Ended { partition }
                }
            };
            if !out.send(event) {
                return Ok(());
            }
        }
        files = still;
        if waits > 0 && waits == files.len() {
            if out.stopped() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    Ok(())
}

/// Finds what is wrong with a file's shape before anything is started.
pub fn check(path: &Path, table: &Table) -> Result<(), FileError> {
    match extension(path).1 {
        "parquet" => parquet::check(path, table),
        _ => open(path, table, 0, (1 << 16, 1 << 20), 0).map(drop),
    }
}

/// A file of any kind from its first record, for who reads it without a thread; in blocks as [`SourceOptions::new`] has them.
///
/// # Examples
///
/// ```
/// use standings_edge::source::open_file;
/// use standings_model::table::Table;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = std::env::temp_dir().join(format!("standings-example-{}.csv", std::process::id()));
/// std::fs::write(&path, "city,amount,event_time\nLisbon,12.30,2026-01-23T10:15:00Z\nPorto,x,1\n")?;
/// let mut file = open_file(&path, &Table::sales(), 0)?;
/// let block = file.next_block()?.expect("its rows");
/// // A row becomes the JSON object that the decoder judges: what is wrong with it is no error of the file.
/// let record = |n: usize| &block.bytes[block.records[n].start as usize..block.records[n].end as usize];
/// assert_eq!(std::str::from_utf8(record(0))?, r#"{"city":"Lisbon","amount":"12.30","event_time":"2026-01-23T10:15:00Z"}"#);
/// assert_eq!((block.records.len(), block.next_offset), (2, 2));
/// assert!(file.next_block()?.is_none());
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
pub fn open_file(
    path: &Path,
    table: &Table,
    partition: PartitionId,
) -> Result<Box<dyn Blocks>, FileError> {
    let SourceOptions {
        max_block_bytes,
        max_record_bytes,
        ..
    } = SourceOptions::new(Vec::new());
    let sizes = (max_block_bytes, max_record_bytes);
    open(path, table, partition, sizes, 0)
}

/// A file of any kind.
fn open(
    path: &Path,
    table: &Table,
    partition: PartitionId,
    sizes: (usize, usize),
    from: u64,
) -> Result<Box<dyn Blocks>, FileError> {
    let (compression, kind) = extension(path);
    if kind == "parquet" {
        return Ok(Box::new(ParquetRows::open(path, table, partition, from)?));
    }
    let file = File::open(path).map_err(FileError::reading(path))?;
    let plain: Box<dyn Read + Send> = match compression {
        "gz" => Box::new(Gzip::new(BufReader::with_capacity(32 << 10, file))),
        "zst" => Box::new(zstd::Decoder::new(file).map_err(FileError::reading(path))?),
        _ => Box::new(file),
    };
    if kind == "csv" {
        let rows = CsvRows::open(path, plain, table, partition, sizes, from)?;
        return Ok(Box::new(rows));
    }
    Ok(Box::new(Lines::new(
        plain, partition, sizes.0, sizes.1, from,
    )))
}

/// Compression and kind, by extension.
fn extension(path: &Path) -> (&'static str, &'static str) {
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let (name, compression) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
        (Some(rest), _) => (rest, "gz"),
        (_, Some(rest)) => (rest, "zst"),
        _ => (&name[..], ""),
    };
    let kind = if name.ends_with(".csv") {
        "csv"
    } else if name.ends_with(".parquet") {
        "parquet"
    } else {
        "ndjson"
    };
    (compression, kind)
}
