//! Tables that others are joined with, by key, at the owner: what holds from when to when.
//!
//! ```text
//! as it is    the last row of the lowest partition that has one        of all time
//! as it was   the versions of the lowest partition that has any        each from its time to that of the next
//!             ──┬────────┬───────────┬──►
//!               a        b           end      a version that comes late splits the one before it: − one, + two
//! ```

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::dimension::{DimensionChange, Side};
use standings_model::block::PartitionId;

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

/// All time.
const EVER: (i64, i64) = (i64::MIN, i64::MAX);

/// What is known of the keys of one worker.
pub struct Versions {
    sides: Vec<Option<Side>>,
    keys: HashMap<(u32, Vec<u8>), Known>,
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
        Versions {
            sides,
            keys: HashMap::new(),
        }
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
            let before = known.now.first_key_value().map(|(_, (_, row))| row.clone());
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
            let after = known.now.first_key_value().map(|(_, (_, row))| row);
            if before.as_ref() != after {
                if let Some(row) = before {
                    tell(false, (EVER.0, EVER.1, row), -1);
                }
                if let Some(row) = after {
                    tell(false, (EVER.0, EVER.1, row.clone()), 1);
                }
            }
        }
        if was {
            known.was(&change, &mut |version, sign| tell(true, version, sign));
        }
        if known.now.is_empty() && known.past.is_empty() {
            self.keys.remove(&(change.table, change.key));
        }
    }
}

impl Known {
    /// A version from a time on.
    fn was(&mut self, change: &DimensionChange, tell: &mut dyn FnMut(Version, isize)) {
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
        let before = own.range(..=change.time).next_back();
        let before = before.map(|(time, (offset, row))| (*time, *offset, row.clone()));
        if let Some((time, offset, row)) = before {
            if time == change.time && offset > change.offset {
                // Of two of one time the later in the partition is the one.
                return;
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
                return;
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
    }
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
