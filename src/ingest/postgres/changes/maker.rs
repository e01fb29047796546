//! Changes become records: an envelope under the key of its row, and a tombstone behind a row that is gone.

use std::time::SystemTime;

use standings_model::sabotage::{self, Mistake};

use super::envelope::{Of, Origin};
use super::known::Known;
use super::pgoutput::Tuple;
use crate::batch::{Batch, Record};
use crate::row::{NoRecord, Shape};

/// What happened to a row.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It was there when the slot began.
    Found(Tuple),
    /// It is new.
    Inserted(Tuple),
    /// It is another.
    Updated(Tuple, Tuple),
    /// It is gone.
    Deleted(Tuple),
    /// All are.
    Emptied,
}

/// Makes records.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) origin: Origin,
    pub(super) shape: Shape,
    /// A record without a value follows a row that is gone.
    pub(super) tombstones: bool,
}

/// A row as it goes on, under its key.
struct Half {
    key: Option<Vec<u8>>,
    row: Vec<u8>,
}

impl Maker {
    fn half(&self, known: &Known, row: &Tuple) -> Result<Half, (NoRecord, Vec<u8>)> {
        let json = known.json(row);
        match self.shape.record(&json) {
            Ok((key, row)) => Ok(Half { key, row }),
            Err(no) => Err((no, json)),
        }
    }

    /// Adds the records of a change.
    pub(super) fn push(
        &self,
        batch: &mut Batch,
        (known, change): (&Known, &Change),
        of: &Of<'_>,
        position: &str,
    ) {
        let made = match change {
            Change::Emptied => {
                batch.everywhere.push(batch.records.len());
                let of = Of {
                    op: 't',
                    ..of.clone()
                };
                let value = self.origin.envelope(&of, None, None);
                batch
                    .records
                    .push(record(None, value, position, of.read_at));
                return;
            }
            Change::Found(row) => self
                .half(known, row)
                .map(|half| self.one(batch, 'r', of, (None, Some(half)), position)),
            Change::Inserted(row) => self
                .half(known, row)
                .map(|half| self.one(batch, 'c', of, (None, Some(half)), position)),
            Change::Deleted(row) => self
                .half(known, row)
                .map(|half| self.one(batch, 'd', of, (Some(half), None), position)),
            Change::Updated(old, new) => self.half(known, old).and_then(|old| {
                let new = self.half(known, new)?;
                if old.key == new.key || sabotage::is(Mistake::IngestKeyChangeAsUpdate) {
                    self.one(batch, 'u', of, (Some(old), Some(new)), position);
                } else {
                    // One row ends, and another one begins, each under its own key.
                    self.one(batch, 'd', of, (Some(old), None), position);
                    self.one(batch, 'c', of, (None, Some(new)), position);
                }
                Ok(())
            }),
        };
        if let Err((NoRecord { reason, detail }, row)) = made {
            let letter =
                self.shape
                    .letter(position.to_owned(), (reason, &detail), &row, of.read_at);
            batch.letters.push(letter);
        }
    }

    fn one(
        &self,
        batch: &mut Batch,
        op: char,
        of: &Of<'_>,
        (old, new): (Option<Half>, Option<Half>),
        position: &str,
    ) {
        let of = Of { op, ..of.clone() };
        let rows = (old.as_ref().map(|h| &*h.row), new.as_ref().map(|h| &*h.row));
        let value = self.origin.envelope(&of, rows.0, rows.1);
        let half = new.or(old);
        let key = half.and_then(|half| half.key);
        let tombstone = (op == 'd' && self.tombstones && key.is_some()).then(|| key.clone());
        batch.records.push(record(key, value, position, of.read_at));
        if let Some(key) = tombstone {
            batch
                .records
                .push(record(key, Vec::new(), position, of.read_at));
        }
    }
}

fn record(key: Option<Vec<u8>>, value: Vec<u8>, position: &str, read_at: SystemTime) -> Record {
    Record {
        key,
        value,
        position: position.to_owned(),
        read_at,
    }
}
