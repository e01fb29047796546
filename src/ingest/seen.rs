//! Rows that were written, by their ids: what a pass brings again is written once, and what changed is written again.
//!
//! 1. What is known of a row is in the transaction that wrote it: in the ledger, under `row/ID`.
//! 2. A row that no later pass can bring is forgotten: its time is before the next one's first, or, where rows have no time, the
//!    last whole pass did not bring it.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_128;

use crate::batch::Note;
use crate::feed::Trouble;

/// What the keys of the ledger begin with.
const PREFIX: &str = "row/";
/// Rows that are remembered.
const MOST: usize = 2_000_000;
/// Rows that are forgotten in one transaction.
const AT_ONCE: usize = 5_000;

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Of the record.
    hash: u128,
    /// The row's time, ms.
    time: Option<i64>,
    /// The pass that brought it last.
    pass: u64,
}

/// By the hashes of their ids.
#[derive(Debug, Default)]
pub(super) struct Seen {
    all: BTreeMap<u128, Known>,
    pass: u64,
}

impl Seen {
    /// From the ledger. Whether the pass that goes on had brought a row is not known there: it counts as if it had.
    pub(super) fn read<'a>(
        &mut self,
        notes: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<(), Trouble> {
        let none =
            |key: &str| Trouble::Broken(format!("the ledger holds what is none of ours: {key}"));
        self.all.clear();
        for (key, value) in notes {
            let known = || {
                let id = u128::from_str_radix(key.strip_prefix(PREFIX)?, 16).ok()?;
                let (hash, time) = value.split_once(' ')?;
                let known = Known {
                    hash: u128::from_str_radix(hash, 16).ok()?,
                    time: time.parse().ok(),
                    pass: self.pass,
                };
                Some((id, known))
            };
            let (id, known) = known().ok_or_else(|| none(key))?;
            self.all.insert(id, known);
        }
        Ok(())
    }

    /// A row that came; none where it was written before as it is, else what is noted of it.
    pub(super) fn note(
        &mut self,
        id: &[u8],
        record: &[u8],
        time: Option<i64>,
    ) -> Result<Option<Note>, Trouble> {
        let (id, hash) = (xxh3_128(id), xxh3_128(record));
        let known = Known {
            hash,
            time,
            pass: self.pass,
        };
        let was = self.all.insert(id, known);
        if was.is_some_and(|was| was.hash == hash) {
            return Ok(None);
        }
        if self.all.len() > MOST {
            return Err(Trouble::Broken(format!(
                "more than {MOST} rows would have to be remembered: say `time`, so that only those of the overlap are, or page by a cursor"
            )));
        }
        let time = time.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
        Ok(Some(Note {
            key: format!("{PREFIX}{id:032x}"),
            value: Some(format!("{hash:032x} {time}")),
        }))
    }

    /// Whether it was written as it is.
    pub(super) fn has(&self, id: &[u8], record: &[u8]) -> bool {
        let known = self.all.get(&xxh3_128(id));
        known.is_some_and(|known| known.hash == xxh3_128(record))
    }

    /// A pass has come to its end, and the next begins at a time, ms: what cannot come again is forgotten.
    pub(super) fn end_of_pass(&mut self, since: Option<i64>) -> Vec<Note> {
        self.pass_ended();
        self.forgotten(since)
    }

    /// A pass has come to its end.
    pub(super) fn pass_ended(&mut self) {
        self.pass += 1;
    }

    /// Some of what no pass can bring any more that begins at a time, ms; nothing: that was all.
    pub(super) fn forgotten(&mut self, since: Option<i64>) -> Vec<Note> {
        let last = self.pass.saturating_sub(1);
        let goes = |known: &Known| match (since, known.time) {
            (Some(since), Some(time)) => time < since,
            _ => known.pass < last,
        };
        let gone = self.all.iter().filter(|(_, known)| goes(known));
        let gone: Vec<u128> = gone.map(|(id, _)| *id).take(AT_ONCE).collect();
        let notes = gone.into_iter().map(|id| {
            self.all.remove(&id);
            Note {
                key: format!("{PREFIX}{id:032x}"),
                value: None,
            }
        });
        notes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_as_it_is_and_again_when_it_changed() {
        let mut seen = Seen::default();
        let mut ledger = BTreeMap::new();
        let note =
            |seen: &mut Seen, ledger: &mut BTreeMap<String, String>, id: &str, row: &str, time| {
                let note = seen.note(id.as_bytes(), row.as_bytes(), time).unwrap();
                if let Some(Note {
                    key,
                    value: Some(value),
                }) = &note
                {
                    ledger.insert(key.clone(), value.clone());
                }
                note.is_some()
            };
        assert!(note(&mut seen, &mut ledger, "1", "a", Some(10)));
        assert!(!note(&mut seen, &mut ledger, "1", "a", Some(10)));
        assert!(note(&mut seen, &mut ledger, "1", "b", Some(20)));
        assert!(note(&mut seen, &mut ledger, "2", "b", None));
        let mut again = Seen::default();
        again.read(&ledger).unwrap();
        assert!(!note(&mut again, &mut ledger, "1", "b", Some(20)));
        assert!(!note(&mut again, &mut ledger, "2", "b", None));
        // By its time; and one without, when a pass goes by without it.
        assert!(again.end_of_pass(Some(20)).is_empty());
        assert_eq!(again.end_of_pass(Some(21)).len(), 2);
        assert!(note(&mut again, &mut ledger, "1", "b", Some(20)));
        ledger.insert("row/x".to_owned(), "y".to_owned());
        assert!(again.read(&ledger).is_err());
    }
}
