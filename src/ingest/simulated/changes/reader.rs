//! What the outside does, over the database that is made up: snapshots, the slot, the log in pieces. It is cut off now and then.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::super::log::{Dice, Shared};
use super::database::{Database, Row, TABLE, columns, tuple};
use crate::feed::Trouble;
use crate::postgres::changes::kind::{Type, Types};
use crate::postgres::changes::pgoutput::Tuple;
use crate::postgres::changes::server::{
    Publication, Said, Seen, Select, Server, Slot, Stood, Table,
};

/// Rows that are fetched at once.
const ROWS: usize = 3;

pub(crate) struct Reader {
    database: Shared<Database>,
    dice: Shared<Dice>,
    calm: Shared<bool>,
    snapshot: Option<BTreeMap<u64, Row>>,
    left: Option<VecDeque<(u64, Row)>>,
    stream: Option<Open>,
}

/// A stream that is open.
struct Open {
    from: u64,
    alive: u64,
    pieces: VecDeque<Said>,
}

impl Reader {
    pub(super) fn new(
        database: &Shared<Database>,
        dice: &Shared<Dice>,
        calm: &Shared<bool>,
    ) -> Self {
        Reader {
            database: database.clone(),
            dice: dice.clone(),
            calm: calm.clone(),
            snapshot: None,
            left: None,
            stream: None,
        }
    }

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
            return Err(Trouble::later("the connection is lost"));
        }
        Ok(())
    }
}

fn types() -> Types {
    let of = |name: &str| Type {
        schema: "pg_catalog".to_owned(),
        name: name.to_owned(),
        base: None,
        element: None,
    };
    [(20, of("int8")), (25, of("text"))].into()
}

/// A row by its columns, of one that was.
fn row(of: &BTreeMap<String, Option<String>>) -> (u64, Row) {
    let number = |name: &str| of[name].as_ref().map(|text| text.parse::<u64>().unwrap());
    let row = Row {
        at: number("at"),
        n: number("n").unwrap(),
        note: number("note").unwrap(),
    };
    (number("id").unwrap(), row)
}

impl Server for Reader {
    fn stood(&mut self) -> Result<Stood, Trouble> {
        self.fails(40)?;
        let database = self.database.0.borrow();
        Ok(Stood {
            system: database.system.to_owned(),
            timeline: database.timeline,
            database: 5,
            called: "shop".to_owned(),
            end: database.end,
            slot: database.slot.as_ref().map(|slot| Slot {
                plugin: "pgoutput".to_owned(),
                database: "shop".to_owned(),
                confirmed: slot.confirmed,
                lost: None,
            }),
            publication: database.is_published.then_some(Publication {
                has_table: true,
                is_whole: true,
                is_by_root: true,
                has_all: true,
            }),
            table: Some(Table {
                id: TABLE,
                is_partitioned: false,
                not_full: Vec::new(),
                key: vec!["id".to_owned()],
                columns: columns(),
                casts: Vec::new(),
                types: types(),
            }),
        })
    }

    fn publish(&mut self) -> Result<(), Trouble> {
        self.database.0.borrow_mut().is_published = true;
        Ok(())
    }

    fn make(&mut self, anew: bool) -> Result<u64, Trouble> {
        self.fails(10)?;
        let mut database = self.database.0.borrow_mut();
        if database.slot.is_some() && !anew {
            return Err(Trouble::Broken("it is there already".to_owned()));
        }
        let at = database.begin_slot();
        self.snapshot = Some(database.rows.clone());
        drop(database);
        // Made, and the answer is lost.
        self.fails(10)?;
        Ok(at)
    }

    fn look(&mut self) -> Result<(Seen, u64), Trouble> {
        self.fails(20)?;
        let database = self.database.0.borrow();
        self.snapshot = Some(database.rows.clone());
        Ok((database.seen(), database.end))
    }

    fn select(&mut self, what: &Select) -> Result<(), Trouble> {
        self.fails(20)?;
        let mut rows = self.snapshot.clone().ok_or(Trouble::later("no snapshot"))?;
        if what.touched.is_emptied {
            rows.clear();
        }
        for (key, before) in &what.touched.rows {
            rows.remove(&key[0].parse().unwrap());
            if let Some(before) = before {
                let (id, row) = row(before);
                rows.insert(id, row);
            }
        }
        let mut rows: Vec<(u64, Row)> = rows.into_iter().collect();
        rows.sort_by_key(|(id, row)| (row.at, *id));
        if let Some(place) = &what.behind {
            let at = place
                .cursor
                .as_ref()
                .map(|all| all[0].parse::<u64>().unwrap());
            let behind = (at, place.key[0].parse::<u64>().unwrap());
            rows.retain(|(id, row)| (row.at, *id) > behind);
        }
        self.left = Some(rows.into());
        Ok(())
    }

    fn rows(&mut self) -> Result<Vec<Tuple>, Trouble> {
        self.fails(12)?;
        let left = self.left.as_mut().ok_or(Trouble::later("no snapshot"))?;
        let n = left.len().min(ROWS);
        Ok(left.drain(..n).map(|(id, row)| tuple(id, &row)).collect())
    }

    fn stream(&mut self, from: u64) -> Result<(), Trouble> {
        self.fails(20)?;
        let database = self.database.0.borrow();
        let slot = database.slot.as_ref();
        let slot = slot.ok_or(Trouble::later("there is no such slot"))?;
        // What was acknowledged is not there any more, whoever asks for it.
        self.stream = Some(Open {
            from: from.max(slot.confirmed),
            alive: 0,
            pieces: VecDeque::new(),
        });
        Ok(())
    }

    fn next(&mut self, _within: Duration) -> Result<Option<Said>, Trouble> {
        self.fails(60)?;
        let pauses = !*self.calm.0.borrow() && self.roll(4) == 0;
        let Some(open) = &mut self.stream else {
            return Err(Trouble::later("no stream"));
        };
        if pauses {
            return Ok(None);
        }
        let database = self.database.0.borrow();
        if open.pieces.is_empty() {
            match database.told(open.from, &mut open.pieces) {
                Some(end) => open.from = end,
                None if open.alive < database.end => {
                    open.alive = database.end;
                    return Ok(Some(Said::Alive { end: database.end }));
                }
                None => return Ok(None),
            }
        }
        Ok(open.pieces.pop_front())
    }

    fn acknowledge(&mut self, upto: u64) {
        if self.stream.is_some()
            && let Some(slot) = &mut self.database.0.borrow_mut().slot
        {
            slot.confirmed = slot.confirmed.max(upto);
        }
    }

    fn types(&mut self, _of: &[u32]) -> Result<Types, Trouble> {
        Ok(types())
    }
}
