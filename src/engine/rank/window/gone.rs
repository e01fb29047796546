//! Groups whose rows were all taken back: each is no row of its window any more.
//!
//! ```text
//! count is 0 ─► it leaves the head (readers are told at the end of the epoch) ─► its key and number are free
//!                                                    │ a part has it?
//!                                                    └─► the next copy of changes says that it is gone
//! ```
//!
//! 1. Numbers of rows are given again (a free list), and rows are not moved to close the gaps: a window of which most is gone is
//!    retired soon, and of all time rows come again as others. What a number means to a head is over with the epoch's end.
//! 2. Where a window has partitions, a number is free when it is no more among the members of its own: these are gone through
//!    when half of them are gone. A partition without a member is none.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::place::NOWHERE;
use super::{Head, Partition, WindowState};
use crate::pack::hash::mix;
use crate::pack::interner::Interner;
use crate::rank::bits::Bits;
use crate::rank::copy::Copy;
use crate::rank::order::Reader;
use standings_model::sabotage::{self, Mistake};

/// The key of a row that is no more.
pub(super) const GONE: u32 = u32::MAX;

/// What of a window is no more.
#[derive(Default)]
pub(super) struct Gone {
    /// Rows that were without any of the input when they were touched last.
    touched: Vec<u32>,
    /// Numbers of rows that can be given again.
    pub(super) free: Vec<u32>,
    /// Numbers of partitions, likewise.
    pub(super) partitions: Vec<u32>,
    /// By partition, what is still among its members and is there no more.
    members: HashMap<u32, Left>,
    /// Those of which more is gone since this was looked at; some more than once.
    fewer: Vec<u32>,
    /// Rows that parts have, and keys that parts have and that are no more.
    stored: Bits,
    keys: HashSet<u32>,
    /// Keys that the last copy said are gone: their texts are not used any more.
    said: Vec<u32>,
}

/// Members that a partition has lost.
#[derive(Default)]
struct Left {
    /// Rows that are no more: their numbers are free when it is gone through.
    rows: Vec<u32>,
    /// How many rows moved to others.
    moved: usize,
}

impl Gone {
    /// A row has moved away from a partition.
    pub(super) fn moved(&mut self, from: u32) {
        self.members.entry(from).or_default().moved += 1;
        self.fewer.push(from);
    }

    /// Lets go of every text that it uses.
    pub(super) fn release(&self, texts: &mut Interner) {
        let all = self.keys.iter().chain(&self.said);
        all.for_each(|key| texts.release(*key));
    }
}

impl WindowState {
    /// The key of a row from which more was taken than was there, if there is one.
    pub fn overdrawn(&self) -> Option<u32> {
        self.overdrawn
    }

    /// Notes what may be gone when the epoch ends.
    pub(super) fn settle_later(&mut self, row: u32, rows: u64) {
        if rows == 0
            && let Some(gone) = &mut self.gone
        {
            gone.touched.push(row);
        }
    }

    /// A key has a row again, of which parts may know.
    pub(super) fn comes_back(&mut self, texts: &mut Interner, key: u32, row: u32) {
        if let Some(gone) = &mut self.gone
            && gone.keys.remove(&key)
        {
            texts.release(key);
            gone.stored.set(row);
        }
    }

    /// Every row is in a part.
    pub(super) fn all_are_stored(&mut self) {
        if let Some(gone) = &mut self.gone {
            let rows = self.rows.keys().enumerate();
            let there = rows.filter(|(_, key)| *key != GONE);
            there.for_each(|(row, _)| gone.stored.set(row as u32));
        }
    }

    /// Whether a row belongs into a copy; it is in a part then.
    pub(super) fn is_copied(&mut self, full: bool, reader: &Reader, row: u32) -> bool {
        let (Some(gone), Some(rows)) = (&mut self.gone, reader.layout.rows) else {
            return true;
        };
        if self.rows.key(row) == GONE {
            return false;
        }
        let mut words = vec![0; reader.layout.width];
        self.rows.read(&reader.packing, row, &mut words);
        if full && words[rows] == 0 {
            return false;
        }
        gone.stored.set(row);
        true
    }

    /// Says in a copy of changes what is gone; a full one says what there is.
    pub(super) fn copy_gone(
        &mut self,
        full: bool,
        (ranking, end): (u32, i64),
        reader: &Reader,
        texts: &Interner,
        into: &mut Copy,
    ) {
        let Some(gone) = &mut self.gone else {
            return;
        };
        if full {
            gone.stored.clear();
        }
        let mut keys: Vec<u32> = gone.keys.drain().collect();
        keys.sort_unstable();
        for key in keys {
            if !full && !sabotage::is(Mistake::GoneNotCopied) {
                into.row(ranking, end);
                let number = into.text(texts, key);
                let words = into.words();
                words.push(u64::from(number));
                let at = words.len();
                words.resize(at + reader.layout.width, 0);
                reader.layout.clear(&mut words[at..]);
            }
            gone.said.push(key);
        }
    }

    /// After an epoch has ended: what is gone makes room.
    pub(super) fn bury(&mut self, reader: &Reader, partitioned: bool, texts: &mut Interner) {
        let (Some(mut gone), Some(rows)) = (self.gone.take(), reader.layout.rows) else {
            return;
        };
        gone.said.drain(..).for_each(|key| texts.release(key));
        let mut touched = std::mem::take(&mut gone.touched);
        touched.sort_unstable();
        touched.dedup();
        let mut words = vec![0; reader.layout.width];
        for row in touched.drain(..) {
            let key = self.rows.key(row);
            self.rows.read(&reader.packing, row, &mut words);
            let stays = words[rows] != 0 || sabotage::is(Mistake::EmptyGroupStays);
            if key == GONE || stays {
                continue;
            }
            self.index.remove(mix(u64::from(key)), row);
            match gone.stored.has(row) {
                // The text is used as long as nobody was told.
                true => _ = gone.keys.insert(key),
                false => texts.release(key),
            }
            gone.stored.unset(row);
            self.changed.unset(row);
            let partition = self.rows.partition(&reader.packing, row);
            self.rows.place(&reader.packing, row, GONE, partition);
            if !partitioned || partition == NOWHERE {
                gone.free.push(row);
                continue;
            }
            gone.members.entry(partition).or_default().rows.push(row);
            gone.fewer.push(partition);
        }
        let mut fewer = std::mem::take(&mut gone.fewer);
        for number in fewer.drain(..) {
            let members = self.partitions[number as usize].members.len();
            let left = gone.members.get(&number);
            if left.is_some_and(|left| (left.rows.len() + left.moved) * 2 >= members) {
                self.clear_partition(&mut gone, number, reader);
            }
        }
        gone.fewer = fewer;
        gone.touched = touched;
        self.gone = Some(gone);
    }

    /// Members of a partition that are no more leave it; a partition without any is none.
    fn clear_partition(&mut self, gone: &mut Gone, number: u32, reader: &Reader) {
        let rows = &self.rows;
        let partition = &mut self.partitions[number as usize];
        let is_here =
            |row: u32| rows.key(row) != GONE && rows.partition(&reader.packing, row) == number;
        partition.members.retain(|row| is_here(*row));
        let left = gone.members.remove(&number).unwrap_or_default();
        if left.moved > 0 {
            // One that moved away and came back is twice among them.
            partition.members.sort_unstable();
            partition.members.dedup();
        }
        gone.free.extend(left.rows);
        if partition.members.is_empty() {
            self.partition_index.remove(&partition.key);
            *partition = Partition {
                key: [].into(),
                head: Head::default(),
                members: Vec::new(),
            };
            gone.partitions.push(number);
        }
    }

    /// A partition of the window, under a number that is free if there is one.
    pub(super) fn add_partition(&mut self, key: Arc<[u8]>) -> u32 {
        let free = self.gone.as_mut().and_then(|gone| gone.partitions.pop());
        let number = free.unwrap_or(self.partitions.len() as u32);
        self.partition_index.insert(Arc::clone(&key), number);
        let partition = Partition {
            key,
            head: Head::default(),
            members: Vec::new(),
        };
        match self.partitions.get_mut(number as usize) {
            Some(place) => *place = partition,
            None => self.partitions.push(partition),
        }
        number
    }
}
