//! What can be wrong with files and settings of a source. Of topics: `kafka/error.rs`.

use std::io;
use std::path::{Path, PathBuf};

use arrow_schema::DataType;
use parquet::basic::Compression;
use standings_model::error::{Code, Coded, codes};
use standings_model::table::Table;

use super::avro::AvroProblem;
use super::csv::HeaderError;
use super::fields::Lacks;
use super::parquet::ParquetProblem;
use super::properties::NotTaken;
use super::url::SourceUrl;

/// `--source` and Kafka's settings say something that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// None.
    #[error("no --source is given")]
    NoSource,
    /// One table by a topic and files.
    #[error(
        "the table {table} is read from files and from a topic or a recording: one table has one of these; declare a table for \
         each, and UNION ALL makes them one"
    )]
    ReadTwice {
        /// Which.
        table: String,
    },
    /// A setting on which results depend.
    #[error("--kafka-property {key} is set by standings itself; {instead}")]
    Ours {
        /// Its name.
        key: String,
        /// What to do.
        instead: &'static str,
    },
    /// A file that is not there, or may not be looked at.
    #[error("--source {url}: {source}")]
    NotThere {
        /// Which.
        url: SourceUrl,
        /// Why.
        source: io::Error,
    },
    /// A folder.
    #[error("--source {url}: this is a folder; name its files, one flag each")]
    Folder {
        /// Which.
        url: SourceUrl,
    },
    /// The file of Kafka's settings.
    #[error("{}: {source}", .path.display())]
    Properties {
        /// Which.
        path: PathBuf,
        /// What is wrong in it.
        source: PropertiesError,
    },
}

impl Coded for SettingsError {
    fn code(&self) -> &'static Code {
        match self {
            SettingsError::NoSource
            | SettingsError::ReadTwice { .. }
            | SettingsError::NotThere { .. }
            | SettingsError::Folder { .. } => &codes::source::SETTINGS,
            SettingsError::Ours { .. } => &codes::line::KAFKA,
            SettingsError::Properties { source, .. } => match source {
                PropertiesError::Reading(_) | PropertiesError::NoValue { .. } => &codes::line::FILE,
                PropertiesError::NotTaken { .. } => &codes::line::KAFKA,
            },
        }
    }
}

/// A folder or a pattern that stands for no files.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be looked into.
    #[error("--source {url}: {source}")]
    Reading {
        /// Which.
        url: SourceUrl,
        /// Why.
        source: io::Error,
    },
    /// There is none.
    #[error(
        "--source {0}: no file is there (hidden ones, and those whose names begin with `_`, are not counted)"
    )]
    Empty(SourceUrl),
    /// A column of the path that a path has not got.
    #[error(
        "{}: the table {table} is PARTITIONED BY ({column}), and no folder of this path is `{column}=…`",
        .path.display()
    )]
    NoPart {
        /// Which.
        path: PathBuf,
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
}

impl Coded for FolderError {
    fn code(&self) -> &'static Code {
        match self {
            FolderError::Reading { source, .. } if source.kind() == io::ErrorKind::TimedOut => {
                &codes::source::SILENT
            }
            _ => &codes::source::SETTINGS,
        }
    }
}

/// What is wrong in a file of Kafka's settings.
#[derive(Debug, thiserror::Error)]
pub enum PropertiesError {
    /// It cannot be read.
    #[error(transparent)]
    Reading(#[from] io::Error),
    /// A line without a value.
    #[error("line {line}: no `=`")]
    NoValue {
        /// From 1.
        line: usize,
    },
    /// A setting that is not taken.
    #[error("line {line}: {source}")]
    NotTaken {
        /// From 1.
        line: usize,
        /// Which, and why.
        source: NotTaken,
    },
}

/// A file cannot be read, or is not of the form that its name says.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading failed.
    #[error("reading {} failed: {source}", .path.display())]
    Reading {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ends before the offset to go on from.
    #[error(
        "reading {} failed: it has {records} records, but reading should go on at {next}; is it another file now?",
        .path.display()
    )]
    Shorter {
        /// Which.
        path: PathBuf,
        /// How many it has.
        records: u64,
        /// Where reading should go on.
        next: u64,
    },
    /// A recording that is none.
    #[error("--source recording:{}: {source}", .path.display())]
    Recording {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A kind of file that is not read.
    #[error("{}: this is {what}, which is not read; {instead}", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// How it becomes one that is read.
        instead: String,
    },
    /// A Parquet file that is none.
    #[error("{}: not readable as Parquet: {source}", .path.display())]
    NotParquet {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ParquetProblem,
    },
    /// An Avro file that is none, or not one of the table.
    #[error("{}: not readable as Avro: {problem}", .path.display())]
    NotAvro {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: AvroProblem,
    },
    /// A column of a type that is not read, or not exactly.
    #[error("{}: column `{column}` is {kind}; {instead}", .path.display())]
    ColumnType {
        /// Which.
        path: PathBuf,
        /// Its name.
        column: String,
        /// Its type.
        kind: Box<DataType>,
        /// What is read.
        instead: &'static str,
    },
    /// A codec that is not read.
    #[error(
        "{}: column `{column}` is compressed with {codec}, which is not read; write it with zstd, snappy, gzip or \
         uncompressed (in DuckDB: COPY (FROM 'file') TO 'other.parquet' (CODEC zstd))",
        .path.display()
    )]
    Codec {
        /// Which.
        path: PathBuf,
        /// Its name.
        column: String,
        /// Its codec.
        codec: Compression,
    },
    /// Columns that every sale has are not there.
    #[error(
        "{}: the columns `event_time` and `amount` are needed; found: {}", .path.display(), .found.join(", ")
    )]
    Columns {
        /// Which.
        path: PathBuf,
        /// The names that are there.
        found: Vec<String>,
    },
    /// A column of the table that may not be NULL is not there.
    #[error("{}: there is no column {}; found: {}", .path.display(), .lacks.wanted, .lacks.found())]
    Lacks {
        /// Which.
        path: PathBuf,
        /// What it lacks.
        lacks: Lacks,
    },
    /// The header of a CSV file.
    #[error("{}: {source}", .path.display())]
    Header {
        /// Which.
        path: PathBuf,
        /// What is wrong in it.
        source: HeaderError,
    },
}

impl FileError {
    /// Reading it failed.
    pub fn reading(path: &Path) -> impl Fn(io::Error) -> Self {
        |source| FileError::Reading {
            path: path.to_owned(),
            source,
        }
    }

    /// It has not got a column of its table; of one that nobody declared the names that are there say enough.
    pub fn lacks(path: &Path, table: &Table, lacks: Lacks) -> Self {
        let path = path.to_owned();
        match table.is_named {
            false => FileError::Columns {
                path,
                found: lacks.found,
            },
            true => FileError::Lacks { path, lacks },
        }
    }
}

impl Coded for FileError {
    fn code(&self) -> &'static Code {
        match self {
            FileError::Reading { .. } | FileError::Shorter { .. } => &codes::source::READING,
            FileError::Recording { .. }
            | FileError::Foreign { .. }
            | FileError::Lacks { .. }
            | FileError::NotParquet { .. }
            | FileError::NotAvro { .. }
            | FileError::ColumnType { .. }
            | FileError::Codec { .. }
            | FileError::Columns { .. }
            | FileError::Header { .. } => &codes::source::FORMAT,
        }
    }
}

/// A reader's thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a reader thread: {0}")]
pub struct NoThread(#[from] pub io::Error);

impl Coded for NoThread {
    fn code(&self) -> &'static Code {
        &codes::process::SYSTEM
    }
}
