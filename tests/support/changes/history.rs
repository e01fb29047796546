//! Histories made up by dice: few keys that come, change, end and come back, most of it where it hurts.

use super::{Before, Form, Row, What};
use crate::support::Dice;

/// Where event times begin: a Thursday, ms.
pub const FROM: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;

const CITIES: [Option<&str>; 5] = [Some("Porto"), Some("Braga"), Some("Évora"), Some(""), None];
const PEOPLE: [Option<&str>; 4] = [Some("ana"), Some("rui"), Some("zé"), None];

/// The records of each partition, in the form that they can be written in.
pub fn history(dice: &mut Dice, form: Form, partitions: usize, records: u64) -> Vec<Vec<What>> {
    let character = Character {
        keys: 2 + dice.roll(7),
        // Keys of their own, or the same in all partitions.
        shared: dice.roll(2) == 0,
        full: dice.roll(2) == 0,
        snapshot: dice.roll(2) == 0,
    };
    (0..partitions)
        .map(|p| {
            let n = match dice.roll(8) {
                0 => dice.roll(4),
                _ => records / 2 + dice.roll(records),
            };
            let mut writer = Writer {
                dice,
                form,
                character,
                partition: p as i64,
                now: FROM,
                live: Vec::new(),
                out: Vec::new(),
            };
            writer.all(n as usize)
        })
        .collect()
}

/// What all partitions of a history have in common.
#[derive(Clone, Copy)]
struct Character {
    keys: u64,
    shared: bool,
    /// Records say what the row before was.
    full: bool,
    /// It begins with a snapshot.
    snapshot: bool,
}

struct Writer<'a> {
    dice: &'a mut Dice,
    form: Form,
    character: Character,
    partition: i64,
    now: i64,
    /// The rows that are there.
    live: Vec<Row>,
    out: Vec<What>,
}

impl Writer<'_> {
    fn all(&mut self, n: usize) -> Vec<What> {
        let is_debezium = self.form == Form::Debezium;
        if is_debezium && self.character.snapshot {
            for key in 0..self.character.keys {
                let back = self.dice.roll(300) as i64 * MINUTE;
                let mut row = self.fresh(key as i64);
                row.time = FROM + 300 * MINUTE - back;
                self.put(row, true);
            }
        }
        while self.out.len() < n {
            self.pass();
            match self.dice.roll(100) {
                0..=11 => self.end(),
                12..=15 => {
                    let kind = self.dice.roll(8) as u8;
                    self.out.push(What::Dead(kind));
                }
                16..=18 if is_debezium => {
                    let kind = self.dice.roll(6) as u8;
                    self.out.push(What::Skip(kind));
                }
                19..=20 if is_debezium => {
                    self.live.clear();
                    self.out.push(What::Empty);
                }
                21..=24 if is_debezium => self.change(true),
                _ => self.change(false),
            }
        }
        std::mem::take(&mut self.out)
    }

    /// Time goes on, or stands still, or jumps.
    fn pass(&mut self) {
        self.now += match self.dice.roll(20) {
            0..=6 => 0,
            7..=15 => self.dice.roll(2 * MINUTE as u64) as i64,
            16..=18 => self.dice.roll(20 * MINUTE as u64) as i64,
            _ => self.dice.roll(180 * MINUTE as u64) as i64,
        };
    }

    fn key(&mut self) -> i64 {
        let key = self.dice.roll(self.character.keys) as i64;
        self.named(key)
    }

    fn named(&self, key: i64) -> i64 {
        match self.character.shared {
            true => key,
            false => key + 100 * self.partition,
        }
    }

    fn time(&mut self) -> i64 {
        let back = match self.dice.roll(10) {
            0..=4 => 0,
            5..=6 => self.dice.roll(MINUTE as u64),
            7..=8 => self.dice.roll(70 * MINUTE as u64),
            _ => self.dice.roll(240 * MINUTE as u64),
        };
        // Borders of windows are where rules differ.
        let time = self.now - back as i64;
        match self.dice.roll(8) {
            0 => time / (30 * MINUTE) * (30 * MINUTE),
            1 => time / (30 * MINUTE) * (30 * MINUTE) - 1,
            _ => time,
        }
    }

    fn fresh(&mut self, key: i64) -> Row {
        Row {
            id: self.named(key),
            time: self.time(),
            city: CITIES[self.dice.roll(5) as usize],
            who: PEOPLE[self.dice.roll(4) as usize],
            cents: self.cents(),
            tip: self.tip(),
        }
    }

    fn cents(&mut self) -> i128 {
        // Few values, so that there are ties.
        match self.dice.roll(3) {
            0 => i128::from(self.dice.roll(5)) * 100 - 100,
            _ => i128::from(self.dice.roll(700)) - 200,
        }
    }

    fn tip(&mut self) -> Option<i64> {
        match self.dice.roll(3) {
            0 => None,
            _ => Some(self.dice.roll(9) as i64 - 3),
        }
    }

    fn was(&self, id: i64) -> Option<Row> {
        self.live.iter().find(|r| r.id == id).copied()
    }

    /// A row comes, or is another now, in one thing or in several; or it comes again as it is.
    fn change(&mut self, found: bool) {
        let id = self.key();
        let Some(mut row) = self.was(id) else {
            let mut row = self.fresh(0);
            row.id = id;
            return self.put(row, found);
        };
        for _ in 0..self.dice.roll(4) {
            match self.dice.roll(6) {
                0 | 1 => row.time = self.time(),
                2 => row.city = CITIES[self.dice.roll(5) as usize],
                3 => row.who = PEOPLE[self.dice.roll(4) as usize],
                4 => row.cents = self.cents(),
                _ => row.tip = self.tip(),
            }
        }
        self.put(row, found);
    }

    fn put(&mut self, row: Row, found: bool) {
        let was = self.was(row.id);
        let before = match found {
            true => Before::Missing,
            false => self.before(was, false),
        };
        self.live.retain(|r| r.id != row.id);
        self.live.push(row);
        self.out.push(What::Put { row, before, found });
    }

    /// What is said of the row before: what is so, mostly.
    fn before(&mut self, was: Option<Row>, ends: bool) -> Before {
        if self.form != Form::Debezium {
            return Before::Missing;
        }
        let less = if ends { Before::Key } else { Before::Missing };
        let Some(mut was) = was.filter(|_| self.character.full) else {
            return less;
        };
        match self.dice.roll(12) {
            0 => was.cents += 7,
            1 => return less,
            _ => {}
        }
        Before::Full(was)
    }

    fn end(&mut self) {
        let id = self.key();
        let was = self.was(id);
        let before = self.before(was, true);
        self.live.retain(|r| r.id != id);
        self.out.push(What::End { id, before });
        if self.form == Form::Debezium && self.dice.roll(2) == 0 {
            // Its tombstone.
            self.out.push(What::Skip(0));
        }
    }
}
