//! The log, as it goes on: transactions in the order of their commits, each change once.
//!
//! 1. What was written is passed over by its place: the last transaction that is whole, and of the one that it is within, so many changes.
//! 2. The first transaction that comes is the last one that was written. If it is not, the log is another one, and broken.
//! 3. While nothing of the table comes, the cursor is moved on with the log.

use std::collections::BTreeMap;
use std::time::Duration;

use standings_model::sabotage::{self, Mistake};

use super::at::{Last, Reached, Within};
use super::bytes::Bytes;
use super::event::{Done, Gtid, Map, Message, Raw, Rows, decode};
use super::image;
use super::known::Known;
use super::server::{Server, Stood};
use super::source::Of;
use super::statement::{Does, does};
use super::{ANEW, ChangesFeed, Stage, another, reached_of};
use crate::batch::Batch;
use crate::changes::{Change, From};
use crate::feed::{Polled, Trouble};
use crate::mysql::value::Datum;

/// Bytes of a batch.
const MANY: usize = 8 << 20;
/// How long nothing is looked for where nothing comes.
const IDLE: Duration = Duration::from_millis(500);

/// A transaction that has begun.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    pub(super) gtid: Gtid,
    at: u32,
    pub(super) is_alone: bool,
    pub(super) is_prepared: bool,
    /// The changes of it that came.
    changes: u64,
    /// Those of them that are passed over; all where there is no number.
    skip: Option<u64>,
}

/// The log that is read.
pub(super) struct Flow {
    begun: Option<Begun>,
    tables: Tables,
    file: String,
    /// What must come first.
    expected: Option<Last>,
    within: Option<Within>,
    /// How far the log was when it was begun with, and how far it came.
    target: Reached,
    came: Reached,
    /// The cursor has moved, and nobody wrote it.
    has_moved: bool,
}

/// The table's numbers in the log, with how its rows are read.
#[derive(Default)]
pub(super) struct Tables(BTreeMap<u64, (Map, Known)>);

impl Tables {
    /// A map comes: it is the table's, or another's.
    pub(super) fn mapped(
        &mut self,
        map: Map,
        names: &super::Names,
        collations: &BTreeMap<u32, String>,
    ) -> Result<Option<&Known>, Trouble> {
        self.0.remove(&map.id);
        let is_own = map.database == names.database && map.table == names.table;
        if !is_own {
            return Ok(None);
        }
        if map.columns.iter().any(|column| column.name.is_empty()) {
            return Err(Trouble::Broken(format!(
                "the log does not say what the columns of {} are called where this was written: binlog_row_metadata was not FULL. {ANEW}",
                names.quoted()
            )));
        }
        let known = Known::logged(&map, collations).map_err(Trouble::Broken)?;
        let id = map.id;
        self.0.insert(id, (map, known));
        Ok(self.0.get(&id).map(|(_, known)| known))
    }

    /// The rows of an event, if they are the table's: as they were, as they are.
    pub(super) fn rows(&self, rows: &Rows) -> Result<Option<(&Known, Vec<Pair>)>, Trouble> {
        let Some((map, known)) = self.0.get(&rows.table) else {
            return Ok(None);
        };
        if !rows.is_full {
            return Err(Trouble::Broken(format!(
                "a row of the log has not all columns: binlog_row_image was not FULL in the session that changed it. {ANEW}"
            )));
        }
        let odd = || {
            Trouble::Broken("a row of the log is written as this version does not know".to_owned())
        };
        if rows.columns != map.columns.len() {
            return Err(odd());
        }
        let mut bytes = Bytes(&rows.data);
        let mut all = Vec::new();
        while !bytes.0.is_empty() {
            let mut one = || image::row(&map.columns, &mut bytes).ok_or_else(odd);
            all.push(match rows.done {
                Done::Inserted => (None, Some(one()?)),
                Done::Deleted => (Some(one()?), None),
                Done::Updated => (Some(one()?), Some(one()?)),
            });
        }
        Ok(Some((known, all)))
    }
}

/// A row as it was, and as it is.
pub(super) type Pair = (Option<Vec<Datum>>, Option<Vec<Datum>>);

/// The name of a file of the log: behind it there may be what checks the event.
pub(super) fn file(name: &str) -> String {
    let Some((base, rest)) = name.split_once('.') else {
        return name.to_owned();
    };
    let digits: String = rest
        .chars()
        .take_while(char::is_ascii_digit)
        .take(6)
        .collect();
    format!("{base}.{digits}")
}

impl<S: Server> ChangesFeed<S> {
    /// Before there is a transaction to ask for again: the log is as it was where the snapshot was taken.
    pub(super) fn same(&mut self) -> Result<(), Trouble> {
        if self.at.last.is_some() || sabotage::is(Mistake::IngestLogNotCompared) {
            return Ok(());
        }
        let found = self.server.reached(&self.at.place)?;
        match Reached::read(&found) == Some(self.at.reached.clone()) {
            true => Ok(()),
            false => Err(Trouble::Broken(format!(
                "the log is not the one that the snapshot was taken with: at {} it is at {found:?}, and was at {}. It was begun anew (RESET \
                 MASTER), that file of it was purged, or this is another server. {ANEW}",
                self.at.place,
                self.at.reached.text()
            ))),
        }
    }

    /// Begins to read the log.
    pub(super) fn flowed(&mut self, stood: &Stood) -> Result<Polled, Trouble> {
        self.same()?;
        let is_compared = !sabotage::is(Mistake::IngestLogNotCompared);
        let expected = self.at.last.clone().filter(|_| is_compared);
        let behind = expected
            .as_ref()
            .map_or(&self.at.reached, |last| &last.before);
        self.server.stream(&behind.text())?;
        self.stage = Stage::Flow(Box::new(Flow {
            begun: None,
            tables: Tables::default(),
            file: String::new(),
            expected,
            within: self.at.within.clone(),
            target: reached_of(&stood.reached)?,
            came: self.at.reached.clone(),
            has_moved: false,
        }));
        Ok(Polled::Idle(Duration::ZERO))
    }

    /// What has come of it.
    pub(super) fn flow(&mut self) -> Result<Polled, Trouble> {
        let (mut batch, mut bytes) = (Batch::default(), 0);
        while batch.records.len() < self.reading.batch && bytes < MANY {
            let Some(raw) = self.said(Duration::ZERO)? else {
                break;
            };
            let before = batch.records.len();
            if let Err(trouble) = self.took(&raw, &mut batch) {
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
        let is_written = !batch.records.is_empty() || !batch.letters.is_empty();
        if !is_written && self.clock.since(self.beat) >= self.reading.heartbeat {
            self.beat = self.clock.now();
            self.judged()?;
            return self.beaten();
        }
        let Stage::Flow(flow) = &mut self.stage else {
            return Err(Trouble::later("the log is not open"));
        };
        if is_written {
            flow.has_moved = false;
            return Ok(self.batch(batch));
        }
        let is_there = flow.begun.is_none() && flow.came.has(&flow.target);
        Ok(match is_there {
            true => Polled::Ended(IDLE),
            false => Polled::Idle(IDLE),
        })
    }

    /// Moves on with a log that is quiet here.
    fn beaten(&mut self) -> Result<Polled, Trouble> {
        let Stage::Flow(flow) = &mut self.stage else {
            return Err(Trouble::later("the log is not open"));
        };
        match flow.begun.is_none() && std::mem::take(&mut flow.has_moved) {
            true => Ok(self.batch(Batch::default())),
            false => Ok(Polled::Idle(Duration::ZERO)),
        }
    }

    fn took(&mut self, raw: &Raw, batch: &mut Batch) -> Result<(), Trouble> {
        let message = decode(raw).map_err(|e| Trouble::Broken(e.to_string()))?;
        let Stage::Flow(flow) = &mut self.stage else {
            return Err(Trouble::later("the log is not open"));
        };
        match message {
            Message::Rotate(name) => flow.file = file(&name),
            Message::Begin {
                gtid,
                is_alone,
                is_prepared,
            } => {
                let skip = flow.begin(gtid, raw.at)?;
                let is_new = skip.is_some();
                flow.begun = Some(Begun {
                    gtid,
                    at: raw.at,
                    is_alone,
                    is_prepared,
                    changes: 0,
                    skip,
                });
                if is_new && sabotage::is(Mistake::IngestChangeAcknowledgedEarly) {
                    self.reached(gtid, raw.at);
                }
            }
            Message::Commit => self.ended()?,
            Message::Map(map) => self.mapped(map)?,
            Message::Rows(rows) => self.changed(raw, &rows, batch)?,
            Message::Query { database, text } => {
                self.stated(raw, (&database, &text), batch)?;
                let Stage::Flow(flow) = &self.stage else {
                    return Ok(());
                };
                if flow.begun.as_ref().is_some_and(|begun| begun.is_alone) {
                    self.ended()?;
                }
            }
            Message::Incident => {
                return Err(Trouble::Broken(format!(
                    "the server says that its log may have a hole (an incident). {ANEW}"
                )));
            }
            Message::Alive | Message::Aside => {}
        }
        Ok(())
    }

    /// A transaction is whole.
    fn ended(&mut self) -> Result<(), Trouble> {
        let Stage::Flow(flow) = &mut self.stage else {
            return Ok(());
        };
        let Some(begun) = flow.begun.take() else {
            return Ok(());
        };
        if begun.skip.is_some_and(|skip| begun.changes < skip) {
            return Err(another(begun.gtid));
        }
        flow.came.add(begun.gtid);
        if begun.skip.is_some() {
            flow.has_moved = true;
            self.reached(begun.gtid, begun.at);
        }
        Ok(())
    }

    /// All up to this transaction is written.
    fn reached(&mut self, gtid: Gtid, at: u32) {
        let before = self.at.reached.clone();
        self.at.reached.add(gtid);
        self.at.last = Some(Last { gtid, at, before });
        self.at.within = None;
    }

    /// The table's rows are written so from here on.
    fn mapped(&mut self, map: Map) -> Result<(), Trouble> {
        let Stage::Flow(flow) = &mut self.stage else {
            return Ok(());
        };
        let known = flow
            .tables
            .mapped(map, &self.names, &self.collations)?
            .cloned();
        let is_prepared = flow.begun.as_ref().is_some_and(|begun| begun.is_prepared);
        let Some(known) = known else {
            return Ok(());
        };
        if is_prepared {
            return Err(Trouble::Broken(format!(
                "a transaction of two phases (XA) has changed {}: what it changed is in the log before it is committed, and such are not read \
                 by this version. {ANEW}",
                self.names.quoted()
            )));
        }
        self.drifted(&known)?;
        Ok(())
    }

    /// A statement that is in the log as its text.
    fn stated(
        &mut self,
        raw: &Raw,
        (database, text): (&str, &str),
        batch: &mut Batch,
    ) -> Result<(), Trouble> {
        let own = (self.names.database.as_str(), self.names.table.as_str());
        let Stage::Flow(flow) = &self.stage else {
            return Ok(());
        };
        if flow.begun.as_ref().is_none_or(|begun| begun.skip.is_none()) {
            return Ok(());
        }
        let (shown, called): (String, _) = (text.chars().take(200).collect(), self.names.quoted());
        match does(text, database, own) {
            Does::Nothing => Ok(()),
            Does::Empties => self.change(raw, 0, batch, Change::Emptied),
            Does::Replaces => Err(Trouble::Broken(format!(
                "the table {called} is gone, is another one, or is called otherwise: {shown}. {ANEW}"
            ))),
            Does::Changes => Err(Trouble::Broken(format!(
                "a statement has changed {called}, and the log does not say which rows: {shown}. Sessions must have binlog_format = ROW, and \
                 partitions are not truncated, dropped or exchanged under a reader. {ANEW}"
            ))),
        }
    }

    /// Rows have changed.
    fn changed(&mut self, raw: &Raw, rows: &Rows, batch: &mut Batch) -> Result<(), Trouble> {
        let Stage::Flow(flow) = &self.stage else {
            return Ok(());
        };
        if flow.begun.as_ref().is_none_or(|begun| begun.skip.is_none()) {
            return Ok(());
        }
        let Some((known, pairs)) = flow.tables.rows(rows)? else {
            return Ok(());
        };
        let times = self.reading.times;
        let json = |row: &Vec<Datum>| known.json(row, times).map_err(Trouble::Broken);
        let mut all = Vec::with_capacity(pairs.len());
        for pair in &pairs {
            all.push(match pair {
                (None, Some(new)) => Change::Inserted(json(new)?),
                (Some(old), None) => Change::Deleted(json(old)?),
                (Some(old), Some(new)) => Change::Updated(json(old)?, json(new)?),
                (None, None) => continue,
            });
        }
        for (row, change) in all.into_iter().enumerate() {
            self.change(raw, row, batch, change)?;
        }
        Ok(())
    }

    /// A row has changed.
    fn change(
        &mut self,
        raw: &Raw,
        row: usize,
        batch: &mut Batch,
        change: Change,
    ) -> Result<(), Trouble> {
        let Stage::Flow(flow) = &mut self.stage else {
            return Ok(());
        };
        let Some(begun) = &mut flow.begun else {
            return Ok(());
        };
        begun.changes += 1;
        let skip = match sabotage::is(Mistake::IngestChangesNotCounted) {
            true => Some(0),
            false => begun.skip,
        };
        if skip.is_none_or(|skip| begun.changes <= skip) {
            return Ok(());
        }
        let of = Of {
            snapshot: "false",
            at: raw.at.into(),
            gtid: Some(begun.gtid),
            file: &flow.file,
            end: raw.end,
            row,
        };
        self.at.within = Some(Within {
            gtid: begun.gtid,
            at: Some(begun.at),
            changes: begun.changes,
        });
        let from = From {
            source: &of.source(&self.names),
            read_at: self.clock.wall(),
            position: &format!(
                "{} {} {}:{}",
                self.names.quoted(),
                begun.gtid,
                flow.file,
                raw.end
            ),
        };
        self.maker.push(batch, &change, from);
        Ok(())
    }
}

impl Flow {
    /// A transaction begins: how many of its changes are passed over; none: all.
    fn begin(&mut self, gtid: Gtid, at: u32) -> Result<Option<u64>, Trouble> {
        if let Some(expected) = self.expected.take() {
            return match (expected.gtid, expected.at) == (gtid, at) {
                true => Ok(None),
                false => Err(another(expected.gtid)),
            };
        }
        match self.within.take() {
            Some(within) if within.gtid == gtid && within.at.is_none_or(|was| was == at) => {
                Ok(Some(within.changes))
            }
            Some(within) => Err(another(within.gtid)),
            None => Ok(Some(0)),
        }
    }
}
