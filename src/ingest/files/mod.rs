//! Files of a folder or a bucket: each once, its rows in order, gone on with in the middle after a crash.
//!
//! ```text
//! list ──► in the ledger? ──yes, the same──► what was to become of it is done, if it was not
//!    │            └──yes, another content──► broken, or a new file (`changed = "new"`)
//!    └──no──► settled? ──► open, hash ──► rows, a batch at a time ──► its end: a note in the ledger ──► moved, kept, deleted
//! ```
//!
//! 1. What a file is, is its path, size and hash: the ledger has them in the transaction of its last rows.
//! 2. A file is moved after that transaction, never before. Where the two are torn apart, the next look moves it, when its hash
//!    is the one that was taken.
//! 3. A file that is gone on with has the content that it had: else the source is broken, and says so.
//! 4. What cannot be read as a file at all is one dead letter, and goes to `failed/`.

mod ledger;
mod place;
mod reading;
mod settle;

pub use ledger::Entry;
pub use place::{Fate, Opened, Place, Row, Rows, RowsTrouble, Seen, Taken};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};

use self::reading::{Bookmark, Reading};
use self::settle::Settling;
use super::batch::{Batch, Note};
use super::drift;
use super::feed::{Feed, Polled, Trouble};
use super::row::Shape;

/// How files are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// So long a file must not have changed, by size and time.
    pub settle: Duration,
    /// A file is taken when another of its name and this ending is there.
    pub marker: Option<String>,
    /// Whether files are moved or deleted: what is in the ledger must not be there any more.
    pub goes: bool,
    /// Other content under the name of a file that was taken is a new file.
    pub changed_is_new: bool,
    /// How often the folder is looked at.
    pub every: Duration,
    /// Columns that the configuration names, as the file has them.
    pub mapped: BTreeSet<String>,
}

/// Files as a source.
pub struct FilesFeed<P> {
    place: P,
    settings: Settings,
    shape: Shape,
    clock: Clock,
    ledger: BTreeMap<String, Entry>,
    settling: Settling,
    /// The types of the columns of the file that was opened last.
    columns: BTreeMap<String, String>,
    /// What was there at the first start is still being read.
    snapshot: bool,
    reading: Option<Reading>,
    bookmark: Option<Bookmark>,
    /// What becomes of a file when its last transaction is committed.
    finish: Option<(Taken, Fate)>,
}

impl<P: Place> FilesFeed<P> {
    /// Nothing is looked at yet.
    pub fn new(place: P, settings: Settings, shape: Shape, clock: Clock) -> Self {
        FilesFeed {
            settling: Settling::new(settings.settle, clock.clone()),
            place,
            settings,
            shape,
            clock,
            ledger: BTreeMap::new(),
            columns: BTreeMap::new(),
            snapshot: true,
            reading: None,
            bookmark: None,
            finish: None,
        }
    }

    /// The cursor with a bookmark in a file, or in none.
    fn cursor(&self, bookmark: Option<&Bookmark>) -> Value {
        json!({
            "file": bookmark.map(Bookmark::json),
            "snapshot": self.snapshot,
            "columns": self.columns,
        })
    }

    /// Looks at the folder: finishes what was left, and says which file is next.
    fn look(&mut self) -> Result<Look, Trouble> {
        let all = self.place.list()?;
        let names: BTreeSet<&str> = all.iter().map(|seen| seen.path.as_str()).collect();
        self.settling.only(&names);
        let mut waits = false;
        for seen in &all {
            if self.is_marker(&seen.path) {
                continue;
            }
            // Where files go, one that is there is looked into: what goes must be what was taken.
            let entry = self.ledger.get(&seen.path);
            if entry.is_some_and(|e| e.looks_like(seen) && !self.settings.goes) {
                continue;
            }
            let is_marked = match &self.settings.marker {
                Some(marker) => names.contains(format!("{}{marker}", seen.path).as_str()),
                None => true,
            };
            if !is_marked || !self.settling.is_settled(seen) {
                waits = true;
                continue;
            }
            return Ok(Look::Next(seen.clone()));
        }
        Ok(Look::Nothing { waits })
    }

    fn is_marker(&self, path: &str) -> bool {
        let marker = self.settings.marker.as_deref();
        marker.is_some_and(|m| path.ends_with(m))
    }

    fn marker_of(&self, path: &str) -> Option<String> {
        let marker = self.settings.marker.as_deref();
        marker.map(|m| format!("{path}{m}"))
    }

    /// Opens the next file; a batch where it is done with at once.
    fn begin(&mut self, seen: &Seen) -> Result<Option<Batch>, Trouble> {
        let opened = match self.place.open(&seen.path) {
            Ok(opened) => opened,
            Err(RowsTrouble::Trouble(trouble)) => return Err(trouble),
            Err(RowsTrouble::Damaged {
                seen: now, hash, ..
            }) if self.failed_before(&now.path, &hash) => {
                let entry = Entry::failed(&now, &hash, 0);
                let taken = entry.taken(&now, self.marker_of(&now.path));
                return Ok(Some(self.noted(taken, entry)));
            }
            Err(RowsTrouble::Damaged {
                why,
                seen: now,
                hash,
            }) => {
                return Ok(Some(self.failed(
                    &now.path.clone(),
                    Entry::failed(&now, &hash, 0),
                    &why,
                )));
            }
        };
        let taken = opened.taken(self.marker_of(&seen.path));
        if let Some(entry) = self.ledger.get(&seen.path) {
            if entry.hash == taken.hash && entry.size == taken.seen.size {
                // Only its time is another.
                let entry = entry.touched(&taken.seen);
                return Ok(Some(self.noted(taken, entry)));
            }
            if !self.settings.changed_is_new {
                return Err(Trouble::Broken(format!(
                    "the file `{}` was taken before, with other content ({} bytes, {}; now {} bytes, {}): give it another name, \
                     or say changed = \"new\" to take it as a new file",
                    seen.path, entry.size, entry.hash, taken.seen.size, taken.hash
                )));
            }
        }
        self.judge(&opened)?;
        self.reading = Some(Reading::new(opened, taken));
        Ok(None)
    }

    /// Whether a file of this content was found damaged before: it is told once.
    fn failed_before(&self, path: &str, hash: &str) -> bool {
        let entry = self.ledger.get(path);
        entry.is_some_and(|e| e.failed && e.hash == hash)
    }

    /// Goes on in the middle of a file.
    fn resume(&mut self, bookmark: &Bookmark) -> Result<(), Trouble> {
        let gone = |why: &str| {
            Trouble::Broken(format!(
                "the file `{}` was being read ({} rows of it are in Kafka), and {why}: put it back as it was",
                bookmark.path, bookmark.rows
            ))
        };
        let opened = match self.place.open(&bookmark.path) {
            Ok(opened) => opened,
            Err(RowsTrouble::Trouble(Trouble::Broken(why))) => return Err(gone(&why)),
            Err(RowsTrouble::Trouble(later)) => return Err(later),
            Err(RowsTrouble::Damaged { why, .. }) => return Err(gone(&why)),
        };
        let taken = opened.taken(self.marker_of(&bookmark.path));
        let is_same = taken.hash == bookmark.hash && taken.seen.size == bookmark.size;
        if !is_same && !sabotage::is(Mistake::IngestContentNotCompared) {
            return Err(gone("has other content now"));
        }
        self.judge(&opened)?;
        let mut reading = Reading::new(opened, taken);
        reading.pass(bookmark.rows)?;
        self.reading = Some(reading);
        Ok(())
    }

    /// Whether the columns that the configuration names are what they were; where a file has no columns, its rows tell.
    fn judge(&mut self, opened: &Opened) -> Result<(), Trouble> {
        let Some(columns) = &opened.columns else {
            return Ok(());
        };
        let mapped = self.settings.mapped.iter().map(String::as_str);
        drift::judge(mapped, &self.columns, columns)
            .map_err(|e| Trouble::Broken(format!("the file `{}`: {e}", opened.seen.path)))?;
        let kept = columns
            .iter()
            .filter(|(name, _)| self.settings.mapped.contains(*name));
        self.columns = kept.map(|(n, k)| (n.clone(), k.clone())).collect();
        Ok(())
    }

    /// The next batch of the file that is read.
    fn read_on(&mut self) -> Result<Batch, Trouble> {
        let at = self.clock.wall();
        let Some(reading) = &mut self.reading else {
            return Err(Trouble::Broken("no file is open: a defect".to_owned()));
        };
        let mut batch = Batch {
            is_snapshot: self.snapshot,
            ..Batch::default()
        };
        match reading.fill(&self.shape, &mut batch, at) {
            Ok(true) => {
                let bookmark = reading.bookmark();
                if sabotage::is(Mistake::IngestMovedEarly) {
                    self.finish = Some((reading.taken.clone(), Fate::Done));
                }
                batch.cursor = self.cursor(Some(&bookmark));
                Ok(batch)
            }
            Ok(false) => {
                let taken = reading.taken.clone();
                let entry = Entry::done(&taken, reading.rows());
                self.reading = None;
                let end = self.noted(taken, entry);
                batch.notes = end.notes;
                batch.cursor = end.cursor;
                Ok(batch)
            }
            Err(RowsTrouble::Trouble(trouble)) => Err(trouble),
            Err(RowsTrouble::Damaged { why, .. }) => {
                let (taken, rows) = (reading.taken.clone(), reading.rows());
                self.reading = None;
                let entry = Entry::failed(&taken.seen, &taken.hash, rows);
                let mut end = self.failed(&taken.seen.path, entry, &why);
                batch.letters.append(&mut end.letters);
                batch.notes = end.notes;
                batch.cursor = end.cursor;
                Ok(batch)
            }
        }
    }

    /// A file is done with: its note, and what becomes of it when that is committed.
    fn noted(&mut self, taken: Taken, entry: Entry) -> Batch {
        let note = Note {
            key: taken.seen.path.clone(),
            value: Some(entry.json()),
        };
        self.ledger.insert(taken.seen.path.clone(), entry.clone());
        self.settling.forget(&taken.seen.path);
        self.finish = Some((taken, entry.fate()));
        Batch {
            notes: vec![note],
            cursor: self.cursor(None),
            is_snapshot: self.snapshot,
            ..Batch::default()
        }
    }

    /// A file that cannot be read, or not on.
    fn failed(&mut self, path: &str, entry: Entry, why: &str) -> Batch {
        let seen = entry.seen(path);
        let taken = entry.taken(&seen, self.marker_of(path));
        let rows = entry.rows;
        let mut batch = self.noted(taken, entry);
        let (position, at) = (format!("{path}:{rows}"), self.clock.wall());
        batch
            .letters
            .push(self.shape.letter(position, ("file", why), b"", at));
        batch
    }
}

/// What was found in the folder.
enum Look {
    Next(Seen),
    /// `waits`: for a file to settle.
    Nothing {
        waits: bool,
    },
}

impl<P: Place> Feed for FilesFeed<P> {
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        let (ledger, wrong) = ledger::read(notes);
        if let Some(wrong) = wrong {
            return Err(Trouble::Broken(format!(
                "the ledger holds what is none of ours: {wrong}"
            )));
        }
        self.ledger = ledger;
        self.snapshot = cursor
            .get("snapshot")
            .and_then(Value::as_bool)
            .unwrap_or(true);
        let columns = cursor.get("columns").and_then(Value::as_object);
        self.columns = columns
            .into_iter()
            .flatten()
            .map(|(name, kind)| (name.clone(), kind.as_str().unwrap_or_default().to_owned()))
            .collect();
        (self.reading, self.finish) = (None, None);
        self.bookmark = Bookmark::of(cursor.get("file").unwrap_or(&Value::Null));
        Ok(())
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        if let Some(bookmark) = self.bookmark.clone() {
            self.resume(&bookmark)?;
            self.bookmark = None;
        }
        if self.reading.is_none() {
            match self.look()? {
                Look::Next(seen) => {
                    if let Some(batch) = self.begin(&seen)? {
                        return Ok(Polled::Batch(Box::new(batch)));
                    }
                }
                Look::Nothing { waits } => {
                    self.snapshot &= waits;
                    let pause = self.settings.every;
                    return Ok(match waits {
                        true => Polled::Idle(
                            pause.min(self.settings.settle.max(Duration::from_millis(20))),
                        ),
                        false => Polled::Ended(pause),
                    });
                }
            }
        }
        Ok(Polled::Batch(Box::new(self.read_on()?)))
    }

    fn committed(&mut self) -> Result<(), Trouble> {
        match self.finish.take() {
            Some((taken, fate)) => self.place.finish(&taken, fate),
            None => Ok(()),
        }
    }
}
