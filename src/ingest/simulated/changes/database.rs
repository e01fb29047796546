//! A database with a log: transactions that run beside each other, a slot that keeps the log for its reader, and what befalls both.

use std::collections::{BTreeMap, VecDeque};

use crate::postgres::changes::pgoutput::{Column, Datum, Message, Relation, Tuple};
use crate::postgres::changes::server::{Said, Seen};

/// The number of the only table.
pub(super) const TABLE: u32 = 16_384;

/// A row beside its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its event time; NULL of some.
    pub(super) at: Option<u64>,
    /// Another one after each change.
    pub(super) n: u64,
    /// Kept apart: the log has it only where it changes.
    pub(super) note: u64,
}

/// What a transaction has done.
#[derive(Clone, Debug)]
pub(super) enum Done {
    Insert(u64, Row),
    Update((u64, Row), (u64, Row)),
    Delete(u64, Row),
    Truncate,
}

/// A transaction that runs.
#[derive(Clone, Debug)]
struct Running {
    xid: u64,
    /// Its own view of the rows that it has locked.
    rows: BTreeMap<u64, Option<Row>>,
    done: Vec<(u64, Done)>,
}

/// One that is committed.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    pub(super) lsn: u64,
    end: u64,
    xid: u64,
    pub(super) done: Vec<(u64, Done)>,
    /// Which server committed it first.
    pub(super) server: u32,
    /// Rows that there are behind it.
    pub(super) rows: usize,
}

/// What a slot keeps.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) confirmed: u64,
    /// Records that a topic has in the end of what was there when it began.
    pub(super) found: usize,
    begins: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) system: &'static str,
    pub(super) timeline: u32,
    pub(super) end: u64,
    id: u64,
    n: u64,
    next: u64,
    running: Vec<Running>,
    pub(super) log: Vec<Committed>,
    /// So many transactions of the log's beginning are not kept.
    pub(super) purged: usize,
    /// Which server it is, of several that have the same.
    pub(super) server: u32,
    pub(super) rows: BTreeMap<u64, Row>,
    pub(super) slot: Option<Kept>,
    /// There is a publication: it stays when a slot goes.
    pub(super) is_published: bool,
}

impl Database {
    pub(super) fn new() -> Self {
        Database {
            system: "one",
            timeline: 1,
            end: 100,
            id: 0,
            n: 0,
            // The low half of a number wraps soon.
            next: (1 << 32) - 20,
            running: Vec::new(),
            log: Vec::new(),
            purged: 0,
            server: 1,
            rows: BTreeMap::new(),
            slot: None,
            is_published: false,
        }
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            next: self.next,
            running: self.running.iter().map(|running| running.xid).collect(),
        }
    }

    pub(super) fn begin_slot(&mut self) -> u64 {
        self.slot = Some(Kept {
            confirmed: self.end,
            found: self.rows.len(),
            begins: self.end,
        });
        self.end
    }

    /// Something happens.
    pub(super) fn step(&mut self, mut roll: impl FnMut(u64) -> u64) {
        match roll(8) {
            0 if self.running.len() < 4 => {
                self.running.push(Running {
                    xid: self.next,
                    rows: BTreeMap::new(),
                    done: Vec::new(),
                });
                self.next += 1;
            }
            1..=4 if !self.running.is_empty() => {
                let at = roll(self.running.len() as u64) as usize;
                // A few are larger than a batch.
                for _ in 0..if roll(12) == 0 { 9 } else { 1 } {
                    self.write(at, &mut roll);
                }
            }
            5 if !self.running.is_empty() => {
                let at = roll(self.running.len() as u64) as usize;
                self.commit(at);
            }
            6 if !self.running.is_empty() && roll(4) == 0 => {
                let at = roll(self.running.len() as u64) as usize;
                self.running.remove(at);
            }
            7 if roll(25) == 0 => self.truncate(),
            // Others write into the same log.
            7 => self.end += roll(5),
            _ => {}
        }
    }

    fn write(&mut self, at: usize, roll: &mut impl FnMut(u64) -> u64) {
        self.n += 1;
        let new = |note| Row {
            at: (!self.n.is_multiple_of(5)).then_some(self.n % 7),
            n: self.n,
            note,
        };
        let held = |id: &u64| self.running.iter().any(|other| other.rows.contains_key(id));
        let own = self.running[at].rows.iter();
        let own = own.filter_map(|(id, row)| Some((*id, row.clone()?)));
        let free = self.rows.iter().filter(|(id, _)| !held(id));
        let mut known: Vec<(u64, Row)> = free.map(|(id, row)| (*id, row.clone())).collect();
        known.extend(own);
        let what = if known.is_empty() { 0 } else { roll(8) };
        let done = match what {
            0..=2 => {
                self.id += 1;
                Done::Insert(self.id, new(self.n))
            }
            what => {
                let (id, row) = known.swap_remove(roll(known.len() as u64) as usize);
                match what {
                    3..=5 => {
                        let note = if roll(2) == 0 { row.note } else { self.n };
                        Done::Update((id, row), (id, new(note)))
                    }
                    6 => {
                        self.id += 1;
                        let note = row.note;
                        Done::Update((id, row), (self.id, new(note)))
                    }
                    _ => Done::Delete(id, row),
                }
            }
        };
        self.end += 1 + roll(2);
        let running = &mut self.running[at];
        match done.clone() {
            Done::Insert(id, row) => drop(running.rows.insert(id, Some(row))),
            Done::Update((old, _), (id, row)) => {
                running.rows.insert(old, None);
                running.rows.insert(id, Some(row));
            }
            Done::Delete(id, _) => drop(running.rows.insert(id, None)),
            Done::Truncate => {}
        }
        running.done.push((self.end, done));
    }

    pub(super) fn commit(&mut self, at: usize) {
        let running = self.running.remove(at);
        if running.done.is_empty() {
            return;
        }
        for (id, row) in running.rows {
            match row {
                Some(row) => drop(self.rows.insert(id, row)),
                None => drop(self.rows.remove(&id)),
            }
        }
        self.logged(running.xid, running.done);
    }

    fn logged(&mut self, xid: u64, done: Vec<(u64, Done)>) {
        let lsn = self.end + 1;
        self.end = lsn + 2;
        self.log.push(Committed {
            lsn,
            end: self.end,
            xid,
            done,
            server: self.server,
            rows: self.rows.len(),
        });
    }

    /// It locks the table: nobody else is in the midst of anything.
    fn truncate(&mut self) {
        if self.running.iter().all(|running| running.done.is_empty()) {
            self.rows.clear();
            self.end += 1;
            let (xid, at) = (self.next, self.end);
            self.next += 1;
            self.logged(xid, vec![(at, Done::Truncate)]);
        }
    }

    pub(super) fn all_commit(&mut self) {
        while !self.running.is_empty() {
            self.commit(0);
        }
    }

    /// A transaction of a new row.
    pub(super) fn one(&mut self) {
        let xid = self.next;
        self.next += 1;
        self.running.push(Running {
            xid,
            rows: BTreeMap::new(),
            done: Vec::new(),
        });
        let at = self.running.len() - 1;
        self.write(at, &mut |_| 0);
        self.commit(at);
    }

    /// The records that a topic has in the end: of the snapshot, at least and at most, and of the changes since.
    pub(super) fn records(&self) -> (std::ops::RangeInclusive<usize>, usize) {
        let Some(slot) = &self.slot else {
            return (0..=0, 0);
        };
        let since = self.log.iter().filter(|one| one.lsn >= slot.begins);
        records(slot.found, since)
    }

    /// The same, where what a reader begins with is what so many transactions left.
    pub(super) fn records_behind(
        &self,
        transactions: usize,
    ) -> (std::ops::RangeInclusive<usize>, usize) {
        let (first, since) = self.log.split_at(transactions.min(self.log.len()));
        records(first.last().map_or(0, |one| one.rows), since.iter())
    }

    /// The next transaction that is committed at or behind a place, as the log has it.
    pub(super) fn told(&self, from: u64, out: &mut VecDeque<Said>) -> Option<u64> {
        let one = self.log.iter().find(|one| one.lsn >= from)?;
        let mut say = |at: u64, message| out.push_back(Said::Log { at, message });
        say(
            one.lsn,
            Message::Begin {
                lsn: one.lsn,
                at: i64::try_from(one.lsn).unwrap_or_default(),
                // The low half, as the log has it.
                xid: one.xid as u32,
            },
        );
        say(0, Message::Relation(relation()));
        for (at, done) in &one.done {
            say(*at, message(done));
        }
        say(one.end, Message::Commit { end: one.end });
        Some(one.end)
    }
}

/// Of so many rows that were found, and of changes.
fn records<'a>(
    found: usize,
    since: impl Iterator<Item = &'a Committed>,
) -> (std::ops::RangeInclusive<usize>, usize) {
    let changes: Vec<&Done> = since
        .flat_map(|one| &one.done)
        .map(|(_, done)| done)
        .collect();
    let of = |done: &&Done| match done {
        Done::Update((old, _), (new, _)) if old != new => 2,
        _ => 1,
    };
    // What a snapshot that was broken off had not read when the table was emptied is gone.
    let is_emptied = changes.iter().any(|done| matches!(done, Done::Truncate));
    let least = if is_emptied { 0 } else { found };
    (least..=found, changes.iter().map(of).sum())
}

/// The columns of the table.
pub(super) fn columns() -> Vec<Column> {
    let column = |name: &str, kind| Column {
        name: name.to_owned(),
        kind,
        modifier: -1,
    };
    vec![
        column("id", 20),
        column("at", 20),
        column("n", 20),
        column("note", 25),
    ]
}

fn relation() -> Relation {
    Relation {
        id: TABLE,
        schema: "public".to_owned(),
        name: "t".to_owned(),
        is_full: true,
        columns: columns(),
    }
}

/// A row in the order of the columns.
pub(super) fn tuple(id: u64, row: &Row) -> Tuple {
    let text = |n: u64| Datum::Text(n.to_string());
    vec![
        text(id),
        row.at.map_or(Datum::Null, text),
        text(row.n),
        text(row.note),
    ]
}

fn message(done: &Done) -> Message {
    match done {
        Done::Insert(id, row) => Message::Insert {
            of: TABLE,
            new: tuple(*id, row),
        },
        Done::Update((old, before), (id, row)) => {
            let mut new = tuple(*id, row);
            if before.note == row.note {
                new[3] = Datum::Unchanged;
            }
            Message::Update {
                of: TABLE,
                old: Some(tuple(*old, before)),
                new,
            }
        }
        Done::Delete(id, row) => Message::Delete {
            of: TABLE,
            old: Some(tuple(*id, row)),
        },
        Done::Truncate => Message::Truncate { of: vec![TABLE] },
    }
}
