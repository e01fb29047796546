//! Finds a number by a hash: one line of memory holds twelve numbers with a byte of each one's hash, so a look-up in
//! millions costs one line that is not in the cache, and how many fit beside each other decides how much memory it takes.
//!
//! 1. A number lies in the line that its hash says, or after it; every full line that it was pushed past counts it.
//! 2. The table knows no keys: who asks says whether a number is the one, and who lets it grow yields all numbers again.
//!    So the old lines are let go before there are new ones.
//!
//! Lines with tags and a count of what overflowed are those of F14 (Bronson and Shi, "Open-sourcing F14", 2019).

/// Numbers by hash.
#[derive(Debug, Default)]
pub struct Index {
    lines: Vec<Line>,
    len: usize,
}

/// Numbers in a line.
const PLACES: usize = 12;

#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
struct Line {
    /// A byte of the hash, 0 for a free place.
    tags: [u8; PLACES],
    /// Numbers that belong here or before, and lie further on.
    passed: u32,
    numbers: [u32; PLACES],
}

/// Never 0. Other bits than those that choose the line.
fn tag(hash: u64) -> u8 {
    (hash as u8).max(1)
}

impl Line {
    /// A bit for each place whose tag this is: the highest of the place's eight.
    #[inline]
    fn matches(&self, tag: u8) -> u128 {
        const LOW: u128 = u128::from_ne_bytes([0x7f; 16]);
        const PLACED: u128 = (1 << (8 * PLACES)) - 1;
        let mut tags = [0; 16];
        tags[..PLACES].copy_from_slice(&self.tags);
        // A byte of `other` is 0 where the tag is the same; only there both the sum and the byte have no highest bit.
        let other = u128::from_le_bytes(tags) ^ u128::from_ne_bytes([tag; 16]);
        !(((other & LOW) + LOW) | other | LOW) & PLACED
    }
}

/// The place of the first match.
fn first(found: u128) -> usize {
    found.trailing_zeros() as usize / 8
}

impl Index {
    /// How many numbers.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.lines.len() as u128) >> 64) as usize
    }

    /// The line and place of a number of this hash that `is_it`.
    #[inline]
    fn place(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<(usize, usize)> {
        if self.lines.is_empty() {
            return None;
        }
        let (mut at, tag) = (self.home(hash), tag(hash));
        // Each line once: after numbers were taken out, every line may have been passed.
        for _ in 0..self.lines.len() {
            let line = &self.lines[at];
            let mut found = line.matches(tag);
            while found != 0 {
                let place = first(found);
                if is_it(line.numbers[place]) {
                    return Some((at, place));
                }
                found &= found - 1;
            }
            if line.passed == 0 {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    fn after(&self, line: usize) -> usize {
        if line + 1 == self.lines.len() {
            0
        } else {
            line + 1
        }
    }

    /// A number of this hash that `is_it`.
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let (line, place) = self.place(hash, is_it)?;
        Some(self.lines[line].numbers[place])
    }

    /// A number that could be the one, without asking; for bringing into the cache what will be asked for. Many of these
    /// calls wait for memory at the same time, where one look-up after the other would wait for each by itself.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        let line = self.lines.get(self.home(hash))?;
        let found = line.matches(tag(hash));
        (found != 0).then(|| line.numbers[first(found)])
    }

    /// Adds a number that is not there. `all` yields each that is there with its hash, when the table must grow.
    pub fn insert<I: Iterator<Item = (u64, u32)>>(
        &mut self,
        hash: u64,
        number: u32,
        all: impl FnOnce() -> I,
    ) {
        // Nine tenths full at most: a line is rarely full then, although lines fill unevenly.
        if (self.len + 1) * 10 > self.lines.len() * PLACES * 9 {
            let lines = self.lines.len() + self.lines.len() / 2 + 1;
            self.lines = Vec::new();
            self.lines = vec![Line::default(); lines];
            self.len = 0;
            for (hash, number) in all() {
                self.put(hash, number);
            }
        }
        self.put(hash, number);
    }

    fn put(&mut self, hash: u64, number: u32) {
        let mut at = self.home(hash);
        loop {
            let line = &mut self.lines[at];
            let free = line.matches(0);
            if free != 0 {
                let place = first(free);
                line.tags[place] = tag(hash);
                line.numbers[place] = number;
                self.len += 1;
                return;
            }
            line.passed += 1;
            at = self.after(at);
        }
    }

    /// Takes a number out; whether it was there.
    pub fn remove(&mut self, hash: u64, number: u32) -> bool {
        let Some((found, place)) = self.place(hash, |n| n == number) else {
            return false;
        };
        let mut at = self.home(hash);
        while at != found {
            self.lines[at].passed -= 1;
            at = self.after(at);
        }
        self.lines[found].tags[place] = 0;
        self.len -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::hash::mix;
    use std::collections::BTreeMap;

    /// `hash` may be a bad one: everything in few lines must still be found.
    fn agrees(hash: impl Fn(u32) -> u64, range: u32, steps: u32) {
        let (mut index, mut want) = (Index::default(), BTreeMap::new());
        let mut n = 7u32;
        for _ in 0..steps {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = (n >> 8) % range;
            if n & 3 == 0 {
                assert_eq!(
                    index.remove(hash(number), number),
                    want.remove(&number).is_some()
                );
            } else if want.insert(number, ()).is_none() {
                let there: Vec<_> = want.keys().copied().filter(|k| *k != number).collect();
                index.insert(hash(number), number, || {
                    there.into_iter().map(|k| (hash(k), k))
                });
            }
            assert_eq!(index.len(), want.len());
        }
        for number in 0..range {
            let found = index.find(hash(number), |k| k == number);
            assert_eq!(
                found.is_some(),
                want.contains_key(&number),
                "{number} of {range}"
            );
        }
        for number in want.keys() {
            assert!(index.remove(hash(*number), *number));
        }
        assert!(index.is_empty());
        assert!(index.lines.iter().all(|line| line.passed == 0));
    }

    /// Line 0 is filled and passed, then emptied; line 1 is filled and passed, into line 0: both were passed now.
    #[test]
    fn a_look_up_ends_where_every_line_was_passed() {
        let mut index = Index {
            lines: vec![Line::default(); 2],
            len: 0,
        };
        let (low, high) = (|n: u32| u64::from(n), |n: u32| 1 << 63 | u64::from(n));
        for n in 0..=12 {
            index.put(low(n), n);
        }
        for n in 0..6 {
            assert!(index.remove(low(n), n));
        }
        for n in 100..112 {
            index.put(high(n), n);
        }
        assert!(index.lines.iter().all(|line| line.passed > 0));
        assert_eq!(index.find(low(50), |n| n == 50), None);
        assert_eq!(index.find(high(50), |n| n == 50), None);
        assert!((6..=12).all(|n| index.find(low(n), |m| m == n) == Some(n)));
        assert!((100..112).all(|n| index.find(high(n), |m| m == n) == Some(n)));
    }

    #[test]
    fn it_finds_what_is_there_and_nothing_else() {
        agrees(|n| mix(u64::from(n)), 3_000, 20_000);
        agrees(|n| mix(u64::from(n % 5)), 200, 3_000);
        agrees(|_| u64::MAX, 60, 1_000);
        agrees(|n| mix(u64::from(n)), 1, 10);
        assert_eq!(std::mem::size_of::<Line>(), 64);
    }
}
