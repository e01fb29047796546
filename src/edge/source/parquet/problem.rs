//! Why a Parquet file does not give its rows.

use std::io;

use arrow_schema::{ArrowError, DataType};
use parquet::errors::ParquetError;
use standings_model::guarded::Panicked;

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
