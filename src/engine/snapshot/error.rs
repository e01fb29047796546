//! What can be wrong with snapshots: what a store does not say, what is not what was written, who has taken over.

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

use super::objects::StoreError;
use crate::rank::copy::TooLarge;
use standings_model::error::{Code, Coded, codes};
use standings_model::guarded::Panicked;

impl Coded for StoreError {
    fn code(&self) -> &'static Code {
        &codes::store::CALL
    }
}

/// Why an object is not read as a manifest or a part.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The store did not say what is in it, although it was asked again.
    #[error(transparent)]
    NoAnswer(StoreError),
    /// It is not what was written, or not there.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// How an object is not what was written.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It is not there.
    #[error(transparent)]
    Missing(StoreError),
    /// Another form than this version knows.
    #[error("{name} has format {format}, and this version knows formats up to {known}")]
    Format {
        /// Which object.
        name: String,
        /// What it has.
        format: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// No JSON of a manifest or a fence.
    #[error("{name} is not readable: {source}")]
    Json {
        /// Which object.
        name: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A bit was flipped, or its end is missing.
    #[error("{name} is damaged: its checksum is wrong")]
    Checksum {
        /// Which object.
        name: String,
    },
    /// Another length.
    #[error("{name} has {found} bytes instead of {wanted}")]
    Size {
        /// Which object.
        name: String,
        /// What it has.
        found: usize,
        /// What was written.
        wanted: u64,
    },
    /// Somebody copied it under another name.
    #[error("{name} is a copy of number {says}")]
    Copy {
        /// Which object.
        name: String,
        /// The number in it.
        says: u64,
    },
    /// It is of something else.
    #[error("the queries were others when it was made")]
    OtherQueries,
}

/// A newer version keeps its snapshots there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} in {store} has format {format}, and this version ({}) knows {known}: a newer version keeps its \
     snapshots there. Nothing was written; use that version, or another --state",
    env!("CARGO_PKG_VERSION")
)]
pub struct Newer {
    /// Which object.
    pub name: String,
    /// Where.
    pub store: String,
    /// What it has.
    pub format: u32,
    /// The newest that is known here.
    pub known: u32,
}

impl Coded for Newer {
    fn code(&self) -> &'static Code {
        &codes::store::NEWER
    }
}

/// Why the log is not opened, or a manifest not written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another cluster has opened the log since: this one must end.
    #[error(
        "the snapshots in {store} were taken over by another cluster (its generation there is {by}, this one's {own}): a newer \
         one is running, or another run was given the same --state"
    )]
    Fenced {
        /// Where.
        store: String,
        /// The generation of the other, or the number that it took.
        by: u64,
        /// This one's.
        own: u64,
    },
    /// The store does not do what is asked, or nobody knows.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The greatest number is taken.
    #[error(
        "no number is left in {store}: {newest} has the greatest there is. If nobody knows how it came there, remove it"
    )]
    NoNumber {
        /// Where.
        store: String,
        /// The object that has it.
        newest: String,
    },
    /// It cannot be written as JSON: a defect.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Others take it, again and again.
    #[error("{store}: other clusters open it again and again; each takes it from the one before")]
    Contended {
        /// Where.
        store: String,
    },
}

impl Coded for LogError {
    fn code(&self) -> &'static Code {
        match self {
            LogError::Fenced { .. } => &codes::store::FENCED,
            LogError::Store(_) | LogError::NoNumber { .. } => &codes::store::CALL,
            LogError::Json(_) => &codes::process::DEFECT,
            LogError::Contended { .. } => &codes::store::CONTENDED,
        }
    }
}

/// Why a part is not read, or not made.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// It is no Parquet that the library takes.
    #[error("not readable as a part: {0}")]
    Parquet(#[from] ParquetError),
    /// The same.
    #[error("not readable as a part: {0}")]
    Arrow(#[from] ArrowError),
    /// The library panicked at it.
    #[error("not readable as a part: {0}")]
    Panicked(#[from] Panicked),
    /// A column is missing.
    #[error("not readable as a part: no column `{0}`")]
    Lacks(&'static str),
    /// A column has another type.
    #[error("not readable as a part: `{0}` has another type")]
    Type(&'static str),
    /// A value is missing.
    #[error("not readable as a part: NULL")]
    Null,
    /// A row of another ranking, or of no key.
    #[error("a row makes no sense")]
    Nonsense,
}

/// Why a part cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MakingError {
    /// The library refuses it.
    #[error("making a part failed: {0}")]
    Parquet(#[from] ParquetError),
    /// The same.
    #[error("making a part failed: {0}")]
    Arrow(#[from] ArrowError),
    /// A row is too large for any.
    #[error("a row of {ranking} has {bytes} bytes, and a part holds rows of up to {most}")]
    TooLarge {
        /// Whose.
        ranking: String,
        /// What it has.
        bytes: usize,
        /// What it may have.
        most: usize,
    },
}

/// Why a worker's part of a snapshot is not there.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Its totals hold more by now than the snapshot stands for.
    #[error("a worker had gone past the epoch")]
    Past,
    /// It could not be copied.
    #[error(transparent)]
    Copy(#[from] TooLarge),
    /// It could not be made.
    #[error(transparent)]
    Making(#[from] MakingError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a snapshot is not loaded that was whole when it was chosen.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store does not give a part.
    #[error("loading the snapshot failed: {0}")]
    Unreadable(#[from] Unreadable),
    /// A part is none.
    #[error("loading the snapshot failed: {name}: {source}")]
    Part {
        /// Which.
        name: String,
        /// How.
        source: PartError,
    },
}

impl LoadError {
    /// The rows that are kept for pairs make no sense.
    pub(crate) fn of_pairs() -> Self {
        LoadError::Part {
            name: "rows of pairs".to_owned(),
            source: PartError::Nonsense,
        }
    }
}

impl Coded for LoadError {
    fn code(&self) -> &'static Code {
        match self {
            LoadError::Unreadable(Unreadable::NoAnswer(_)) => &codes::store::CALL,
            LoadError::Unreadable(Unreadable::Damaged(_)) | LoadError::Part { .. } => {
                &codes::store::DAMAGED
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::ObjectError;

    #[test]
    fn a_store_that_says_nothing_is_told_from_one_that_is_damaged() {
        let why = ObjectError::Failed("it is away".to_owned());
        let silent = StoreError::of(why, "reading", "parts/1");
        assert_eq!(silent.code().id, "S0702");
        let silent = LoadError::from(Unreadable::NoAnswer(silent));
        assert_eq!(silent.code().id, "S0702");
        let words = "loading the snapshot failed: reading parts/1 failed: it is away";
        assert_eq!(silent.to_string(), words);
        let damaged = LoadError::Part {
            name: "parts/1".to_owned(),
            source: PartError::Lacks("bin"),
        };
        assert_eq!(damaged.code().id, "S0705");
        let words = "loading the snapshot failed: parts/1: not readable as a part: no column `bin`";
        assert_eq!(damaged.to_string(), words);
    }

    #[test]
    fn who_was_taken_over_ends_with_a_code_of_its_own() {
        let store = || "file:s".to_owned();
        let (by, own) = (9, 4);
        let fenced = LogError::Fenced {
            store: store(),
            by,
            own,
        };
        let contended = LogError::Contended { store: store() };
        let newer = Newer {
            name: "manifests/0000000001.json".to_owned(),
            store: store(),
            format: 99,
            known: 4,
        };
        assert_eq!(fenced.code().id, "S0704");
        assert_eq!(contended.code().id, "S0706");
        assert_eq!((newer.code().id, newer.code().exit), ("S0703", 2));
    }
}
