//! The best rows of an epoch, of rankings whose rows are [pieces of bytes](crate::pack::top): at most as many of a partition as it
//! has ranks.
//!
//! ```text
//! row ──► its partition and place, in bytes ──► behind as many as there are ranks? ──► it counts, and is gone
//!                                                  └─ no ──► its bytes, in the place of the one that it drives out where they fit
//! ```
//!
//! 1. A row that is turned away has as many before it as there are ranks, all of this epoch: rows only come, so it never ranks,
//!    whatever other epochs and workers have.
//! 2. Nothing is left when the epoch has ended: what is held is in proportion to an epoch.

use hashbrown::HashTable;

use super::combiner::{Origin, SaleView};
use super::flush::Outgoing;
use super::rows::Fold;
use crate::pack::deltas::bin;
use crate::pack::hash::{hash, mix};
use crate::pack::key::KeyCodec;
use crate::pack::layout::Layout;
use crate::pack::top::{Few, OfSale, TopCodec, place};
use standings_model::plan::{Plan, Ranking};

/// The best rows of one ranking in an epoch.
pub(super) struct EpochTops {
    codec: TopCodec,
    key: KeyCodec,
    sources: Vec<Source>,
    best: Best,
    /// Of the present row.
    partition: Vec<u8>,
    place: Vec<u8>,
    row: Vec<u8>,
}

/// What is kept.
#[derive(Default)]
struct Best {
    partitions: Vec<Partition>,
    index: HashTable<u32>,
    /// The bytes of partitions and rows.
    bytes: Vec<u8>,
    rows: usize,
    /// How many came, those that were turned away too.
    seen: u64,
}

/// The columns of one input.
struct Source {
    /// What it is partitioned by.
    partition: Vec<usize>,
    /// By accumulator.
    slots: Vec<usize>,
}

struct Partition {
    hash: u64,
    window_end: i64,
    key: Piece,
    /// The best first.
    rows: Few<Piece>,
}

/// Where bytes lie.
#[derive(Clone, Copy)]
struct Piece {
    from: usize,
    length: u32,
    /// How many there is room for.
    room: u32,
}

impl Piece {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.from..self.from + self.length as usize]
    }
}

/// Where a partition of a window is looked for.
fn slot(hash: u64, window_end: i64) -> u64 {
    mix(hash ^ window_end as u64)
}

impl Fold {
    /// Its rows are pieces of bytes, if they can be: what turns others away is not needed then.
    pub(super) fn be_tops(&mut self, tops: Option<EpochTops>) {
        if let Some(tops) = tops {
            self.floors = None;
            self.tops = Some(Box::new(tops));
        }
    }
}

impl EpochTops {
    /// For a ranking of a plan; none where its rows are no pieces of bytes.
    pub(super) fn new(plan: &Plan, number: usize) -> Option<Self> {
        let ranking: &Ranking = &plan.rankings[number];
        let codec = TopCodec::new(plan, number)?;
        let layout = Layout::new(ranking);
        let sources = ranking.inputs.iter().map(|input| {
            let slots = layout.of_input(&input.columns).into_iter();
            Source {
                partition: ranking.placed.iter().map(|c| input.columns[*c]).collect(),
                slots: slots.filter_map(|s| s.kind.columns().next()).collect(),
            }
        });
        Some(EpochTops {
            sources: sources.collect(),
            codec,
            key: KeyCodec::new(ranking),
            best: Best::default(),
            partition: Vec::new(),
            place: Vec::new(),
            row: Vec::new(),
        })
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.best.rows
    }

    /// How many came.
    pub(super) fn seen(&self) -> u64 {
        self.best.seen
    }

    /// Takes a row of a window in, if it can be ranked.
    #[inline]
    pub(super) fn add(&mut self, source: usize, end: i64, sale: &impl SaleView, origin: Origin) {
        self.best.seen += 1;
        let of = &self.sources[source];
        self.partition.clear();
        for (i, column) in of.partition.iter().enumerate() {
            // Behind the row's name.
            match self.key.is_bytes(1 + i) {
                true => {
                    let bytes = sale.bytes(*column);
                    self.key.push_bytes(&mut self.partition, 1 + i, bytes);
                }
                false => {
                    let number = sale.number(*column);
                    self.key.push_number(&mut self.partition, 1 + i, number);
                }
            }
        }
        let cells = OfSale {
            columns: &of.slots,
            number: |c| sale.number(c),
            bytes: |c| sale.bytes(c),
        };
        self.place.clear();
        self.codec
            .push_place(&mut self.place, &cells, origin.row_id());
        let hash = hash(&self.partition);
        let own = (&self.partition[..], &self.place[..]);
        let (number, at) = self.best.find(hash, end, own);
        let limit = self.codec.limit();
        if at >= limit {
            return;
        }
        self.row.clear();
        self.codec.push_row(&mut self.row, &self.place, &cells);
        self.best.insert(number, at, limit, &self.row);
    }

    /// Ends the epoch: the rows to who owns their partitions.
    pub(super) fn flush(&mut self, number: u32, out: &mut [Outgoing]) {
        let workers = out.len() as u64;
        let best = &mut self.best;
        for partition in best.partitions.drain(..) {
            let to = match workers {
                1 => 0,
                _ => (bin(partition.hash) % workers) as usize,
            };
            let (window, key) = (partition.window_end, partition.key.of(&best.bytes));
            for row in partition.rows.as_slice() {
                let tops = &mut out[to].deltas.tops;
                tops.push((number, window), partition.hash, key, row.of(&best.bytes));
            }
        }
        best.index.clear();
        best.bytes.clear();
        (best.rows, best.seen) = (0, 0);
    }
}

impl Best {
    /// The number of a partition, made if there is none, and where a place stands in it.
    #[inline]
    fn find(&mut self, hash: u64, end: i64, (key, own): (&[u8], &[u8])) -> (usize, usize) {
        let (partitions, bytes) = (&self.partitions, &self.bytes);
        let found = self.index.find(slot(hash, end), |n| {
            let of = &partitions[*n as usize];
            of.hash == hash && of.window_end == end && of.key.of(bytes) == key
        });
        if let Some(number) = found {
            let rows = partitions[*number as usize].rows.as_slice();
            // Mostly it is behind the last one.
            let at = match rows.last() {
                Some(last) if place(last.of(bytes)) < own => rows.len(),
                _ => rows.partition_point(|row| place(row.of(bytes)) < own),
            };
            return (*number as usize, at);
        }
        let number = self.partitions.len();
        let key = self.append(key);
        self.partitions.push(Partition {
            hash,
            window_end: end,
            key,
            rows: Few::None,
        });
        let partitions = &self.partitions;
        self.index
            .insert_unique(slot(hash, end), number as u32, |n| {
                let of = &partitions[*n as usize];
                slot(of.hash, of.window_end)
            });
        (number, 0)
    }

    /// Puts a row in at its place; of a partition that has as many as it may have the last one goes.
    #[inline]
    fn insert(&mut self, number: usize, at: usize, limit: usize, row: &[u8]) {
        let rows = &mut self.partitions[number].rows;
        let driven_out = match rows.len() < limit {
            true => None,
            false => rows.pop(),
        };
        self.rows += usize::from(driven_out.is_none());
        let piece = match driven_out.filter(|free| free.room as usize >= row.len()) {
            Some(free) => {
                self.bytes[free.from..free.from + row.len()].copy_from_slice(row);
                Piece {
                    length: row.len() as u32,
                    ..free
                }
            }
            None => self.append(row),
        };
        self.partitions[number].rows.insert(at, piece);
    }

    fn append(&mut self, bytes: &[u8]) -> Piece {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Piece {
            from,
            length: bytes.len() as u32,
            room: bytes.len() as u32,
        }
    }
}
