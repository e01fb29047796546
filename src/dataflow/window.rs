//! One window of one ranking on the worker that owns its keys: totals per key, and the head of each partition.

use std::sync::Arc;

use hashbrown::{HashMap, HashTable};

use super::distinct::DistinctSet;
use super::head::{Entry, Head};
use super::interner::Interner;
use super::messages::{Candidate, CandidateRow};
use super::order::{Reader, RowView};
use crate::combine::combiner::mix;
use crate::combine::deltas::Deltas;
use crate::combine::layout::{NO_TEXT, SlotKind, put_wide, wide};
use crate::model::plan::Ranking;

/// Totals and heads of one window.
pub struct WindowState {
    /// Rows: key text and partition number packed in one word, then the accumulators.
    rows: Vec<u64>,
    index: HashTable<u32>,
    sets: Vec<DistinctSet>,
    partitions: Vec<Partition>,
    partition_index: HashMap<Arc<[u8]>, u32>,
    dirty: Vec<u32>,
    /// Rows that changed since the last snapshot, and a bit for each row that is among them.
    changed: Vec<u32>,
    is_changed: Vec<u64>,
}

struct Partition {
    key: Arc<[u8]>,
    head: Head,
    /// Rows of the partition; unused when the whole window is one.
    members: Vec<u32>,
}

/// Where rows are copied to, and the numbers that texts have there.
pub struct CopyInto<'a> {
    /// The copy.
    pub deltas: &'a mut Deltas,
    /// By the worker's number.
    pub numbers: &'a mut HashMap<u32, u32>,
}

impl CopyInto<'_> {
    fn text(&mut self, texts: &Interner, id: u32) -> u32 {
        let table = &mut self.deltas.texts;
        *self
            .numbers
            .entry(id)
            .or_insert_with(|| table.push(texts.get(id), texts.hash(id)))
    }
}

/// A batch's texts as numbers of the worker's own.
pub trait Resolve {
    /// The worker's number for the batch's text.
    fn resolve(&mut self, texts: &mut Interner, id: u32) -> u32;
}

impl WindowState {
    /// Nothing yet.
    pub fn new() -> Self {
        WindowState {
            rows: Vec::new(),
            index: HashTable::new(),
            sets: Vec::new(),
            partitions: Vec::new(),
            partition_index: HashMap::new(),
            dirty: Vec::new(),
            changed: Vec::new(),
            is_changed: Vec::new(),
        }
    }

    /// Notes that a row changed.
    fn note(&mut self, row: u32) {
        let (word, bit) = (row as usize / 64, 1 << (row % 64));
        if word >= self.is_changed.len() {
            self.is_changed.resize(word + 1, 0);
        }
        if self.is_changed[word] & bit == 0 {
            self.is_changed[word] |= bit;
            self.changed.push(row);
        }
    }

    /// No row counts as changed.
    pub fn forget(&mut self) {
        self.changed.clear();
        self.is_changed.clear();
    }

    /// Copies rows as deltas from nothing: those that changed since the last copy, or all.
    pub fn copy(
        &mut self,
        full: bool,
        reader: &Reader,
        texts: &Interner,
        into: &mut CopyInto<'_>,
    ) -> u32 {
        let stride = reader.layout.width + 1;
        let mut rows = std::mem::take(&mut self.changed);
        self.is_changed.clear();
        if full {
            rows = (0..(self.rows.len() / stride) as u32).collect();
        }
        for row in &rows {
            let words = &self.rows[*row as usize * stride..(*row as usize + 1) * stride];
            let key = into.text(texts, words[0] as u32);
            let at = into.deltas.words.len() + 1;
            into.deltas.words.push(u64::from(key));
            into.deltas.words.extend_from_slice(&words[1..]);
            for slot in &reader.layout.slots {
                let place = match slot.kind {
                    SlotKind::MinText(_) | SlotKind::MaxText(_) => at + slot.at,
                    SlotKind::LastText(_) => at + slot.at + 3,
                    SlotKind::Distinct(_) => {
                        let set = &self.sets[words[1 + slot.at] as usize];
                        into.deltas.words[at + slot.at] = set.len() as u64;
                        set.for_each(|id| {
                            let id = into.text(texts, id);
                            into.deltas.distinct.push(id);
                        });
                        continue;
                    }
                    _ => continue,
                };
                let id = into.deltas.words[place];
                if id != NO_TEXT {
                    into.deltas.words[place] = u64::from(into.text(texts, id as u32));
                }
            }
        }
        rows.len() as u32
    }

    /// Keys in this window.
    pub fn keys(&self) -> usize {
        self.index.len()
    }

    /// Adds one key's deltas; `distinct` yields the values of its distinct slots.
    pub fn merge<'a>(
        &mut self,
        ranking: &Ranking,
        reader: &Reader,
        texts: &mut Interner,
        from: &mut impl Resolve,
        deltas: &[u64],
        distinct: &mut impl Iterator<Item = &'a u32>,
    ) {
        let stride = reader.layout.width + 1;
        let key = from.resolve(texts, deltas[0] as u32);
        let rows = &self.rows;
        let found = self
            .index
            .find(mix(u64::from(key)), |r| {
                rows[*r as usize * stride] as u32 == key
            })
            .copied();
        let row = match found {
            Some(row) => row,
            None => self.add_row(ranking, reader, texts, key, stride),
        };
        let at = row as usize * stride;
        let bytes = Arc::clone(texts.get(key));
        let before = found.map(|_| {
            reader.order(RowView {
                words: &self.rows[at + 1..at + stride],
                key: &bytes,
                texts,
                sets: &self.sets,
            })
        });
        self.add(reader, texts, from, row, &deltas[1..], distinct);
        self.note(row);
        let words = &self.rows[at + 1..at + stride];
        let now = reader.order(RowView {
            words,
            key: &bytes,
            texts,
            sets: &self.sets,
        });
        let number = (self.rows[at] >> 32) as u32;
        let head = &mut self.partitions[number as usize].head;
        let was_dirty = head.is_dirty();
        head.update(row, &bytes, before, now);
        if head.is_dirty() && !was_dirty {
            self.dirty.push(number);
        }
    }

    fn add_row(
        &mut self,
        ranking: &Ranking,
        reader: &Reader,
        texts: &mut Interner,
        key: u32,
        stride: usize,
    ) -> u32 {
        let row = (self.rows.len() / stride) as u32;
        texts.retain(key);
        let mut partition = Vec::new();
        if !ranking.partition.is_empty() {
            reader
                .codec
                .project(texts.get(key), &ranking.partition, &mut partition);
        }
        let number = match self.partition_index.get(&partition[..]) {
            Some(number) => *number,
            None => {
                let number = self.partitions.len() as u32;
                let key: Arc<[u8]> = partition.into();
                self.partition_index.insert(Arc::clone(&key), number);
                self.partitions.push(Partition {
                    key,
                    head: Head::default(),
                    members: Vec::new(),
                });
                number
            }
        };
        if !ranking.partition.is_empty() {
            self.partitions[number as usize].members.push(row);
        }
        make_room(&mut self.rows, stride);
        self.rows.push(u64::from(number) << 32 | u64::from(key));
        let at = self.rows.len();
        self.rows.resize(at + stride - 1, 0);
        reader.layout.clear(&mut self.rows[at..]);
        for slot in &reader.layout.slots {
            if let SlotKind::Distinct(_) = slot.kind {
                self.rows[at + slot.at] = self.sets.len() as u64;
                make_room(&mut self.sets, 1);
                self.sets.push(DistinctSet::default());
            }
        }
        let rows = &self.rows;
        self.index.insert_unique(mix(u64::from(key)), row, |r| {
            mix(u64::from(rows[*r as usize * stride] as u32))
        });
        row
    }

    fn add<'a>(
        &mut self,
        reader: &Reader,
        texts: &mut Interner,
        from: &mut impl Resolve,
        row: u32,
        deltas: &[u64],
        distinct: &mut impl Iterator<Item = &'a u32>,
    ) {
        let stride = reader.layout.width + 1;
        let at = row as usize * stride + 1;
        let words = &mut self.rows[at..at + stride - 1];
        for slot in &reader.layout.slots {
            let at = slot.at;
            match slot.kind {
                SlotKind::CountAll | SlotKind::Count(_) => words[at] += deltas[at],
                SlotKind::Sum(_) => put_wide(words, at, wide(words, at) + wide(deltas, at)),
                SlotKind::Min(_) => put_wide(words, at, wide(words, at).min(wide(deltas, at))),
                SlotKind::Max(_) => put_wide(words, at, wide(words, at).max(wide(deltas, at))),
                SlotKind::MinText(_) | SlotKind::MaxText(_) => {
                    if deltas[at] != NO_TEXT {
                        let id = from.resolve(texts, deltas[at] as u32);
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
                            id => u64::from(from.resolve(texts, id as u32)),
                        };
                        replace_text(texts, &mut words[at + 3], id);
                    }
                }
                SlotKind::Distinct(_) => {
                    let set = &mut self.sets[words[at] as usize];
                    for value in distinct.take(deltas[at] as usize) {
                        let id = from.resolve(texts, *value);
                        if set.insert(id) {
                            texts.retain(id);
                        }
                    }
                }
            }
        }
    }

    /// Ends an epoch: appends what changed among the best rows.
    pub fn settle(
        &mut self,
        number: u32,
        start: i64,
        ranking: &Ranking,
        reader: &Reader,
        texts: &Interner,
        out: &mut Vec<Candidate>,
    ) {
        let stride = reader.layout.width + 1;
        let WindowState {
            rows,
            sets,
            partitions,
            dirty,
            ..
        } = self;
        let view = |row: u32| {
            let at = row as usize * stride;
            let key = texts.get(rows[at] as u32);
            (
                key,
                RowView {
                    words: &rows[at + 1..at + stride],
                    key,
                    texts,
                    sets,
                },
            )
        };
        let count = rows.len() / stride;
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
            let settled = head.settle(ranking.limit, ranking.rank, size, |want| {
                let mut all: Vec<(super::order::OrderKey, u32)> = if ranking.partition.is_empty() {
                    (0..count as u32)
                        .map(|r| (reader.order(view(r).1), r))
                        .collect()
                } else {
                    members
                        .iter()
                        .map(|r| (reader.order(view(*r).1), *r))
                        .collect()
                };
                let complete = all.len() <= want;
                if !complete {
                    all.select_nth_unstable_by(want - 1, |a, b| {
                        a.0.cmp(&b.0).then_with(|| view(a.1).0.cmp(view(b.1).0))
                    });
                    all.truncate(want);
                }
                let entries: Vec<Entry> = all
                    .into_iter()
                    .map(|(order, r)| (order, Arc::clone(view(r).0), r))
                    .collect();
                (entries, complete)
            });
            let mut send = |row: u32, removed: bool| {
                let (key, row) = view(row);
                out.push(Candidate {
                    ranking: number,
                    window_start: start,
                    partition: Arc::clone(partition_key),
                    key: Arc::clone(key),
                    row: (!removed).then(|| CandidateRow {
                        order: reader.order(row),
                        measures: reader.measures(row),
                    }),
                });
            };
            settled.removed.iter().for_each(|r| send(*r, true));
            settled.upserts.iter().for_each(|r| send(*r, false));
        }
    }

    /// Lets go of every text that the window uses.
    pub fn release(self, reader: &Reader, texts: &mut Interner) {
        let stride = reader.layout.width + 1;
        for row in self.rows.chunks_exact(stride) {
            texts.release(row[0] as u32);
            for slot in &reader.layout.slots {
                let word = match slot.kind {
                    SlotKind::MinText(_) | SlotKind::MaxText(_) => row[1 + slot.at],
                    SlotKind::LastText(_) => row[1 + slot.at + 3],
                    _ => NO_TEXT,
                };
                if word != NO_TEXT {
                    texts.release(word as u32);
                }
            }
        }
        for set in &self.sets {
            set.for_each(|id| texts.release(id));
        }
    }
}

impl Default for WindowState {
    fn default() -> Self {
        WindowState::new()
    }
}

/// Grows by an eighth, not to double: rows are most of what a worker holds, and room that is not used is half of it then.
fn make_room<T>(all: &mut Vec<T>, more: usize) {
    if all.len() + more > all.capacity() {
        all.reserve_exact(more.max(all.len() / 8).max(16));
    }
}

fn replace_text(texts: &mut Interner, word: &mut u64, id: u64) {
    if *word == id {
        return;
    }
    if id != NO_TEXT {
        texts.retain(id as u32);
    }
    if *word != NO_TEXT {
        texts.release(*word as u32);
    }
    *word = id;
}
