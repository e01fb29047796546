//! A log of MariaDB, in the bytes of its events: numbers of transactions, files that are purged, a log that is begun anew, a failover.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::super::log::{Dice, Shared};
use super::database::{Committed, Database, Done, Row};
use super::{Side, World};
use crate::feed::Trouble;
use crate::log::To;
use crate::mysql::changes::event::Raw;
use crate::mysql::changes::known::{Listed, Times};
use crate::mysql::changes::server::{Select, Server, Stood, Table};
use crate::mysql::changes::{ChangesFeed, Names, Reading};
use crate::mysql::value::{Datum, ZeroDates};
use crate::row::Shape;

pub(super) struct Mariadb;

impl Side for Mariadb {
    type Feed = ChangesFeed<Binlog>;
    const KIND: &'static str = "mysql-cdc";
    const EVENTS: u64 = 6;

    fn feed(world: &World<Self>) -> Self::Feed {
        let server = Binlog {
            database: world.database.clone(),
            dice: world.dice.clone(),
            calm: world.calm.clone(),
            snapshot: None,
            left: None,
            stream: None,
        };
        let text = |text: &str| text.to_owned();
        let names = Names {
            source: text("s"),
            database: text("shop"),
            table: text("t"),
        };
        let reading = Reading {
            event_time: Some(text("at")),
            heartbeat: Duration::from_secs(3),
            tombstones: false,
            times: Times {
                is_iso: false,
                zero_dates: ZeroDates::Null,
            },
            batch: 2,
        };
        ChangesFeed::new(
            server,
            names,
            reading,
            Shape::default(),
            world.clock.clone(),
        )
    }

    /// Where it began its first cursor says.
    fn records(world: &World<Self>) -> (std::ops::RangeInclusive<usize>, usize) {
        let brokers = world.brokers.0.borrow();
        let mut cursors = brokers.committed.iter().filter(|w| w.to == To::Cursors);
        let cursor = cursors.find_map(|w| {
            let all: serde_json::Value = serde_json::from_str(w.value.as_deref()?).ok()?;
            let cursor = all.get("cursor")?.clone();
            (!cursor.is_null()).then_some(cursor)
        });
        let reached = cursor.and_then(|c| c.pointer("/reached/0/sequence")?.as_u64());
        let database = world.database.0.borrow();
        database.records_behind(reached.unwrap_or(0) as usize)
    }

    fn befalls(world: &World<Self>, event: u64, put_back: &Database, _seed: u64) {
        let mut database = world.database.0.borrow_mut();
        let read = database.log.len();
        match event {
            // RESET MASTER: numbers begin anew, and come to where they were, or not yet.
            0 | 1 => {
                database.log.clear();
                let many = if event == 0 { read + 2 } else { read / 2 };
                for _ in 0..many {
                    database.one();
                }
            }
            // A file that nobody had read is not there any more.
            2 => {
                database.one();
                database.one();
                database.purged = read + 1;
            }
            // A server that lacks the last one, and has been written to since.
            3 => {
                *database = put_back.clone();
                database.server = 3;
                for _ in 0..3 {
                    database.one();
                }
            }
            // Put back, and at once, or only after it has grown beyond where it was.
            4 => *database = put_back.clone(),
            _ => {
                *database = put_back.clone();
                database.end += 3;
                for _ in 0..9 {
                    database.one();
                }
            }
        }
    }
}

/// Rows that are fetched at once.
const ROWS: usize = 3;
/// The number of the collation of texts.
const UTF8: u8 = 45;

pub(crate) struct Binlog {
    database: Shared<Database>,
    dice: Shared<Dice>,
    calm: Shared<bool>,
    snapshot: Option<BTreeMap<u64, Row>>,
    left: Option<VecDeque<(u64, Row)>>,
    stream: Option<Open>,
}

/// A stream that is open.
struct Open {
    /// Transactions that it has told.
    told: usize,
    pieces: VecDeque<Raw>,
}

impl Binlog {
    fn roll(&self, below: u64) -> u64 {
        self.dice.0.borrow_mut().roll(below)
    }

    fn fails(&mut self, of: u64) -> Result<(), Trouble> {
        if *self.calm.0.borrow() {
            return Ok(());
        }
        for _ in 0..self.roll(3) {
            let step = |below| self.dice.0.borrow_mut().roll(below);
            self.database.0.borrow_mut().step(step);
        }
        if self.roll(of) == 0 {
            (self.snapshot, self.left, self.stream) = (None, None, None);
            // Whoever answers next may be another server that has the same.
            let server = 1 + (self.roll(2) as u32);
            self.database.0.borrow_mut().server = server;
            return Err(Trouble::later("the connection is lost"));
        }
        Ok(())
    }
}

/// The number of the last of so many transactions.
fn gtid(log: &[Committed], many: usize) -> String {
    match many.checked_sub(1).and_then(|at| log.get(at)) {
        Some(one) => format!("0-{}-{many}", one.server),
        None => String::new(),
    }
}

fn listed() -> Vec<Listed> {
    let number = |name: &str| Listed {
        name: name.to_owned(),
        data_type: "bigint".to_owned(),
        column_type: "bigint(20)".to_owned(),
        ..Listed::default()
    };
    let note = Listed {
        name: "note".to_owned(),
        data_type: "varchar".to_owned(),
        column_type: "varchar(20)".to_owned(),
        digits: 0,
        characters: Some("utf8mb4".to_owned()),
    };
    vec![number("id"), number("at"), number("n"), note]
}

impl Server for Binlog {
    fn stood(&mut self) -> Result<Stood, Trouble> {
        self.fails(40)?;
        let database = self.database.0.borrow();
        Ok(Stood {
            version: "10.11".to_owned(),
            is_mariadb: true,
            wrong: Vec::new(),
            reached: gtid(&database.log, database.log.len()),
            table: Some(Table {
                engine: "InnoDB".to_owned(),
                key: vec!["id".to_owned()],
                columns: listed(),
            }),
            collations: [(UTF8.into(), "utf8mb4".to_owned())].into(),
        })
    }

    fn look(&mut self) -> Result<(String, String), Trouble> {
        self.fails(20)?;
        let database = self.database.0.borrow();
        self.snapshot = Some(database.rows.clone());
        let many = database.log.len();
        let place = database.log.last().map_or(0, |one| one.lsn);
        Ok((gtid(&database.log, many), format!("binlog.000001:{place}")))
    }

    fn reached(&mut self, place: &str) -> Result<String, Trouble> {
        self.fails(40)?;
        let database = self.database.0.borrow();
        let wanted: u64 = place.rsplit_once(':').unwrap().1.parse().unwrap();
        let at = database.log.iter().position(|one| one.lsn == wanted);
        let many = at.map_or(0, |at| at + 1);
        Ok(match many < database.purged {
            true => String::new(),
            false => gtid(&database.log, many),
        })
    }

    fn select(&mut self, what: &Select) -> Result<(), Trouble> {
        self.fails(20)?;
        let rows = self.snapshot.clone().ok_or(Trouble::later("no snapshot"))?;
        let mut rows: Vec<(u64, Row)> = rows.into_iter().collect();
        rows.sort_by_key(|(id, row)| (row.at, *id));
        if let Some(place) = &what.behind {
            let number = |text: &String| text.parse::<u64>().unwrap();
            let at = place.cursor.as_ref().map(|all| number(&all[0]));
            let behind = (at, number(&place.key[0]));
            rows.retain(|(id, row)| (row.at, *id) > behind);
        }
        self.left = Some(rows.into());
        Ok(())
    }

    fn rows(&mut self) -> Result<Vec<Vec<Datum>>, Trouble> {
        self.fails(12)?;
        let left = self.left.as_mut().ok_or(Trouble::later("no snapshot"))?;
        let n = left.len().min(ROWS);
        let number = |n: u64| Datum::Int(n as i64);
        let row = |(id, row): (u64, Row)| {
            vec![
                number(id),
                row.at.map_or(Datum::Null, number),
                number(row.n),
                Datum::Bytes(row.note.to_string().into_bytes()),
            ]
        };
        Ok(left.drain(..n).map(row).collect())
    }

    fn stream(&mut self, behind: &str) -> Result<(), Trouble> {
        self.fails(20)?;
        let database = self.database.0.borrow();
        let many = behind
            .rsplit_once('-')
            .map_or(0, |(_, n)| n.parse().unwrap());
        if many > database.log.len() || many < database.purged {
            return Err(Trouble::Broken(format!("{behind} is not there (1236)")));
        }
        self.stream = Some(Open {
            told: many,
            pieces: VecDeque::new(),
        });
        Ok(())
    }

    fn next(&mut self, _within: Duration) -> Result<Option<Raw>, Trouble> {
        self.fails(60)?;
        let pauses = !*self.calm.0.borrow() && self.roll(4) == 0;
        let Some(open) = &mut self.stream else {
            return Err(Trouble::later("no stream"));
        };
        if pauses {
            return Ok(None);
        }
        if open.pieces.is_empty() {
            let database = self.database.0.borrow();
            let Some(one) = database.log.get(open.told) else {
                return Ok(None);
            };
            open.told += 1;
            open.pieces = events(one, open.told as u64);
        }
        Ok(open.pieces.pop_front())
    }
}

/// A transaction as the log has it.
fn events(one: &Committed, sequence: u64) -> VecDeque<Raw> {
    let raw = |kind: u8, data: Vec<u8>| Raw {
        kind,
        at: one.lsn as u32,
        server: one.server,
        end: one.lsn as u32,
        data,
    };
    let is_alone = matches!(one.done[..], [(_, Done::Truncate)]);
    let mut begin = sequence.to_le_bytes().to_vec();
    begin.extend([0, 0, 0, 0, u8::from(is_alone)]);
    let mut all = VecDeque::from([raw(162, begin)]);
    if is_alone {
        let mut query = vec![0; 8];
        query.extend([4, 0, 0, 0, 0]);
        query.extend_from_slice(b"shop\0TRUNCATE TABLE t");
        all.push_back(raw(2, query));
        return all;
    }
    all.push_back(raw(19, map()));
    for (_, done) in &one.done {
        let mut bytes = vec![9, 0, 0, 0, 0, 0, 0, 0, 4, 15];
        let kind = match done {
            Done::Insert(id, row) => {
                image(&mut bytes, *id, row);
                23
            }
            Done::Update((old, before), (id, row)) => {
                bytes.push(15);
                image(&mut bytes, *old, before);
                image(&mut bytes, *id, row);
                24
            }
            Done::Delete(id, row) => {
                image(&mut bytes, *id, row);
                25
            }
            Done::Truncate => continue,
        };
        all.push_back(raw(kind, bytes));
    }
    all.push_back(raw(16, vec![0; 8]));
    all
}

/// How the rows of the table are written: three BIGINT, and a VARCHAR(20).
fn map() -> Vec<u8> {
    let mut map = vec![9, 0, 0, 0, 0, 0, 0, 0];
    map.extend_from_slice(b"\x04shop\0\x01t\0");
    map.extend([4, 8, 8, 8, 15, 2, 20, 0, 15]);
    // Signs, the collation of texts, names.
    map.extend([1, 1, 0, 2, 1, UTF8]);
    let names = b"\x02id\x02at\x01n\x04note";
    map.extend([4, names.len() as u8]);
    map.extend_from_slice(names);
    map
}

fn image(bytes: &mut Vec<u8>, id: u64, row: &Row) {
    bytes.push(if row.at.is_none() { 2 } else { 0 });
    bytes.extend(id.to_le_bytes());
    bytes.extend(row.at.iter().flat_map(|at| at.to_le_bytes()));
    bytes.extend(row.n.to_le_bytes());
    let note = row.note.to_string();
    bytes.push(note.len() as u8);
    bytes.extend_from_slice(note.as_bytes());
}
