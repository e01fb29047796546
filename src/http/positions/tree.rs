//! Millions of rows in their order, of which each knows how many are before it.
//!
//! ```text
//! segments   first, count │ first, count │ …          a few hundred: added up for each question
//!               leaves    first, count │ first, count │ …      at most MOST of them
//!                  rows   row, row, row, …                     at most 64
//! ```
//!
//! Three levels and no more: ten million rows are some thousand segments, whose counts lie beside each other and are added up in
//! less time than a cache miss takes. `first` is the beginning of the first row as a number, so that looking for one touches no
//! row but where two begin alike.
//!
//! 1. Rows may be equal, and stand beside each other then.
//! 2. No leaf is empty, and no segment.
//!
//! A B+ tree with counts (Knuth, *The Art of Computer Programming* 3, 6.2.3) whose root may be wide.

use super::leaf::{Leaf, MOST as MOST_ROWS, Row};

/// Leaves of a segment, at most.
const MOST: usize = 256;

/// Leaves beside each other.
#[derive(Debug, Default)]
struct Segment {
    firsts: Vec<u128>,
    counts: Vec<u32>,
    leaves: Vec<Leaf>,
}

/// Rows in their order.
#[derive(Debug, Default)]
pub(super) struct Tree {
    firsts: Vec<u128>,
    counts: Vec<u64>,
    segments: Vec<Segment>,
    len: u64,
    bytes: usize,
}

/// A place between rows: before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    segment: usize,
    leaf: usize,
    row: usize,
}

/// The beginning of what a row is sorted by; of a row that is before another it is not the greater.
fn beginning(sort: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let length = sort.len().min(16);
    bytes[..length].copy_from_slice(&sort[..length]);
    u128::from_be_bytes(bytes)
}

/// The last of these whose first row is before a row, else the first. `sort` says of one what its first row is sorted by.
fn last_before<'a>(firsts: &[u128], of: &[u8], sort: impl Fn(usize) -> &'a [u8]) -> usize {
    let own = beginning(of);
    let mut at = firsts.partition_point(|first| *first < own);
    // Of those that begin alike the rest decides.
    let alike = firsts[at..].partition_point(|first| *first == own);
    let (mut low, mut high) = (at, at + alike);
    while low < high {
        let middle = (low + high) / 2;
        match sort(middle) < of {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    at = low;
    at.saturating_sub(1)
}

impl Segment {
    fn of(leaf: Leaf) -> Self {
        let mut segment = Segment::default();
        segment.push(0, leaf);
        segment
    }

    fn push(&mut self, at: usize, leaf: Leaf) {
        self.firsts.insert(at, beginning(leaf.row(0).sort));
        self.counts.insert(at, leaf.len() as u32);
        self.leaves.insert(at, leaf);
    }

    fn take(&mut self, at: usize) -> Leaf {
        self.firsts.remove(at);
        self.counts.remove(at);
        self.leaves.remove(at)
    }

    /// A leaf has changed.
    fn note(&mut self, at: usize) {
        let leaf = &self.leaves[at];
        self.firsts[at] = beginning(leaf.row(0).sort);
        self.counts[at] = leaf.len() as u32;
    }

    fn count(&self) -> u64 {
        self.counts.iter().map(|n| u64::from(*n)).sum()
    }
}

impl Tree {
    /// How many rows.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes that it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The place of the first row that is not before this.
    pub(super) fn lower(&self, sort: &[u8]) -> Place {
        if self.segments.is_empty() {
            return Place {
                segment: 0,
                leaf: 0,
                row: 0,
            };
        }
        let segments = &self.segments;
        let first = |at: usize| segments[at].leaves[0].row(0).sort;
        let segment = last_before(&self.firsts, sort, first);
        let leaves = &segments[segment].leaves;
        let leaf = last_before(&segments[segment].firsts, sort, |at| leaves[at].row(0).sort);
        Place {
            segment,
            leaf,
            row: leaves[leaf].lower(sort),
        }
    }

    /// How many rows are before a place.
    pub(super) fn before(&self, at: Place) -> u64 {
        let segments: u64 = self.counts[..at.segment].iter().sum();
        let leaves = self.segments.get(at.segment).map_or(0, |segment| {
            let before = segment.counts[..at.leaf].iter();
            before.map(|n| u64::from(*n)).sum()
        });
        segments + leaves + at.row as u64
    }

    /// The place before which there are so many rows.
    pub(super) fn select(&self, mut n: u64) -> Place {
        for (segment, count) in self.counts.iter().enumerate() {
            if n >= *count {
                n -= count;
                continue;
            }
            for (leaf, count) in self.segments[segment].counts.iter().enumerate() {
                if n >= u64::from(*count) {
                    n -= u64::from(*count);
                    continue;
                }
                return Place {
                    segment,
                    leaf,
                    row: n as usize,
                };
            }
        }
        self.end()
    }

    fn end(&self) -> Place {
        let segment = self.segments.len().saturating_sub(1);
        let leaves = self.segments.last().map(|segment| &segment.leaves);
        Place {
            segment,
            leaf: leaves.map_or(0, |leaves| leaves.len() - 1),
            row: leaves.and_then(|leaves| leaves.last()).map_or(0, Leaf::len),
        }
    }

    /// The row behind a place, and the place behind it.
    pub(super) fn next(&self, at: Place) -> Option<(Row<'_>, Place)> {
        let mut at = at;
        loop {
            let segment = self.segments.get(at.segment)?;
            match segment.leaves.get(at.leaf) {
                Some(leaf) if at.row < leaf.len() => {
                    let behind = Place {
                        row: at.row + 1,
                        ..at
                    };
                    return Some((leaf.row(at.row), behind));
                }
                Some(_) => {
                    at.leaf += 1;
                    at.row = 0;
                }
                None => {
                    at = Place {
                        segment: at.segment + 1,
                        leaf: 0,
                        row: 0,
                    };
                }
            }
        }
    }

    /// The row before a place, which is the place before it.
    pub(super) fn previous(&self, mut at: Place) -> Option<(Row<'_>, Place)> {
        loop {
            if at.row > 0 {
                at.row -= 1;
                let leaf = self.segments.get(at.segment)?.leaves.get(at.leaf)?;
                return Some((leaf.row(at.row), at));
            }
            if at.leaf > 0 {
                at.leaf -= 1;
            } else {
                at.segment = at.segment.checked_sub(1)?;
                at.leaf = self.segments[at.segment].leaves.len() - 1;
            }
            at.row = self.segments[at.segment].leaves[at.leaf].len();
        }
    }

    /// Puts a row in.
    pub(super) fn put(&mut self, row: Row<'_>) {
        self.len += 1;
        if self.segments.is_empty() {
            let mut leaf = Leaf::default();
            leaf.put(0, row);
            self.bytes += leaf.bytes();
            let segment = Segment::of(leaf);
            self.firsts.push(segment.firsts[0]);
            self.counts.push(1);
            self.segments.push(segment);
            return;
        }
        let at = self.lower(row.sort);
        let segment = &mut self.segments[at.segment];
        let leaf = &mut segment.leaves[at.leaf];
        let before = leaf.bytes();
        leaf.put(at.row, row);
        let split = leaf.is_full().then(|| leaf.split());
        self.bytes = self.bytes + leaf.bytes() - before;
        segment.note(at.leaf);
        if let Some(split) = split {
            self.bytes += split.bytes();
            segment.push(at.leaf + 1, split);
        }
        let is_wide = segment.leaves.len() > MOST;
        self.note(at.segment);
        if is_wide {
            self.widen(at.segment);
        }
    }

    /// Takes a row out that is equal; whether there was one.
    pub(super) fn take(&mut self, sort: &[u8]) -> bool {
        let mut at = self.lower(sort);
        match self.next(at) {
            Some((row, behind)) if row.sort == sort => {
                at = behind;
                at.row -= 1;
            }
            _ => return false,
        }
        self.len -= 1;
        let segment = &mut self.segments[at.segment];
        let leaf = &mut segment.leaves[at.leaf];
        let before = leaf.bytes();
        leaf.take(at.row);
        self.bytes = self.bytes + leaf.bytes() - before;
        if leaf.len() == 0 {
            self.bytes -= segment.take(at.leaf).bytes();
        } else {
            segment.note(at.leaf);
            self.join_leaves(at);
        }
        if self.segments[at.segment].leaves.is_empty() {
            self.segments.remove(at.segment);
            self.firsts.remove(at.segment);
            self.counts.remove(at.segment);
            return true;
        }
        self.note(at.segment);
        self.join_segments(at.segment);
        true
    }

    /// A leaf with few rows takes the next one's in, if that has few.
    fn join_leaves(&mut self, at: Place) {
        let segment = &mut self.segments[at.segment];
        let (own, next) = (segment.leaves.get(at.leaf), segment.leaves.get(at.leaf + 1));
        let (Some(own), Some(next)) = (own, next) else {
            return;
        };
        if own.len() >= MOST_ROWS / 4 || own.len() + next.len() > MOST_ROWS / 2 {
            return;
        }
        let before = own.bytes() + next.bytes();
        let next = segment.take(at.leaf + 1);
        segment.leaves[at.leaf].append(next);
        self.bytes = self.bytes + segment.leaves[at.leaf].bytes() - before;
        segment.note(at.leaf);
    }

    fn join_segments(&mut self, at: usize) {
        let leaves = |at: usize| self.segments.get(at).map(|s| s.leaves.len());
        let (Some(own), Some(next)) = (leaves(at), leaves(at + 1)) else {
            return;
        };
        if own >= MOST / 4 || own + next > MOST / 2 {
            return;
        }
        let mut next = self.segments.remove(at + 1);
        self.firsts.remove(at + 1);
        self.counts.remove(at + 1);
        let own = &mut self.segments[at];
        own.firsts.append(&mut next.firsts);
        own.counts.append(&mut next.counts);
        own.leaves.append(&mut next.leaves);
        self.note(at);
    }

    /// A segment has changed.
    fn note(&mut self, at: usize) {
        self.firsts[at] = self.segments[at].firsts[0];
        self.counts[at] = self.segments[at].count();
    }

    /// A segment becomes two.
    fn widen(&mut self, at: usize) {
        let own = &mut self.segments[at];
        let half = own.leaves.len() / 2;
        let new = Segment {
            firsts: own.firsts.split_off(half),
            counts: own.counts.split_off(half),
            leaves: own.leaves.split_off(half),
        };
        self.firsts.insert(at + 1, new.firsts[0]);
        self.counts.insert(at + 1, new.count());
        self.segments.insert(at + 1, new);
        self.note(at);
    }
}
