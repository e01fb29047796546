//! Rows that are held: of each key of a partition of a table that changes, the row as it is.
//!
//! ```text
//! hash of the key ─► Index ─► place (`slot`): until when, part of the hash, key, rest     one line of memory for a short row
//!                              ├─ letting rows go, and a larger index, look at places alone
//!                              ├─ changed since the last copy?
//!                              └─ free places are used again
//! ```
//!
//! 1. Which rows there are is a function of the partition's records: who asks says until when a row counts
//!    ([`Held::get`]), and what does not count any more goes when there are twice as many as were left the last time.
//! 2. A copy of what changed, put over the copies before it from the last whole one on, is a whole one.

mod copy;
mod slot;

use crate::pack::chunks::Chunks;
use crate::pack::hash::hash;
use crate::pack::index::Index;
use standings_model::leb128;
use standings_model::sabotage::{self, Mistake};

use self::slot::Slot;

pub use self::copy::{Copied, Entry};

/// Numbers of partitions from here on are of bins: rows of any partitions that lie by a key, which are of the owner of that.
pub const BY_BIN: u32 = 1 << 31;

/// With fewer rows none is looked for that could go.
const FEW: usize = 1024;

/// More that changed or ended than this many times the rows that there are is not noted: the next copy is a whole one.
const NOTED: usize = 2;

/// The rows of one partition.
#[derive(Debug)]
pub struct Held {
    slots: Chunks<Slot>,
    index: Index,
    free: Vec<u32>,
    /// Rows that were left when some were let go last.
    kept: usize,
    bytes: usize,
    noted: Noted,
}

/// What is kept of a hash: the bits that choose a line of the index, and those that tell places in one apart.
fn short(hash: u64) -> u32 {
    ((hash >> 40) as u32) << 8 | u32::from((hash as u8).max(1))
}

/// A hash, of what is kept of it.
fn long(short: u32) -> u64 {
    u64::from(short >> 8) << 40 | u64::from(short as u8)
}

/// The hash that rows are found by.
fn hash_of(key: &[u8]) -> u64 {
    long(short(hash(key)))
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

impl Noted {
    /// Nothing since a copy; `all`: there was none, and the next one has all.
    fn since(all: bool) -> Self {
        Noted {
            changed: Vec::new(),
            ended: Vec::new(),
            all,
        }
    }
}

/// A row that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The greatest end of the windows that it is in, ms; with a minus where no ranking takes it.
    pub until: i64,
    /// Its key, and behind it the rest.
    pub bytes: &'a [u8],
    /// Bytes of the key.
    pub key: usize,
}

/// What is kept of a row that may go: it is looked at only where its end does not say enough.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a>(&'a [u8]);

impl<'a> Piece<'a> {
    /// As of [`Row::bytes`].
    pub fn bytes(self) -> &'a [u8] {
        parts(self.0).map_or(&[], |(_, bytes)| bytes)
    }
}

impl Default for Held {
    fn default() -> Self {
        Held {
            slots: Chunks::new(1),
            index: Index::default(),
            free: Vec::new(),
            kept: 0,
            bytes: 0,
            noted: Noted::since(true),
        }
    }
}

/// The length of a piece's key, and what is behind it; none of a free place.
#[inline]
fn parts(piece: &[u8]) -> Option<(usize, &[u8])> {
    let mut from = piece;
    let key = leb128::take(&mut from)?;
    Some((key as usize, from))
}

/// The key of a piece.
#[inline]
fn key(piece: &[u8]) -> &[u8] {
    parts(piece).map_or(&[], |(key, bytes)| &bytes[..key])
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
        // A row has its place, and that in the index.
        self.bytes + self.len() * (size_of::<Slot>() + 6)
    }

    #[inline]
    fn slot(&self, place: u32) -> &Slot {
        &self.slots.row(place as usize)[0]
    }

    fn slot_mut(&mut self, place: u32) -> &mut Slot {
        &mut self.slots.row_mut(place as usize)[0]
    }

    /// Where the row of a key is, whether or not it counts: as long as none is put or ends.
    pub fn find(&self, of: &[u8]) -> Option<u32> {
        let is_it = |place| key(self.slot(place).piece()) == of;
        self.index.find(hash_of(of), is_it)
    }

    /// The row of a key, if there is one that counts.
    pub fn get(&self, of: &[u8], counts: impl FnOnce(i64) -> bool) -> Option<Row<'_>> {
        let place = self.find(of)?;
        self.at(place).filter(|row| counts(row.until))
    }

    /// The row at a place.
    pub fn at(&self, place: u32) -> Option<Row<'_>> {
        let slot = self.slot(place);
        let (key, bytes) = parts(slot.piece())?;
        Some(Row {
            until: slot.until(),
            bytes,
            key,
        })
    }

    /// The row of a key is this now.
    pub fn put(&mut self, of: &[u8], until: i64, rest: &[u8]) {
        self.put_at(self.find(of), of, until, rest);
    }

    /// [`Held::put`], where it is known what [`Held::find`] says.
    pub fn put_at(&mut self, place: Option<u32>, of: &[u8], until: i64, rest: &[u8]) {
        let place = match place {
            Some(place) => {
                let slot = self.slot_mut(place);
                let before = slot.outside();
                slot.replace(until, of, rest);
                let now = slot.outside();
                self.bytes = self.bytes + now - before;
                place
            }
            None => {
                let slot = Slot::new(short(hash(of)), until, of, rest);
                self.bytes += slot.outside();
                self.add(slot)
            }
        };
        self.note(|noted| noted.changed.push(place));
    }

    fn add(&mut self, slot: Slot) -> u32 {
        let hash = slot.hash();
        let place = match self.free.pop() {
            Some(place) => {
                *self.slot_mut(place) = slot;
                place
            }
            None => self.slots.push([slot]) as u32,
        };
        let slots = &self.slots;
        self.index.insert(long(hash), place, || {
            let hashes = slots.iter().map(|slot| slot[0].hash()).enumerate();
            let others = hashes.filter(|(n, hash)| *n != place as usize && *hash != 0);
            others.map(|(n, hash)| (long(hash), n as u32))
        });
        place
    }

    /// The row of a key ends; whether there was one.
    pub fn remove(&mut self, of: &[u8]) -> bool {
        let Some(place) = self.find(of) else {
            return false;
        };
        self.take(place);
        self.note(|noted| noted.ended.push(of.into()));
        true
    }

    fn take(&mut self, place: u32) {
        let slot = std::mem::take(self.slot_mut(place));
        self.index.remove(long(slot.hash()), place);
        self.bytes -= slot.outside();
        self.free.push(place);
    }

    /// All rows end.
    pub fn clear(&mut self) {
        *self = Held::default();
        self.noted.all = !sabotage::is(Mistake::EmptiedNotCopied);
    }

    /// All rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.slots.len() as u32).filter_map(|place| self.at(place))
    }

    /// Lets rows go that do not count any more, if it may be many.
    pub fn let_go(&mut self, counts: impl FnMut(i64, Piece<'_>) -> bool) {
        if self.len() >= (2 * self.kept).max(FEW) {
            self.let_all_go(counts);
        }
    }

    /// Lets every row go that does not count any more. Of a copy they are no news: who reads one asks the same.
    pub fn let_all_go(&mut self, mut counts: impl FnMut(i64, Piece<'_>) -> bool) {
        for place in 0..self.slots.len() as u32 {
            let slot = self.slot(place);
            if slot.hash() != 0 && !counts(slot.until(), Piece(slot.piece())) {
                self.take(place);
            }
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
            *noted = Noted::since(true);
        }
    }
}

#[cfg(test)]
mod tests;
