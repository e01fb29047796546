//! A table whose transactions are slow: they take ids in one order and commit in another, change rows that were read, and are killed in
//! the midst of it, as the reader is. In the end every row must be in the log as it is, and no version of one twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::log::{Brokers, Client, Dice, Shared};
use super::play::{Outcome, Tally};
use crate::cursor::About;
use crate::feed::Trouble;
use crate::log::To;
use crate::postgres::sql::{Found, From, Place, Stood};
use crate::postgres::{Read, TableFeed};
use crate::row::Shape;
use crate::task::{End, How, Next, Task};
use crate::told::Told;
use standings_model::clock::Clock;

/// Rows that are fetched at once.
const ROWS: usize = 3;

/// A row: who wrote it, and what it is ordered by.
#[derive(Clone, Copy, Debug)]
struct Version {
    by: u64,
    /// None of some: NULL.
    cursor: Option<u64>,
}

#[derive(Debug)]
struct Transaction {
    number: u64,
    rows: BTreeMap<u64, Version>,
}

#[derive(Debug)]
struct Table {
    name: &'static str,
    /// Ids are given at once, and to whoever asks; some are never used.
    id: u64,
    next: u64,
    running: Vec<Transaction>,
    rows: BTreeMap<u64, Version>,
}

impl Table {
    fn new() -> Self {
        Table {
            name: "one",
            id: 0,
            next: 10,
            running: Vec::new(),
            rows: BTreeMap::new(),
        }
    }

    fn oldest(&self) -> u64 {
        let running = self.running.iter().map(|transaction| transaction.number);
        running.min().unwrap_or(self.next)
    }

    /// Something happens.
    fn step(&mut self, mut roll: impl FnMut(u64) -> u64) {
        match roll(6) {
            0 | 1 if self.running.len() < 5 => {
                // The id is taken before the transaction has a number.
                let id = self.id;
                self.id += 1;
                self.begin();
                self.write(self.running.len() - 1, id, &mut roll);
            }
            2 | 3 if !self.running.is_empty() => {
                let at = roll(self.running.len() as u64) as usize;
                let is_held = |id: &u64| self.running.iter().any(|t| t.rows.contains_key(id));
                let free: Vec<u64> = self
                    .rows
                    .keys()
                    .copied()
                    .filter(|id| !is_held(id))
                    .collect();
                if !free.is_empty() {
                    let id = free[roll(free.len() as u64) as usize];
                    self.write(at, id, &mut roll);
                }
            }
            4 if !self.running.is_empty() => {
                let at = roll(self.running.len() as u64) as usize;
                self.commit(at);
            }
            5 if !self.running.is_empty() && roll(4) == 0 => {
                let at = roll(self.running.len() as u64) as usize;
                self.running.remove(at);
            }
            _ => {}
        }
    }

    fn begin(&mut self) {
        let number = self.next;
        self.next += 1;
        let rows = BTreeMap::new();
        self.running.push(Transaction { number, rows });
    }

    fn write(&mut self, at: usize, id: u64, roll: &mut impl FnMut(u64) -> u64) {
        let cursor = (roll(5) > 0).then(|| roll(20));
        let by = self.running[at].number;
        self.running[at].rows.insert(id, Version { by, cursor });
    }

    fn commit(&mut self, at: usize) {
        let done = self.running.remove(at);
        self.rows.extend(done.rows);
    }
}

/// Reads it in a snapshot, and is cut off now and then.
struct Reader {
    table: Shared<Table>,
    dice: Shared<Dice>,
    calm: Shared<bool>,
    left: Option<Vec<Found>>,
}

impl Reader {
    fn roll(&self, below: u64) -> u64 {
        self.dice.0.borrow_mut().roll(below)
    }

    fn fails(&mut self) -> Result<(), Trouble> {
        if !*self.calm.0.borrow() {
            for _ in 0..self.roll(4) {
                let step = |below| self.dice.0.borrow_mut().roll(below);
                self.table.0.borrow_mut().step(step);
            }
            if self.roll(12) == 0 {
                self.left = None;
                return Err(Trouble::later("the connection is lost"));
            }
        }
        Ok(())
    }
}

impl Read for Reader {
    fn begin(&mut self, from: &From) -> Result<Stood, Trouble> {
        self.fails()?;
        let table = self.table.0.borrow();
        let found = table.rows.iter().map(|(id, row)| Found {
            row: format!("{{\"id\":{id},\"by\":{}}}", row.by).into_bytes(),
            by: row.by,
            place: Place {
                cursor: row.cursor.map(|cursor| vec![format!("{cursor:04}")]),
                key: vec![format!("{id:04}")],
            },
            measure: None,
        });
        let mut found: Vec<Found> = found.filter(|row| row.by >= from.horizon).collect();
        found.sort_by(|a, b| of(&a.place).cmp(&of(&b.place)));
        if let Some(behind) = &from.behind {
            found.retain(|row| of(&row.place) > of(behind));
        }
        self.left = Some(found);
        Ok(Stood {
            oldest: table.oldest(),
            next: table.next,
            database: table.name.to_owned(),
        })
    }

    fn next(&mut self) -> Result<Vec<Found>, Trouble> {
        self.fails()?;
        let Some(left) = &mut self.left else {
            return Err(Trouble::later("no pass is open"));
        };
        let rest = left.split_off(left.len().min(ROWS));
        Ok(std::mem::replace(left, rest))
    }
}

/// A place as it is ordered: rows without a cursor first.
fn of(place: &Place) -> (Option<&[String]>, &[String]) {
    (place.cursor.as_deref(), &place.key)
}

struct World {
    brokers: Shared<Brokers>,
    dice: Shared<Dice>,
    table: Shared<Table>,
    calm: Shared<bool>,
    clock: Clock,
}

impl World {
    fn new(seed: u64) -> Self {
        World {
            brokers: Shared::new(Brokers {
                trouble: 9,
                ..Brokers::default()
            }),
            dice: Shared::new(Dice(seed ^ 0x7ab1)),
            table: Shared::new(Table::new()),
            calm: Shared::new(false),
            clock: Clock::by_hand(),
        }
    }

    fn roll(&self, below: u64) -> u64 {
        self.dice.0.borrow_mut().roll(below)
    }

    fn task(&self, once: bool, seed: u64) -> Task<TableFeed<Reader>, Client> {
        let reader = Reader {
            table: self.table.clone(),
            dice: self.dice.clone(),
            calm: self.calm.clone(),
            left: None,
        };
        let every = Duration::from_secs(1);
        let name = "public.t".to_owned();
        let feed = TableFeed::new(reader, name, Shape::default(), every, self.clock.clone());
        let about = About {
            name: "s".to_owned(),
            configuration: BTreeMap::new(),
        };
        let told = Told::new("s", "postgres", "t", SystemTime::UNIX_EPOCH);
        let log = Client::new(&self.brokers, &self.dice);
        let how = How { once, adopt: false };
        Task::new(about, how, feed, log, told, self.clock.clone(), seed)
    }

    /// Kills and whatever else for so many steps.
    fn restless(&self, steps: u64, seed: u64) -> Result<u64, String> {
        let (mut running, mut kills) = (self.task(false, seed), 0);
        for _ in 0..steps {
            if self.roll(15) == 0 {
                running = self.task(false, seed);
                kills += 1;
            }
            match running.turn() {
                Next::Now => {}
                Next::After(wait) => {
                    self.clock.sleep(wait);
                    self.table.0.borrow_mut().step(|below| self.roll(below));
                }
                Next::Ended(end) => return Err(format!("it ended: {end:?}")),
            }
        }
        Ok(kills)
    }

    /// Nothing fails any more; read to the end. Some steps at most: what is broken goes on waiting.
    fn calm(&self, seed: u64) -> Option<End> {
        *self.calm.0.borrow_mut() = true;
        self.brokers.0.borrow_mut().trouble = 0;
        let mut last = self.task(true, seed);
        for _ in 0..2_000 {
            match last.turn() {
                Next::Now => {}
                Next::After(wait) => self.clock.sleep(wait),
                Next::Ended(end) => return Some(end),
            }
        }
        None
    }

    /// Id and transaction of every record.
    fn written(&self) -> Vec<(u64, u64)> {
        let brokers = self.brokers.0.borrow();
        let records = brokers.committed.iter().filter(|w| w.to == To::Records);
        let of = |value: &String| {
            let row: Value = serde_json::from_str(value).unwrap();
            (row["id"].as_u64().unwrap(), row["by"].as_u64().unwrap())
        };
        records.filter_map(|w| w.value.as_ref()).map(of).collect()
    }
}

/// Every row as it is in the end, and nothing twice.
pub(super) fn read(seed: u64) -> Outcome {
    let world = World::new(seed);
    let kills = world.restless(150, seed)?;
    // Those that still run commit, while nobody reads.
    while !world.table.0.borrow().running.is_empty() {
        world.table.0.borrow_mut().commit(0);
    }
    let end = world.calm(seed);
    if end != Some(End::Read) {
        return Err(format!("a table: it ended with {end:?}"));
    }
    let written = world.written();
    let different: BTreeSet<&(u64, u64)> = written.iter().collect();
    if different.len() != written.len() {
        return Err(format!(
            "a table: {} versions are there twice",
            written.len() - different.len()
        ));
    }
    let table = world.table.0.borrow();
    let missing = table
        .rows
        .iter()
        .find(|(id, row)| !different.contains(&(**id, row.by)));
    if let Some(missing) = missing {
        return Err(format!("a table: {missing:?} is not there"));
    }
    let brokers = world.brokers.0.borrow();
    Ok(Tally {
        kills,
        rows: written.len() as u64,
        lost_answers: brokers.lost_answers,
        aborts: brokers.aborts,
        ..Tally::default()
    })
}

/// A database that is put back, or another one at the same address, is not read: what it has written since nobody could tell.
pub(super) fn put_back(seed: u64) -> Outcome {
    for is_another in [false, true] {
        let world = World::new(seed);
        world.restless(40, seed)?;
        {
            let mut table = world.table.0.borrow_mut();
            let id = table.id;
            table.id += 1;
            // What is put back is behind that, whatever it does at first.
            table.next += 10;
            table.begin();
            let at = table.running.len() - 1;
            table.write(at, id, &mut |_| 1);
            while !table.running.is_empty() {
                table.commit(0);
            }
        }
        if world.calm(seed) != Some(End::Read) {
            return Err("a table: it does not come to its end".to_owned());
        }
        let before = world.written().len();
        {
            let mut table = world.table.0.borrow_mut();
            match is_another {
                true => table.name = "another",
                false => *table = Table::new(),
            }
            table.begin();
            let at = table.running.len() - 1;
            table.write(at, 77, &mut |_| 1);
            table.commit(at);
        }
        let end = world.calm(seed);
        if end == Some(End::Read) || world.written().len() != before {
            return Err(format!(
                "a table: it was put back ({is_another}), and read: {end:?}"
            ));
        }
    }
    Ok(Tally::default())
}
