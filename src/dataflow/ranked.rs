//! The rows of one partition of one window, in order, and what the last draft showed of them.
//!
//! ```text
//! candidates ──► slots (one a key) ──► order ──draft──► changes, against what each slot showed
//! ```
//!
//! A draft goes through all rows that are ranked, whatever changed, since one row that moves shifts others. So all that
//! it needs of a row lies in the row's slot: nothing is looked up by key, and the key's values are decoded once and shared by
//! all changes of the row, which is also how readers further on find quickly that two keys are one.
//!
//! 1. `order` holds exactly the slots with a row; `shown` exactly those that the last draft showed.
//! 2. A slot without either is free, and its key forgotten.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::gather::Emit;
use super::head::{Entry, Ranks};
use super::messages::{Candidate, CandidateRow};
use super::order::OrderKey;
use crate::combine::key::KeyCodec;
use crate::model::change::Change;
use crate::model::plan::Ranking;
use crate::model::sabotage::{self, Mistake};
use crate::model::value::Value;

type Values = Arc<[Value]>;

/// Where rows are drafted, and as what.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) ranking: usize,
    /// Start and end of the window, ms.
    pub(super) window: (i64, i64),
    /// The window is closed.
    pub(super) is_final: bool,
}

/// Rows that are ranked together.
#[derive(Default)]
pub(super) struct Ranked {
    /// A candidate came since this was last taken back.
    pub(super) is_dirty: bool,
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_key: HashMap<Arc<[u8]>, u32>,
    order: BTreeSet<Entry>,
    /// What the last draft showed, best first.
    shown: Vec<u32>,
    /// Counts drafts; 0 is none.
    drafts: u64,
}

/// One key.
struct Slot {
    /// The last draft that came by here.
    seen: u64,
    shown: Option<Shown>,
    row: Option<(OrderKey, Values)>,
    key: Arc<[u8]>,
    values: Values,
}

/// A row as readers know it.
struct Shown {
    rank: u64,
    is_final: bool,
    measures: Values,
}

impl Ranked {
    /// Takes over one candidate.
    pub(super) fn update(&mut self, candidate: Candidate, codec: &KeyCodec) {
        let Candidate { key, row, .. } = candidate;
        let number = match (self.by_key.get(&key), &row) {
            (Some(number), _) => *number,
            (None, None) => return,
            (None, Some(_)) => self.add(&key, codec),
        };
        let slot = &mut self.slots[number as usize];
        let before = slot.row.take();
        match (before, row) {
            // It stays where it is.
            (Some((place, _)), Some(CandidateRow { order, measures })) if place == order => {
                slot.row = Some((order, measures));
            }
            (before, row) => {
                if let Some((place, _)) = before {
                    self.order.remove(&(place, Arc::clone(&key), number));
                }
                match row {
                    Some(CandidateRow { order, measures }) => {
                        self.order.insert((order.clone(), key, number));
                        slot.row = Some((order, measures));
                    }
                    None if slot.shown.is_none() => self.forget(number),
                    None => {}
                }
            }
        }
    }

    fn add(&mut self, key: &Arc<[u8]>, codec: &KeyCodec) -> u32 {
        let slot = Slot {
            seen: 0,
            shown: None,
            row: None,
            key: Arc::clone(key),
            values: codec.decode(key),
        };
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = slot;
                number
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        };
        self.by_key.insert(Arc::clone(key), number);
        number
    }

    fn forget(&mut self, number: u32) {
        let slot = &mut self.slots[number as usize];
        self.by_key.remove(&slot.key);
        (slot.key, slot.values) = (Arc::from([]), Arc::from([]));
        self.free.push(number);
    }

    /// Appends what changed since the last call: first the rows that left, by the rank they had, then those that came or
    /// changed, best first.
    pub(super) fn difference(
        &mut self,
        plan: &Ranking,
        emit: Emit,
        at: At,
        changes: &mut Vec<Change>,
    ) {
        self.drafts += 1;
        let mut ranks = Ranks::new(plan.rank);
        let mut now = Vec::with_capacity(self.shown.len() + 8);
        let mut stay = 0;
        for (order, _, number) in &self.order {
            let rank = ranks.next(order);
            if rank > plan.limit {
                break;
            }
            let slot = &mut self.slots[*number as usize];
            slot.seen = self.drafts;
            stay += usize::from(slot.shown.is_some());
            now.push((*number, rank));
        }
        if stay < self.shown.len() {
            self.gone(at, changes);
        }
        for (number, rank) in &now {
            if let Some(change) = self.slots[*number as usize].show(*rank, emit, at) {
                changes.push(change);
            }
        }
        self.shown.clear();
        self.shown.extend(now.iter().map(|(number, _)| number));
    }

    /// Appends the rows that were shown and have not been seen by this draft.
    fn gone(&mut self, at: At, changes: &mut Vec<Change>) {
        for number in std::mem::take(&mut self.shown) {
            let slot = &mut self.slots[number as usize];
            if slot.seen == self.drafts {
                continue;
            }
            if let Some(shown) = slot.shown.take()
                && !sabotage::is(Mistake::RetractionDropped)
            {
                let nothing = Arc::from([]);
                let ranks = (Some(shown.rank), None);
                changes.push(at.change(&slot.values, ranks, nothing));
            }
            if slot.row.is_none() {
                self.forget(number);
            }
        }
    }
}

impl Slot {
    /// Shows the row with this rank; the change, if readers know it otherwise.
    fn show(&mut self, rank: u64, emit: Emit, at: At) -> Option<Change> {
        let (_, measures) = self.row.as_ref()?;
        let is_final = at.is_final;
        let same = |shown: &Shown| {
            shown.rank == rank
                && shown.is_final == is_final
                && ((emit == Emit::Ranks && !is_final) || shown.measures == *measures)
        };
        if self.shown.as_ref().is_some_and(same) && !sabotage::is(Mistake::UnchangedWritten) {
            return None;
        }
        let shown = Shown {
            rank,
            is_final,
            measures: Arc::clone(measures),
        };
        let before = self.shown.replace(shown);
        let ranks = (before.map(|shown| shown.rank), Some(rank));
        Some(at.change(&self.values, ranks, Arc::clone(measures)))
    }
}

impl At {
    /// A change here; `ranks` before and now.
    fn change(
        self,
        key: &Values,
        (previous_rank, rank): (Option<u64>, Option<u64>),
        measures: Values,
    ) -> Change {
        Change {
            ranking: self.ranking,
            window_start: self.window.0,
            window_end: self.window.1,
            key: Arc::clone(key),
            rank,
            previous_rank,
            measures,
            is_final: self.is_final,
        }
    }
}
