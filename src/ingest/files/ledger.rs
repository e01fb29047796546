//! The ledger: which files were taken, each under its path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::place::{Fate, Seen, Taken};

/// A file that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Bytes.
    pub size: u64,
    /// Of its content.
    pub hash: String,
    /// When it was changed, milliseconds since the Unix epoch.
    pub modified: i64,
    /// Rows that were read, with those that became dead letters.
    pub rows: u64,
    /// It could not be read to its end.
    #[serde(default)]
    pub failed: bool,
}

impl Entry {
    /// Of one that was read to its end.
    pub(super) fn done(taken: &Taken, rows: u64) -> Self {
        Entry {
            size: taken.seen.size,
            hash: taken.hash.clone(),
            modified: taken.seen.modified,
            rows,
            failed: false,
        }
    }

    /// Of one that could not be.
    pub(super) fn failed(seen: &Seen, hash: &str, rows: u64) -> Self {
        Entry {
            size: seen.size,
            hash: hash.to_owned(),
            modified: seen.modified,
            rows,
            failed: true,
        }
    }

    /// Whether a file may be this one, by what is known without opening it.
    pub(super) fn looks_like(&self, seen: &Seen) -> bool {
        self.size == seen.size && self.modified == seen.modified
    }

    /// The same, of another time.
    pub(super) fn touched(&self, seen: &Seen) -> Self {
        Entry {
            modified: seen.modified,
            ..self.clone()
        }
    }

    pub(super) fn fate(&self) -> Fate {
        match self.failed {
            true => Fate::Failed,
            false => Fate::Done,
        }
    }

    pub(super) fn seen(&self, path: &str) -> Seen {
        Seen {
            path: path.to_owned(),
            size: self.size,
            modified: self.modified,
        }
    }

    pub(super) fn taken(&self, seen: &Seen, marker: Option<String>) -> Taken {
        Taken {
            seen: seen.clone(),
            hash: self.hash.clone(),
            marker,
        }
    }

    pub(super) fn json(&self) -> String {
        // Numbers and texts always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What was noted; with the key of the first note that is none of ours.
pub(super) fn read(notes: &BTreeMap<String, String>) -> (BTreeMap<String, Entry>, Option<String>) {
    let mut wrong = None;
    let mut ledger = BTreeMap::new();
    for (path, text) in notes {
        match serde_json::from_str(text) {
            Ok(entry) => drop(ledger.insert(path.clone(), entry)),
            Err(_) => wrong = wrong.or_else(|| Some(path.clone())),
        }
    }
    (ledger, wrong)
}
