//! What is read again and again, each time from some way before what was read on.
//!
//! ```text
//! pass n:    since ───────── rows ─────────── greatest
//! pass n+1:                      since' ├─ window ──┤            what comes again is told apart by its key
//! ```
//!
//! The form for what has no transactions that could be asked for a row: a query, and a table of MySQL or MariaDB. Of a query the window is
//! the overlap alone, and a row that is committed with a cursor from before it is lost. Of a table it begins, besides, before
//! everything that runs (`marks`).
//!
//! 1. The moment moves at the end of a pass alone, and never goes back.
//! 2. What is known of a row is in the transaction that wrote it; what no later pass can bring is forgotten.
//! 3. A pass that goes on after a break keeps the window of the next one that it began with: what it did not see that one does.
//! 4. Another database, or one that was put back, is broken, and never silence.

mod marks;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};

use self::marks::Marks;
use crate::batch::{Batch, Record};
use crate::feed::{Feed, Polled, Trouble};
use crate::postgres::sql::{Found, Place};
use crate::row::Shape;
use crate::seen::Seen;

pub use self::marks::Looked;

/// From where on a pass reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct From {
    /// Rows whose first column of the cursor is before this one, less the overlap, are not read: as the database writes it, and as a
    /// number. Of a table the number is all, and the overlap is taken from it.
    pub since: Option<(String, i64)>,
    /// Rows up to this place were read.
    pub behind: Option<Place>,
}

/// How a table stands where a pass begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// Which database it is.
    pub database: String,
    /// A number that only grows in it; none where that could not be asked.
    pub counter: Option<u64>,
    /// What was there before the pass.
    pub looked: Looked,
    /// How far before what it was told a pass must begin, in ms or in numbers.
    pub overlap: i64,
}

/// Reads a pass. The connection is kept from one to the next.
pub trait Read: Send {
    /// Opens a pass in a transaction of its own; how the table stands, nothing of a query. What was open is let go.
    ///
    /// # Errors
    /// No connection, or something that cannot be read so.
    fn begin(&mut self, from: &From) -> Result<Option<Stood>, Trouble>;

    /// The next rows of it; none: that was all.
    ///
    /// # Errors
    /// The connection is lost: the pass is over.
    fn next(&mut self) -> Result<Vec<Found>, Trouble>;

    /// How far a query goes back, where that is known only once its columns are.
    fn overlap(&self) -> Option<i64> {
        None
    }
}

/// How long it is waited at first before it is said what for, and between two looks.
const PATIENCE: i64 = 5_000;
const LOOK: Duration = Duration::from_millis(250);

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct At {
    /// The greatest first column of the cursor of the passes before: as the database writes it, and as a number.
    greatest: Option<(String, i64)>,
    /// The same of this pass.
    found: Option<(String, i64)>,
    behind: Option<Place>,
    /// What is of tables alone.
    #[serde(default)]
    table: Table,
}

/// How far a table is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Table {
    database: Option<String>,
    counter: Option<u64>,
    marks: Marks,
    /// From where on this pass reads; none: all.
    since: Option<i64>,
    /// From where on the next one will, while this one goes on.
    next: Option<i64>,
}

/// A query or a table as a source.
pub struct WindowFeed<R> {
    read: R,
    /// The source or the table, for positions.
    name: String,
    shape: Shape,
    /// Of a query: how far before the greatest cursor it begins, in ms or in numbers.
    overlap: i64,
    every: Duration,
    clock: Clock,
    at: At,
    seen: Seen,
    /// It is a table.
    is_table: bool,
    /// When the first look was, by the database.
    first_look: Option<i64>,
    is_open: bool,
    /// This pass was begun by somebody who is gone: what came since then before its place it does not see.
    is_resumed: bool,
    /// A pass has ended: what no later one can bring is being forgotten.
    is_forgetting: bool,
    at_end: bool,
}

impl<R: Read> WindowFeed<R> {
    /// Nothing is asked yet.
    pub fn new(
        read: R,
        name: String,
        shape: Shape,
        (overlap, every): (i64, Duration),
        clock: Clock,
    ) -> Self {
        WindowFeed {
            read,
            name,
            shape,
            overlap,
            every,
            clock,
            at: At::default(),
            seen: Seen::default(),
            is_table: false,
            first_look: None,
            is_open: false,
            is_resumed: false,
            is_forgetting: false,
            at_end: false,
        }
    }

    /// Opens a pass, or goes on with one; whether it is open.
    fn begin(&mut self) -> Result<bool, Trouble> {
        let of_table = self.at.table.since.map(|since| (String::new(), since));
        let since = of_table.or_else(|| self.at.greatest.clone());
        let behind = self.at.behind.clone();
        let stood = self.read.begin(&From { since, behind })?;
        self.is_table = stood.is_some();
        self.overlap = self.read.overlap().unwrap_or(self.overlap);
        if let Some(stood) = stood {
            self.same(&stood)?;
            self.overlap = stood.overlap;
            let looked = match sabotage::is(Mistake::IngestRunningNotAsked) {
                true => Looked {
                    oldest: Some(stood.looked.at),
                    ..stood.looked
                },
                false => stood.looked,
            };
            let next = self.at.table.marks.since(&looked);
            let next = next.map(|next| next.saturating_sub(stood.overlap));
            let is_kept = self.at.behind.is_some() && !sabotage::is(Mistake::IngestWindowOfLater);
            if !(is_kept && self.at.table.next.is_some()) {
                self.at.table.next = next.or(self.at.table.since);
            }
            if self.at.table.next.is_none() {
                return self.waited(&looked);
            }
        }
        self.is_open = true;
        Ok(true)
    }

    /// It is the database that was read.
    fn same(&mut self, stood: &Stood) -> Result<(), Trouble> {
        let table = &mut self.at.table;
        let is_another = table
            .database
            .as_ref()
            .is_some_and(|of| *of != stood.database);
        let is_behind = matches!((table.counter, stood.counter), (Some(was), Some(is)) if is < was);
        if (is_another || is_behind) && !sabotage::is(Mistake::IngestOtherDatabase) {
            let number = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
            return Err(Trouble::Broken(format!(
                "this is not the database that was read ({} up to transaction {}; it is {} at {}): it was restored, or another server has taken \
                 over. What is in the topic stays; to read the table anew, give the source another name",
                table.database.as_deref().unwrap_or("unknown"),
                number(table.counter),
                stood.database,
                number(stood.counter),
            )));
        }
        table.database = Some(stood.database.clone());
        table.counter = stood.counter.or(table.counter);
        Ok(())
    }

    /// Before the first pass: what ran at the first look must have ended, since nothing is known of what it has taken.
    fn waited(&mut self, looked: &Looked) -> Result<bool, Trouble> {
        let first = *self.first_look.get_or_insert(looked.at);
        let waits = looked.at.saturating_sub(first);
        if waits < PATIENCE {
            return Ok(false);
        }
        let ran = looked
            .oldest
            .map_or(0, |oldest| looked.at.saturating_sub(oldest))
            / 1_000;
        Err(Trouble::later(format!(
            "before the first pass it is waited for what was being written when it was first looked ({}s ago): the oldest transaction or \
             statement has run for {ran}s (information_schema.innodb_trx, information_schema.processlist)",
            waits / 1_000
        )))
    }

    /// Whether a row can come again, in this pass or in a later one, and so has to be noted.
    fn comes_again(&self, row: &Found) -> bool {
        if row.place.key.is_empty() || row.place.cursor.is_none() {
            return true;
        }
        match (row.measure, self.at.table.next) {
            (Some(measure), Some(next)) => measure >= next,
            _ => true,
        }
    }

    fn batch(&mut self, rows: Vec<Found>) -> Result<Polled, Trouble> {
        let read_at = self.clock.wall();
        let mut batch = Batch {
            is_snapshot: match self.is_table {
                true => self.at.table.since.is_none(),
                false => self.at.greatest.is_none(),
            },
            ..Batch::default()
        };
        for row in &rows {
            let cursor = row.place.cursor.as_ref().and_then(|cursor| cursor.first());
            if let (Some(text), Some(measure)) = (cursor, row.measure)
                && self
                    .at
                    .found
                    .as_ref()
                    .is_none_or(|(_, greatest)| measure > *greatest)
            {
                self.at.found = Some((text.clone(), measure));
            }
            let made = self.shape.record(&row.row);
            let primary = row.place.key.join("\u{0}");
            let (id, hashed) = match &made {
                Ok((_, value)) if !row.place.key.is_empty() => (primary.as_bytes(), &value[..]),
                Ok((Some(key), value)) => (&key[..], &value[..]),
                Ok((None, value)) => (&value[..], &value[..]),
                Err(_) => (&row.row[..], &row.row[..]),
            };
            if self.comes_again(row) {
                let Some(note) = self.seen.note(id, hashed, row.measure)? else {
                    batch.duplicates += 1;
                    continue;
                };
                batch.notes.push(note);
            } else if self.seen.has(id, hashed) {
                batch.duplicates += 1;
                continue;
            }
            let position = format!("{}, {}", self.name, cursor.map_or("", String::as_str));
            match made {
                Ok((key, value)) => batch.records.push(Record {
                    key,
                    value,
                    position,
                    read_at,
                }),
                Err(no) => {
                    let why = (no.reason, no.detail.as_str());
                    let letter = self.shape.letter(position, why, &row.row, read_at);
                    batch.letters.push(letter);
                }
            }
        }
        if let Some(last) = rows.last() {
            self.at.behind = Some(last.place.clone());
        }
        if batch.records.is_empty() && batch.letters.is_empty() {
            return Ok(Polled::Idle(Duration::ZERO));
        }
        batch.cursor = json!(self.at);
        Ok(Polled::Batch(Box::new(batch)))
    }

    /// The first of what a later pass can bring.
    fn since(&self) -> Option<i64> {
        match self.is_table {
            true => self.at.table.since,
            false => {
                let greatest = self.at.greatest.as_ref();
                greatest.map(|(_, greatest)| greatest.saturating_sub(self.overlap))
            }
        }
    }

    /// The pass has come to its end; what is worth a transaction of that.
    fn end(&mut self) -> Polled {
        self.is_open = false;
        let is_resumed = std::mem::take(&mut self.is_resumed);
        let before = (self.at.greatest.clone(), self.at.table.since);
        let found = self.at.found.take();
        let is_further =
            |(_, now): &(String, i64)| before.0.as_ref().is_none_or(|(_, was)| now > was);
        if let Some(found) = found.filter(is_further) {
            self.at.greatest = Some(found);
        }
        let next = self.at.table.next.take();
        self.at.table.since = next.max(self.at.table.since);
        let was_behind = self.at.behind.take().is_some();
        self.seen.pass_ended();
        let notes = self.seen.forgotten(self.since());
        let is_as_before = (&self.at.greatest, self.at.table.since) == (&before.0, before.1);
        if notes.is_empty() && (is_as_before || !was_behind) {
            return match is_resumed {
                true => Polled::Idle(Duration::ZERO),
                false => Polled::Ended(self.every),
            };
        }
        self.is_forgetting = true;
        self.at_end = !is_resumed;
        self.written(notes)
    }

    fn written(&self, notes: Vec<crate::batch::Note>) -> Polled {
        Polled::Batch(Box::new(Batch {
            notes,
            cursor: json!(self.at),
            ..Batch::default()
        }))
    }
}

impl<R: Read> Feed for WindowFeed<R> {
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        // What was seen before the first pass stays true; all else is as the log has it.
        let marks = self.first_look.map(|_| self.at.table.marks.clone());
        self.at = match cursor {
            Value::Null => At::default(),
            cursor => serde_json::from_value(cursor.clone())
                .map_err(|_| Trouble::Broken("the cursor holds what is none of ours".to_owned()))?,
        };
        if let (Some(marks), None) = (marks, &self.at.table.database) {
            self.at.table.marks = marks;
        }
        self.seen.read(notes)?;
        self.is_resumed = self.at.behind.is_some();
        (self.is_open, self.is_forgetting, self.at_end) = (false, false, false);
        Ok(())
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        if self.is_forgetting {
            let notes = self.seen.forgotten(self.since());
            if !notes.is_empty() {
                return Ok(self.written(notes));
            }
            self.is_forgetting = false;
        }
        if std::mem::take(&mut self.at_end) {
            return Ok(Polled::Ended(self.every));
        }
        if !self.is_open && !self.begin()? {
            return Ok(Polled::Idle(LOOK));
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
