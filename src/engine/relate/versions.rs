//! Tables that others are joined with, by key, at the owner: what holds from when to when.
//!
//! ```text
//! as it is    the last row of the lowest partition that has one        of all time
//! as it was   the versions of the lowest partition that has any        each from its time to that of the next
//!             ──┬────────┬───────────┬──►
//!               a        b           end      a version that comes late splits the one before it: − one, + two
//! ```
//!
//! 1. As it was, a key keeps the version that holds at the earliest time that an open window can have, and those after it: the
//!    others are taken back in the epoch that drops their windows.
//! 2. What ended before that time and comes later still is passed over: no row that it was joined with is there.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap};

use hashbrown::HashMap;

use super::dimension::{DimensionChange, Side};
use crate::rank::messages::Passed;
use standings_model::block::PartitionId;
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};

/// Which rows of a table, in the key that rows are joined by: the table, and whether as it was.
pub fn side(table: u32, as_of: bool) -> Vec<u8> {
    let mut side = table.to_be_bytes().to_vec();
    side.push(u8::from(as_of));
    side
}

/// What holds for a key from a time on and before another, ms.
pub type Version = (i64, i64, Vec<u8>);

/// A version that is there now, or that is no more: the key with its side, the version, 1 or −1.
pub type Update = (Vec<u8>, Version, isize);

/// Further from 1970 than any row, ms.
const FAR: i64 = i64::MAX / 4;

/// All time.
pub(super) const EVER: (i64, i64) = (i64::MIN, i64::MAX);

/// What is known of the keys of one worker.
pub struct Versions {
    sides: Vec<Option<Side>>,
    keys: HashMap<(u32, Vec<u8>), Known>,
    /// By table.
    old: Vec<Old>,
    /// Those that came too late for any row, since they were last taken.
    passed: Vec<Passed>,
}

/// What of a table's versions is old.
struct Old {
    /// No row that is joined as it was is from before this, ms.
    earliest: i64,
    /// When a version ended since another came, ms, and of which key: the first is next.
    ends: BinaryHeap<Reverse<(i64, Vec<u8>)>>,
}

/// A row as it was from a time on, and where it stood; none where it had ended.
type Then = (u64, Option<Vec<u8>>);

#[derive(Default)]
struct Known {
    /// The last row, by partition, and where it stood.
    now: BTreeMap<PartitionId, (u64, Vec<u8>)>,
    /// Where rows ended that stood in a partition last: what comes from before it is none.
    past: BTreeMap<PartitionId, BTreeMap<i64, Then>>,
}

impl Versions {
    /// None, of tables of which this is taken.
    pub fn new(sides: Vec<Option<Side>>) -> Self {
        let old = |_: &Option<Side>| Old {
            earliest: EVER.0,
            ends: BinaryHeap::new(),
        };
        Versions {
            old: sides.iter().map(old).collect(),
            sides,
            keys: HashMap::new(),
            passed: Vec::new(),
        }
    }

    /// Versions that came when no row was there any more that they are of.
    pub fn take_passed(&mut self) -> Vec<Passed> {
        std::mem::take(&mut self.passed)
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Takes a change over: what holds then that did not, and the other way round.
    pub fn change(&mut self, change: DimensionChange, out: &mut Vec<Update>) {
        let Some(Some(side_of)) = self.sides.get(change.table as usize) else {
            return;
        };
        let (is, was) = side_of.joins;
        let at = (change.table, change.key.clone());
        let known = self.keys.entry(at).or_default();
        let mut tell = |as_of: bool, version: Version, sign: isize| {
            let mut key = side(change.table, as_of);
            key.extend_from_slice(&change.key);
            out.push((key, version, sign));
        };
        if is {
            let speaks = |now: &BTreeMap<PartitionId, (u64, Vec<u8>)>| {
                let one = match sabotage::is(Mistake::HighestSpeaks) {
                    true => now.last_key_value(),
                    false => now.first_key_value(),
                };
                one.map(|(_, (_, row))| row.clone())
            };
            let before = speaks(&known.now);
            match &change.row {
                Some(row) => {
                    known
                        .now
                        .insert(change.partition, (change.offset, row.clone()));
                }
                None => {
                    known.now.remove(&change.partition);
                }
            }
            let after = speaks(&known.now);
            if before != after {
                for (row, sign) in [(before, -1), (after, 1)] {
                    row.into_iter()
                        .for_each(|row| tell(false, (EVER.0, EVER.1, row), sign));
                }
            }
        }
        if was {
            let old = &mut self.old[change.table as usize];
            let tell = &mut |version, sign| tell(true, version, sign);
            match known.was(&change, old.earliest, tell) {
                Some(ends) => {
                    for end in ends {
                        old.ends.push(Reverse((end, change.key.clone())));
                    }
                }
                None => self
                    .passed
                    .extend(change.record.as_ref().map(|record| Passed {
                        table: change.table,
                        partition: change.partition,
                        offset: change.offset,
                        time: change.time,
                        record: record.clone(),
                        comes: change.comes,
                        ends: change.row.is_none(),
                    })),
            }
        }
        if known.now.is_empty() && known.past.is_empty() {
            self.keys.remove(&(change.table, change.key));
        }
    }

    /// Forgets the versions of a table that ended before any row that is or will be joined with it as it was: none is from
    /// before `earliest`, ms. Costs what is forgotten.
    pub fn forget(&mut self, table: usize, earliest: i64, out: &mut Vec<Update>) {
        let Some(old) = self.old.get_mut(table) else {
            return;
        };
        old.earliest = old.earliest.max(earliest);
        while let Some(next) = old.ends.peek_mut()
            && next.0.0 <= old.earliest
        {
            let Reverse((_, key)) = PeekMut::pop(next);
            let at = (table as u32, key);
            let Some(known) = self.keys.get_mut(&at) else {
                continue;
            };
            known.forget(old.earliest, &mut |version| {
                let mut key = side(at.0, true);
                key.extend_from_slice(&at.1);
                out.push((key, version, -1));
            });
        }
    }
}

impl Known {
    /// Forgets versions that ended at or before a time; of those that are heard it tells.
    fn forget(&mut self, earliest: i64, tell: &mut dyn FnMut(Version)) {
        for (n, versions) in self.past.values_mut().enumerate() {
            let holds = versions.range(..=earliest).next_back();
            let Some(holds) = holds.map(|(from, _)| *from) else {
                continue;
            };
            let kept = versions.split_off(&holds);
            if n == 0 {
                let ends = versions.keys().skip(1).copied().chain([holds]);
                for ((from, (_, row)), to) in versions.iter().zip(ends) {
                    row.iter().for_each(|row| tell((*from, to, row.clone())));
                }
            }
            *versions = kept;
        }
    }

    /// A version from a time on, where no row is from before `earliest`. The ends of versions that it brings about; none where
    /// it ends before any row.
    fn was(
        &mut self,
        change: &DimensionChange,
        earliest: i64,
        tell: &mut dyn FnMut(Version, isize),
    ) -> Option<impl Iterator<Item = i64> + use<>> {
        let nothing = [None, None].into_iter().flatten();
        let speaks = self.past.first_key_value().map(|(partition, _)| *partition);
        if speaks.is_some_and(|lowest| change.partition < lowest) {
            // Another partition speaks from now on.
            if let Some((_, before)) = self.past.first_key_value() {
                intervals(before).for_each(|version| tell(version, -1));
            }
        }
        let is_heard = speaks.is_none_or(|lowest| change.partition <= lowest);
        let own = self.past.entry(change.partition).or_default();
        let next = own.range(change.time.saturating_add(1)..).next();
        let to = next.map_or(EVER.1, |(time, _)| *time);
        if to < EVER.1 && sabotage::is(Mistake::LateVersionNotSplit) {
            return Some(nothing);
        }
        if to <= earliest {
            return None;
        }
        let before = own.range(..=change.time).next_back();
        let ends = [
            before.is_some().then_some(change.time),
            (to < EVER.1).then_some(to),
        ];
        let before = before.map(|(time, (offset, row))| (*time, *offset, row.clone()));
        if let Some((time, offset, row)) = before {
            if time == change.time && offset > change.offset {
                // Of two of one time the later in the partition is the one.
                return Some(nothing);
            }
            if row == change.row {
                // The same goes on; where it is the same time, its place is another.
                if time == change.time {
                    own.insert(time, (change.offset, row));
                } else {
                    own.insert(change.time, (change.offset, change.row.clone()));
                    if let Some(row) = row.filter(|_| is_heard) {
                        tell((time, to, row.clone()), -1);
                        tell((time, change.time, row.clone()), 1);
                        tell((change.time, to, row), 1);
                    }
                }
                return Some(ends.into_iter().flatten());
            }
            if let Some(row) = row.filter(|_| is_heard) {
                tell((time, to, row.clone()), -1);
                if time < change.time {
                    tell((time, change.time, row), 1);
                }
            }
        }
        own.insert(change.time, (change.offset, change.row.clone()));
        if let Some(row) = change.row.as_ref().filter(|_| is_heard) {
            tell((change.time, to, row.clone()), 1);
        }
        Some(ends.into_iter().flatten())
    }
}

/// Of tables that rows are joined with as they were: the earliest time that such a row has in a window that ends after
/// `horizon`, ms. None of those where a ranking of all time is among them.
pub fn earliest(plan: &Plan, horizon: i64) -> BTreeMap<usize, i64> {
    const DAY: i64 = 86_400_000;
    let mut all: BTreeMap<usize, i64> = BTreeMap::new();
    // Beyond it is no time of a row: the input has ended.
    let is_time = (-FAR..FAR).contains(&horizon);
    for ranking in &plan.rankings {
        let joins = ranking.joined.iter().flat_map(|joined| &joined.joins);
        for join in joins.filter(|join| join.as_of) {
            let is_kept = ranking.window.is_always() || !is_time;
            let first = || {
                let next = ranking.window.cover(horizon).first;
                // A day is taken as that of UTC, wherever its window begins.
                ranking.window.start(next).saturating_sub(DAY)
            };
            let of = if is_kept { EVER.0 } else { first() };
            let known = all.entry(join.table).or_insert(of);
            *known = of.min(*known);
        }
    }
    all
}

/// What holds from when to when.
fn intervals(
    versions: &BTreeMap<i64, (u64, Option<Vec<u8>>)>,
) -> impl Iterator<Item = Version> + '_ {
    let ends = versions.keys().skip(1).copied().chain([EVER.1]);
    let all = versions.iter().zip(ends);
    all.filter_map(|((from, (_, row)), to)| Some((*from, to, row.clone()?)))
}

#[cfg(test)]
mod tests;
