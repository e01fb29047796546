//! A table of Postgres by its log: what was there when it began, then every change, in the order in which transactions were committed.
//!
//! ```text
//! New ──► Making ──► the slot, and a snapshot of its beginning ──► Snapshot ──► rows, in the order of event time ──► Streaming
//!                                                                   │  ▲                                                │ ▲
//!                                              broken off: as it was, by undoing what the log has since        changes ─┘ └─ judged
//!                                                                                                                 each `heartbeat`
//! ```
//!
//! 1. What the cursor says is written in the transaction of the records: the place in the log, and within a transaction how many of its changes.
//! 2. Acknowledged is what is committed in Kafka, less the last transaction. That one is asked for again: it says that the log is the same.
//! 3. A slot is made after the cursor says that it will be, so one that is there is ours or somebody else's, and which is known.
//! 4. A snapshot is of the slot's beginning, whatever breaks it off: nothing of it is written twice, and nothing is left out (`looking`).
//! 5. What cannot go on is broken and says what to do (`judge`); a table that is quiet moves its slot on all the same.
//!
//! The envelope is Debezium's (`envelope`); `docs/decisions/0037` says why the snapshot is taken up again by undoing.

mod at;
mod envelope;
mod flow;
mod found;
mod judge;
pub mod kind;
mod known;
mod looking;
pub mod pgoutput;
mod select;
pub mod server;
mod times;
mod value;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};

use self::at::{At, Phase};
use self::envelope::Origin;
use self::flow::Flow;
use self::found::Pass;
use self::kind::Types;
use self::known::Known;
use self::looking::Looking;
use self::server::{Said, Server, Stood, Table};
use super::sql::quoted;
use crate::batch::Batch;
use crate::changes::{Maker, mapped};
use crate::feed::{Feed, Polled, Trouble};
use crate::row::Shape;

/// What is called how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The source.
    pub source: String,
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The replication slot.
    pub slot: String,
    /// The publication.
    pub publication: String,
}

impl Names {
    /// The table, as a statement has it.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.table))
    }
}

/// How it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The column that a snapshot is ordered by; the primary key alone where there is none.
    pub event_time: Option<String>,
    /// How often a quiet log is moved on, and the database looked at.
    pub heartbeat: Duration,
    /// A record without a value follows each row that is gone.
    pub tombstones: bool,
    /// Dates and times without a zone are texts, and not numbers.
    pub is_iso: bool,
    /// Records of one transaction of Kafka's, about.
    pub batch: usize,
}

/// A place in the log, as Postgres writes it.
pub(super) fn shown(lsn: u64) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff)
}

/// What is open.
enum Stage {
    Closed,
    Looking(Box<Looking>),
    Found(Pass),
    Flow(Box<Flow>),
}

/// A table's changes as a source.
pub struct ChangesFeed<S> {
    server: S,
    names: Names,
    reading: Reading,
    origin: Origin,
    maker: Maker,
    clock: Clock,
    at: At,
    stage: Stage,
    table: Option<Table>,
    known: Known,
    types: Types,
    /// The key was not configured: it is the primary key.
    is_keyed_by_table: bool,
    /// What came while it was waited for.
    ahead: Option<Result<Said, Trouble>>,
    /// When the database was looked at.
    beat: Instant,
}

impl<S: Server> ChangesFeed<S> {
    /// Nothing is read yet.
    pub fn new(server: S, names: Names, reading: Reading, shape: Shape, clock: Clock) -> Self {
        ChangesFeed {
            server,
            origin: Origin {
                source: names.source.clone(),
                schema: names.schema.clone(),
                table: names.table.clone(),
                ..Origin::default()
            },
            maker: Maker {
                tombstones: reading.tombstones,
                shape: shape.clone(),
            },
            is_keyed_by_table: shape.key.is_empty(),
            names,
            reading,
            beat: clock.now(),
            clock,
            at: At::default(),
            stage: Stage::Closed,
            table: None,
            known: Known::default(),
            types: Types::new(),
            ahead: None,
        }
    }

    /// Looks at the database, and goes on where the cursor says.
    fn begin(&mut self) -> Result<Polled, Trouble> {
        let stood = self.judged()?;
        self.beat = self.clock.now();
        match self.at.phase {
            Phase::New => Ok(self.intended(&stood)),
            Phase::Making => self.made(&stood),
            Phase::Snapshot => self.looked(),
            Phase::Streaming => self.flowed(&stood),
        }
    }

    /// Looks at the database, and knows its table anew.
    fn judged(&mut self) -> Result<Stood, Trouble> {
        let stood = self.server.stood()?;
        let table = judge::judge(&self.at, &stood, &self.names)?;
        if self.is_keyed_by_table {
            let new = |name: &String| self.maker.shape.names.get(name).unwrap_or(name).clone();
            self.maker.shape.key = table.key.iter().map(new).collect();
        }
        self.origin.database.clone_from(&stood.called);
        self.types.extend(table.types.clone());
        let known = Known::new(&table.columns, &self.types, self.reading.is_iso);
        self.at.columns = self.drifted(&known, &table.key)?;
        // Where the log is read, it says by itself how rows are: the catalog is ahead of it.
        if !matches!(self.stage, Stage::Flow(_)) {
            self.known = known;
        }
        self.table = Some(table);
        Ok(stood)
    }

    /// The types of the columns that the configuration names.
    fn drifted(&self, known: &Known, key: &[String]) -> Result<BTreeMap<String, String>, Trouble> {
        let event_time = self.reading.event_time.as_deref();
        let mapped = mapped(&self.maker.shape, key, event_time);
        known
            .judge(&mapped, &self.at.columns)
            .map_err(|e| Trouble::Broken(e.to_string()))
    }

    /// Says what will be made.
    fn intended(&mut self, stood: &Stood) -> Polled {
        self.at.phase = Phase::Making;
        self.at.system.clone_from(&stood.system);
        self.at.timeline = stood.timeline;
        self.at.database = stood.database;
        self.at.table = self.table.as_ref().map_or(0, |table| table.id);
        self.batch(Batch {
            is_snapshot: true,
            ..Batch::default()
        })
    }

    /// Makes what is missing, and begins the snapshot.
    fn made(&mut self, stood: &Stood) -> Result<Polled, Trouble> {
        if stood.publication.is_none() {
            self.server.publish()?;
            // What was made is looked at as what was there.
            self.judged()?;
        }
        self.at.lsn = self.server.make(stood.slot.is_some())?;
        self.at.phase = Phase::Snapshot;
        self.selected(Default::default(), stood)
    }

    /// A batch with the cursor as it is now.
    fn batch(&self, batch: Batch) -> Polled {
        Polled::Batch(Box::new(Batch {
            cursor: json!(self.at),
            ..batch
        }))
    }

    /// The next of the log.
    fn said(&mut self, within: Duration) -> Result<Option<Said>, Trouble> {
        match self.ahead.take() {
            Some(said) => said.map(Some),
            None => self.server.next(within),
        }
    }
}

impl<S: Server> Feed for ChangesFeed<S> {
    fn open(&mut self, cursor: &Value, _notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        self.at = match cursor {
            Value::Null => At::default(),
            cursor => serde_json::from_value(cursor.clone())
                .map_err(|_| Trouble::Broken("the cursor holds what is none of ours".to_owned()))?,
        };
        self.stage = Stage::Closed;
        self.ahead = None;
        Ok(())
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        match &self.stage {
            Stage::Closed => self.begin(),
            Stage::Looking(_) => self.looking(),
            Stage::Found(_) => self.found(),
            Stage::Flow(_) => self.flow(),
        }
    }

    fn committed(&mut self) -> Result<(), Trouble> {
        if matches!(self.stage, Stage::Flow(_)) {
            self.server.acknowledge(self.at.kept());
        }
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> bool {
        if !matches!(self.stage, Stage::Flow(_)) {
            return false;
        }
        if self.ahead.is_none() {
            self.ahead = self.server.next(limit).transpose();
        }
        true
    }
}

/// What a mistake acknowledges.
fn early<S: Server>(server: &mut S, at: &At) {
    if sabotage::is(Mistake::IngestChangeAcknowledgedEarly) {
        server.acknowledge(at.lsn);
    }
}
