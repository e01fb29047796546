//! Named objects, as snapshots need them: written once, all or nothing, and told apart from "not there" and "no answer".

use std::fmt;

/// Why a call on an object failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectError {
    /// There is one of that name already, and it stays.
    Exists,
    /// There is none of that name.
    Missing,
    /// No answer, or one that says nothing of the object: it may be there or not.
    Failed(String),
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectError::Exists => f.write_str("there is one of that name"),
            ObjectError::Missing => f.write_str("it is not there"),
            ObjectError::Failed(problem) => f.write_str(problem),
        }
    }
}

/// What snapshots need of a folder, a bucket, or a simulator's stand-in. Calls block.
pub trait Objects: Send + Sync {
    /// Writes a new object, all or nothing: of two who do so at once one gets [`ObjectError::Exists`].
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectError>;
    /// Reads an object.
    fn get(&self, name: &str) -> Result<Vec<u8>, ObjectError>;
    /// The names below a folder, in any order.
    fn list(&self, folder: &str) -> Result<Vec<String>, ObjectError>;
    /// Removes an object; one that is not there is no error.
    fn remove(&self, name: &str) -> Result<(), ObjectError>;
}

/// A call that failed, and on what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{doing} {name} failed: {why}")]
pub struct StoreError {
    doing: &'static str,
    name: String,
    /// Why.
    pub why: ObjectError,
}

impl StoreError {
    pub(super) fn of(why: ObjectError, doing: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        StoreError { doing, name, why }
    }
}
