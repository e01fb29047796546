//! A table whose rows do not say who wrote them: cursors are given out in order, and committed in any. Transactions go on between the look at
//! what runs and the snapshot, the reader is cut off and killed. In the end every row must be in the log as it is, and no version twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::log::{Brokers, Client, Dice, Shared};
use super::play::{Outcome, Tally};
use crate::cursor::About;
use crate::feed::Trouble;
use crate::log::To;
use crate::postgres::sql::{Found, Place};
use crate::row::Shape;
use crate::task::{End, How, Next, Task};
use crate::told::Told;
use crate::window::{From, Looked, Read, Stood, WindowFeed};
use standings_model::clock::Clock;

/// Rows that are fetched at once.
const ROWS: usize = 3;

/// A row: which version it is, and its cursor; none: NULL.
#[derive(Clone, Copy, Debug)]
struct Version {
    number: u64,
    cursor: Option<i64>,
}

#[derive(Debug)]
struct Transaction {
    began: i64,
    rows: BTreeMap<u64, Version>,
}

#[derive(Debug)]
struct Table {
    name: &'static str,
    now: i64,
    /// The last cursor, version and id that were given out.
    cursor: i64,
    number: u64,
    id: u64,
    running: Vec<Transaction>,
    rows: BTreeMap<u64, Version>,
}

impl Table {
    fn new() -> Self {
        Table {
            name: "one",
            now: 1_000,
            cursor: 0,
            number: 0,
            id: 0,
            running: Vec::new(),
            rows: BTreeMap::new(),
        }
    }

    /// Something happens.
    fn step(&mut self, mut roll: impl FnMut(u64) -> u64) {
        self.now += 1;
        match roll(6) {
            0 | 1 if self.running.len() < 5 => {
                self.begin();
                let at = self.running.len() - 1;
                self.id += 1;
                self.write(at, self.id, &mut roll);
            }
            2 | 3 if !self.running.is_empty() => {
                let at = roll(self.running.len() as u64) as usize;
                let is_held = |id: &u64| self.running.iter().any(|t| t.rows.contains_key(id));
                let free = self.rows.keys().copied().filter(|id| !is_held(id));
                let free: Vec<u64> = free.collect();
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
        self.running.push(Transaction {
            began: self.now,
            rows: BTreeMap::new(),
        });
    }

    /// The cursor is given out now, whenever it is committed.
    fn write(&mut self, at: usize, id: u64, roll: &mut impl FnMut(u64) -> u64) {
        self.number += 1;
        self.cursor += 1;
        let version = Version {
            number: self.number,
            cursor: (roll(8) > 0).then_some(self.cursor),
        };
        self.running[at].rows.insert(id, version);
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

    /// What happens meanwhile.
    fn passes(&self) {
        if !*self.calm.0.borrow() {
            for _ in 0..self.roll(4) {
                let step = |below| self.dice.0.borrow_mut().roll(below);
                self.table.0.borrow_mut().step(step);
            }
        }
    }

    fn fails(&mut self) -> Result<(), Trouble> {
        self.passes();
        match !*self.calm.0.borrow() && self.roll(12) == 0 {
            true => {
                self.left = None;
                Err(Trouble::later("the connection is lost"))
            }
            false => Ok(()),
        }
    }
}

impl Read for Reader {
    fn begin(&mut self, from: &From) -> Result<Option<Stood>, Trouble> {
        self.fails()?;
        let stood = {
            let table = self.table.0.borrow();
            let began = table.running.iter().map(|transaction| transaction.began);
            Stood {
                database: table.name.to_owned(),
                counter: Some(table.number),
                looked: Looked {
                    at: table.now,
                    greatest: table.rows.values().filter_map(|row| row.cursor).max(),
                    // What begins in the same moment as a look may have begun before it.
                    oldest: Some(began.min().unwrap_or(table.now).min(table.now) - 1),
                },
                overlap: 0,
            }
        };
        self.passes();
        let table = self.table.0.borrow();
        let found = table.rows.iter().map(|(id, row)| Found {
            row: format!("{{\"id\":{id},\"by\":{}}}", row.number).into_bytes(),
            by: 0,
            place: Place {
                cursor: row.cursor.map(|cursor| vec![format!("{cursor:06}")]),
                key: vec![format!("{id:06}")],
            },
            measure: row.cursor,
        });
        let since = from.since.as_ref().map(|(_, since)| *since);
        let is_within = |row: &Found| match (row.measure, since) {
            (Some(measure), Some(since)) => measure >= since,
            _ => true,
        };
        let mut found: Vec<Found> = found.filter(is_within).collect();
        found.sort_by(|a, b| of(&a.place).cmp(&of(&b.place)));
        if let Some(behind) = &from.behind {
            found.retain(|row| of(&row.place) > of(behind));
        }
        self.left = Some(found);
        Ok(Some(stood))
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
            dice: Shared::new(Dice(seed ^ 0x3144)),
            table: Shared::new(Table::new()),
            calm: Shared::new(false),
            clock: Clock::by_hand(),
        }
    }

    fn roll(&self, below: u64) -> u64 {
        self.dice.0.borrow_mut().roll(below)
    }

    fn task(&self, once: bool, seed: u64) -> Task<WindowFeed<Reader>, Client> {
        let reader = Reader {
            table: self.table.clone(),
            dice: self.dice.clone(),
            calm: self.calm.clone(),
            left: None,
        };
        let often = (0, Duration::from_secs(1));
        let name = "shop.t".to_owned();
        let feed = WindowFeed::new(reader, name, Shape::default(), often, self.clock.clone());
        let about = About {
            name: "s".to_owned(),
            configuration: BTreeMap::new(),
        };
        let told = Told::new("s", "mysql", "t", SystemTime::UNIX_EPOCH);
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

    /// Nothing fails any more; read to the end.
    fn calm(&self, seed: u64) -> Option<End> {
        *self.calm.0.borrow_mut() = true;
        self.brokers.0.borrow_mut().trouble = 0;
        let mut last = self.task(true, seed);
        for _ in 0..2_000 {
            match last.turn() {
                Next::Now => {}
                Next::After(wait) => {
                    self.clock.sleep(wait);
                    self.table.0.borrow_mut().now += 1;
                }
                Next::Ended(end) => return Some(end),
            }
        }
        None
    }

    /// Id and version of every record.
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
    let kills = world.restless(250, seed)?;
    // Those that still run commit, while nobody reads.
    while !world.table.0.borrow().running.is_empty() {
        world.table.0.borrow_mut().commit(0);
    }
    let end = world.calm(seed);
    if end != Some(End::Read) {
        return Err(format!("a window: it ended with {end:?}"));
    }
    let written = world.written();
    let different: BTreeSet<&(u64, u64)> = written.iter().collect();
    if different.len() != written.len() {
        let twice = written.len() - different.len();
        return Err(format!("a window: {twice} versions are there twice"));
    }
    let table = world.table.0.borrow();
    let mut rows = table.rows.iter();
    let missing = rows.find(|(id, row)| !different.contains(&(**id, row.number)));
    if let Some(missing) = missing {
        return Err(format!("a window: {missing:?} is not there"));
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

/// A database that is put back, or another one at the same address, is not read.
pub(super) fn put_back(seed: u64) -> Outcome {
    for is_another in [false, true] {
        let world = World::new(seed);
        world.restless(60, seed)?;
        while !world.table.0.borrow().running.is_empty() {
            world.table.0.borrow_mut().commit(0);
        }
        {
            let mut table = world.table.0.borrow_mut();
            table.begin();
            table.id += 1;
            let id = table.id;
            table.write(0, id, &mut |_| 1);
            table.commit(0);
        }
        if world.calm(seed) != Some(End::Read) {
            return Err("a window: it does not come to its end".to_owned());
        }
        let before = world.written().len();
        {
            let mut table = world.table.0.borrow_mut();
            match is_another {
                true => table.name = "another",
                false => *table = Table::new(),
            }
            table.begin();
            // Behind all that was read, so that only who it is can tell.
            table.cursor += 1_000_000;
            table.write(0, 77, &mut |_| 1);
            table.commit(0);
        }
        let end = world.calm(seed);
        if end == Some(End::Read) || world.written().len() != before {
            return Err(format!(
                "a window: it was put back ({is_another}), and read: {end:?}"
            ));
        }
    }
    Ok(Tally::default())
}
