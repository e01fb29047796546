//! Where files are, as the feed sees it: a folder, a bucket, or the simulator's.

use std::collections::BTreeMap;

use crate::feed::Trouble;

/// A file that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Relative to the place.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was changed, milliseconds since the Unix epoch.
    pub modified: i64,
}

/// A file that is read, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// As it was when it was opened.
    pub seen: Seen,
    /// Of its content.
    pub hash: String,
    /// The file that says that it is complete.
    pub marker: Option<String>,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All of it was taken.
    Done,
    /// It could not be read, or not to its end.
    Failed,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, from 0; several of one line have the same.
    pub at: u64,
    /// As JSON; what was refused, as it came.
    pub bytes: Vec<u8>,
    /// The reason and the detail, if it was refused already.
    pub refused: Option<(&'static str, String)>,
}

/// Why rows do not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsTrouble {
    /// It has nothing to do with the file, or heals.
    Trouble(Trouble),
    /// The file cannot be read, or not on: it is damaged, or of another kind.
    Damaged {
        /// Why.
        why: String,
        /// The file.
        seen: Box<Seen>,
        /// Of its content.
        hash: String,
    },
}

/// The rows of a file, from the first.
pub trait Rows: Send {
    /// The next ones, some at a time; none after the last.
    ///
    /// # Errors
    /// What is damaged.
    fn next(&mut self) -> Result<Option<Vec<Row>>, RowsTrouble>;

    /// Columns whose numbers are decimals, and become texts.
    fn decimals(&self) -> &[String] {
        &[]
    }

    /// Whether the file is still what was opened.
    ///
    /// # Errors
    /// It cannot be asked.
    fn is_same(&mut self) -> Result<bool, Trouble>;
}

/// A file that is open.
pub struct Opened {
    /// As it is.
    pub seen: Seen,
    /// Of its content.
    pub hash: String,
    /// The names and types of its columns; none where each row says them.
    pub columns: Option<BTreeMap<String, String>>,
    /// Its rows.
    pub rows: Box<dyn Rows>,
}

impl Opened {
    pub(super) fn taken(&self, marker: Option<String>) -> Taken {
        Taken {
            seen: self.seen.clone(),
            hash: self.hash.clone(),
            marker,
        }
    }
}

/// Where files are.
pub trait Place: Send {
    /// All that is there, in the order in which it is taken.
    ///
    /// # Errors
    /// It cannot be looked at.
    fn list(&mut self) -> Result<Vec<Seen>, Trouble>;

    /// Opens a file.
    ///
    /// # Errors
    /// It is gone, cannot be read, or is none that can be.
    fn open(&mut self, path: &str) -> Result<Opened, RowsTrouble>;

    /// Does with a file what the configuration says; done twice it does nothing more.
    ///
    /// # Errors
    /// It cannot: it is tried again.
    fn finish(&mut self, taken: &Taken, fate: Fate) -> Result<(), Trouble>;
}
