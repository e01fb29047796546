//! Rows alike on their way to the owner of what they are joined by.

use serde::{Deserialize, Serialize};

use crate::pack::deltas::bin;
use crate::pack::hash::hash;
use crate::pack::portion::Portion;
use crate::pack::texts::TextTable;

/// Rows alike for one worker: their texts, and what they came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Parcel {
    /// The worker that it is for.
    pub to: u64,
    texts: TextTable,
    rows: Vec<Sent>,
}

/// What rows alike came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sent {
    /// Number of the ranking in the plan.
    pub ranking: u32,
    /// In how many windows they count: each a pane before the other.
    pub windows: u32,
    /// The end of the latest, ms.
    pub window_end: i64,
    /// How much more, or less, it is now.
    pub portion: Portion,
}

impl Parcel {
    /// An empty one.
    fn to(to: u64) -> Self {
        Parcel {
            to,
            ..Parcel::default()
        }
    }

    /// All that is in it: it is empty then.
    fn take(&mut self) -> Self {
        let empty = Parcel::to(self.to);
        std::mem::replace(self, empty)
    }

    /// Its rows, each with what it is ([`together`](super::together)).
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Sent)> {
        let rows = (0..).zip(&self.rows);
        rows.map(|(n, row)| (self.texts.get(n), row))
    }
}

/// Rows alike that go to several workers.
#[derive(Debug)]
pub struct Parcels {
    all: Vec<Parcel>,
    full: Vec<Parcel>,
}

/// So many rows, or bytes of what they are, are one parcel: what is larger is moved and held as a whole.
const FULL: (usize, usize) = (1 << 15, 1 << 20);

impl Parcels {
    /// None, to so many workers.
    pub fn new(workers: usize) -> Self {
        Parcels {
            all: (0..workers as u64).map(Parcel::to).collect(),
            full: Vec::new(),
        }
    }

    /// The worker that owns a key of what rows are joined with.
    pub fn owner(&self, key: &[u8]) -> u64 {
        bin(hash(key)) % self.all.len() as u64
    }

    /// Whether there is more than one worker.
    pub fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// Adds rows alike.
    pub fn put(&mut self, to: u64, text: &[u8], row: Sent) {
        let parcel = &mut self.all[to as usize];
        parcel.texts.push(text, 0);
        parcel.rows.push(row);
        if parcel.rows.len() >= FULL.0 || parcel.texts.byte_size() >= FULL.1 {
            self.full.push(parcel.take());
        }
    }

    /// All of them.
    pub fn take(&mut self) -> Vec<Parcel> {
        let mut all = std::mem::take(&mut self.full);
        let some = self.all.iter_mut().filter(|p| !p.rows.is_empty());
        all.extend(some.map(Parcel::take));
        all
    }
}
