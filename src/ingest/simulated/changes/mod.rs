//! A database whose log goes on, is cut, is put back, while its reader is killed: the topic tells each change once, each with the row as it
//! was before, and what cannot be told is never passed over.

mod binlog;
mod database;
mod postgres;
mod reader;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use self::database::{Database, Row};
use super::log::{Brokers, Client, Dice, Shared};
use super::play::{Outcome, Tally};
use crate::cursor::About;
use crate::feed::Feed;
use crate::log::To;
use crate::task::{End, How, Next, Task};
use crate::told::Told;
use standings_model::clock::Clock;

/// Whose log it is: how it is read, and what befalls it.
trait Side: Sized {
    type Feed: Feed;
    /// What it is called where it is configured.
    const KIND: &'static str;
    /// What can befall it behind its reader's back.
    const EVENTS: u64;

    fn feed(world: &World<Self>) -> Self::Feed;

    /// What a topic has in the end: records of rows that were found, at least and at most, and of changes.
    fn records(world: &World<Self>) -> (std::ops::RangeInclusive<usize>, usize);

    /// Something befalls it; there is a copy of what it was before its last transaction.
    fn befalls(world: &World<Self>, event: u64, put_back: &Database, seed: u64);
}

struct World<S> {
    brokers: Shared<Brokers>,
    dice: Shared<Dice>,
    database: Shared<Database>,
    calm: Shared<bool>,
    clock: Clock,
    side: PhantomData<S>,
}

impl<S: Side> World<S> {
    fn new(seed: u64) -> Self {
        World {
            brokers: Shared::new(Brokers {
                trouble: 14,
                ..Brokers::default()
            }),
            dice: Shared::new(Dice(seed ^ 0xcdc0)),
            database: Shared::new(Database::new()),
            calm: Shared::new(false),
            clock: Clock::by_hand(),
            side: PhantomData,
        }
    }

    fn roll(&self, below: u64) -> u64 {
        self.dice.0.borrow_mut().roll(below)
    }

    fn step(&self) {
        self.database.0.borrow_mut().step(|below| self.roll(below));
    }

    fn task(&self, once: bool, seed: u64) -> Task<S::Feed, Client> {
        let about = About {
            name: "s".to_owned(),
            configuration: BTreeMap::new(),
        };
        let told = Told::new("s", S::KIND, "t", SystemTime::UNIX_EPOCH);
        let log = Client::new(&self.brokers, &self.dice);
        let how = How { once, adopt: false };
        let clock = self.clock.clone();
        Task::new(about, how, S::feed(self), log, told, clock, seed)
    }

    /// Kills and whatever else for so many steps.
    fn restless(&self, steps: u64, seed: u64) -> Result<u64, String> {
        let (mut running, mut kills) = (self.task(false, seed), 0);
        for _ in 0..steps {
            if self.roll(20) == 0 {
                running = self.task(false, seed);
                kills += 1;
            }
            match running.turn() {
                Next::Now => {}
                Next::After(wait) => {
                    self.clock.sleep(wait);
                    for _ in 0..self.roll(8) {
                        self.step();
                    }
                    if self.roll(3) == 0 {
                        running.wait(Duration::from_millis(1));
                    }
                }
                Next::Ended(end) => return Err(format!("changes: it ended: {end:?}")),
            }
        }
        Ok(kills)
    }

    /// Nothing fails any more; read to the end. Some steps at most: what is broken goes on waiting.
    fn calm(&self, seed: u64) -> Option<End> {
        *self.calm.0.borrow_mut() = true;
        self.brokers.0.borrow_mut().trouble = 0;
        let mut last = self.task(true, seed);
        for _ in 0..4_000 {
            match last.turn() {
                Next::Now => {}
                Next::After(wait) => self.clock.sleep(wait),
                Next::Ended(end) => return Some(end),
            }
        }
        None
    }

    /// The log goes on, and no change of the table is in it: a heartbeat moves on with it.
    fn quiet(&self, seed: u64) {
        let mut task = self.task(false, seed);
        for _ in 0..200 {
            match task.turn() {
                Next::Now => {}
                Next::After(wait) => self.clock.sleep(wait.max(Duration::from_millis(500))),
                Next::Ended(_) => return,
            }
        }
    }

    fn records(&self) -> Vec<Value> {
        let brokers = self.brokers.0.borrow();
        let records = brokers.committed.iter().filter(|w| w.to == To::Records);
        let of = |value: &String| serde_json::from_str(value).unwrap();
        records.filter_map(|w| w.value.as_ref()).map(of).collect()
    }

    /// Each record follows from those before it, and in the end the table is there.
    fn is_told(&self) -> Result<usize, String> {
        let records = self.records();
        let mut rows: BTreeMap<u64, Value> = BTreeMap::new();
        for (n, record) in records.iter().enumerate() {
            follow(&mut rows, record)
                .map_err(|why| format!("changes: record {n}: {why}: {record}"))?;
        }
        let database = self.database.0.borrow();
        let want: BTreeMap<u64, Value> = database
            .rows
            .iter()
            .map(|(id, row)| (*id, of(*id, row)))
            .collect();
        if rows != want {
            return Err(format!(
                "changes: the topic has {rows:?}, and the table {want:?}"
            ));
        }
        let found = records.iter().filter(|record| record["op"] == "r").count();
        drop(database);
        let (wanted, changes) = S::records(self);
        match wanted.contains(&found) && records.len() - found == changes {
            true => Ok(records.len()),
            false => Err(format!(
                "changes: {found} rows were found, of {wanted:?}, and {} changes told, of {changes}",
                records.len() - found
            )),
        }
    }
}

/// A row as a record has it.
fn of(id: u64, row: &Row) -> Value {
    json!({ "id": id, "at": row.at, "n": row.n, "note": row.note.to_string() })
}

/// Takes a record into the rows that those before it have made.
fn follow(rows: &mut BTreeMap<u64, Value>, record: &Value) -> Result<(), String> {
    let (before, after) = (&record["before"], &record["after"]);
    let id = |row: &Value| row["id"].as_u64();
    let op = record["op"].as_str().unwrap_or_default();
    if op == "t" {
        rows.clear();
        return Ok(());
    }
    if matches!(op, "u" | "d") {
        let was = id(before).and_then(|id| rows.remove(&id));
        if was.as_ref() != Some(before) {
            return Err(format!("before it the row was {was:?}"));
        }
        if op == "u" && id(before) != id(after) {
            return Err("an update of a key".to_owned());
        }
    }
    if matches!(op, "r" | "c" | "u") {
        let key = id(after).ok_or("no row")?;
        if let Some(was) = rows.insert(key, after.clone()) {
            return Err(format!("the row is there already: {was}"));
        }
    }
    Ok(())
}

/// Every change once, whatever is killed, in the snapshot and behind it.
fn read<S: Side>(seed: u64) -> Outcome {
    let world = World::<S>::new(seed);
    // Some tables are large when they are found, and some are empty.
    for _ in 0..world.roll(120) {
        world.step();
    }
    let kills = world.restless(150, seed)?;
    // Those that still run commit, while nobody reads.
    world.database.0.borrow_mut().all_commit();
    let end = world.calm(seed);
    if end != Some(End::Read) {
        return Err(format!("changes: it ended with {end:?}"));
    }
    let rows = world.is_told()? as u64;
    let brokers = world.brokers.0.borrow();
    Ok(Tally {
        kills,
        rows,
        lost_answers: brokers.lost_answers,
        aborts: brokers.aborts,
        ..Tally::default()
    })
}

/// A log that has not all, or is another one, is not read on: nobody could tell what is missing.
fn lost<S: Side>(seed: u64) -> Outcome {
    let world = World::<S>::new(seed);
    for _ in 0..40 {
        world.step();
    }
    world.restless(60, seed)?;
    world.database.0.borrow_mut().all_commit();
    let put_back = world.database.0.borrow().clone();
    world.database.0.borrow_mut().one();
    if world.calm(seed) != Some(End::Read) {
        return Err("changes: it does not come to its end".to_owned());
    }
    let written = world.records().len();
    let event = world.roll(S::EVENTS);
    S::befalls(&world, event, &put_back, seed);
    let end = world.calm(seed);
    if end == Some(End::Read) || world.records().len() != written {
        return Err(format!(
            "changes: what befell it ({event}) was passed over: {end:?}"
        ));
    }
    Ok(Tally::default())
}

pub(super) fn postgres(seed: u64) -> Outcome {
    read::<postgres::Postgres>(seed)
}

pub(super) fn postgres_lost(seed: u64) -> Outcome {
    lost::<postgres::Postgres>(seed)
}

pub(super) fn binlog(seed: u64) -> Outcome {
    read::<binlog::Mariadb>(seed)
}

pub(super) fn binlog_lost(seed: u64) -> Outcome {
    lost::<binlog::Mariadb>(seed)
}
