//! The snapshot: what was in the table where the slot begins.
//!
//! One row is held back, so that the last one is known for it: readers are told.

use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};
use standings_model::time::unix_ms;

use super::super::sql::Place;
use super::at::Phase;
use super::envelope::Of;
use super::pgoutput::{Datum, Tuple};
use super::server::{Select, Server, Stood, Touched};
use super::{ChangesFeed, Stage, shown};
use crate::batch::Batch;
use crate::changes::{Change, From};
use crate::feed::{Polled, Trouble};

/// Batches of the log that one of a snapshot has at most, and bytes of values.
const PAGES: usize = 4;
const MANY: usize = 8 << 20;

/// A snapshot that is read.
#[derive(Debug)]
pub(super) struct Pass {
    held: Option<Tuple>,
    /// When it was opened, µs since 1970.
    at: i64,
    /// The end of the log when it was opened.
    end: u64,
}

/// µs since 1970.
fn micros(clock: &Clock) -> i64 {
    unix_ms(clock.wall()).saturating_mul(1_000)
}

impl<S: Server> ChangesFeed<S> {
    /// Begins to read the snapshot that is open.
    pub(super) fn selected(&mut self, touched: Touched, stood: &Stood) -> Result<Polled, Trouble> {
        let Some(table) = &self.table else {
            return Err(Trouble::later("the table is not known"));
        };
        self.server.select(&Select {
            columns: table.columns.clone(),
            casts: table.casts.clone(),
            event_time: self.reading.event_time.clone(),
            key: table.key.clone(),
            behind: self.at.behind.clone(),
            touched,
        })?;
        self.stage = Stage::Found(Pass {
            held: None,
            at: micros(&self.clock),
            end: stood.end,
        });
        self.found()
    }

    /// The next rows of it.
    pub(super) fn found(&mut self) -> Result<Polled, Trouble> {
        // A transaction of Kafka's costs the same for many rows as for few.
        let (mut rows, mut bytes, mut is_end) = (Vec::new(), 0, false);
        while !is_end && rows.len() < self.reading.batch * PAGES && bytes < MANY {
            let page = self.server.rows()?;
            is_end = page.is_empty();
            bytes += page.iter().flatten().map(Datum::bytes).sum::<usize>();
            rows.extend(page);
        }
        let Stage::Found(pass) = &mut self.stage else {
            return Err(Trouble::later("no snapshot is open"));
        };
        let next = if is_end { None } else { rows.pop() };
        let held = std::mem::replace(&mut pass.held, next);
        rows.splice(..0, held);
        let (at, end) = (pass.at, pass.end);
        if rows.is_empty() && !is_end {
            return Ok(Polled::Idle(std::time::Duration::ZERO));
        }
        let mut batch = Batch {
            is_snapshot: true,
            ..Batch::default()
        };
        let (read_at, last) = (self.clock.wall(), rows.len());
        let position = format!("{} {}", self.names.quoted(), shown(self.at.lsn));
        for (n, row) in rows.iter().enumerate() {
            let snapshot = match (self.at.rows, is_end && n + 1 == last) {
                (_, true) => "last",
                (0, _) => "first",
                _ => "true",
            };
            let of = Of {
                snapshot,
                at,
                xid: None,
                lsn: self.at.lsn,
                previous: None,
            };
            let from = From {
                source: &self.origin.source(&of),
                read_at,
                position: &position,
            };
            let change = Change::Found(self.known.json(row));
            self.maker.push(&mut batch, &change, from);
            self.at.rows += 1;
        }
        if let Some(row) = rows.last() {
            self.at.behind = self.place(row);
        }
        if is_end {
            self.at.phase = Phase::Streaming;
            self.at.behind = None;
            if sabotage::is(Mistake::IngestSnapshotGap) {
                self.at.lsn = end;
            }
            self.stage = Stage::Closed;
        }
        Ok(self.batch(batch))
    }

    /// Where a row is in the order of the snapshot.
    fn place(&self, row: &Tuple) -> Option<Place> {
        let key = self.table.as_ref().map(|table| table.key.clone());
        let event_time: Vec<String> = self.reading.event_time.iter().cloned().collect();
        Some(Place {
            cursor: match event_time.is_empty() {
                true => None,
                false => self.known.texts(row, &event_time),
            },
            key: self.known.texts(row, &key?)?,
        })
    }
}
