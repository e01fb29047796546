//! A file that is read, and where in it.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::place::{Opened, Row, Rows, RowsTrouble, Taken};
use crate::batch::{Batch, Record};
use crate::feed::Trouble;
use crate::row::Shape;

/// Rows and bytes of a batch.
const ROWS: usize = 5_000;
const BYTES: usize = 4 << 20;

/// Where in a file reading goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bookmark {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) hash: String,
    /// Rows before it, with those that became dead letters.
    pub(super) rows: u64,
}

impl Bookmark {
    pub(super) fn json(&self) -> Value {
        json!({ "path": self.path, "size": self.size, "hash": self.hash, "rows": self.rows })
    }

    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(Bookmark {
            path: value.get("path")?.as_str()?.to_owned(),
            size: value.get("size")?.as_u64()?,
            hash: value.get("hash")?.as_str()?.to_owned(),
            rows: value.get("rows")?.as_u64()?,
        })
    }
}

/// A file that is read.
pub(super) struct Reading {
    pub(super) taken: Taken,
    source: Box<dyn Rows>,
    /// What was read and is in no batch yet, the next last.
    ready: Vec<Row>,
    rows: u64,
}

impl Reading {
    pub(super) fn new(opened: Opened, taken: Taken) -> Self {
        Reading {
            taken,
            source: opened.rows,
            ready: Vec::new(),
            rows: 0,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn bookmark(&self) -> Bookmark {
        Bookmark {
            path: self.taken.seen.path.clone(),
            size: self.taken.seen.size,
            hash: self.taken.hash.clone(),
            rows: self.rows,
        }
    }

    fn row(&mut self) -> Result<Option<Row>, RowsTrouble> {
        while self.ready.is_empty() {
            let Some(mut rows) = self.source.next()? else {
                return Ok(None);
            };
            rows.reverse();
            self.ready = rows;
        }
        self.rows += 1;
        Ok(self.ready.pop())
    }

    /// Passes over rows that were taken before.
    pub(super) fn pass(&mut self, rows: u64) -> Result<(), Trouble> {
        while self.rows < rows {
            match self.row() {
                Ok(Some(_)) => {}
                Ok(None) | Err(RowsTrouble::Damaged { .. }) => {
                    return Err(Trouble::Broken(format!(
                        "the file `{}` has {} rows that can be read, and {rows} of it are in Kafka: put it back as it was",
                        self.taken.seen.path, self.rows
                    )));
                }
                Err(RowsTrouble::Trouble(trouble)) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Adds the next rows to a batch; `false`: these were the last.
    pub(super) fn fill(
        &mut self,
        shape: &Shape,
        batch: &mut Batch,
        at: SystemTime,
    ) -> Result<bool, RowsTrouble> {
        let mut bytes = 0;
        let mut shape = shape.clone();
        let renamed = |name: &String| shape.names.get(name).unwrap_or(name).clone();
        let decimals: Vec<String> = self.source.decimals().iter().map(renamed).collect();
        shape.texts.extend(decimals);
        while batch.records.len() + batch.letters.len() < ROWS && bytes < BYTES {
            let Some(row) = self.row()? else {
                return self.end().map(|()| false);
            };
            bytes += row.bytes.len();
            let position = format!("{}:{}", self.taken.seen.path, row.at);
            let made = match &row.refused {
                Some((reason, detail)) => Err(((*reason).to_owned(), detail.clone(), None)),
                None => shape.record(&row.bytes).map_err(|no| {
                    let leaf = shape.leaf(&no, &row.bytes);
                    (no.reason.to_owned(), no.detail, leaf)
                }),
            };
            match made {
                Ok((key, value)) => batch.records.push(Record {
                    key,
                    value,
                    position,
                    read_at: at,
                }),
                Err((reason, detail, leaf)) => {
                    let why = (reason.as_str(), detail.as_str());
                    let letter = shape.letter(position, why, &row.bytes, at);
                    let path = leaf.map(|leaf| format!("$.{leaf}"));
                    batch.letters.push(letter.within(path));
                }
            }
        }
        Ok(true)
    }

    /// A file that was written to while it was read is not what its hash says.
    fn end(&mut self) -> Result<(), RowsTrouble> {
        match self.source.is_same().map_err(RowsTrouble::Trouble)? {
            true => Ok(()),
            false => Err(RowsTrouble::Trouble(Trouble::Broken(format!(
                "the file `{}` was changed while it was read ({} rows of it were read): put it back as it was, and let writers \
                 write under another name and rename when it is complete",
                self.taken.seen.path, self.rows
            )))),
        }
    }
}
