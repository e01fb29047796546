//! What the outside does for a source of changes: asked of MariaDB by `intake`, and made up by tests.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::Raw;
use super::known::Listed;
use crate::feed::Trouble;
use crate::mysql::sql::Ordered;
use crate::mysql::value::Datum;
use crate::postgres::sql::Place;

/// How the database stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stood {
    /// It is MariaDB, and which.
    pub version: String,
    /// It is one.
    pub is_mariadb: bool,
    /// What of its settings the log is not whole by, each with the statement to run.
    pub wrong: Vec<String>,
    /// How far its log is: `0-1-14`.
    pub reached: String,
    /// The table, if there is one.
    pub table: Option<Table>,
    /// The character sets, by the numbers of their collations.
    pub collations: BTreeMap<u32, String>,
}

/// The table, as the catalog has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its engine.
    pub engine: String,
    /// Its primary key.
    pub key: Vec<String>,
    /// Its columns.
    pub columns: Vec<Listed>,
}

/// What of a table is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Its columns.
    pub columns: Vec<String>,
    /// Rows are read in the order of this column, those without a value first.
    pub event_time: Option<Ordered>,
    /// Then in the order of the primary key; texts by their bytes.
    pub key: Vec<Ordered>,
    /// Rows up to this place were read.
    pub behind: Option<Place>,
}

/// A database with its log. Whatever fails, what was open is let go.
pub trait Server: Send {
    /// How it stands.
    ///
    /// # Errors
    /// No connection, or no right to ask.
    fn stood(&mut self) -> Result<Stood, Trouble>;

    /// Opens a snapshot of the database as it is now: how far the log is in it, and which place that is (`binlog.000001:3956`).
    ///
    /// # Errors
    /// No connection.
    fn look(&mut self) -> Result<(String, String), Trouble>;

    /// How far the log is at a place; nothing where there is no such place any more.
    ///
    /// # Errors
    /// No connection.
    fn reached(&mut self, place: &str) -> Result<String, Trouble>;

    /// Begins to read the table in the snapshot that is open.
    ///
    /// # Errors
    /// It cannot be read.
    fn select(&mut self, what: &Select) -> Result<(), Trouble>;

    /// The next rows of it; none: that was all, and the snapshot is closed.
    ///
    /// # Errors
    /// The connection is lost.
    fn rows(&mut self) -> Result<Vec<Vec<Datum>>, Trouble>;

    /// Begins to read the log behind these numbers.
    ///
    /// # Errors
    /// It is not there any more, or never was.
    fn stream(&mut self, behind: &str) -> Result<(), Trouble>;

    /// The next of the log, in so long at most.
    ///
    /// # Errors
    /// The connection is lost.
    fn next(&mut self, within: Duration) -> Result<Option<Raw>, Trouble>;
}
