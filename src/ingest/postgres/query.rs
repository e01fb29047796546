//! A query that is asked again and again, from some way before the greatest cursor that it gave on.
//!
//! ```text
//! pass n:    since ───────── rows ─────────── greatest
//! pass n+1:                      since' ├─ overlap ─┤            what comes again is told apart by its key
//! ```
//!
//! A query has no transactions to ask for. A row that is committed with a cursor that is further back than the overlap is lost: where that may
//! be, read the table ([`TableFeed`](super::TableFeed)).
//!
//! 1. The moment moves at the end of a pass alone, and never goes back.
//! 2. What is known of a row is in the transaction that wrote it; what no later pass can bring is forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use standings_model::clock::Clock;

use super::Read;
use super::sql::{Found, From, Place};
use crate::batch::{Batch, Record};
use crate::feed::{Feed, Polled, Trouble};
use crate::row::Shape;
use crate::seen::Seen;

/// How far the query is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct At {
    /// The greatest first column of the cursor of the passes before: as Postgres writes it, and as a number.
    greatest: Option<(String, i64)>,
    /// The same of this pass.
    found: Option<(String, i64)>,
    behind: Option<Place>,
}

/// A query as a source.
pub struct QueryFeed<R> {
    read: R,
    /// The source, for positions.
    name: String,
    shape: Shape,
    /// As of [`Relation::overlap`](super::sql::Relation::overlap).
    overlap: i64,
    every: Duration,
    clock: Clock,
    at: At,
    seen: Seen,
    is_open: bool,
    /// As of a table.
    is_resumed: bool,
    at_end: bool,
}

impl<R: Read> QueryFeed<R> {
    /// Nothing is asked yet.
    pub fn new(
        read: R,
        name: String,
        shape: Shape,
        (overlap, every): (i64, Duration),
        clock: Clock,
    ) -> Self {
        QueryFeed {
            read,
            name,
            shape,
            overlap,
            every,
            clock,
            at: At::default(),
            seen: Seen::default(),
            is_open: false,
            is_resumed: false,
            at_end: false,
        }
    }

    fn batch(&mut self, rows: Vec<Found>) -> Result<Polled, Trouble> {
        let read_at = self.clock.wall();
        let mut batch = Batch {
            is_snapshot: self.at.greatest.is_none(),
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
            let (id, hashed) = match &made {
                Ok((Some(key), value)) => (&key[..], &value[..]),
                Ok((None, value)) => (&value[..], &value[..]),
                Err(_) => (&row.row[..], &row.row[..]),
            };
            let Some(note) = self.seen.note(id, hashed, row.measure)? else {
                batch.duplicates += 1;
                continue;
            };
            batch.notes.push(note);
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
        if batch.notes.is_empty() {
            return Ok(Polled::Idle(Duration::ZERO));
        }
        batch.cursor = json!(self.at);
        Ok(Polled::Batch(Box::new(batch)))
    }

    /// The pass has come to its end; what is worth a transaction of that.
    fn end(&mut self) -> Polled {
        self.is_open = false;
        let is_resumed = std::mem::take(&mut self.is_resumed);
        let before = self.at.greatest.clone();
        let found = self.at.found.take();
        let is_further =
            |(_, now): &(String, i64)| before.as_ref().is_none_or(|(_, was)| now > was);
        if let Some(found) = found.filter(is_further) {
            self.at.greatest = Some(found);
        }
        let was_behind = self.at.behind.take().is_some();
        let greatest = self.at.greatest.as_ref();
        let since = greatest.map(|(_, greatest)| greatest.saturating_sub(self.overlap));
        let notes = self.seen.end_of_pass(since);
        if notes.is_empty() && (self.at.greatest == before || !was_behind) {
            return match is_resumed {
                true => Polled::Idle(Duration::ZERO),
                false => Polled::Ended(self.every),
            };
        }
        self.at_end = !is_resumed;
        Polled::Batch(Box::new(Batch {
            notes,
            cursor: json!(self.at),
            ..Batch::default()
        }))
    }
}

impl<R: Read> Feed for QueryFeed<R> {
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        self.at = match cursor {
            Value::Null => At::default(),
            cursor => serde_json::from_value(cursor.clone())
                .map_err(|_| Trouble::Broken("the cursor holds what is none of ours".to_owned()))?,
        };
        self.seen.read(notes)?;
        self.is_resumed = self.at.behind.is_some();
        (self.is_open, self.at_end) = (false, false);
        Ok(())
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        if std::mem::take(&mut self.at_end) {
            return Ok(Polled::Ended(self.every));
        }
        if !self.is_open {
            let since = self.at.greatest.as_ref().map(|(text, _)| text.clone());
            self.read.begin(&From {
                horizon: 0,
                since,
                behind: self.at.behind.clone(),
            })?;
            self.is_open = true;
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
