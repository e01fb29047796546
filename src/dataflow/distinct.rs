//! The distinct values of one key.

use hashbrown::HashSet;

/// A set of text numbers: a handful for most keys, so they lie in place; more in a sorted list, until it pays to hash.
#[derive(Debug)]
pub enum DistinctSet {
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

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
    fn it_is_a_set_at_every_size() {
        let mut set = DistinctSet::default();
        let mut want = BTreeSet::new();
        let mut n = 7u32;
        for _ in 0..400 {
            n = n.wrapping_mul(2_654_435_761).wrapping_add(1);
            let value = (n >> 16) % 100;
            assert_eq!(set.insert(value), want.insert(value));
            assert!(!set.insert(value));
            let mut found = BTreeSet::new();
            set.for_each(|value| assert!(found.insert(value)));
            assert_eq!((&found, set.len()), (&want, want.len()));
        }
        assert_eq!(std::mem::size_of::<DistinctSet>(), 32);
    }
}
