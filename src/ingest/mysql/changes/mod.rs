//! A table of MariaDB by its log: what was there when it began, then every change, in the order in which transactions were committed.
//!
//! ```text
//! New ──► a snapshot, and how far the log is in it ──► Snapshot ──► rows, in the order of event time ──► Streaming ──► changes
//!                                                      │  ▲
//!                                 broken off: as it was, by undoing what the log has since (`looking`)
//! ```
//!
//! 1. What the cursor says is written in the transaction of the records: the last number of each order (GTID), and within a transaction how
//!    many of its changes. So any server goes on that has the same numbers: a failover is none of our business.
//! 2. The last transaction is asked for again: it says that the log is the same. Numbers are given out anew after RESET MASTER. Before there is
//!    one, the place of the snapshot is asked how far the log is there.
//! 3. A snapshot is of its beginning, whatever breaks it off: nothing of it is written twice, and nothing is left out.
//! 4. The log says itself how its rows are to be read (`binlog_row_metadata = FULL`): a column that came later is not read into it.
//! 5. What cannot go on is broken and says what to do (`judge`).

mod at;
mod bytes;
mod characters;
pub mod event;
mod flow;
mod found;
mod image;
mod judge;
pub mod known;
mod looking;
mod select;
pub mod server;
mod source;
mod statement;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standings_model::clock::Clock;

use self::at::{At, Phase, Reached};
use self::event::{Gtid, Raw};
use self::flow::Flow;
use self::found::Pass;
use self::known::{Known, Times};
use self::looking::Looking;
use self::server::{Server, Stood, Table};
use crate::batch::Batch;
use crate::changes::Maker;
use crate::feed::{Feed, Polled, Trouble};
use crate::row::Shape;

/// What is called how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The source.
    pub source: String,
    /// The table's database.
    pub database: String,
    /// The table.
    pub table: String,
}

impl Names {
    /// The table, as a statement has it.
    pub fn quoted(&self) -> String {
        let (database, table) = (
            super::sql::quoted(&self.database),
            super::sql::quoted(&self.table),
        );
        format!("{database}.{table}")
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
    /// How dates and times are written.
    pub times: Times,
    /// Records of one transaction of Kafka's, about.
    pub batch: usize,
}

/// What is open.
enum Stage {
    Closed,
    Looking(Box<Looking>),
    Found(Box<Pass>),
    Flow(Box<Flow>),
}

/// A table's changes as a source.
pub struct ChangesFeed<S> {
    server: S,
    names: Names,
    reading: Reading,
    maker: Maker,
    clock: Clock,
    at: At,
    stage: Stage,
    table: Table,
    known: Known,
    collations: BTreeMap<u32, String>,
    /// The key was not configured: it is the primary key.
    is_keyed_by_table: bool,
    /// What came while it was waited for.
    ahead: Option<Result<Raw, Trouble>>,
    /// When the database was looked at.
    beat: Instant,
}

impl<S: Server> ChangesFeed<S> {
    /// Nothing is read yet.
    pub fn new(server: S, names: Names, reading: Reading, shape: Shape, clock: Clock) -> Self {
        ChangesFeed {
            server,
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
            table: Table::default(),
            known: Known::default(),
            collations: BTreeMap::new(),
            ahead: None,
        }
    }

    /// Looks at the database, and goes on where the cursor says.
    fn begin(&mut self) -> Result<Polled, Trouble> {
        let stood = self.judged()?;
        self.beat = self.clock.now();
        match self.at.phase {
            Phase::New => {
                let (reached, place) = self.server.look()?;
                self.at.place = place;
                self.at.reached = reached_of(&reached)?;
                self.at.phase = Phase::Snapshot;
                self.selected(Default::default())
            }
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
        self.collations.clone_from(&stood.collations);
        let known = Known::listed(&table.columns).map_err(Trouble::Broken)?;
        self.table = table;
        // Where the log is read, it says by itself how rows are: the catalog is ahead of it.
        if !matches!(self.stage, Stage::Flow(_)) {
            self.at.columns = self.drifted(&known)?;
            self.known = known;
        }
        Ok(stood)
    }

    /// The types of the columns that the configuration names.
    fn drifted(&self, known: &Known) -> Result<BTreeMap<String, String>, Trouble> {
        let event_time = self.reading.event_time.as_deref();
        let mapped = crate::changes::mapped(&self.maker.shape, &self.table.key, event_time);
        let judged = known.judge(&mapped, &self.at.columns);
        judged.map_err(|e| Trouble::Broken(e.to_string()))
    }

    /// A batch with the cursor as it is now.
    fn batch(&self, batch: Batch) -> Polled {
        Polled::Batch(Box::new(Batch {
            cursor: json!(self.at),
            ..batch
        }))
    }

    /// The next of the log.
    fn said(&mut self, within: Duration) -> Result<Option<Raw>, Trouble> {
        match self.ahead.take() {
            Some(said) => said.map(Some),
            None => self.server.next(within),
        }
    }
}

fn reached_of(text: &str) -> Result<Reached, Trouble> {
    Reached::read(text)
        .ok_or_else(|| Trouble::Broken(format!("the server says that its log is at {text:?}")))
}

/// The log is not the one that was read.
fn another(gtid: Gtid) -> Trouble {
    Trouble::Broken(format!(
        "the log is not the one that was read: the transaction {gtid} is not in it as it was. The database was put back, its log was begun anew \
         (RESET MASTER), or it is another one. {ANEW}"
    ))
}

/// What is lost can be read anew.
const ANEW: &str =
    "What is in the topic stays; to read the table anew, give the source another name";

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
