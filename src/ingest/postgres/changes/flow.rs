//! The log, as it goes on: transactions in the order of their commits, each change once.
//!
//! 1. What was written is passed over by its place: whole transactions before the cursor, and of the one that it is within, so many changes.
//! 2. The first transaction that comes is the last one that was written. If it is not, the log is another one, and broken.
//! 3. While nothing comes, the cursor is moved on with the log, in Kafka first: what is acknowledged is never ahead of it.

use std::time::Duration;

use standings_model::sabotage::{self, Mistake};

use super::at::{Last, Within};
use super::envelope::Of;
use super::known::{Known, whole};
use super::pgoutput::{Message, Relation, Tuple};
use super::server::{Said, Server, Stood};
use super::{ChangesFeed, Stage, early, judge, looking, shown};
use crate::batch::Batch;
use crate::changes::{Change, From};
use crate::feed::{Polled, Trouble};

/// Bytes of a batch.
const MANY: usize = 8 << 20;
/// How long nothing is looked for where nothing comes.
const IDLE: Duration = Duration::from_millis(500);

/// A transaction that has begun.
#[derive(Clone, Debug)]
struct Begun {
    last: Last,
    /// The changes of it that came.
    changes: u64,
    /// Those of them that are passed over; all where there is no number.
    skip: Option<u64>,
}

/// The log that is read.
#[derive(Debug)]
pub(super) struct Flow {
    begun: Option<Begun>,
    /// The table's number in the log.
    id: Option<u32>,
    /// What must come first.
    expected: Option<Last>,
    within: Option<Within>,
    /// Where the transaction before ended.
    previous: Option<u64>,
    /// Nothing before it is still to come.
    upto: u64,
    /// The end of the log when it was begun with.
    target: u64,
}

impl<S: Server> ChangesFeed<S> {
    /// Begins to read the log.
    pub(super) fn flowed(&mut self, stood: &Stood) -> Result<Polled, Trouble> {
        if stood.slot.is_none() && sabotage::is(Mistake::IngestSlotMadeAnew) {
            self.at.lsn = self.server.make(false)?;
            self.at.last = None;
        }
        self.server.stream(self.at.kept())?;
        let is_compared = !sabotage::is(Mistake::IngestLogNotCompared);
        self.stage = Stage::Flow(Box::new(Flow {
            begun: None,
            id: None,
            expected: self.at.last.clone().filter(|_| is_compared),
            within: self.at.within.clone(),
            previous: None,
            upto: self.at.lsn,
            target: stood.end,
        }));
        Ok(Polled::Idle(Duration::ZERO))
    }

    /// What has come of it.
    pub(super) fn flow(&mut self) -> Result<Polled, Trouble> {
        let (mut batch, mut bytes) = (Batch::default(), 0);
        while batch.records.len() < self.reading.batch && bytes < MANY {
            let Some(said) = self.said(Duration::ZERO)? else {
                break;
            };
            let before = batch.records.len();
            if let Err(trouble) = self.took(said, &mut batch) {
                if batch.records.is_empty() && batch.letters.is_empty() {
                    return Err(trouble);
                }
                // What came before it is written first.
                self.ahead = Some(Err(trouble));
                break;
            }
            let new = batch.records[before..].iter();
            bytes += new.map(|record| record.value.len()).sum::<usize>();
        }
        if !batch.records.is_empty() || !batch.letters.is_empty() {
            early(&mut self.server, &self.at);
            return Ok(self.batch(batch));
        }
        if self.clock.since(self.beat) >= self.reading.heartbeat {
            return self.beaten();
        }
        let Stage::Flow(flow) = &self.stage else {
            return Err(Trouble::later("the log is not open"));
        };
        let is_there = flow.begun.is_none() && flow.upto.max(self.at.lsn) >= flow.target;
        Ok(match is_there {
            true => Polled::Ended(IDLE),
            false => Polled::Idle(IDLE),
        })
    }

    /// Looks at the database, and moves on with a log that is quiet here.
    fn beaten(&mut self) -> Result<Polled, Trouble> {
        self.beat = self.clock.now();
        self.judged()?;
        let Stage::Flow(flow) = &self.stage else {
            return Err(Trouble::later("the log is not open"));
        };
        if flow.begun.is_some() || flow.upto <= self.at.lsn {
            return Ok(Polled::Idle(Duration::ZERO));
        }
        self.at.lsn = flow.upto;
        self.at.last = None;
        Ok(self.batch(Batch::default()))
    }

    fn took(&mut self, said: Said, batch: &mut Batch) -> Result<(), Trouble> {
        let Stage::Flow(flow) = &mut self.stage else {
            return Err(Trouble::later("the log is not open"));
        };
        let (at, message) = match said {
            Said::Alive { end } => {
                if flow.begun.is_none() {
                    flow.upto = flow.upto.max(end);
                }
                return Ok(());
            }
            Said::Log { at, message } => (at, message),
        };
        match message {
            Message::Begin { lsn, at, xid } => {
                let skip = flow.begin(Last { lsn, xid, at }, self.at.lsn)?;
                flow.begun = Some(Begun {
                    last: Last { lsn, xid, at },
                    changes: 0,
                    skip,
                });
            }
            Message::Commit { end } => self.ended(end)?,
            Message::Relation(relation) => self.related(&relation)?,
            Message::Insert { of, new } => self.changed(of, at, batch, |known, _| {
                Ok(Change::Inserted(known.json(&new)))
            })?,
            Message::Update { of, old, new } => self.changed(of, at, batch, |known, wanted| {
                let old = wanted(old)?;
                let new = whole(new, &old);
                Ok(Change::Updated(known.json(&old), known.json(&new)))
            })?,
            Message::Delete { of, old } => {
                self.changed(of, at, batch, |known, wanted| {
                    Ok(Change::Deleted(known.json(&wanted(old)?)))
                })?;
            }
            Message::Truncate { of } => {
                let ours = flow.id.filter(|id| of.contains(id));
                if let Some(id) = ours {
                    self.changed(id, at, batch, |_, _| Ok(Change::Emptied))?;
                }
            }
            Message::Aside => {}
        }
        Ok(())
    }

    /// A transaction is whole.
    fn ended(&mut self, end: u64) -> Result<(), Trouble> {
        let Stage::Flow(flow) = &mut self.stage else {
            return Ok(());
        };
        let Some(begun) = flow.begun.take() else {
            return Ok(());
        };
        if begun.skip.is_some_and(|skip| begun.changes < skip) {
            return Err(another(begun.last.lsn));
        }
        flow.previous = Some(end);
        flow.upto = flow.upto.max(end);
        if begun.skip.is_some() {
            self.at.lsn = end;
            self.at.last = Some(begun.last);
            self.at.within = None;
        }
        Ok(())
    }

    /// The table is as the log says now.
    fn related(&mut self, relation: &Relation) -> Result<(), Trouble> {
        let Stage::Flow(flow) = &mut self.stage else {
            return Ok(());
        };
        let is_ours = relation.schema == self.names.schema && relation.name == self.names.table;
        if flow.id == Some(relation.id) && !is_ours {
            return Err(Trouble::Broken(format!(
                "the table {} is called {}.{} now: name it so, and say --adopt {}",
                self.names.quoted(),
                relation.schema,
                relation.name,
                self.names.source
            )));
        }
        if !is_ours {
            return Ok(());
        }
        flow.id = Some(relation.id);
        let more = looking::missing(&mut self.server, relation, &self.types)?;
        self.types.extend(more);
        let known = Known::new(&relation.columns, &self.types, self.reading.is_iso);
        let key = self.table.as_ref().map_or(&[][..], |table| &table.key);
        self.drifted(&known, key)?;
        self.known = known;
        Ok(())
    }

    /// A row of the table has changed.
    fn changed(
        &mut self,
        of: u32,
        at: u64,
        batch: &mut Batch,
        change: impl FnOnce(
            &Known,
            &dyn Fn(Option<Tuple>) -> Result<Tuple, Trouble>,
        ) -> Result<Change, Trouble>,
    ) -> Result<(), Trouble> {
        let Stage::Flow(flow) = &mut self.stage else {
            return Ok(());
        };
        let (Some(begun), true) = (&mut flow.begun, flow.id == Some(of)) else {
            return Ok(());
        };
        begun.changes += 1;
        let Some(skip) = begun.skip else {
            return Ok(());
        };
        if begun.changes <= skip {
            let last = flow.within.as_ref().map(|within| within.last);
            return match begun.changes == skip && last != Some(at) {
                true => Err(another(begun.last.lsn)),
                false => Ok(()),
            };
        }
        let called = self.names.quoted();
        let wanted = |old: Option<Tuple>| {
            old.ok_or_else(|| {
                let statement = judge::not_full(std::slice::from_ref(&called));
                Trouble::Broken(format!(
                    "{statement} (of a table with partitions: of each). What was changed before cannot be told any more (at {}): give the \
                     source another name",
                    shown(at)
                ))
            })
        };
        let change = change(&self.known, &wanted)?;
        let of = Of {
            snapshot: "false",
            at: begun.last.at,
            xid: Some(begun.last.xid),
            lsn: at,
            previous: flow.previous,
        };
        self.at.within = Some(Within {
            lsn: begun.last.lsn,
            changes: begun.changes,
            last: at,
        });
        let position = format!("{called} {}", shown(at));
        let from = From {
            source: &self.origin.source(&of),
            read_at: self.clock.wall(),
            position: &position,
        };
        self.maker.push(batch, &change, from);
        Ok(())
    }
}

impl Flow {
    /// A transaction begins: how many of its changes are passed over; none: all.
    fn begin(&mut self, last: Last, written: u64) -> Result<Option<u64>, Trouble> {
        if let Some(expected) = self.expected.take_if(|expected| last.lsn >= expected.lsn)
            && expected != last
        {
            return Err(another(expected.lsn));
        }
        // What was committed before that is written.
        if last.lsn < written {
            return Ok(None);
        }
        match self.within.as_ref() {
            Some(within) if last.lsn == within.lsn => {
                match sabotage::is(Mistake::IngestChangesNotCounted) {
                    true => Ok(Some(0)),
                    false => Ok(Some(within.changes)),
                }
            }
            Some(within) if last.lsn > within.lsn => {
                let missing = within.lsn;
                // Once that one is over, nothing of it is expected any more.
                match self.previous.is_some_and(|end| end > missing) {
                    true => Ok(Some(0)),
                    false => Err(another(missing)),
                }
            }
            _ => Ok(Some(0)),
        }
    }
}

fn another(lsn: u64) -> Trouble {
    Trouble::Broken(format!(
        "the log is not the one that was read: the transaction that was committed at {} is not in it as it was. The database was put back, or \
         is another one. What is in the topic stays; to read the table anew, give the source another name",
        shown(lsn)
    ))
}
