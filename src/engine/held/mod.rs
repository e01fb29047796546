//! Rows that are held: of each key of a partition of a table that changes, the row as it is.
//!
//! ```text
//! hash of the key ─► Index ─► place ─► key's length │ until when │ key │ rest        one piece of memory a row
//!                              ├─ changed since the last copy?
//!                              └─ free places are used again
//! ```
//!
//! 1. Which rows there are is a function of the partition's records: who asks says until when a row counts
//!    ([`Held::get`]), and what does not count any more goes when there are twice as many as were left the last time.
//! 2. A copy of what changed, put over the copies before it from the last whole one on, is a whole one.

mod copy;

use crate::pack::chunks::Chunks;
use crate::pack::hash::hash;
use crate::pack::index::Index;
use standings_model::leb128;

pub use self::copy::{Copied, Entry};

/// With fewer rows none is looked for that could go.
const FEW: usize = 1024;

/// More that changed or ended than this many times the rows that there are is not noted: the next copy is a whole one.
const NOTED: usize = 2;

/// The rows of one partition.
#[derive(Debug)]
pub struct Held {
    rows: Chunks<Box<[u8]>>,
    index: Index,
    free: Vec<u32>,
    /// Rows that were left when some were let go last.
    kept: usize,
    bytes: usize,
    noted: Noted,
}

/// What changed since the last copy.
#[derive(Debug)]
struct Noted {
    /// Places whose row changed; some more than once, and some free now.
    changed: Vec<u32>,
    /// Keys that ended; some of them are there again.
    ended: Vec<Box<[u8]>>,
    /// All of it, and nothing before it counts.
    all: bool,
}

/// A row that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The greatest end of the windows that it is in, ms.
    pub until: i64,
    /// Its key, and behind it the rest.
    pub bytes: &'a [u8],
    /// Bytes of the key.
    pub key: usize,
}

impl Default for Held {
    fn default() -> Self {
        Held {
            rows: Chunks::new(1),
            index: Index::default(),
            free: Vec::new(),
            kept: 0,
            bytes: 0,
            noted: Noted {
                changed: Vec::new(),
                ended: Vec::new(),
                all: true,
            },
        }
    }
}

/// A row as one piece.
fn piece(key: &[u8], until: i64, rest: &[u8]) -> Box<[u8]> {
    let mut out = Vec::with_capacity(key.len() + rest.len() + 12);
    leb128::push(&mut out, key.len() as u64);
    // Few bytes for times of either sign.
    leb128::push(&mut out, (until << 1 ^ until >> 63) as u64);
    out.extend_from_slice(key);
    out.extend_from_slice(rest);
    out.into_boxed_slice()
}

/// A piece as a row; none of a free place.
fn row(piece: &[u8]) -> Option<Row<'_>> {
    let mut from = piece;
    // A slice does not fail but by its end, which is that of a free place.
    let key = leb128::read(&mut from).ok()??;
    let until = leb128::read(&mut from).ok()??;
    Some(Row {
        until: (until >> 1) as i64 ^ -((until & 1) as i64),
        bytes: from,
        key: key as usize,
    })
}

/// The key of a piece.
fn key(piece: &[u8]) -> &[u8] {
    row(piece).map_or(&[], |row| &row.bytes[..row.key])
}

impl Held {
    /// How many rows are held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of memory that they take, about.
    pub fn bytes(&self) -> usize {
        // Beside its own bytes a row has its place, that in the index, and what an allocation costs.
        self.bytes + self.len() * (size_of::<Box<[u8]>>() + 6 + 8)
    }

    fn find(&self, of: &[u8]) -> Option<u32> {
        let rows = &self.rows;
        self.index
            .find(hash(of), |place| key(&rows.row(place as usize)[0]) == of)
    }

    /// The row of a key, if there is one that counts.
    pub fn get(&self, of: &[u8], counts: impl FnOnce(i64) -> bool) -> Option<Row<'_>> {
        let place = self.find(of)?;
        row(&self.rows.row(place as usize)[0]).filter(|row| counts(row.until))
    }

    /// The row of a key is this now.
    pub fn put(&mut self, of: &[u8], until: i64, rest: &[u8]) {
        let piece = piece(of, until, rest);
        self.bytes += piece.len();
        let place = match self.find(of) {
            Some(place) => {
                let before = &mut self.rows.row_mut(place as usize)[0];
                self.bytes -= before.len();
                *before = piece;
                place
            }
            None => self.add(of, piece),
        };
        self.note(|noted| noted.changed.push(place));
    }

    fn add(&mut self, of: &[u8], piece: Box<[u8]>) -> u32 {
        let place = match self.free.pop() {
            Some(place) => {
                self.rows.row_mut(place as usize)[0] = piece;
                place
            }
            None => self.rows.push([piece]) as u32,
        };
        let rows = &self.rows;
        self.index.insert(hash(of), place, || {
            let pieces = rows.iter().map(|row| &row[0]).enumerate();
            let others = pieces.filter(|(n, piece)| *n != place as usize && !piece.is_empty());
            others.map(|(n, piece)| (hash(key(piece)), n as u32))
        });
        place
    }

    /// The row of a key ends; whether there was one.
    pub fn remove(&mut self, of: &[u8]) -> bool {
        let Some(place) = self.find(of) else {
            return false;
        };
        self.take(place, hash(of));
        self.note(|noted| noted.ended.push(of.into()));
        true
    }

    fn take(&mut self, place: u32, hash: u64) {
        self.index.remove(hash, place);
        let piece = std::mem::take(&mut self.rows.row_mut(place as usize)[0]);
        self.bytes -= piece.len();
        self.free.push(place);
    }

    /// All rows end.
    pub fn clear(&mut self) {
        *self = Held::default();
    }

    /// All rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().filter_map(|piece| row(&piece[0]))
    }

    /// Lets rows go that do not count any more, if it may be many.
    pub fn let_go(&mut self, counts: impl FnMut(i64) -> bool) {
        if self.len() >= (2 * self.kept).max(FEW) {
            self.let_all_go(counts);
        }
    }

    /// Lets every row go that does not count any more. Of a copy they are no news: who reads one asks the same.
    pub fn let_all_go(&mut self, mut counts: impl FnMut(i64) -> bool) {
        for place in 0..self.rows.len() {
            let piece = &self.rows.row(place)[0];
            let Some(row) = row(piece).filter(|row| !counts(row.until)) else {
                continue;
            };
            let hash = hash(&row.bytes[..row.key]);
            self.take(place as u32, hash);
        }
        self.kept = self.len();
    }

    fn note(&mut self, what: impl FnOnce(&mut Noted)) {
        let noted = &mut self.noted;
        if noted.all {
            return;
        }
        what(noted);
        if noted.changed.len() + noted.ended.len() > NOTED * self.index.len() + FEW {
            *noted = Noted {
                changed: Vec::new(),
                ended: Vec::new(),
                all: true,
            };
        }
    }
}

#[cfg(test)]
mod tests;
