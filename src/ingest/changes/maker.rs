//! Changes become records: an envelope under the key of its row, and a tombstone behind a row that is gone.
//!
//! What `source` has is each database's own; the rest of the envelope is Debezium's, whichever it is of.

use std::time::{Duration, SystemTime};

use standings_model::sabotage::{self, Mistake};

use crate::batch::{Batch, Record};
use crate::row::{NoRecord, Shape};

/// What happened to a row, which is the text of a JSON object.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// It was there when the source began.
    Found(Vec<u8>),
    /// It is new.
    Inserted(Vec<u8>),
    /// It is another.
    Updated(Vec<u8>, Vec<u8>),
    /// It is gone.
    Deleted(Vec<u8>),
    /// All are.
    Emptied,
}

/// Where a change is from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From<'a> {
    /// The JSON of the envelope's `source`.
    pub(crate) source: &'a str,
    /// When it was read.
    pub(crate) read_at: SystemTime,
    /// Where it was, for people.
    pub(crate) position: &'a str,
}

/// Makes records.
#[derive(Debug)]
pub(crate) struct Maker {
    pub(crate) shape: Shape,
    /// A record without a value follows a row that is gone.
    pub(crate) tombstones: bool,
}

/// A row as it goes on, under its key.
struct Half {
    key: Option<Vec<u8>>,
    row: Vec<u8>,
}

impl Maker {
    fn half(&self, json: &[u8]) -> Result<Half, (NoRecord, Vec<u8>)> {
        match self.shape.record(json) {
            Ok((key, row)) => Ok(Half { key, row }),
            Err(no) => Err((no, json.to_vec())),
        }
    }

    /// Adds the records of a change.
    pub(crate) fn push(&self, batch: &mut Batch, change: &Change, from: From<'_>) {
        let made = match change {
            Change::Emptied => {
                batch.everywhere.push(batch.records.len());
                let value = envelope('t', from, None, None);
                batch.records.push(record(None, value, from));
                return;
            }
            Change::Found(row) => self
                .half(row)
                .map(|half| self.one(batch, 'r', from, (None, Some(half)))),
            Change::Inserted(row) => self
                .half(row)
                .map(|half| self.one(batch, 'c', from, (None, Some(half)))),
            Change::Deleted(row) => self
                .half(row)
                .map(|half| self.one(batch, 'd', from, (Some(half), None))),
            Change::Updated(old, new) => self.half(old).and_then(|old| {
                let new = self.half(new)?;
                if old.key == new.key || sabotage::is(Mistake::IngestKeyChangeAsUpdate) {
                    self.one(batch, 'u', from, (Some(old), Some(new)));
                } else {
                    // One row ends, and another one begins, each under its own key.
                    self.one(batch, 'd', from, (Some(old), None));
                    self.one(batch, 'c', from, (None, Some(new)));
                }
                Ok(())
            }),
        };
        if let Err((NoRecord { reason, detail }, row)) = made {
            let position = from.position.to_owned();
            let letter = self
                .shape
                .letter(position, (reason, &detail), &row, from.read_at);
            batch.letters.push(letter);
        }
    }

    fn one(
        &self,
        batch: &mut Batch,
        op: char,
        from: From<'_>,
        (old, new): (Option<Half>, Option<Half>),
    ) {
        let rows = (old.as_ref().map(|h| &*h.row), new.as_ref().map(|h| &*h.row));
        let value = envelope(op, from, rows.0, rows.1);
        let half = new.or(old);
        let key = half.and_then(|half| half.key);
        let tombstone = (op == 'd' && self.tombstones && key.is_some()).then(|| key.clone());
        batch.records.push(record(key, value, from));
        if let Some(key) = tombstone {
            batch.records.push(record(key, Vec::new(), from));
        }
    }
}

/// A record's value. Rows are JSON.
fn envelope(op: char, from: From<'_>, before: Option<&[u8]>, after: Option<&[u8]>) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(512 + before.map_or(0, <[u8]>::len) + after.map_or(0, <[u8]>::len));
    out.extend_from_slice(b"{\"before\":");
    out.extend_from_slice(before.unwrap_or(b"null"));
    out.extend_from_slice(b",\"after\":");
    out.extend_from_slice(after.unwrap_or(b"null"));
    out.extend_from_slice(b",\"source\":");
    out.extend_from_slice(from.source.as_bytes());
    let read = from.read_at.duration_since(SystemTime::UNIX_EPOCH);
    let read = read.unwrap_or(Duration::ZERO);
    let rest = format!(
        ",\"transaction\":null,\"op\":\"{op}\",\"ts_ms\":{},\"ts_us\":{},\"ts_ns\":{}}}",
        read.as_millis(),
        read.as_micros(),
        read.as_nanos()
    );
    out.extend_from_slice(rest.as_bytes());
    out
}

fn record(key: Option<Vec<u8>>, value: Vec<u8>, from: From<'_>) -> Record {
    Record {
        key,
        value,
        position: from.position.to_owned(),
        read_at: from.read_at,
    }
}
