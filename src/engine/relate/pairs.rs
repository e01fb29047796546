//! Rows that may still be ones of pairs, at the owner of what they are pairs by.
//!
//! ```text
//! key ──► own    ──┬──┬───┬─────┬──► by their moment
//!         other  ────┬───┬───┬─────►          a row that comes meets those of the other side that are near: each pair once
//!             from ──┘       └── to
//! ```
//!
//! 1. A pair is met when the second of the two comes, whichever that is: so each once, however readers, epochs and workers lie.
//! 2. A row is kept until the last window is dropped that a pair of it could be in: then no partition of the other table has one to
//!    come that could still count.
//! 3. Snapshots have the rows beside the totals that their pairs are in already: rows that are loaded meet nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::events::{Event, bin_of};
use super::pairing::{Pairing, Pairings, place};
use super::row::JoinedRow;
use crate::combine::combiner::Origin;
use crate::held::{BY_BIN, Copied, Entry, Held};
use standings_model::block::PartitionId;
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};

/// What one worker keeps.
pub struct Pairs {
    pairings: Pairings,
    keys: HashMap<Box<[u8]>, u32>,
    known: Vec<Known>,
    free: Vec<u32>,
    /// Until when rows are kept, ms: whose.
    ends: BTreeMap<i64, Vec<u32>>,
    /// Keys of which rows came since the last copy.
    touched: Vec<u32>,
    /// By table: rows and bytes.
    held: BTreeMap<usize, (usize, usize)>,
}

#[derive(Default)]
struct Known {
    key: Box<[u8]>,
    /// The own side, and the other; by moment and place.
    sides: [Vec<Kept>; 2],
    /// It is among those that were touched.
    is_touched: bool,
}

struct Kept {
    at: i64,
    place: (PartitionId, u64, u32),
    time: i64,
    closed: i64,
    until: i64,
    /// It is in no copy yet.
    is_new: bool,
    cells: Box<[u8]>,
}

impl Kept {
    fn bytes(&self) -> usize {
        size_of::<Kept>() + self.cells.len()
    }

    fn origin(&self) -> Origin {
        Origin::new(self.place.0, self.place.1, self.place.2)
    }
}

/// A pair, put together.
pub struct Pair<'a> {
    /// Number of the ranking in the plan.
    pub ranking: u32,
    /// Its columns and its time.
    pub row: &'a JoinedRow,
    /// Windows that end at or before this are closed to it, ms.
    pub closed: i64,
    /// Where the later of the two stands.
    pub origin: Origin,
}

impl Pairs {
    /// None.
    pub fn new(plan: &Arc<Plan>) -> Self {
        Pairs {
            pairings: Pairings::new(plan),
            keys: HashMap::new(),
            known: Vec::new(),
            free: Vec::new(),
            ends: BTreeMap::new(),
            touched: Vec::new(),
            held: BTreeMap::new(),
        }
    }

    /// The rules.
    pub fn pairings(&self) -> &Pairings {
        &self.pairings
    }

    /// By table, the rows that are kept and the bytes that they take.
    pub fn held(&self) -> &BTreeMap<usize, (usize, usize)> {
        &self.held
    }

    /// A row comes: `meet` is given each pair of it.
    pub fn come(&mut self, event: Event, row: &mut JoinedRow, meet: &mut dyn FnMut(Pair<'_>)) {
        let number = self.number(&event.key);
        let Some(pairing) = self.pairings.get(event.ranking) else {
            return;
        };
        let others = &self.known[number as usize].sides[usize::from(!event.other)];
        let (from, to) = pairing.partners(event.other, event.at);
        let first = others.partition_point(|kept| kept.at < from);
        for kept in others[first..].iter().take_while(|kept| kept.at <= to) {
            if kept.at == to && sabotage::is(Mistake::PairBoundOpen) {
                continue;
            }
            let time = match sabotage::is(Mistake::PairOfEarlierTime) {
                true => event.time.min(kept.time),
                false => event.time.max(kept.time),
            };
            let cells = match event.other {
                false => (&event.cells[..], &kept.cells[..]),
                true => (&kept.cells[..], &event.cells[..]),
            };
            pairing.open(cells, time, row);
            let origin = match kept.time > event.time {
                true => kept.origin(),
                false => Origin::new(event.place.0, event.place.1, event.place.2),
            };
            meet(Pair {
                ranking: event.ranking,
                row,
                closed: match sabotage::is(Mistake::PairClosedToOne) {
                    true => event.closed,
                    false => event.closed.max(kept.closed),
                },
                origin,
            });
        }
        self.keep(number, event, true);
    }

    fn number(&mut self, key: &[u8]) -> u32 {
        if let Some(number) = self.keys.get(key) {
            return *number;
        }
        let number = self.free.pop().unwrap_or(self.known.len() as u32);
        if number as usize == self.known.len() {
            self.known.push(Known::default());
        }
        self.known[number as usize].key = key.into();
        self.keys.insert(key.into(), number);
        number
    }

    fn keep(&mut self, number: u32, event: Event, is_new: bool) {
        let Some(pairing) = self.pairings.get(event.ranking) else {
            return;
        };
        let kept = Kept {
            at: event.at,
            place: event.place,
            time: event.time,
            closed: event.closed,
            until: pairing.until(event.other, event.time),
            is_new,
            cells: event.cells.into_boxed_slice(),
        };
        let held = self
            .held
            .entry(pairing.side(event.other).table)
            .or_default();
        (held.0, held.1) = (held.0 + 1, held.1 + kept.bytes());
        if !pairing.ranking.window.is_always() {
            let ends = self.ends.entry(kept.until).or_default();
            if ends.last() != Some(&number) {
                ends.push(number);
            }
        }
        let is_full = self.touched.len() > 2 * self.known.len() + 1024;
        let known = &mut self.known[number as usize];
        if is_new && !std::mem::replace(&mut known.is_touched, true) {
            self.touched.push(number);
        }
        let side = &mut known.sides[usize::from(event.other)];
        let at = side.partition_point(|k| (k.at, k.place) < (kept.at, kept.place));
        side.insert(at, kept);
        if is_full {
            // Where nothing is copied, numbers that are used again are in it again.
            self.touched.sort_unstable();
            self.touched.dedup();
        }
    }

    /// Lets rows go of which no pair can count any more: windows that end at or before `horizon` are dropped, ms. Costs what goes.
    pub fn retire(&mut self, horizon: i64) {
        while let Some(first) = self.ends.first_entry().filter(|e| *e.key() <= horizon) {
            for number in first.remove() {
                self.let_go(number, horizon);
            }
        }
    }

    fn let_go(&mut self, number: u32, horizon: i64) {
        let known = &mut self.known[number as usize];
        let Some(pairing) = pairing_of(&self.pairings, &known.key) else {
            return;
        };
        for (other, side) in [false, true].into_iter().zip(&mut known.sides) {
            // What is later is kept longer.
            let gone = side.partition_point(|kept| kept.until <= horizon);
            let held = self.held.entry(pairing.side(other).table).or_default();
            for kept in side.drain(..gone) {
                (held.0, held.1) = (held.0 - 1, held.1 - kept.bytes());
            }
        }
        if known.sides.iter().all(Vec::is_empty) {
            let gone = std::mem::take(known);
            self.keys.remove(&gone.key);
            self.free.push(number);
        }
    }

    /// Copies rows for a snapshot: all, or those that came since the last copy. Those that went are no news.
    pub fn copy(&mut self, all: bool) -> Vec<Copied> {
        let mut bins: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
        let touched = std::mem::take(&mut self.touched);
        let numbers = match all {
            true => (0..self.known.len() as u32).collect(),
            false => touched.clone(),
        };
        for number in numbers {
            let known = &mut self.known[number as usize];
            if known.key.is_empty() {
                continue;
            }
            let into = bins.entry(bin_of(&known.key)).or_default();
            if sabotage::is(Mistake::PairRowsNotCopied) {
                continue;
            }
            for (other, side) in [false, true].into_iter().zip(&mut known.sides) {
                for kept in side.iter_mut().filter(|kept| all || kept.is_new) {
                    kept.is_new = false;
                    into.push(entry(&known.key, other, kept));
                }
            }
        }
        for number in touched {
            self.known[number as usize].is_touched = false;
        }
        let copied = bins.into_iter().filter(|(_, entries)| !entries.is_empty());
        let copied = copied.map(|(bin, entries)| Copied {
            table: 0,
            partition: BY_BIN + bin as PartitionId,
            all,
            entries,
        });
        copied.collect()
    }

    /// Takes rows out of a snapshot; those that end by then are left out. `false` where they make no sense.
    pub fn load(&mut self, held: &BTreeMap<PartitionId, Held>, horizon: i64) -> bool {
        for row in held.values().flat_map(Held::iter) {
            if row.until <= horizon {
                continue;
            }
            let (key, rest) = row.bytes.split_at(row.key);
            let Some(event) = event(key, rest) else {
                return false;
            };
            let number = self.number(&event.key);
            self.keep(number, event, false);
        }
        true
    }
}

fn pairing_of<'a>(pairings: &'a Pairings, key: &[u8]) -> Option<&'a Pairing> {
    let number = key.first_chunk().map(|n| u32::from_be_bytes(*n))?;
    pairings.get(number)
}

/// A row as a snapshot has it: ranking and place, and behind them moment, time, what is closed, the length of the key, the key, and
/// what was taken.
fn entry(of: &[u8], other: bool, kept: &Kept) -> Entry {
    let mut key = of[..of.len().min(4)].to_vec();
    place(&mut key, other, kept.origin());
    let mut rest = Vec::with_capacity(28 + of.len() + kept.cells.len());
    for number in [kept.at, kept.time, kept.closed] {
        rest.extend_from_slice(&number.to_le_bytes());
    }
    rest.extend_from_slice(&(of.len() as u32).to_le_bytes());
    rest.extend_from_slice(of);
    rest.extend_from_slice(&kept.cells);
    Entry {
        key: key.into(),
        row: Some((kept.until, rest.into())),
    }
}

/// What [`entry`] wrote.
fn event(key: &[u8], rest: &[u8]) -> Option<Event> {
    let (ranking, key) = key.split_first_chunk()?;
    let (other, key) = key.split_first()?;
    let (partition, key) = key.split_first_chunk()?;
    let (offset, key) = key.split_first_chunk()?;
    let row = key.try_into().ok()?;
    let (at, rest) = rest.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let (closed, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (of, cells) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some(Event {
        ranking: u32::from_be_bytes(*ranking),
        other: *other == 1,
        key: of.to_vec(),
        at: i64::from_le_bytes(*at),
        time: i64::from_le_bytes(*time),
        closed: i64::from_le_bytes(*closed),
        place: (
            u32::from_be_bytes(*partition),
            u64::from_be_bytes(*offset),
            u32::from_be_bytes(row),
        ),
        cells: cells.to_vec(),
    })
}
