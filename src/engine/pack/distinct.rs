//! The distinct values of the keys of a window. A key's are one word: most keys have one or two, and these lie in the
//! word itself; more lie in a set, and the word is its number.

use hashbrown::HashSet;

/// The sets of a window, and the words that stand for a key's values.
#[derive(Debug, Default)]
pub struct Sets(Vec<DistinctSet>);

/// What a word holds, in its two highest bits.
const ONE: u64 = 1 << 62;
const TWO: u64 = 2 << 62;
const SET: u64 = 3 << 62;
/// Bits of a value that lies in a word.
const BITS: u32 = 31;
const VALUE: u64 = (1 << BITS) - 1;

impl Sets {
    /// The word of a key without values.
    pub const NONE: u64 = 0;

    /// How many values a word stands for.
    #[inline]
    pub fn len(&self, word: u64) -> usize {
        match word & SET {
            SET => self.0[(word & VALUE) as usize].len(),
            in_place => (in_place >> 62) as usize,
        }
    }

    /// Adds a value; whether it is new.
    #[inline]
    pub fn insert(&mut self, word: &mut u64, value: u32) -> bool {
        let fits = u64::from(value) <= VALUE;
        match *word & SET {
            SET => return self.0[(*word & VALUE) as usize].insert(value),
            0 if fits => *word = ONE | u64::from(value),
            ONE | TWO if self.has(*word, value) => return false,
            ONE if fits => *word = TWO | (u64::from(value) << BITS) | (*word & VALUE),
            _ => {
                let mut set = DistinctSet::default();
                self.for_each(*word, |v| {
                    set.insert(v);
                });
                set.insert(value);
                *word = SET | self.0.len() as u64;
                super::chunks::make_room(&mut self.0);
                self.0.push(set);
            }
        }
        true
    }

    fn has(&self, word: u64, value: u32) -> bool {
        let mut has = false;
        self.for_each(word, |v| has |= v == value);
        has
    }

    /// Calls `f` with each value, in no order.
    #[inline]
    pub fn for_each(&self, word: u64, mut f: impl FnMut(u32)) {
        let tag = word & SET;
        if tag == SET {
            return self.0[(word & VALUE) as usize].for_each(f);
        }
        if tag != 0 {
            f((word & VALUE) as u32);
        }
        if tag == TWO {
            f(((word >> BITS) & VALUE) as u32);
        }
    }
}

/// A set of text numbers: a handful for most keys, so they lie in place; more in a sorted list, until it pays to hash.
#[derive(Debug)]
enum DistinctSet {
    /// In place, in order of arrival.
    Few {
        /// How many.
        len: u8,
        /// The values, and after them nothing of meaning.
        values: [u32; FEW],
    },
    /// Sorted.
    Some(Vec<u32>),
    /// Hashed.
    Many(Box<HashSet<u32>>),
}

const FEW: usize = 6;
const SOME: usize = 48;

impl Default for DistinctSet {
    fn default() -> Self {
        DistinctSet::Few {
            len: 0,
            values: [0; FEW],
        }
    }
}

impl DistinctSet {
    /// How many values.
    pub fn len(&self) -> usize {
        match self {
            DistinctSet::Few { len, .. } => usize::from(*len),
            DistinctSet::Some(v) => v.len(),
            DistinctSet::Many(s) => s.len(),
        }
    }

    /// Adds a value; whether it is new.
    pub fn insert(&mut self, value: u32) -> bool {
        match self {
            DistinctSet::Few { len, values } => {
                let n = usize::from(*len);
                if values[..n].contains(&value) {
                    return false;
                }
                if n < FEW {
                    values[n] = value;
                    *len += 1;
                } else {
                    let mut all = values.to_vec();
                    all.push(value);
                    all.sort_unstable();
                    *self = DistinctSet::Some(all);
                }
                true
            }
            DistinctSet::Some(all) => match all.binary_search(&value) {
                Ok(_) => false,
                Err(at) if all.len() < SOME => {
                    all.insert(at, value);
                    true
                }
                Err(_) => {
                    let mut set: HashSet<u32> = all.iter().copied().collect();
                    set.insert(value);
                    *self = DistinctSet::Many(Box::new(set));
                    true
                }
            },
            DistinctSet::Many(set) => set.insert(value),
        }
    }

    /// Calls `f` with each value, in no order.
    pub fn for_each(&self, f: impl FnMut(u32)) {
        match self {
            DistinctSet::Few { len, values } => {
                values[..usize::from(*len)].iter().copied().for_each(f)
            }
            DistinctSet::Some(all) => all.iter().copied().for_each(f),
            DistinctSet::Many(set) => set.iter().copied().for_each(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_word_is_a_set_at_every_size() {
        for range in [1, 2, 3, 9, 100] {
            let mut sets = Sets::default();
            let (mut word, mut other) = (Sets::NONE, Sets::NONE);
            let mut want = BTreeSet::new();
            let mut n = 7u32;
            for _ in 0..400 {
                n = n.wrapping_mul(2_654_435_761).wrapping_add(1);
                // Small numbers, and some that do not fit into a word beside another.
                let value = ((n >> 16) % range).wrapping_sub(range / 2);
                assert_eq!(sets.insert(&mut word, value), want.insert(value));
                assert!(!sets.insert(&mut word, value));
                sets.insert(&mut other, n);
                let mut found = BTreeSet::new();
                sets.for_each(word, |value| assert!(found.insert(value)));
                assert_eq!((&found, sets.len(word)), (&want, want.len()));
            }
        }
        assert_eq!(std::mem::size_of::<DistinctSet>(), 32);
    }
}
