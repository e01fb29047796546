//! Rows ranked as they are, of who owns their partitions: the best of each, as [pieces of bytes](crate::pack::top).
//!
//! ```text
//! an epoch's best rows ──► behind as many as there are ranks? ──► gone
//!                            └─ no ──► kept; who is driven out is told as left, if it was told as come
//! ```
//!
//! 1. Of a partition as many rows are kept as it has ranks, and no more.
//! 2. What is told at the end of an epoch is the difference to what was told before: rows that came and went between are not.
//! 3. A part of a snapshot may have rows that were driven out since: they are driven out again when it is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::copy::Copy;
use crate::pack::deltas::{Deltas, Group};
use crate::pack::hash::hash;
use crate::pack::top::{Few, TopCodec, Words, name, of_key, place};
use standings_model::plan::Plan;

/// What came and left among the best rows of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopsTold {
    /// Ranking number in the plan.
    pub ranking: u32,
    /// Window end, ms.
    pub window_end: i64,
    /// The rows.
    pub rows: Vec<TopTold>,
}

/// A row that came or left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopTold {
    /// The hash of its partition's bytes.
    pub hash: u64,
    /// The bytes of its partition.
    pub partition: Arc<[u8]>,
    /// Its own.
    pub row: Arc<[u8]>,
    /// It left.
    pub left: bool,
}

/// All that one worker has of them.
pub(super) struct Tops {
    codecs: Vec<Option<TopCodec>>,
    /// By ranking and end.
    windows: BTreeMap<(u32, i64), Window>,
    touched: Vec<(u32, i64)>,
}

/// The best rows of one window.
#[derive(Default)]
struct Window {
    partitions: Vec<Partition>,
    index: HashTable<u32>,
    /// Partitions of which something is to be told.
    dirty: Vec<u32>,
    /// Rows that were told and were driven out, with the partition's number.
    left: Vec<(u32, Arc<[u8]>)>,
    rows: usize,
}

struct Partition {
    hash: u64,
    key: Arc<[u8]>,
    is_dirty: bool,
    /// The best first.
    rows: Few<Row>,
}

struct Row {
    bytes: Arc<[u8]>,
    /// Who gathers knows of it.
    told: bool,
    /// A part has it.
    stored: bool,
}

impl Tops {
    /// Nothing yet, of a plan.
    pub(super) fn new(plan: &Plan) -> Self {
        let codecs = (0..plan.rankings.len()).map(|number| TopCodec::new(plan, number));
        Tops {
            codecs: codecs.collect(),
            windows: BTreeMap::new(),
            touched: Vec::new(),
        }
    }

    /// Whether a ranking's rows are here.
    pub(super) fn has(&self, ranking: u32) -> bool {
        self.codecs[ranking as usize].is_some()
    }

    /// Takes an epoch's rows in.
    pub(super) fn apply(&mut self, deltas: &Deltas) {
        let mut all = deltas.tops.iter().peekable();
        while let Some((head, _, _)) = all.peek() {
            let at = (head.ranking, head.window_end);
            let Some(codec) = &self.codecs[at.0 as usize] else {
                return;
            };
            let window = self.windows.entry(at).or_default();
            self.touched.push(at);
            while let Some((head, partition, row)) =
                all.next_if(|(head, _, _)| (head.ranking, head.window_end) == at)
            {
                window.add(codec, head.hash, partition, row);
            }
        }
    }

    /// Takes rows of a window in that come as words.
    pub(super) fn load(&mut self, group: &Group, rows: &[u64], deltas: &Deltas) {
        let at = (group.ranking, group.window_end);
        let Some(codec) = &self.codecs[at.0 as usize] else {
            return;
        };
        let window = self.windows.entry(at).or_default();
        self.touched.push(at);
        let (mut own, mut bytes) = (Vec::new(), Vec::new());
        for row in rows.chunks_exact(codec.width() + 1) {
            let Some((name, partition)) = of_key(deltas.texts.get(row[0] as u32)) else {
                continue;
            };
            let cells = Words {
                words: &row[1..],
                codec,
                texts: &deltas.texts,
            };
            own.clear();
            bytes.clear();
            codec.push_place(&mut own, &cells, name);
            codec.push_row(&mut bytes, &own, &cells);
            window.add(codec, hash(partition), partition, &bytes);
        }
    }

    /// Ends an epoch: what came and left.
    pub(super) fn settle(&mut self) -> Vec<TopsTold> {
        self.touched.sort_unstable();
        self.touched.dedup();
        let mut all = Vec::new();
        for at in self.touched.drain(..) {
            let rows = self.windows.get_mut(&at).map(Window::settle);
            let rows = rows.unwrap_or_default();
            if !rows.is_empty() {
                all.push(TopsTold {
                    ranking: at.0,
                    window_end: at.1,
                    rows,
                });
            }
        }
        all
    }

    /// Copies rows as deltas from nothing: those that no part has, or all.
    pub(super) fn copy(&mut self, full: bool, into: &mut Copy) {
        for (at, window) in &mut self.windows {
            let Some(codec) = &self.codecs[at.0 as usize] else {
                continue;
            };
            for partition in &mut window.partitions {
                let key = Arc::clone(&partition.key);
                for row in partition.rows.as_mut_slice() {
                    if std::mem::replace(&mut row.stored, true) && !full {
                        continue;
                    }
                    into.row(at.0, at.1);
                    let name = name(&row.bytes).to_be_bytes();
                    let key = into.own_text(&[&name, &key[..]].concat());
                    into.words().push(u64::from(key));
                    let mut words = Vec::with_capacity(codec.width());
                    codec.to_words(&row.bytes, &mut words, |text| into.own_text(text));
                    into.words().append(&mut words);
                }
            }
        }
    }

    /// Parts have all rows.
    pub(super) fn forget_changes(&mut self) {
        let partitions = self.windows.values_mut().flat_map(|w| &mut w.partitions);
        let rows = partitions.flat_map(|p| p.rows.as_mut_slice());
        rows.for_each(|row| row.stored = true);
    }

    /// Drops the windows of which `is_gone` says so.
    pub(super) fn retire(&mut self, is_gone: impl Fn(u32, i64) -> bool) {
        self.windows
            .retain(|(ranking, end), _| !is_gone(*ranking, *end));
    }

    /// Adds how much is held: windows and rows, by ranking.
    pub(super) fn count(&self, into: &mut [(usize, usize)]) {
        for ((ranking, _), window) in &self.windows {
            let (windows, rows) = &mut into[*ranking as usize];
            *windows += 1;
            *rows += window.rows;
        }
    }
}

impl Window {
    /// Takes a row in, if it can be ranked.
    fn add(&mut self, codec: &TopCodec, hash: u64, key: &[u8], bytes: &[u8]) {
        let number = self.partition(hash, key);
        let partition = &mut self.partitions[number as usize];
        let (rows, own) = (partition.rows.as_slice(), place(bytes));
        let at = match rows.last() {
            Some(last) if place(&last.bytes) < own => rows.len(),
            _ => rows.partition_point(|row| place(&row.bytes) < own),
        };
        let is_there = rows.get(at).is_some_and(|row| place(&row.bytes) == own);
        if at >= codec.limit() || is_there {
            return;
        }
        match rows.len() < codec.limit() {
            true => self.rows += 1,
            false => {
                let last = partition.rows.pop().filter(|last| last.told);
                self.left.extend(last.map(|last| (number, last.bytes)));
            }
        }
        let row = Row {
            bytes: bytes.into(),
            told: false,
            stored: false,
        };
        partition.rows.insert(at, row);
        if !std::mem::replace(&mut partition.is_dirty, true) {
            self.dirty.push(number);
        }
    }

    /// The number of a partition, made if there is none.
    fn partition(&mut self, hash: u64, key: &[u8]) -> u32 {
        let partitions = &self.partitions;
        let found = self.index.find(hash, |n| {
            let of = &partitions[*n as usize];
            of.hash == hash && *of.key == *key
        });
        if let Some(number) = found {
            return *number;
        }
        let number = self.partitions.len() as u32;
        self.partitions.push(Partition {
            hash,
            key: key.into(),
            is_dirty: false,
            rows: Few::None,
        });
        let partitions = &self.partitions;
        self.index
            .insert_unique(hash, number, |n| partitions[*n as usize].hash);
        number
    }

    fn settle(&mut self) -> Vec<TopTold> {
        let partitions = &mut self.partitions;
        let told = |of: &Partition, row: Arc<[u8]>, left: bool| TopTold {
            hash: of.hash,
            partition: Arc::clone(&of.key),
            row,
            left,
        };
        let mut all = Vec::with_capacity(self.left.len() + self.dirty.len());
        for (number, row) in self.left.drain(..) {
            all.push(told(&partitions[number as usize], row, true));
        }
        for number in self.dirty.drain(..) {
            let partition = &mut partitions[number as usize];
            partition.is_dirty = false;
            let mut rows = std::mem::take(&mut partition.rows);
            for row in rows.as_mut_slice() {
                if !std::mem::replace(&mut row.told, true) {
                    all.push(told(partition, Arc::clone(&row.bytes), false));
                }
            }
            partition.rows = rows;
        }
        all
    }
}
