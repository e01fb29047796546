//! A table of Postgres that is read again and again: by whose transactions have written since.
//!
//! ```text
//! pass ──► rows whose transaction is not below the horizon, ordered by the cursor ──► those not written yet ──► records
//!   ▲                                                                                     │ noted: row and transaction
//!   └── at its end: the horizon is the oldest transaction that ran when it began ◄────────┘
//! ```
//!
//! A cursor by id or by time alone loses rows: a transaction that took id 1 may commit after id 2 was read, and no bound helps that is
//! made of ids, since an id may be taken before its transaction has a number. So what says whether a row is new is the transaction that
//! wrote it (`xmin`). What its `cursor` columns say is the order of a pass, and where one that was broken off goes on.
//!
//! 1. Every transaction below the oldest that runs has ended: all it wrote is seen by the pass that begins now, or was by one before.
//! 2. A row is its primary key and its transaction. Those at or above the oldest of a pass are noted with the records, so the next pass,
//!    which sees them again, does not write them twice; below it they are forgotten, in one transaction with the new horizon.
//! 3. A pass that goes on after a break sees what was committed meanwhile. It keeps the horizon that it began with: what it did not see
//!    the next one does.
//! 4. A database whose transactions are behind the horizon, or that is another one, is not this one: it is broken, and never silence.
//!
//! A row that is written twice between two passes is seen once, as it is; one that ends is not seen at all: that is what the log of changes is
//! for ([`changes`]). The form for what has no transactions, a query, is [`crate::window`].

pub mod changes;
pub mod sql;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};
use xxhash_rust::xxh3::xxh3_128;

use self::sql::{Found, From, Place, Stood};
use super::batch::{Batch, Note, Record};
use super::feed::{Feed, Polled, Trouble};
use super::row::{NoRecord, Shape};

/// Reads a pass. The connection is kept from one to the next.
pub trait Read: Send {
    /// Opens a pass in a transaction of its own, and says how the database stands. What was open is let go.
    ///
    /// # Errors
    /// No connection, or a table that cannot be read so.
    fn begin(&mut self, from: &From) -> Result<Stood, Trouble>;

    /// The next rows of it; none: that was all.
    ///
    /// # Errors
    /// The connection is lost: the pass is over.
    fn next(&mut self) -> Result<Vec<Found>, Trouble>;
}

/// What the keys of the ledger begin with.
const PREFIX: &str = "row/";
/// Rows that are noted.
const MOST: usize = 2_000_000;
/// Rows that are forgotten in one transaction.
const AT_ONCE: usize = 5_000;

/// A pass that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pass {
    /// The oldest transaction that ran when it began.
    oldest: u64,
    /// The last row that was read.
    behind: Option<Place>,
}

/// How far the table is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct At {
    /// Every transaction below it was read.
    horizon: u64,
    /// Which database.
    database: Option<String>,
    pass: Option<Pass>,
}

/// A table as a source.
pub struct TableFeed<R> {
    read: R,
    /// The table, for positions.
    name: String,
    shape: Shape,
    every: Duration,
    clock: Clock,
    at: At,
    /// The rows that were written by transactions that a later pass sees again.
    known: BTreeMap<u128, u64>,
    /// A pass is open.
    is_open: bool,
    /// This pass has written something.
    has_written: bool,
    /// This pass was begun by somebody who is gone: what came since then before its place it does not see.
    is_resumed: bool,
    at_end: bool,
}

impl<R: Read> TableFeed<R> {
    /// Nothing is read yet.
    pub fn new(read: R, name: String, shape: Shape, every: Duration, clock: Clock) -> Self {
        TableFeed {
            read,
            name,
            shape,
            every,
            clock,
            at: At::default(),
            known: BTreeMap::new(),
            is_open: false,
            has_written: false,
            is_resumed: false,
            at_end: false,
        }
    }

    /// Opens a pass, or goes on with one.
    fn begin(&mut self) -> Result<(), Trouble> {
        let from = From {
            horizon: self.at.horizon,
            since: None,
            behind: self.at.pass.as_ref().and_then(|pass| pass.behind.clone()),
        };
        let stood = self.read.begin(&from)?;
        let is_another = self
            .at
            .database
            .as_ref()
            .is_some_and(|of| *of != stood.database);
        let is_behind = stood.next < self.at.horizon;
        if (is_another || is_behind) && !sabotage::is(Mistake::IngestOtherDatabase) {
            return Err(Trouble::Broken(format!(
                "this is not the database that was read ({} up to transaction {}; it is {} at {}): it was restored, or another server has taken \
                 over. What is in the topic stays; to read the table anew, give the source another name",
                self.at.database.as_deref().unwrap_or("unknown"),
                self.at.horizon,
                stood.database,
                stood.next
            )));
        }
        self.at.database = Some(stood.database);
        let oldest = match sabotage::is(Mistake::IngestHorizonNext) {
            true => stood.next,
            false => stood.oldest,
        };
        self.at.pass.get_or_insert(Pass {
            oldest,
            behind: None,
        });
        self.is_open = true;
        Ok(())
    }

    /// What of some rows is new.
    fn batch(&mut self, rows: Vec<Found>) -> Result<Polled, Trouble> {
        let oldest = self.at.pass.as_ref().map_or(0, |pass| pass.oldest);
        let mut batch = Batch {
            is_snapshot: self.at.horizon == 0,
            ..Batch::default()
        };
        let read_at = self.clock.wall();
        for row in &rows {
            let id = xxh3_128(row.place.key.join("\u{0}").as_bytes());
            if self.known.get(&id) == Some(&row.by) {
                continue;
            }
            let position = format!("{}, transaction {}", self.name, row.by);
            match self.shape.record(&row.row) {
                Ok((key, value)) => batch.records.push(Record {
                    key,
                    value,
                    position,
                    read_at,
                }),
                Err(NoRecord { reason, detail }) => {
                    let letter = self
                        .shape
                        .letter(position, (reason, &detail), &row.row, read_at);
                    batch.letters.push(letter);
                }
            }
            if row.by >= oldest && !sabotage::is(Mistake::IngestRowNotNoted) {
                self.known.insert(id, row.by);
                batch.notes.push(Note {
                    key: format!("{PREFIX}{id:032x}"),
                    value: Some(row.by.to_string()),
                });
            }
        }
        if self.known.len() > MOST {
            return Err(Trouble::Broken(format!(
                "a transaction has been running for so long (since {oldest}) that more than {MOST} rows came after it: end it (pg_stat_activity, \
                 pg_prepared_xacts), and begin again"
            )));
        }
        if let (Some(pass), Some(last)) = (&mut self.at.pass, rows.last()) {
            pass.behind = Some(last.place.clone());
        }
        if batch.records.is_empty() && batch.letters.is_empty() {
            // Seen before, all of it: nothing is worth a transaction.
            return Ok(Polled::Idle(Duration::ZERO));
        }
        self.has_written = true;
        batch.cursor = json!(self.at);
        Ok(Polled::Batch(Box::new(batch)))
    }

    /// The pass has come to its end.
    fn end(&mut self) -> Polled {
        let Some(pass) = self.at.pass.take() else {
            return Polled::Ended(self.every);
        };
        self.is_open = false;
        let is_resumed = std::mem::take(&mut self.is_resumed);
        let is_first = self.at.horizon == 0;
        self.at.horizon = self.at.horizon.max(pass.oldest);
        // Where nothing was written the old horizon may stand: from there on the same rows are known.
        if !std::mem::take(&mut self.has_written) && !is_first {
            return match is_resumed {
                true => Polled::Idle(Duration::ZERO),
                false => Polled::Ended(self.every),
            };
        }
        let gone = self.known.iter().filter(|(_, by)| **by < pass.oldest);
        let gone: Vec<u128> = gone.map(|(id, _)| *id).take(AT_ONCE).collect();
        let forgotten = |id: &u128| Note {
            key: format!("{PREFIX}{id:032x}"),
            value: None,
        };
        let notes = gone.iter().map(forgotten).collect();
        for id in &gone {
            self.known.remove(id);
        }
        self.at_end = !is_resumed || sabotage::is(Mistake::IngestBrokenPassEnds);
        Polled::Batch(Box::new(Batch {
            notes,
            cursor: json!(self.at),
            ..Batch::default()
        }))
    }
}

impl<R: Read> Feed for TableFeed<R> {
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        let none = |what: &str| Trouble::Broken(format!("{what} holds what is none of ours"));
        self.at = match cursor {
            Value::Null => At::default(),
            cursor => serde_json::from_value(cursor.clone()).map_err(|_| none("the cursor"))?,
        };
        self.known.clear();
        for (key, by) in notes {
            let id = key.strip_prefix(PREFIX);
            let id = id.and_then(|id| u128::from_str_radix(id, 16).ok());
            let (Some(id), Ok(by)) = (id, by.parse()) else {
                return Err(none(&format!("the ledger, at {key},")));
            };
            self.known.insert(id, by);
        }
        (self.is_open, self.at_end) = (false, false);
        // Somebody has written in a pass that goes on.
        self.has_written = self.at.pass.is_some();
        self.is_resumed = self.has_written;
        Ok(())
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        if std::mem::take(&mut self.at_end) {
            return Ok(Polled::Ended(self.every));
        }
        if !self.is_open {
            self.begin()?;
        }
        let rows = self.read.next()?;
        match rows.is_empty() {
            true => Ok(self.end()),
            false => self.batch(rows),
        }
    }

    fn committed(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}
