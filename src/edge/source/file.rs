//! Files: NDJSON as it is; CSV and Parquet rows as JSON objects, so that one decoder judges all of them.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::avro::{self, AvroRows};
use super::blocks::{self, Blocks};
use super::csv::CsvRows;
use super::error::FileError;
use super::keyed::Keyed;
use super::kind::Kind;
use super::lines::Lines;
use super::look;
use super::options::SourceOptions;
use super::parquet::{self, AsColumns, ParquetRows};
use super::reader::Outlet;
use super::site::{Patience, Site};
use super::url::SourceUrl;
use super::values::{JsonValues, are_values};
use standings_model::block::{Block, PartitionId, SourceEvent, has_keys};
use standings_model::table::{Changelog, Table};

/// So many files of a worker are open at once; of a folder of more the next are opened as these end.
const OPEN: usize = 64;

/// A file that is read.
struct Reading<'a> {
    number: usize,
    site: &'a Site,
    /// Where reading goes on by the last run.
    from: u64,
    /// The offset behind what was read.
    read: u64,
    blocks: Option<Box<dyn Blocks>>,
    /// Its bytes, where they are asked for already.
    ahead: Option<Box<dyn Read + Send>>,
    /// What lies past the hold of a block that was read.
    held: Option<Block>,
}

/// How a turn of a file ended.
enum Turn {
    /// There is more of it.
    More,
    /// It waits before its hold.
    Waits,
    /// Nothing more comes.
    Ended,
    /// Nobody takes what is read.
    Stopped,
}

impl Reading<'_> {
    /// The next block, in the memory of those that are done with.
    fn next(&mut self, options: &SourceOptions, out: &Outlet) -> Result<Option<Block>, FileError> {
        if let Some(rest) = self.held.take() {
            return Ok(Some(rest));
        }
        let blocks = match &mut self.blocks {
            Some(blocks) => blocks,
            none => {
                let partition = self.number as PartitionId;
                let sizes = (options.max_block_bytes, options.max_record_bytes);
                let first = options.first(partition, self.from).max(self.read);
                let number = options.table_of(self.number);
                let table = &options.tables[number];
                let bytes = (self.ahead.take(), &out.patience(options));
                let at = (partition, first);
                let columns = options.columns.as_ref();
                let columns = columns.map(|of| of.get(number).map_or(&[][..], |needed| needed));
                none.insert(open(self.site, bytes, table, at, sizes, columns)?)
            }
        };
        while let Some(spent) = out.spent() {
            blocks.reuse(spent);
        }
        blocks
            .next_block()
            .map_err(FileError::reading(self.site.path()))
    }

    /// Asks for the first bytes of one that is opened next.
    fn look_ahead(&mut self, options: &SourceOptions, out: &Outlet) -> Result<(), FileError> {
        if self.blocks.is_none() && self.ahead.is_none() && self.held.is_none() {
            let ahead = self.site.ahead(&out.patience(options));
            self.ahead = ahead.map_err(FileError::reading(self.site.path()))?;
        }
        Ok(())
    }

    /// Reads one block, or all of those that one offset needs.
    fn turn(&mut self, options: &SourceOptions, out: &Outlet) -> Result<Turn, FileError> {
        let partition = self.number as PartitionId;
        let hold = options.hold.of(partition, self.from);
        let hold = hold.filter(|_| !out.released());
        if hold.is_some_and(|hold| self.read.max(self.from) >= hold) {
            return Ok(Turn::Waits);
        }
        let table = options.table_of(self.number);
        if options.waits.get(table) == Some(&true) && !out.partners() {
            return Ok(Turn::Waits);
        }
        let mut block = self.next(options, out)?;
        // What belongs to one offset is read in one go: until it is there nothing can be committed.
        while let Some(open) = block.take_if(|block| block.open) {
            if !out.send(SourceEvent::Block(open)) {
                return Ok(Turn::Stopped);
            }
            block = self.next(options, out)?;
        }
        let Some(mut block) = block else {
            if self.read < self.from {
                return Err(FileError::Shorter {
                    path: self.site.path().to_owned(),
                    records: self.read,
                    next: self.from,
                });
            }
            let is_taken = out.send(SourceEvent::Ended { partition });
            return Ok(if is_taken { Turn::Ended } else { Turn::Stopped });
        };
        self.held = hold.and_then(|hold| blocks::split(&mut block, hold));
        self.read = block.next_offset;
        let is_taken = out.send(SourceEvent::Block(block));
        Ok(if is_taken { Turn::More } else { Turn::Stopped })
    }
}

/// Reads this worker's files, a block of each in turn, so that none gets far ahead in event time.
pub fn read(
    options: &SourceOptions,
    worker: usize,
    workers: usize,
    out: &Outlet,
) -> Result<(), FileError> {
    let (mut files, homes) = (Vec::new(), options.homes());
    let urls = options.urls.iter().enumerate();
    for (number, url) in
        urls.filter(|(n, _)| options.lane.is_of(*n as PartitionId, worker, workers))
    {
        let SourceUrl::File(site) = url else { continue };
        let partition = number as PartitionId;
        let from = options.resume.get(&partition).copied().unwrap_or(0);
        files.push(Reading {
            number,
            site,
            from,
            read: 0,
            blocks: None,
            ahead: None,
            held: None,
        });
        if !out.send(SourceEvent::Assigned {
            partition,
            home: Arc::new(options.home_of_file(number, site, &homes)),
            offset: from,
            end: u64::MAX,
        }) {
            return Ok(());
        }
    }
    if !out.send(SourceEvent::Ready) {
        return Ok(());
    }
    let is_many = files.len() > OPEN;
    while !files.is_empty() {
        let mut still = Vec::new();
        let (mut waits, mut turns) = (0, 0);
        for file in files.iter_mut().take(OPEN) {
            file.look_ahead(options, out)?;
        }
        for mut file in files {
            if turns == OPEN {
                still.push(file);
                continue;
            }
            match file.turn(options, out)? {
                Turn::Stopped => return Ok(()),
                Turn::Ended => turns += 1,
                Turn::More => {
                    turns += 1;
                    still.push(file);
                }
                Turn::Waits => {
                    waits += 1;
                    // Another may need its place; it is opened again where it was.
                    file.blocks.take_if(|_| is_many);
                    still.push(file);
                }
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

/// Finds what is wrong with a file's shape before anything is started, and says what is not as it seems. What is no file on a
/// disk (a pipe) is not looked at: it can be read but once.
pub fn check(site: &Site, table: &Table) -> Result<(), FileError> {
    if !site.is_regular() {
        return Ok(());
    }
    let found = look::at(site, table)?;
    let path = site.path();
    let file = path.display().to_string();
    for said in &found.said {
        tracing::warn!(event = "file_kind", file, "{file}: {said}");
    }
    let lacking = match found.kind {
        Kind::Parquet => parquet::check(site, table)?,
        Kind::Avro => avro::check(path, found.input, table)?,
        Kind::Csv => {
            let rows = CsvRows::open(path, found.input, table, 0, (1 << 16, 1 << 20), 0)?;
            rows.lacking().to_vec()
        }
        Kind::Json => Vec::new(),
    };
    for column in lacking {
        tracing::warn!(
            event = "column_missing",
            file,
            table = table.name,
            column,
            "{file} has no column `{column}` of the table {}: it is NULL in all its rows",
            table.name
        );
    }
    Ok(())
}

/// The names of the columns of a file that has names for them, whether or not the table takes them; none for JSON.
///
/// # Errors
/// The file cannot be read, or is not of its kind.
pub fn column_names(site: &Site, table: &Table) -> Result<Option<Vec<String>>, FileError> {
    if !site.is_regular() {
        return Ok(None);
    }
    let found = look::at(site, table)?;
    let path = site.path();
    Ok(match found.kind {
        Kind::Parquet => {
            let columns = parquet::declared(site)?.into_iter();
            Some(columns.map(|(name, _)| name).collect())
        }
        Kind::Avro => {
            let columns = avro::declared(path, found.input)?.into_iter();
            Some(columns.map(|(name, _)| name).collect())
        }
        Kind::Csv => {
            let rows = CsvRows::open(path, found.input, table, 0, (1 << 16, 1 << 20), 0)?;
            Some(rows.names().to_vec())
        }
        Kind::Json => None,
    })
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
    let patience = Patience::default();
    let at = (partition, 0);
    open(&path.into(), (None, &patience), table, at, sizes, None)
}

/// A file of any kind; its bytes may be asked for already. `columns`: its rows may come as columns where it is one of columns, and by
/// column of the table whether somebody reads it.
pub(super) fn open(
    site: &Site,
    (ahead, patience): (Option<Box<dyn Read + Send>>, &Patience),
    table: &Table,
    (partition, from): (PartitionId, u64),
    sizes: (usize, usize),
    columns: Option<&[bool]>,
) -> Result<Box<dyn Blocks>, FileError> {
    let path = site.path();
    let bytes = ahead.map_or_else(|| site.read(patience), Ok);
    let found = look::of(bytes.map_err(FileError::reading(path))?, path, table)?;
    Ok(match found.kind {
        Kind::Parquet => {
            let columns = columns.map(|needed| AsColumns {
                most: sizes.1,
                needed,
            });
            Box::new(ParquetRows::open(
                site, table, partition, from, patience, columns,
            )?)
        }
        Kind::Avro => Box::new(AvroRows::open(
            path,
            found.input,
            table,
            partition,
            sizes,
            from,
        )?),
        Kind::Csv => Box::new(CsvRows::open(
            path,
            found.input,
            table,
            partition,
            sizes,
            from,
        )?),
        Kind::Json => {
            let values: Box<dyn Blocks> = match are_values(&found.head) {
                true => Box::new(JsonValues::new(found.input, partition, sizes, from)),
                false => {
                    let lines = Lines::new(found.input, partition, sizes.0, sizes.1, from);
                    Box::new(lines.at_once(!site.is_regular()))
                }
            };
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match table.changelog == Changelog::Upsert && has_keys(&name) {
                true => Box::new(Keyed::new(values, table)),
                false => values,
            }
        }
    })
}
