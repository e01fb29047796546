//! Rows in their order: a few in one piece of memory, many in a tree.
//!
//! Most windows that are open at the same time have few rows, and the leaf of a tree has room for eleven: with hundreds of
//! thousands of such windows most of their memory would be that room.

use std::collections::{BTreeSet, btree_set};

use super::head::Entry;

/// So many rows are in one piece at most: to move all of them costs what a step down a tree does.
const FEW: usize = 24;

/// Rows in their order, each once.
#[derive(Debug)]
pub(super) enum Entries {
    Few(Vec<Entry>),
    Many(BTreeSet<Entry>),
}

impl Default for Entries {
    fn default() -> Self {
        Entries::Few(Vec::new())
    }
}

impl Entries {
    /// How many.
    pub(super) fn len(&self) -> usize {
        match self {
            Entries::Few(few) => few.len(),
            Entries::Many(many) => many.len(),
        }
    }

    /// Puts a row in its place.
    pub(super) fn insert(&mut self, entry: Entry) {
        match self {
            Entries::Few(few) => {
                let Err(place) = few.binary_search(&entry) else {
                    return;
                };
                if few.len() < FEW {
                    if few.capacity() == 0 {
                        few.reserve_exact(1);
                    }
                    few.insert(place, entry);
                } else {
                    let mut many: BTreeSet<Entry> = std::mem::take(few).into_iter().collect();
                    many.insert(entry);
                    *self = Entries::Many(many);
                }
            }
            Entries::Many(many) => {
                many.insert(entry);
            }
        }
    }

    /// Takes a row out, if it is there.
    pub(super) fn remove(&mut self, entry: &Entry) {
        match self {
            Entries::Few(few) => {
                if let Ok(place) = few.binary_search(entry) {
                    few.remove(place);
                }
            }
            Entries::Many(many) => {
                many.remove(entry);
            }
        }
    }

    /// All, in order.
    pub(super) fn iter(&self) -> Iter<'_> {
        match self {
            Entries::Few(few) => Iter::Few(few.iter()),
            Entries::Many(many) => Iter::Many(many.iter()),
        }
    }

    /// The last.
    pub(super) fn last(&self) -> Option<&Entry> {
        match self {
            Entries::Few(few) => few.last(),
            Entries::Many(many) => many.last(),
        }
    }

    /// Keeps the first so many.
    pub(super) fn truncate(&mut self, most: usize) {
        match self {
            Entries::Few(few) => few.truncate(most),
            Entries::Many(many) => {
                while many.len() > most {
                    many.pop_last();
                }
            }
        }
    }
}

/// Rows in their order.
pub(super) enum Iter<'a> {
    Few(std::slice::Iter<'a, Entry>),
    Many(btree_set::Iter<'a, Entry>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Entry;

    #[inline]
    fn next(&mut self) -> Option<&'a Entry> {
        match self {
            Iter::Few(few) => few.next(),
            Iter::Many(many) => many.next(),
        }
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(all: I) -> Self {
        let all: BTreeSet<Entry> = all.into_iter().collect();
        match all.len() <= FEW {
            true => Entries::Few(all.into_iter().collect()),
            false => Entries::Many(all),
        }
    }
}

impl Entries {
    /// All, in order, to be made others of.
    pub(super) fn into_iter(self) -> Box<dyn Iterator<Item = Entry>> {
        match self {
            Entries::Few(few) => Box::new(few.into_iter()),
            Entries::Many(many) => Box::new(many.into_iter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rank::order::OrderKey;

    proptest! {
        #[test]
        fn they_are_a_set_in_order(
            steps in proptest::collection::vec((0u8..4, 0u32..60), 1..300),
        ) {
            let (mut entries, mut set) = (Entries::default(), BTreeSet::new());
            for (what, n) in steps {
                let entry: Entry = (OrderKey::of(i128::from(n % 7)), n.to_be_bytes().into(), n);
                match what {
                    0 | 1 => {
                        entries.insert(entry.clone());
                        set.insert(entry);
                    }
                    2 => {
                        entries.remove(&entry);
                        set.remove(&entry);
                    }
                    _ if n == 0 => entries = entries.into_iter().collect(),
                    _ => {
                        entries.truncate(n as usize);
                        while set.len() > n as usize {
                            set.pop_last();
                        }
                    }
                }
                prop_assert!(entries.iter().eq(set.iter()));
                prop_assert_eq!((entries.len(), entries.last()), (set.len(), set.last()));
            }
        }
    }
}
