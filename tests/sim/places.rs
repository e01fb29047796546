//! Who answers for positions, without threads: asks for windows, folds what is told of them with each commit, and holds it to
//! the reference (I14).
//!
//! ```text
//! dice ─► Wishes ─► worker 0 ─► every worker tells its rows ─► draft ─► commit ─► folded ─► whole: is it the window?
//! ```
//!
//! What is told whole is, at every commit, the window of the prefix that this commit names: all keys, those beyond the limit too,
//! in the order of their ranks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use standings_commit::committer::{Observer, Wishes};
use standings_engine::pack::key::KeyCodec;
use standings_engine::rank::watched::is_kept;
use standings_model::change::Commit;
use standings_model::placed::{Placed, Told, Watch, take_measure, take_row};
use standings_model::plan::{Field, Plan, Ranking};
use standings_model::types::Type;
use standings_model::value::Value;

use crate::orders::shape;
use crate::support::{ALWAYS, Dice, Reference, key_text};
use crate::world::Shared;

/// Windows that are asked for at the same time, at most.
const MOST: u64 = 4;

/// A window that is asked for.
struct Asked {
    watch: Watch,
    /// Workers that have told all their rows.
    wholes: u32,
    /// By key: place and measures.
    rows: BTreeMap<Vec<u8>, (Vec<u8>, Vec<Value>)>,
}

/// One row as it was told: its key, and its measures by name.
type Row = (Vec<String>, BTreeMap<String, String>);

/// How rows of a ranking are read.
struct Reading {
    codec: KeyCodec,
    kinds: Vec<Type>,
}

impl Reading {
    fn new(ranking: &Ranking) -> Self {
        let kind = |m| ranking.field_type(Field::Measure(m)).0;
        Reading {
            codec: KeyCodec::new(ranking),
            kinds: (0..ranking.measures.len()).map(kind).collect(),
        }
    }
}

/// The windows that one cluster is asked for.
pub struct Places {
    world: Shared,
    wishes: Wishes,
    dice: Dice,
    workers: u32,
    next: u64,
    asked: BTreeMap<u64, Asked>,
    readings: BTreeMap<u32, Reading>,
}

impl Places {
    /// Nothing is asked for; what will be is decided by the cluster's number, and by no dice of others.
    pub fn new(world: &Shared, cluster: u64, workers: usize) -> Self {
        let seed = world.lock().seed;
        Places {
            world: world.clone(),
            wishes: Wishes::default(),
            dice: Dice::new(seed ^ (cluster << 32) ^ 0x91ace),
            workers: workers as u32,
            next: 0,
            asked: BTreeMap::new(),
            readings: BTreeMap::new(),
        }
    }

    /// How its worker 0 comes to know.
    pub fn wishes(&self) -> Wishes {
        self.wishes.clone()
    }

    fn take(&mut self, plan: &Plan, placed: &Placed) {
        assert_eq!(placed.workers, self.workers, "I14: how many tell of it");
        tracing::debug!(watch = placed.watch, told = ?placed.told, "is told");
        // What is told of a window that nobody asks for any more was under way.
        let Some(asked) = self.asked.get_mut(&placed.watch) else {
            return;
        };
        let number = asked.watch.ranking;
        let ranking = &plan.rankings[number as usize];
        let reading = self
            .readings
            .entry(number)
            .or_insert_with(|| Reading::new(ranking));
        match &placed.told {
            Told::Whole => asked.wholes += 1,
            Told::Gone => drop(self.asked.remove(&placed.watch)),
            Told::Rows(bytes) => {
                let mut bytes = &bytes[..];
                while let Some(row) = take_row(&mut bytes) {
                    let Some(mut measures) = row.measures else {
                        asked.rows.remove(row.key);
                        continue;
                    };
                    let values = reading.kinds.iter();
                    let values = values.map(|kind| take_measure(&mut measures, kind));
                    let values = values.map(|v| v.expect("a measure of its type"));
                    let row_of = (row.place.to_vec(), values.collect());
                    asked.rows.insert(row.key.to_vec(), row_of);
                }
                assert!(bytes.is_empty(), "I14: half a row is told");
            }
        }
    }

    /// Asks for other windows now and then: some that there are, and some that there may be later.
    fn wish(&mut self, plan: &Plan, reference: &Reference) {
        if self.dice.roll(3) > 0 {
            return;
        }
        let there: BTreeSet<(&str, i64)> = reference
            .rows
            .keys()
            .map(|(ranking, start, _)| (ranking.as_str(), *start))
            .collect();
        let there: Vec<(&str, i64)> = there.into_iter().collect();
        let keeps = self.dice.roll(2) == 0;
        self.asked.retain(|_, _| keeps);
        let more = self
            .dice
            .roll(MOST + 1 - (self.asked.len() as u64).min(MOST));
        for _ in 0..more {
            if there.is_empty() {
                break;
            }
            let (name, start) = there[self.dice.roll(there.len() as u64) as usize];
            let found = plan.rankings.iter().position(|r| r.name == name);
            let number = found.expect("a ranking of the plan");
            let window = plan.rankings[number].window;
            let Some(end) = window.named(start).filter(|_| is_kept(plan, number)) else {
                continue;
            };
            // The next one, which nobody may have sold in yet.
            let end = match window.is_always() || self.dice.roll(4) > 0 {
                true => end,
                false => end + (end - window.start(end)),
            };
            let watch = Watch {
                id: self.next,
                ranking: number as u32,
                window_end: end,
            };
            let is_asked =
                |a: &Asked| a.watch.ranking == watch.ranking && a.watch.window_end == end;
            if self.asked.values().any(is_asked) {
                continue;
            }
            self.next += 1;
            tracing::debug!(?watch, "is asked for");
            let asked = Asked {
                watch,
                wholes: 0,
                rows: BTreeMap::new(),
            };
            self.asked.insert(watch.id, asked);
        }
        self.wishes
            .set(self.asked.values().map(|a| a.watch).collect());
    }

    /// Rows as they were told, by partition in the order of their places.
    fn in_order(&self, ranking: &Ranking, asked: &Asked) -> Vec<Row> {
        let mut rows: Vec<_> = asked.rows.iter().collect();
        rows.sort_by_key(|(_, (place, _))| place);
        let reading = &self.readings[&asked.watch.ranking];
        let row = |(key, (_, values)): (&Vec<u8>, &(Vec<u8>, Vec<Value>))| {
            let key = reading.codec.decode(key);
            let names = ranking.measures.iter().map(|m| m.name.clone());
            let values = values.iter().map(|value| key_text(&json(value)));
            (
                key.iter().map(|value| key_text(&json(value))).collect(),
                names.zip(values).collect(),
            )
        };
        rows.into_iter().map(row).collect()
    }

    /// I14: what is told whole is the window.
    fn check(&self, plan: &Plan, asked: &Asked, reference: &Reference, what: &str) {
        let ranking = &plan.rankings[asked.watch.ranking as usize];
        let end = asked.watch.window_end;
        let start = match ranking.window.is_always() {
            true => ALWAYS,
            false => ranking.window.start(end),
        };
        let what = format!("I14: {what}: {} from {start}", ranking.name);
        let told = match asked.rows.is_empty() {
            true => Vec::new(),
            false => self.in_order(ranking, asked),
        };
        let within =
            |(of, at, _): &&(String, i64, Vec<String>)| *of == ranking.name && *at == start;
        let shown = reference.rows.keys().filter(within).count();
        // By what keys are partitioned: the last rank, and whether there were keys without one.
        let mut last: BTreeMap<&[String], (u64, bool)> = BTreeMap::new();
        let mut found = 0;
        let among = ranking.partition.len().min(shape(&ranking.name).keys.len());
        for (key, measures) in &told {
            let at = (ranking.name.clone(), start, key.clone());
            let before = last.entry(&key[..among]).or_default();
            let Some((rank, values)) = reference.rows.get(&at) else {
                before.1 = true;
                continue;
            };
            found += 1;
            assert!(
                !before.1 && *rank >= before.0,
                "{what}: {key:?} has rank {rank}, and stands behind {before:?}"
            );
            before.0 = *rank;
            for (name, value) in shape(&ranking.name).measures.iter().zip(values) {
                let told = measures.get(*name);
                assert!(
                    told.is_none_or(|told| *told == key_text(value)),
                    "{what}: {name} of {key:?} is told as {told:?}, and is {value}"
                );
            }
        }
        let missing = || {
            let is_told = |key: &[String]| told.iter().any(|(own, _)| own == key);
            let all = reference.rows.keys().filter(within);
            all.filter(|(.., key)| !is_told(key)).collect::<Vec<_>>()
        };
        assert_eq!(
            found,
            shown,
            "{what}: of {told:?} there are missing: {:?}",
            missing()
        );
        if let Some(keys) = reference.keys.get(&(ranking.name.clone(), start)) {
            assert_eq!(told.len(), *keys, "{what}: all of its keys: {told:?}");
        }
    }
}

/// As the change log writes it.
fn json(value: &Value) -> Json {
    if value.is_null() {
        return Json::Null;
    }
    let mut plain = Vec::new();
    value.push_plain(&mut plain);
    let text = match value.bytes() {
        Some(bytes) if plain.is_empty() => bytes.to_vec(),
        _ => plain,
    };
    Json::String(String::from_utf8(text).expect("texts are UTF-8"))
}

impl Observer for Places {
    fn opened(&mut self) {}

    fn committed(&mut self, plan: &Plan, commit: &Commit) {
        for placed in commit.placed.iter() {
            self.take(plan, placed);
        }
        if !self.world.lock().topic.gone.is_empty() {
            // Of a topic that has lost records less is counted: the run ends before it shows that.
            return;
        }
        let reference = self.world.lock().reference(&commit.offsets);
        let what = format!("commit {}, the cut {:?}", commit.number, commit.offsets);
        for asked in self.asked.values() {
            let (wholes, workers) = (asked.wholes, self.workers);
            assert!(
                wholes <= workers,
                "I14: {what}: a window is told whole by {wholes} of {workers} workers"
            );
            if wholes == workers {
                self.world.lock().seen.windows += 1;
                self.check(plan, asked, &reference, &what);
            }
        }
        self.wish(plan, &reference);
    }
}
