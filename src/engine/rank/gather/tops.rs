//! Rows ranked as they are, of all workers: what the last draft showed of each partition, and what is to be shown now.
//!
//! ```text
//! came, left ──► partition: rows in order, each with the rank that readers know ──draft──► changes of those whose rank is another
//! ```
//!
//! A row never changes: what a draft can tell of it is its rank, that it came or left, and that its window has closed. So nothing
//! of it is decoded but when it is written.
//!
//! 1. A partition's rows are in their order; those that left stay among them until the next draft, which tells it.
//! 2. Which worker told of a row does not matter: ranks are counted here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashTable;

use super::Gather;
use crate::pack::top::{Few, TopCodec, place};
use crate::rank::ranked::At;
use crate::rank::tops::{TopTold, TopsTold};
use standings_model::change::Change;
use standings_model::plan::{Plan, Ranking};
use standings_model::sabotage::{self, Mistake};

/// The rows of all such rankings.
pub(super) struct ShownTops {
    codecs: Vec<Option<TopCodec>>,
    /// By ranking and end.
    pub(super) windows: BTreeMap<(u32, i64), Window>,
    /// Those of which something may have changed since the last draft.
    dirty: BTreeSet<(u32, i64)>,
}

/// Those of one window.
#[derive(Default)]
pub(super) struct Window {
    partitions: Vec<Partition>,
    index: HashTable<u32>,
    dirty: Vec<u32>,
}

struct Partition {
    hash: u64,
    key: Arc<[u8]>,
    is_dirty: bool,
    rows: Few<Row>,
}

struct Row {
    bytes: Arc<[u8]>,
    /// As readers know it; 0 for one that they do not know of.
    rank: u32,
    /// They know it as final.
    is_final: bool,
    left: bool,
}

impl ShownTops {
    /// Nothing yet, of a plan.
    pub(super) fn new(plan: &Plan) -> Self {
        let codecs = (0..plan.rankings.len()).map(|number| TopCodec::new(plan, number));
        ShownTops {
            codecs: codecs.collect(),
            windows: BTreeMap::new(),
            dirty: BTreeSet::new(),
        }
    }

    /// Whether a ranking's rows are here.
    pub(super) fn has(&self, ranking: u32) -> bool {
        self.codecs[ranking as usize].is_some()
    }

    /// All rows of the windows of a ranking that end after the first time and not after the second are drafted again.
    pub(super) fn touch(&mut self, ranking: u32, (after, to): (i64, i64)) {
        let ends = (ranking, after.saturating_add(1))..=(ranking, to);
        for (at, window) in self.windows.range_mut(ends) {
            window.touch();
            self.dirty.insert(*at);
        }
    }

    /// The same of all rankings.
    pub(super) fn touch_all(&mut self, ends: (i64, i64)) {
        for ranking in 0..self.codecs.len() as u32 {
            if self.has(ranking) {
                self.touch(ranking, ends);
            }
        }
    }
}

impl Window {
    fn touch(&mut self) {
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            if !std::mem::replace(&mut partition.is_dirty, true) {
                self.dirty.push(number as u32);
            }
        }
    }

    fn take(&mut self, told: TopTold) {
        let number = self.partition(told.hash, &told.partition);
        let partition = &mut self.partitions[number as usize];
        if !std::mem::replace(&mut partition.is_dirty, true) {
            self.dirty.push(number);
        }
        let own = place(&told.row);
        let rows = partition.rows.as_mut_slice();
        match rows.binary_search_by(|row| place(&row.bytes).cmp(own)) {
            // Nobody is to be told that it left.
            Ok(at) if told.left && rows[at].rank == 0 => {
                partition.rows.retain(|row| place(&row.bytes) != own);
            }
            Ok(at) => rows[at].left = told.left,
            Err(_) if told.left => {}
            Err(at) => {
                let row = Row {
                    bytes: told.row,
                    rank: 0,
                    is_final: false,
                    left: false,
                };
                partition.rows.insert(at, row);
            }
        }
    }

    /// The number of a partition, made if there is none.
    fn partition(&mut self, hash: u64, key: &Arc<[u8]>) -> u32 {
        let partitions = &self.partitions;
        let found = self.index.find(hash, |n| {
            let of = &partitions[*n as usize];
            of.hash == hash && of.key == *key
        });
        if let Some(number) = found {
            return *number;
        }
        let number = self.partitions.len() as u32;
        self.partitions.push(Partition {
            hash,
            key: Arc::clone(key),
            is_dirty: false,
            rows: Few::None,
        });
        let partitions = &self.partitions;
        self.index
            .insert_unique(hash, number, |n| partitions[*n as usize].hash);
        number
    }

    /// Appends what changed since the last draft, partition by partition.
    fn difference(&mut self, plan: &Ranking, codec: &TopCodec, at: At, changes: &mut Vec<Change>) {
        let mut dirty = std::mem::take(&mut self.dirty);
        // The number of a partition depends on batches, its key does not.
        let partitions = &mut self.partitions;
        dirty.sort_unstable_by(|a, b| {
            let key = |n: &u32| &partitions[*n as usize].key;
            key(a).cmp(key(b))
        });
        // At once: it may be most of what is held, and what has grown is moved.
        let rows = dirty.iter().map(|n| partitions[*n as usize].rows.len());
        changes.reserve(rows.sum());
        for number in dirty.drain(..) {
            let partition = &mut partitions[number as usize];
            partition.is_dirty = false;
            partition.difference(plan, codec, at, changes);
        }
        self.dirty = dirty;
    }

    /// Appends all rows that readers know.
    fn rows(&self, plan: &Ranking, codec: &TopCodec, at: At, rows: &mut Vec<Change>) {
        let all = self.partitions.iter().flat_map(|p| p.rows.as_slice());
        for row in all.filter(|row| row.rank > 0) {
            let rank = Some(row.said(plan));
            rows.push(at.change(
                &codec.key(&row.bytes),
                (None, rank),
                codec.measures(&row.bytes),
            ));
        }
    }
}

impl Partition {
    /// First the rows that left, by the rank that they had; then those that came or moved, the best first.
    fn difference(&mut self, plan: &Ranking, codec: &TopCodec, at: At, changes: &mut Vec<Change>) {
        let is_shown = |rank: u64| (plan.from..=plan.limit).contains(&rank);
        let mut rank = 0;
        for row in self.rows.as_mut_slice() {
            rank += u64::from(!row.left);
            if (row.left || !is_shown(rank)) && row.rank > 0 {
                let before = Some(row.said(plan));
                row.rank = 0;
                if !sabotage::is(Mistake::RetractionDropped) {
                    let key = codec.key(&row.bytes);
                    changes.push(at.change(&key, (before, None), Arc::from([])));
                }
            }
        }
        if self.rows.as_slice().iter().any(|row| row.left) {
            self.rows.retain(|row| !row.left);
        }
        for (row, rank) in self.rows.as_mut_slice().iter_mut().zip(1u64..) {
            if !is_shown(rank) {
                continue;
            }
            let before = (row.rank > 0).then(|| row.said(plan));
            // Where ranks are not said a move is none.
            let is_known = before.is_some() && (u64::from(row.rank) == rank || !plan.shows_rank);
            let is_same = is_known && row.is_final == at.is_final;
            (row.rank, row.is_final) = (rank as u32, at.is_final);
            if is_same && !sabotage::is(Mistake::UnchangedWritten) {
                continue;
            }
            let ranks = (before, Some(row.said(plan)));
            let measures = codec.measures(&row.bytes);
            changes.push(at.change(&codec.key(&row.bytes), ranks, measures));
        }
    }
}

impl Row {
    /// Its rank as readers are told it.
    fn said(&self, plan: &Ranking) -> u64 {
        match plan.shows_rank {
            true => u64::from(self.rank),
            false => 0,
        }
    }
}

impl Gather {
    /// Takes over what a worker tells of the best rows of a window.
    pub fn tops(&mut self, told: TopsTold) {
        let at = (told.ranking, told.window_end);
        self.tops.dirty.insert(at);
        let window = self.tops.windows.entry(at).or_default();
        told.rows.into_iter().for_each(|row| window.take(row));
    }

    /// Appends what changed of them since the last draft; the changes are by ranking as before.
    pub(super) fn changes_of_tops(&mut self, watermark: i64, changes: &mut Vec<Change>) {
        let before = changes.len();
        for (ranking, end) in std::mem::take(&mut self.tops.dirty) {
            let number = ranking as usize;
            let at = self.at((ranking, end), &[], watermark);
            let window = self.tops.windows.get_mut(&(ranking, end));
            if let (Some(codec), Some(window)) = (&self.tops.codecs[number], window)
                && self.shown.has(number, end)
            {
                window.difference(&self.plan.rankings[number], codec, at, changes);
            }
        }
        // Those of other rankings were there before.
        if before > 0 && !changes.is_sorted_by_key(|change| change.ranking) {
            changes.sort_by_key(|change| change.ranking);
        }
    }

    /// Appends the rows that readers know, of windows that `is_meant`.
    pub(super) fn rows_of_tops(
        &self,
        watermark: i64,
        is_meant: impl Fn(u32, i64) -> bool,
        rows: &mut Vec<Change>,
    ) {
        for ((ranking, end), window) in &self.tops.windows {
            let number = *ranking as usize;
            let Some(codec) = self.tops.codecs[number].as_ref() else {
                continue;
            };
            if is_meant(*ranking, *end) {
                let at = self.at((*ranking, *end), &[], watermark);
                window.rows(&self.plan.rankings[number], codec, at, rows);
            }
        }
    }
}
