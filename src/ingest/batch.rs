//! What a source gives in one transaction.

use std::time::SystemTime;

use serde_json::{Value, json};
use standings_model::sabotage::{self, Mistake};
use standings_model::time::format_rfc3339;

/// A record of the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The JSON object of its key's columns; none where the source has no `key`.
    pub key: Option<Vec<u8>>,
    /// The row, as JSON; empty: a tombstone, which ends its key.
    pub value: Vec<u8>,
    /// Where it was in its source: `orders.csv:12`.
    pub position: String,
    /// When it was read.
    pub read_at: SystemTime,
}

/// What could not be taken, kept with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Where it was in its source.
    pub position: String,
    /// Where in an answer or a row, as a path: `$.orders[3].total`.
    pub path: Option<String>,
    /// One word.
    pub reason: String,
    /// For a person.
    pub detail: String,
    /// As it came; nothing where columns are masked.
    pub record: Vec<u8>,
    /// What is said in its place there: `record` (null), `record_sha256`, `record_bytes`, `columns`.
    pub instead: Option<Value>,
    /// When it was read.
    pub read_at: SystemTime,
}

/// Bytes of a letter's record that are kept.
const KEPT: usize = 512 << 10;

impl Letter {
    /// The same, with where it was in an answer or a row.
    pub fn within(self, path: Option<String>) -> Self {
        Letter { path, ..self }
    }

    /// As it stands in the topic of dead letters.
    pub fn json(&self, source: &str) -> Vec<u8> {
        let kept = &self.record[..self.record.len().min(KEPT)];
        let mut letter = json!({
            "source": source,
            "position": self.position,
            "read_at": timestamp(self.read_at),
            "reason": self.reason,
            "detail": self.detail,
        });
        if let Some(path) = &self.path {
            letter["path"] = path.as_str().into();
        }
        if let (Some(Value::Object(instead)), Some(letter)) =
            (&self.instead, letter.as_object_mut())
        {
            letter.extend(instead.clone());
            return Value::Object(letter.clone()).to_string().into_bytes();
        }
        match std::str::from_utf8(kept) {
            Ok(text) => letter["record"] = text.into(),
            Err(_) => {
                use base64::Engine;
                let text = base64::engine::general_purpose::STANDARD.encode(kept);
                letter["record_base64"] = text.into();
            }
        }
        if kept.len() < self.record.len() {
            letter["record_bytes"] = self.record.len().into();
        }
        letter.to_string().into_bytes()
    }
}

/// An entry of the ledger: what a source remembers beside its cursor, each under a key of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its key within the source.
    pub key: String,
    /// JSON; none where it is forgotten.
    pub value: Option<String>,
}

/// What one transaction has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// For the topic.
    pub records: Vec<Record>,
    /// Of those the ones that go to every partition, by their place in it.
    pub everywhere: Vec<usize>,
    /// For the topic of dead letters.
    pub letters: Vec<Letter>,
    /// For the ledger.
    pub notes: Vec<Note>,
    /// What came twice, and is not written.
    pub duplicates: u64,
    /// Where the source goes on behind it.
    pub cursor: Value,
    /// It is of what was there before the source was looked at for the first time.
    pub is_snapshot: bool,
}

impl Batch {
    /// Bytes of what it has, roughly: values, letters, notes.
    pub fn bytes(&self) -> usize {
        let records = self.records.iter().map(|r| r.value.len());
        let letters = self.letters.iter().map(|l| l.record.len());
        let notes = self.notes.iter().map(|n| n.key.len());
        records.chain(letters).chain(notes).sum()
    }

    /// The one that comes behind this one: both are of one transaction from here on.
    pub fn add(&mut self, next: Batch) {
        let before = self.records.len();
        let everywhere = next.everywhere.iter().map(|place| before + place);
        self.everywhere.extend(everywhere);
        self.records.extend(next.records);
        self.letters.extend(next.letters);
        self.notes.extend(next.notes);
        self.duplicates += next.duplicates;
        if !sabotage::is(Mistake::IngestGatherCursorStays) {
            self.cursor = next.cursor;
        }
        self.is_snapshot = next.is_snapshot;
    }
}

/// A moment as headers have it: UTC, milliseconds.
pub fn timestamp(at: SystemTime) -> String {
    let passed = at.duration_since(SystemTime::UNIX_EPOCH);
    let ms = passed.map_or(0, |d| d.as_millis());
    format_rfc3339(i64::try_from(ms).unwrap_or(i64::MAX))
}
