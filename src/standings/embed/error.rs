//! What can go wrong, as a type.

use standings_edge::source::FileError;
use standings_model::block::PartitionId;
use standings_process::exit::Failure;
use standings_query::{QueryError, QueryErrors};

/// Why rankings cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Queries that are not right: all that is wrong with them, with the places.
    #[error("{}", .0.render())]
    Queries(QueryErrors),
    /// The checks beside the queries are not right.
    #[error("{0}")]
    Checks(String),
    /// A table masks columns, and there is no key.
    #[error("the table {0} masks columns with a key: give `Queries::masks`")]
    Mask(String),
    /// A file that cannot be read.
    #[error(transparent)]
    Source(#[from] FileError),
    /// A ranking that there is no query of.
    #[error("there is no ranking `{asked}`; there are: {}", known.join(", "))]
    Ranking {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A partition that was not opened, or has ended.
    #[error("partition {0} is not open: `partition` opens one, and a file's ends with the file")]
    Partition(PartitionId),
    /// Something was given after the end.
    #[error("`finish` was called: nothing more can be read; start anew")]
    Finished,
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] Failure),
}

impl From<QueryErrors> for Error {
    fn from(errors: QueryErrors) -> Self {
        Error::Queries(errors)
    }
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        Error::Queries(QueryErrors(vec![error]))
    }
}
