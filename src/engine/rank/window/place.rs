//! Heads are told where a row was and is; of rows whose key does not say which partition they are in, that too.
//!
//! ```text
//! source partition 0: id 7, lot a ┐                      first entry of the bag          bag changes: lot a ─► lot b
//! source partition 3: id 7, lot b ┴─► one row, id 7 ───► "0, lot a": it is in lot a ───► leaves one head, comes into the other
//! ```
//!
//! A table's key that stands in several of its partitions is one row, and the lowest of them says what it is: also what it is ranked
//! among. So the row lies under its key alone, and moves when another speaks, or the same one says otherwise.
//!
//! 1. A row is in the head of the partition that [`Rows::partition`](crate::pack::rows::Rows::partition) says, and in no other.
//! 2. It is among the members of that one; it may still be among those of others, until these are gone through.

use super::WindowState;
use crate::pack::bag;
use crate::pack::interner::Interner;
use crate::rank::order::{OrderKey, Reader};
use standings_model::plan::Ranking;

/// The partition of a row of which nothing was said yet.
pub(super) const NOWHERE: u32 = u32::MAX;

impl WindowState {
    /// Tells the head of a row's partition where the row is now.
    pub(super) fn place(
        &mut self,
        reader: &Reader,
        texts: &Interner,
        key: u32,
        row: u32,
        before: Option<OrderKey>,
        words: &[u64],
    ) {
        self.changed.set(row);
        if !reader.ranks {
            self.unranked.touch(row);
            return;
        }
        let now = self.placed(reader, texts, key, words);
        let number = self.rows.partition(&reader.packing, row);
        self.tell(number, texts, (key, row), before, now);
    }

    /// Tells the head of a partition where a row was and is.
    fn tell(
        &mut self,
        number: u32,
        texts: &Interner,
        (key, row): (u32, u32),
        before: Option<OrderKey>,
        now: Option<OrderKey>,
    ) {
        let head = &mut self.partitions[number as usize].head;
        let was_dirty = head.is_dirty();
        head.update(row, || texts.get(key), before, now);
        if head.is_dirty() && !was_dirty {
            self.dirty.push(number);
        }
    }

    /// The number of the partition that a key, with what it is placed by, is in; made if there is none.
    pub(super) fn number_of(&mut self, ranking: &Ranking, reader: &Reader, key: &[u8]) -> u32 {
        let mut partition = Vec::new();
        if !ranking.partition.is_empty() {
            let codec = &reader.codec;
            codec.project(key, &ranking.partition, &mut partition);
        } else if !self.partitions.is_empty() {
            // The whole window is one.
            return 0;
        }
        match self.partition_index.get(&partition[..]) {
            Some(number) => *number,
            None => self.add_partition(partition.into()),
        }
    }

    /// Tells heads where a row is now: `at` is where the bag is whose first entry says its partition.
    pub(super) fn place_as_said(
        &mut self,
        ranking: &Ranking,
        (reader, at): (&Reader, usize),
        texts: &Interner,
        (key, row, before): (u32, u32, Option<OrderKey>),
        words: &[u64],
    ) {
        self.changed.set(row);
        let now = self.placed(reader, texts, key, words);
        let from = self.rows.partition(&reader.packing, row);
        let to = self.said(ranking, (reader, at), texts.get(key), words);
        let to = to.unwrap_or(from);
        if from == to {
            if to != NOWHERE {
                self.tell(to, texts, (key, row), before, now);
            }
            return;
        }
        if from != NOWHERE {
            self.tell(from, texts, (key, row), before, None);
            if let Some(gone) = &mut self.gone {
                gone.moved(from);
            }
        }
        self.rows.move_to(&reader.packing, row, to);
        self.partitions[to as usize].members.push(row);
        self.tell(to, texts, (key, row), None, now);
    }

    /// The number of the partition that is said; none where nobody says anything: no row is left.
    fn said(
        &mut self,
        ranking: &Ranking,
        (reader, at): (&Reader, usize),
        key: &[u8],
        words: &[u64],
    ) -> Option<u32> {
        let entry = self.aside.bag(words[at])?.first()?;
        let placed = bag::value(entry)?;
        let whole = [key, placed].concat();
        Some(self.number_of(ranking, reader, &whole))
    }
}
