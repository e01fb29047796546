//! One window of one ranking on the worker that owns its keys: totals per key, and the head of each partition.

mod compact;
mod gone;
mod place;
mod plain;
mod signed;
mod told;

use std::sync::Arc;

use hashbrown::HashMap;

use self::gone::{GONE, Gone};
use super::bits::Bits;
use super::copy::Copy;
use super::head::{Entry, Head};
use super::merge::{add_more, copy_aside, replace_text};
use super::messages::{Candidate, CandidateRow};
use super::order::{OrderKey, Reader, RowView};
use super::unranked::Unranked;
use crate::pack::aside::Aside;
use crate::pack::hash::mix;
use crate::pack::index::Index;
use crate::pack::interner::Interner;
use crate::pack::layout::{NO_TEXT, SlotKind, put_wide, wide};
use crate::pack::rows::Rows;
use crate::pack::texts::TextTable;
use standings_model::plan::Ranking;

/// Totals and heads of one window.
pub struct WindowState {
    rows: Rows,
    /// Finds the row of a key.
    index: Index,
    aside: Aside,
    partitions: Vec<Partition>,
    partition_index: HashMap<Arc<[u8]>, u32>,
    dirty: Vec<u32>,
    /// Rows that changed since the last snapshot.
    changed: Bits,
    /// The key of a row of which a measure has more digits than a decimal.
    too_wide: Option<u32>,
    /// Rows that were left when rows were let go last.
    kept: usize,
    /// Its start and end, ms.
    window: (i64, i64),
    /// Rows of a ranking that ranks none.
    unranked: Unranked,
    /// Of a ranking whose rows are also taken back: what is no more.
    gone: Option<Box<Gone>>,
    /// The key of a row from which more was taken than was there.
    overdrawn: Option<u32>,
    /// What is to be told of all its rows, while somebody asks.
    watched: Option<Box<told::Watched>>,
}

/// Rows that are looked up side by side: several times what a core can wait for at once.
const TOGETHER: usize = 32;

struct Partition {
    key: Arc<[u8]>,
    head: Head,
    /// Rows of the partition; unused when the whole window is one.
    members: Vec<u32>,
}

/// One epoch's rows of a window, as they came.
pub struct Batch<'a> {
    /// Rows: the key's text number in the batch, then the accumulators.
    pub rows: &'a [u64],
    /// The worker's numbers of the batch's texts.
    pub numbers: &'a [u32],
    /// Entries of bags.
    pub entries: &'a TextTable,
}

impl WindowState {
    /// Nothing yet, of the window with this start and end.
    pub fn new(reader: &Reader, window: (i64, i64)) -> Self {
        WindowState {
            window,
            unranked: Unranked::default(),
            rows: Rows::new(&reader.packing),
            index: Index::default(),
            aside: Aside::default(),
            partitions: Vec::new(),
            partition_index: HashMap::new(),
            dirty: Vec::new(),
            changed: Bits::default(),
            too_wide: None,
            kept: 0,
            gone: reader.layout.rows.map(|_| Box::default()),
            overdrawn: None,
            watched: None,
        }
    }

    /// No row counts as changed.
    pub fn forget(&mut self) {
        self.changed.clear();
        self.all_are_stored();
    }

    /// Copies rows as deltas from nothing: those that changed since the last copy, or all. `at` is the ranking and the
    /// window's start.
    pub fn copy(
        &mut self,
        full: bool,
        at: (u32, i64),
        reader: &Reader,
        texts: &Interner,
        into: &mut Copy,
    ) {
        let changed = std::mem::take(&mut self.changed);
        self.copy_gone(full, at, reader, texts, into);
        for row in (0..self.rows.len() as u32).filter(|row| full || changed.has(*row)) {
            if !self.is_copied(full, reader, row) {
                continue;
            }
            into.row(at.0, at.1);
            let key = into.text(texts, self.rows.key(row));
            let words = into.words();
            words.push(u64::from(key));
            let at = words.len();
            words.resize(at + reader.layout.width, 0);
            self.rows.read(&reader.packing, row, &mut words[at..]);
            for place in &reader.layout.texts {
                let id = into.words()[at + place];
                if id != NO_TEXT {
                    let id = into.text(texts, id as u32);
                    into.words()[at + place] = u64::from(id);
                }
            }
            for slot in &reader.layout.aside {
                copy_aside(slot.kind, &self.aside, texts, at + slot.at, into);
            }
        }
    }

    /// The key of a row of which a measure has more digits than a decimal, if there is one.
    pub fn too_wide(&self) -> Option<u32> {
        self.too_wide
    }

    /// Keys in this window.
    pub fn keys(&self) -> usize {
        self.index.len()
    }

    /// Adds one epoch's deltas; `distinct` yields the values of their distinct slots.
    pub fn merge<'a>(
        &mut self,
        ranking: &Ranking,
        reader: &Reader,
        texts: &mut Interner,
        batch: &Batch<'_>,
        distinct: &mut impl Iterator<Item = &'a u32>,
    ) {
        let stride = reader.layout.width + 1;
        let mut words = vec![0; reader.layout.width];
        for some in batch.rows.chunks(stride * TOGETHER) {
            self.bring(batch.numbers, some, stride);
            for deltas in some.chunks_exact(stride) {
                let key = batch.numbers[deltas[0] as usize];
                let (row, before) = self.find(ranking, reader, texts, key, &mut words);
                match reader.layout.rows {
                    None => self.add(
                        reader,
                        texts,
                        batch.numbers,
                        &mut words,
                        &deltas[1..],
                        distinct,
                    ),
                    Some(rows) => {
                        let deltas = (&deltas[1..], batch.entries);
                        let fits = self.change(reader, &mut words, deltas, distinct);
                        self.settle_later(row, words[rows]);
                        if !fits {
                            self.overdrawn = Some(key);
                        }
                    }
                }
                if reader.is_at_risk() {
                    let view = RowView {
                        words: &words,
                        key,
                        texts,
                        aside: &self.aside,
                        window: self.window,
                    };
                    if reader.is_too_wide(view) {
                        self.too_wide = Some(key);
                    }
                }
                self.rows.write(&reader.packing, row, &words);
                if let Some(watched) = &mut self.watched {
                    watched.touch(row);
                }
                match reader.layout.speaker {
                    None => self.place(reader, texts, key, row, before, &words),
                    Some(at) => {
                        self.place_as_said(
                            ranking,
                            (reader, at),
                            texts,
                            (key, row, before),
                            &words,
                        );
                    }
                }
            }
        }
    }

    /// Brings what these rows will touch into the cache.
    fn bring(&self, numbers: &[u32], rows: &[u64], stride: usize) {
        let mut guesses = [None; TOGETHER];
        for (guess, deltas) in guesses.iter_mut().zip(rows.chunks_exact(stride)) {
            *guess = self
                .index
                .guess(mix(u64::from(numbers[deltas[0] as usize])));
        }
        let touched = guesses.iter().flatten().map(|row| self.rows.touch(*row));
        std::hint::black_box(touched.fold(0, |a, b| a ^ b));
    }

    /// The row of a key, made if there is none, its words, and its place before.
    fn find(
        &mut self,
        ranking: &Ranking,
        reader: &Reader,
        texts: &mut Interner,
        key: u32,
        words: &mut [u64],
    ) -> (u32, Option<OrderKey>) {
        let rows = &self.rows;
        let found = self
            .index
            .find(mix(u64::from(key)), |row| rows.key(row) == key);
        let Some(row) = found else {
            reader.layout.clear(words);
            return (self.add_row(ranking, reader, texts, key), None);
        };
        self.rows.read(&reader.packing, row, words);
        if ranking.rank.is_none() {
            return (row, None);
        }
        let before = self.placed(reader, texts, key, words);
        (row, before)
    }

    /// Where a row is placed, if it passes `HAVING`.
    fn placed(
        &self,
        reader: &Reader,
        texts: &Interner,
        key: u32,
        words: &[u64],
    ) -> Option<OrderKey> {
        let view = RowView {
            words,
            key,
            texts,
            aside: &self.aside,
            window: self.window,
        };
        reader.passes(view).then(|| reader.order(view))
    }

    fn add_row(
        &mut self,
        ranking: &Ranking,
        reader: &Reader,
        texts: &mut Interner,
        key: u32,
    ) -> u32 {
        texts.retain(key);
        let number = match reader.layout.speaker {
            Some(_) => place::NOWHERE,
            None => self.number_of(ranking, reader, texts.get(key)),
        };
        let free = self.gone.as_mut().and_then(|gone| gone.free.pop());
        let rows = &self.rows;
        let all = || {
            let all = rows.keys().enumerate().filter(|(_, key)| *key != GONE);
            all.map(|(row, key)| (mix(u64::from(key)), row as u32))
        };
        let row = free.unwrap_or(rows.len() as u32);
        self.index.insert(mix(u64::from(key)), row, all);
        match free {
            None => {
                self.rows.push(&reader.packing, key, number);
            }
            Some(row) => self.rows.place(&reader.packing, row, key, number),
        }
        self.comes_back(texts, key, row);
        if !ranking.partition.is_empty() && number != place::NOWHERE {
            self.partitions[number as usize].members.push(row);
        }
        row
    }

    /// Adds a row's deltas to its words.
    fn add<'a>(
        &mut self,
        reader: &Reader,
        texts: &mut Interner,
        numbers: &[u32],
        words: &mut [u64],
        deltas: &[u64],
        distinct: &mut impl Iterator<Item = &'a u32>,
    ) {
        for slot in &reader.layout.slots {
            let at = slot.at;
            match slot.kind {
                SlotKind::CountAll | SlotKind::Count(_) => words[at] += deltas[at],
                SlotKind::Sum(_) => {
                    put_wide(words, at, wide(words, at).saturating_add(wide(deltas, at)));
                }
                SlotKind::Min(_) => put_wide(words, at, wide(words, at).min(wide(deltas, at))),
                SlotKind::Max(_) => put_wide(words, at, wide(words, at).max(wide(deltas, at))),
                SlotKind::MinText(_) | SlotKind::MaxText(_) => {
                    if deltas[at] != NO_TEXT {
                        let id = numbers[deltas[at] as usize];
                        let least = matches!(slot.kind, SlotKind::MinText(_));
                        if words[at] == NO_TEXT
                            || (texts.get(id) < texts.get(words[at] as u32)) == least
                        {
                            replace_text(texts, &mut words[at], u64::from(id));
                        }
                    }
                }
                SlotKind::Last(_) => {
                    if deltas[at..at + 3] > words[at..at + 3] {
                        words[at..at + 5].copy_from_slice(&deltas[at..at + 5]);
                    }
                }
                SlotKind::LastText(_) => {
                    if deltas[at..at + 3] > words[at..at + 3] {
                        words[at..at + 3].copy_from_slice(&deltas[at..at + 3]);
                        let id = match deltas[at + 3] {
                            NO_TEXT => NO_TEXT,
                            id => u64::from(numbers[id as usize]),
                        };
                        replace_text(texts, &mut words[at + 3], id);
                    }
                }
                SlotKind::Distinct(_) => {
                    for value in distinct.take(deltas[at] as usize) {
                        let id = numbers[*value as usize];
                        if self.aside.sets.insert(&mut words[at], id) {
                            texts.retain(id);
                        }
                    }
                }
                kind => {
                    let (texts, words) = ((&mut *texts, numbers), (&mut *words, deltas));
                    add_more(kind, texts, words, at, &mut self.aside, distinct);
                }
            }
        }
    }

    /// Ends an epoch: appends what changed among the best rows.
    pub fn settle(
        &mut self,
        number: u32,
        end: i64,
        ranking: &Ranking,
        reader: &Reader,
        texts: &Interner,
        out: &mut Vec<Candidate>,
    ) {
        let Some(function) = ranking.rank else {
            self.settle_unranked(number, reader, texts, out);
            return;
        };
        let window = self.window;
        let WindowState {
            rows,
            aside,
            partitions,
            dirty,
            ..
        } = self;
        let (rows, aside) = (&*rows, &*aside);
        let mut words = vec![0; reader.layout.width];
        let key = |row: u32| texts.get(rows.key(row));
        let count = rows.len();
        for partition in dirty.drain(..) {
            let Partition {
                key: partition_key,
                head,
                members,
            } = &mut partitions[partition as usize];
            let size = if ranking.partition.is_empty() {
                count
            } else {
                members.len()
            };
            let settled = head.settle(ranking.limit, function, size, |want| {
                let mut order = |row: u32| {
                    let view = view(rows, reader, texts, (aside, window), row, &mut words);
                    reader.passes(view).then(|| (reader.order(view), row))
                };
                let mut all: Vec<(OrderKey, u32)> = if ranking.partition.is_empty() {
                    (0..count as u32).filter_map(&mut order).collect()
                } else {
                    let is_here = |row: &u32| rows.partition(&reader.packing, *row) == partition;
                    let members = members.iter().copied().filter(is_here);
                    members.filter_map(&mut order).collect()
                };
                let complete = all.len() <= want;
                if !complete {
                    all.select_nth_unstable_by(want - 1, |a, b| {
                        a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1)))
                    });
                    all.truncate(want);
                }
                let entries: Vec<Entry> = all
                    .into_iter()
                    .map(|(order, row)| (order, key(row).into(), row))
                    .collect();
                (entries, complete)
            });
            let mut send = |row: u32, removed: bool| {
                let view = view(rows, reader, texts, (aside, window), row, &mut words);
                out.push(Candidate {
                    ranking: number,
                    window_end: end,
                    partition: Arc::clone(partition_key),
                    key: view.key_bytes().into(),
                    row: (!removed).then(|| CandidateRow {
                        order: reader.order(view),
                        measures: reader.measures(view),
                    }),
                });
            };
            settled.removed.iter().for_each(|r| send(*r, true));
            settled.upserts.iter().for_each(|r| send(*r, false));
        }
    }

    /// Lets go of every text that the window uses.
    pub fn release(self, reader: &Reader, texts: &mut Interner) {
        let mut words = vec![0; reader.layout.width];
        if let Some(gone) = &self.gone {
            gone.release(texts);
        }
        for row in 0..self.rows.len() as u32 {
            if self.rows.key(row) == GONE {
                continue;
            }
            texts.release(self.rows.key(row));
            self.rows.read(&reader.packing, row, &mut words);
            for slot in &reader.layout.aside {
                if let SlotKind::Distinct(_) = slot.kind {
                    let sets = &self.aside.sets;
                    sets.for_each(words[slot.at], |id| texts.release(id));
                }
            }
            for place in &reader.layout.texts {
                if words[*place] != NO_TEXT {
                    texts.release(words[*place] as u32);
                }
            }
        }
    }
}

/// A row, unpacked into `words`.
fn view<'a>(
    rows: &Rows,
    reader: &Reader,
    texts: &'a Interner,
    (aside, window): (&'a Aside, (i64, i64)),
    row: u32,
    words: &'a mut [u64],
) -> RowView<'a> {
    rows.read(&reader.packing, row, words);
    RowView {
        words,
        key: rows.key(row),
        texts,
        aside,
        window,
    }
}
