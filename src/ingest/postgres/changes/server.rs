//! What the outside does for a source of changes: asked of Postgres by `intake`, and made up by the simulator.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::sql::Place;
use super::kind::Types;
use super::pgoutput::{Column, Message, Tuple};
use crate::feed::Trouble;

/// How the database stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// The cluster's identifier.
    pub system: String,
    /// Its timeline: another one after each failover and each restore to a moment.
    pub timeline: u32,
    /// The number of the database.
    pub database: u32,
    /// Its name.
    pub called: String,
    /// The end of its log.
    pub end: u64,
    /// The slot of this source, if there is one of its name.
    pub slot: Option<Slot>,
    /// Its publication.
    pub publication: Option<Publication>,
    /// The table.
    pub table: Option<Table>,
}

/// A replication slot: how far its reader is, and what the server keeps for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What writes for it.
    pub plugin: String,
    /// Which database it is of.
    pub database: String,
    /// All before it is acknowledged.
    pub confirmed: u64,
    /// Why the server has let go of what it kept; none where it has not.
    pub lost: Option<String>,
}

/// A publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The table is in it.
    pub has_table: bool,
    /// All rows and columns of the table are.
    pub is_whole: bool,
    /// Changes of partitions are those of their table.
    pub is_by_root: bool,
    /// Inserts, updates, deletes and truncates are published.
    pub has_all: bool,
}

/// The table, as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its number.
    pub id: u32,
    /// It has partitions.
    pub is_partitioned: bool,
    /// Of it and its partitions those whose old rows are not in the log whole, quoted.
    pub not_full: Vec<String>,
    /// Its primary key.
    pub key: Vec<String>,
    /// Its columns, as far as the log has them.
    pub columns: Vec<Column>,
    /// The types of those as a statement has them: `numeric(12,2)`.
    pub casts: Vec<String>,
    /// Those types.
    pub types: Types,
}

/// Which transactions a snapshot has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The next one.
    pub next: u64,
    /// Those that ran.
    pub running: Vec<u64>,
}

impl Seen {
    /// Whether it has seen a transaction, of whose number the log has the low half.
    pub fn has(&self, xid: u32) -> bool {
        // The low half of the next one; the wrap is what is meant.
        let ahead = xid.wrapping_sub(self.next as u32).cast_signed();
        let whole = self.next.checked_add_signed(i64::from(ahead));
        ahead < 0 && whole.is_some_and(|number| !self.running.contains(&number))
    }
}

/// A row that was changed since a snapshot: as it was before, by column; none where it was not there.
pub type Before = Option<BTreeMap<String, Option<String>>>;

/// What is left of a snapshot that was broken off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// By primary key.
    pub rows: BTreeMap<Vec<String>, Before>,
    /// The table was emptied: what is in it now was not there then.
    pub is_emptied: bool,
}

/// What of a table is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Their types.
    pub casts: Vec<String>,
    /// Rows are read in the order of this column, those without a value first.
    pub event_time: Option<String>,
    /// Then in the order of the primary key.
    pub key: Vec<String>,
    /// Rows up to this place were read.
    pub behind: Option<Place>,
    /// What has changed since.
    pub touched: Touched,
}

/// What comes of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A message, and of which place it is.
    Log {
        /// The place.
        at: u64,
        /// The message.
        message: Message,
    },
    /// Nothing before this place is still to come.
    Alive {
        /// The place.
        end: u64,
    },
}

/// A database with its log. Whatever fails, what was open is let go.
pub trait Server: Send {
    /// How it stands.
    ///
    /// # Errors
    /// No connection, or no right to ask.
    fn stood(&mut self) -> Result<Stood, Trouble>;

    /// Makes the publication.
    ///
    /// # Errors
    /// No right to: what to run instead.
    fn publish(&mut self) -> Result<(), Trouble>;

    /// Makes the slot, in place of one of its name where `anew`, and opens a snapshot of the database as it is at its beginning; where
    /// that is.
    ///
    /// # Errors
    /// No right to, or another reads the one that is there.
    fn make(&mut self, anew: bool) -> Result<u64, Trouble>;

    /// Opens a snapshot of the database as it is now: which transactions it has seen, and the end of the log behind all of them.
    ///
    /// # Errors
    /// No connection.
    fn look(&mut self) -> Result<(Seen, u64), Trouble>;

    /// Begins to read the table in the snapshot that is open.
    ///
    /// # Errors
    /// It cannot be read.
    fn select(&mut self, what: &Select) -> Result<(), Trouble>;

    /// The next rows of it; none: that was all, and the snapshot is closed.
    ///
    /// # Errors
    /// The connection is lost.
    fn rows(&mut self) -> Result<Vec<Tuple>, Trouble>;

    /// Begins to read the slot, from a place on.
    ///
    /// # Errors
    /// It is not there, or another reads it.
    fn stream(&mut self, from: u64) -> Result<(), Trouble>;

    /// The next of the log, in so long at most.
    ///
    /// # Errors
    /// The connection is lost, or what comes is no log.
    fn next(&mut self, within: Duration) -> Result<Option<Said>, Trouble>;

    /// All before this place is kept elsewhere.
    fn acknowledge(&mut self, upto: u64);

    /// Types by their numbers, with those that they are made of.
    ///
    /// # Errors
    /// No connection.
    fn types(&mut self, of: &[u32]) -> Result<Types, Trouble>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_snapshot_has_seen() {
        let seen = Seen {
            next: (3 << 32) + 5,
            running: vec![(3 << 32) + 1, (2 << 32) + 4_294_967_295],
        };
        for (xid, has) in [
            (0, true),
            (1, false),
            (4, true),
            (5, false),
            (6, false),
            (4_294_967_295, false),
            (4_294_967_294, true),
        ] {
            assert_eq!(seen.has(xid), has, "{xid}");
        }
    }
}
