//! Entries of a group in order, each with how many times it is there: what the first or the last of something is read from
//! where rows are also taken back.
//!
//! ```text
//! an entry:   what it is ordered by │ the value's bytes │ how many these are, or NULL (4 bytes, big-endian)
//!             nothing of texts that are ordered by themselves: they are all of their entry
//! ```
//!
//! Most groups have one row or a handful: one entry lies in place, some in a sorted list, many in a tree.

use std::collections::BTreeMap;

/// Entries by their bytes, ascending.
///
/// # Examples
///
/// ```
/// use standings_engine::pack::bag::Bag;
///
/// let mut bag = Bag::default();
/// for name in ["Porto", "Lisbon", "Porto"] {
///     assert!(bag.change(name.as_bytes(), 1));
/// }
/// assert_eq!((bag.first(), bag.last(), bag.len()), (Some(&b"Lisbon"[..]), Some(&b"Porto"[..]), 2));
/// assert!(bag.change(b"Porto", -2));
/// assert_eq!(bag.last(), Some(&b"Lisbon"[..]));
/// // Nothing is taken that is not there.
/// assert!(!bag.change(b"Porto", -1));
/// ```
#[derive(Debug, Default)]
pub struct Bag(Held);

#[derive(Debug, Default)]
enum Held {
    #[default]
    None,
    One(Box<[u8]>, u64),
    Some(Vec<(Box<[u8]>, u64)>),
    Many(BTreeMap<Box<[u8]>, u64>),
}

/// More than these are in a tree.
const SOME: usize = 48;

impl Bag {
    /// Adds an entry so many times, or takes it back so many; whether there are not fewer than none of it now.
    pub fn change(&mut self, entry: &[u8], times: i64) -> bool {
        let left = |had: u64| had.checked_add_signed(times);
        match &mut self.0 {
            Held::None if times > 0 => self.0 = Held::One(entry.into(), times as u64),
            Held::None => return times == 0,
            Held::One(known, had) if **known == *entry => match left(*had) {
                Some(0) => self.0 = Held::None,
                Some(left) => *had = left,
                None => return false,
            },
            Held::One(known, had) => {
                if times <= 0 {
                    return times == 0;
                }
                let mut all = vec![
                    (std::mem::take(known), *had),
                    (Box::from(entry), times as u64),
                ];
                all.sort_unstable();
                self.0 = Held::Some(all);
            }
            Held::Some(all) => match all.binary_search_by(|(known, _)| (**known).cmp(entry)) {
                Ok(at) => match left(all[at].1) {
                    Some(0) => {
                        all.remove(at);
                        self.shrink();
                    }
                    Some(left) => all[at].1 = left,
                    None => return false,
                },
                Err(_) if times <= 0 => return times == 0,
                Err(at) if all.len() < SOME => all.insert(at, (entry.into(), times as u64)),
                Err(_) => {
                    let mut tree: BTreeMap<_, _> = std::mem::take(all).into_iter().collect();
                    tree.insert(entry.into(), times as u64);
                    self.0 = Held::Many(tree);
                }
            },
            Held::Many(tree) => match tree.get_mut(entry) {
                Some(had) => match left(*had) {
                    Some(0) => {
                        tree.remove(entry);
                        self.shrink();
                    }
                    Some(left) => *had = left,
                    None => return false,
                },
                None if times <= 0 => return times == 0,
                None => {
                    tree.insert(entry.into(), times as u64);
                }
            },
        }
        true
    }

    /// Fewer entries lie in less: a tree becomes a list where half as many are left as make one, so that it does not do so
    /// again and again.
    fn shrink(&mut self) {
        match &mut self.0 {
            Held::Some(all) if all.len() == 1 => {
                if let Some((entry, times)) = all.pop() {
                    self.0 = Held::One(entry, times);
                }
            }
            Held::Many(tree) if tree.len() <= SOME / 2 => {
                self.0 = Held::Some(std::mem::take(tree).into_iter().collect());
            }
            _ => {}
        }
    }

    /// The first entry.
    pub fn first(&self) -> Option<&[u8]> {
        match &self.0 {
            Held::None => None,
            Held::One(entry, _) => Some(entry),
            Held::Some(all) => all.first().map(|(entry, _)| &**entry),
            Held::Many(tree) => tree.first_key_value().map(|(entry, _)| &**entry),
        }
    }

    /// The last entry.
    pub fn last(&self) -> Option<&[u8]> {
        match &self.0 {
            Held::None => None,
            Held::One(entry, _) => Some(entry),
            Held::Some(all) => all.last().map(|(entry, _)| &**entry),
            Held::Many(tree) => tree.last_key_value().map(|(entry, _)| &**entry),
        }
    }

    /// How many different entries.
    pub fn len(&self) -> usize {
        match &self.0 {
            Held::None => 0,
            Held::One(..) => 1,
            Held::Some(all) => all.len(),
            Held::Many(tree) => tree.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `f` with each entry, in order, and how many times it is there.
    pub fn for_each(&self, mut f: impl FnMut(&[u8], u64)) {
        match &self.0 {
            Held::None => {}
            Held::One(entry, times) => f(entry, *times),
            Held::Some(all) => all.iter().for_each(|(entry, times)| f(entry, *times)),
            Held::Many(tree) => tree.iter().for_each(|(entry, times)| f(entry, *times)),
        }
    }
}

/// The length of NULL.
const NULL: u32 = u32::MAX;

/// Ends an entry with the value that it shows.
pub fn push_value(entry: &mut Vec<u8>, value: Option<&[u8]>) {
    entry.extend_from_slice(value.unwrap_or_default());
    let length = value.map_or(NULL, |value| value.len() as u32);
    entry.extend_from_slice(&length.to_be_bytes());
}

/// The value that an entry ends with.
pub fn value(entry: &[u8]) -> Option<&[u8]> {
    let (rest, length) = entry.split_last_chunk()?;
    let length = u32::from_be_bytes(*length);
    match length {
        NULL => None,
        length => rest.get(rest.len().checked_sub(length as usize)?..),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_put_in_and_not_taken_out() {
        let mut dice = 7u64;
        for range in [1, 2, 3, 40, 60, 1_000] {
            let (mut bag, mut want) = (Bag::default(), BTreeMap::<Vec<u8>, u64>::new());
            for step in 0..20_000u64 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let entry = format!("e{}", (dice >> 40) % range).into_bytes();
                let there = want.get(&entry).copied().unwrap_or(0);
                let times = match (dice >> 20) % 4 < (1 + 2 * u64::from(step < 10_000)) {
                    true => 1,
                    false => -(there.min(2) as i64),
                };
                assert!(bag.change(&entry, times));
                assert!(!bag.change(&entry, -1 - there as i64 - times));
                match there.checked_add_signed(times) {
                    Some(0) => want.remove(&entry),
                    left => want.insert(entry, left.unwrap()),
                };
                let mut found = Vec::new();
                bag.for_each(|entry, times| found.push((entry.to_vec(), times)));
                assert_eq!(found, Vec::from_iter(want.clone()));
                assert_eq!((bag.len(), bag.is_empty()), (want.len(), want.is_empty()));
                assert_eq!(bag.first(), want.keys().next().map(Vec::as_slice));
                assert_eq!(bag.last(), want.keys().last().map(Vec::as_slice));
            }
        }
        assert_eq!(std::mem::size_of::<Bag>(), 32);
    }

    #[test]
    fn an_entry_ends_with_its_value() {
        for shown in [None, Some(&b""[..]), Some(b"a"), Some(&[0, 255, 0])] {
            let mut entry = b"before".to_vec();
            push_value(&mut entry, shown);
            assert_eq!(value(&entry), shown);
        }
        assert_eq!(value(b"abc"), None);
        assert_eq!(value(&[0, 0, 0, 9]), None);
    }
}
