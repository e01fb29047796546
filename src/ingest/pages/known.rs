//! The rows that the page under the present cursor has brought, by their hashes: when it is asked for again, only others are new.
//!
//! 1. Of few rows the hashes are in the cursor; of many, which would make it larger than a record may be, each is noted in the ledger.
//! 2. Both are in the transaction of the rows, and go with the cursor that comes behind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use crate::batch::Note;

/// Hashes that are in the cursor at most: 35 bytes each.
const IN_CURSOR: usize = 5_000;
/// What the keys of the ledger begin with.
const PREFIX: &str = "page/";

/// Rows by their hashes.
#[derive(Debug, Default)]
pub(super) struct Known {
    all: BTreeSet<u128>,
    /// Those that are not noted yet.
    new: Vec<u128>,
    /// They are in the ledger, and not in the cursor.
    is_noted: bool,
}

impl Known {
    /// A row came; whether it had not before.
    pub(super) fn insert(&mut self, row: &[u8]) -> bool {
        let hash = xxh3_128(row);
        let is_new = self.all.insert(hash);
        if is_new {
            self.new.push(hash);
        }
        is_new
    }

    /// What has to be noted of the rows that came, where they are too many for the cursor.
    pub(super) fn notes(&mut self) -> Vec<Note> {
        if !self.is_noted && self.all.len() <= IN_CURSOR {
            return Vec::new();
        }
        let new = std::mem::take(&mut self.new);
        let unsaid = match std::mem::replace(&mut self.is_noted, true) {
            true => new,
            // Those before are in a cursor that the next one takes the place of.
            false => self.all.iter().copied().collect(),
        };
        unsaid.into_iter().map(|hash| note(hash, true)).collect()
    }

    /// Another page begins: what of the ledger goes.
    pub(super) fn clear(&mut self) -> Vec<Note> {
        let was = std::mem::take(self);
        let noted = was.all.into_iter().filter(|_| was.is_noted);
        noted.map(|hash| note(hash, false)).collect()
    }

    /// For the cursor.
    pub(super) fn json(&self) -> Value {
        match self.is_noted {
            true => Value::Null,
            false => self.all.iter().map(|hash| format!("{hash:032x}")).collect(),
        }
    }

    /// From the cursor, or from the ledger.
    pub(super) fn of(cursor: &Value, notes: &BTreeMap<String, String>) -> Self {
        let hash = |text: &str| u128::from_str_radix(text, 16).ok();
        let noted = notes.keys().filter_map(|key| key.strip_prefix(PREFIX));
        let noted: BTreeSet<u128> = noted.filter_map(hash).collect();
        let rows = cursor.as_array().into_iter().flatten();
        let rows = rows.filter_map(Value::as_str).filter_map(hash);
        Known {
            is_noted: !noted.is_empty(),
            all: rows.chain(noted).collect(),
            new: Vec::new(),
        }
    }
}

/// Whether a key of the ledger is of these.
pub(super) fn is_noted(key: &str) -> bool {
    key.starts_with(PREFIX)
}

fn note(hash: u128, is_there: bool) -> Note {
    Note {
        key: format!("{PREFIX}{hash:032x}"),
        value: is_there.then(|| "1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ledger, by what was noted.
    fn keep(ledger: &mut BTreeMap<String, String>, notes: Vec<Note>) {
        for note in notes {
            match note.value {
                Some(value) => drop(ledger.insert(note.key, value)),
                None => drop(ledger.remove(&note.key)),
            }
        }
    }

    #[test]
    fn few_are_in_the_cursor_and_many_in_the_ledger() {
        let (mut known, mut ledger) = (Known::default(), BTreeMap::new());
        for n in 0..IN_CURSOR {
            assert!(known.insert(&n.to_le_bytes()));
        }
        keep(&mut ledger, known.notes());
        assert!(ledger.is_empty() && known.json().as_array().unwrap().len() == IN_CURSOR);
        // Killed, and gone on with; then there are too many.
        let mut known = Known::of(&known.json(), &ledger);
        assert!(!known.insert(&0usize.to_le_bytes()) && known.insert(b"one more"));
        keep(&mut ledger, known.notes());
        assert_eq!((ledger.len(), known.json()), (IN_CURSOR + 1, Value::Null));
        let mut known = Known::of(&known.json(), &ledger);
        assert!(!known.insert(&7usize.to_le_bytes()) && !known.insert(b"one more"));
        assert!(known.insert(b"and one"));
        let more = known.notes();
        assert_eq!(more.len(), 1);
        keep(&mut ledger, more);
        // The page behind: nothing is left of this one.
        keep(&mut ledger, known.clear());
        assert!(ledger.is_empty() && known.insert(b"one more"));
        assert_eq!(known.json().as_array().unwrap().len(), 1);
    }
}
