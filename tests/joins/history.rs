//! Histories made up by dice: facts that come, change and go, and the tables that they are joined with, changing at hostile times.

use std::collections::BTreeMap;

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
const FROM: i64 = 1_767_225_600_000;

/// Numbers that look like chance (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// Below `n`.
    pub fn roll(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u64) as usize]
    }

    fn signed(&mut self, from: i64, to: i64) -> i64 {
        from + self.roll((to - from + 1) as u64) as i64
    }
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Append,
    Upsert,
    Debezium,
}

/// A row of `orders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub id: i64,
    /// ms.
    pub at: i64,
    pub city: Option<&'static str>,
    pub qty: i64,
    pub cents: i64,
}

/// A row of `cities`, or of `zones`: what is the key, and what may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `region` or `country`.
    pub name: Option<&'static str>,
    /// Of a city.
    pub zone: Option<i64>,
    /// `factor` or `rate`.
    pub number: i64,
    /// Since when, ms.
    pub since: i64,
}

/// What a record does.
#[derive(Clone, Debug)]
pub enum Does<K, R> {
    Put(K, R),
    End(K),
    Empty,
}

pub type OfFacts = Vec<Does<i64, Fact>>;
/// What records of a dimension do, each from a time on.
pub type OfRows = Vec<(Does<String, Row>, i64)>;

pub struct History {
    pub form: Form,
    pub dimensions: Form,
    pub out_of_orderness: i64,
    pub lateness: i64,
    pub facts: Vec<OfFacts>,
    pub cities: Vec<OfRows>,
    pub zones: Vec<OfRows>,
}

const CITIES: [&str; 4] = ["Faro", "Porto", "Évora", "Braga"];
const FORMS: [Form; 3] = [Form::Append, Form::Upsert, Form::Debezium];

impl History {
    pub fn new(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let (form, dimensions) = (dice.of(&FORMS), dice.of(&FORMS));
        let partitions = 1 + dice.roll(3);
        let facts = (0..partitions as i64).map(|p| facts(dice, form, p));
        let facts = facts.collect();
        let parts = dice.of(&[1, 1, 2]);
        // The same key in two partitions, or keys of their own.
        let shared = dice.roll(3) == 0;
        let mut table = |keys: &[&str], names: &[Option<&'static str>], most: u64| {
            let all = (0..parts).map(|p| {
                let own = (parts == 2 && !shared).then_some(p);
                rows(dice, (dimensions, own), keys, names, most)
            });
            all.collect::<Vec<_>>()
        };
        let cities = table(&CITIES, &[Some("N"), Some("S"), Some("E"), None], 20);
        let zones = table(&["1", "2", "3"], &[Some("P"), Some("Q"), None], 10);
        History {
            form,
            dimensions,
            out_of_orderness: dice.of(&[0, MINUTE, 10 * MINUTE]),
            lateness: dice.of(&[0, 5 * MINUTE, HOUR, 24 * HOUR]),
            facts,
            cities,
            zones,
        }
    }
}

fn facts(dice: &mut Dice, form: Form, partition: i64) -> OfFacts {
    let (mut now, mut live, mut out) = (FROM, BTreeMap::<i64, Fact>::new(), Vec::new());
    for offset in 0..5 + dice.roll(40) as i64 {
        now += match dice.roll(8) {
            0..=2 => 0,
            3..=5 => dice.signed(0, 2 * MINUTE),
            6 => dice.signed(0, 20 * MINUTE),
            _ => dice.signed(0, 120 * MINUTE),
        };
        let key = match form {
            Form::Append => offset + 1000 * partition,
            _ => dice.signed(0, 5) + 100 * partition,
        };
        match dice.roll(100) {
            0..=11 if form != Form::Append => {
                live.remove(&key);
                out.push(Does::End(key));
                continue;
            }
            12..=14 if form == Form::Debezium => {
                live.clear();
                out.push(Does::Empty);
                continue;
            }
            _ => {}
        }
        let back = match dice.roll(5) {
            0..=2 => 0,
            3 => dice.signed(0, MINUTE),
            _ => dice.signed(0, 70 * MINUTE),
        };
        let at = border(dice, now - back);
        let city = dice.of(&[
            Some("Faro"),
            Some("Porto"),
            Some("Évora"),
            Some("Braga"),
            Some("?"),
            None,
        ]);
        let mut fact = Fact {
            id: key,
            at,
            city,
            qty: dice.signed(-2, 5),
            cents: dice.signed(-2, 7) * 50,
        };
        if let Some(was) = live.get(&key).filter(|_| dice.roll(2) == 0) {
            // Another in one thing alone.
            fact = match dice.roll(4) {
                0 => Fact {
                    city,
                    ..was.clone()
                },
                1 => Fact { at, ..was.clone() },
                2 => Fact {
                    cents: was.cents + 50,
                    ..was.clone()
                },
                _ => was.clone(),
            };
        }
        live.insert(key, fact.clone());
        out.push(Does::Put(key, fact));
    }
    out
}

fn rows(
    dice: &mut Dice,
    (form, own): (Form, Option<usize>),
    keys: &[&str],
    names: &[Option<&'static str>],
    most: u64,
) -> OfRows {
    let (mut now, mut out) = (FROM - 2 * HOUR, OfRows::new());
    for _ in 0..dice.roll(most) {
        now += dice.signed(0, 30 * MINUTE);
        let key = dice.roll(keys.len() as u64) as usize;
        if own.is_some_and(|own| key % 2 != own) {
            continue;
        }
        let key = keys[key].to_owned();
        let back = if dice.roll(4) == 0 {
            dice.signed(0, 3 * HOUR)
        } else {
            0
        };
        let mut time = border(dice, now - back);
        if let Some((_, last)) = out.last().filter(|_| dice.roll(5) == 0) {
            time = *last;
        }
        let does = match dice.roll(100) {
            0..=14 if form != Form::Append => Does::End(key),
            15..=18 if form == Form::Debezium => Does::Empty,
            _ => {
                let row = Row {
                    name: dice.of(names),
                    zone: dice.of(&[Some(1), Some(2), Some(3), None]),
                    number: dice.signed(0, 3),
                    since: time,
                };
                Does::Put(key, row)
            }
        };
        out.push((does, time));
    }
    out
}

/// Borders of windows are where rules differ.
fn border(dice: &mut Dice, time: i64) -> i64 {
    let border = time.div_euclid(30 * MINUTE) * 30 * MINUTE;
    match dice.roll(8) {
        0 => border,
        1 => border - 1,
        _ => time,
    }
}
