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

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::entries::Entries;
use super::fed::{Fed, Row, Told};
use super::head::Ranks;
use super::messages::{Candidate, CandidateRow};
use super::moved::moves;
use super::of_rank::{Counting, OfRank};
use super::order::OrderKey;
use crate::pack::key::KeyCodec;
use crate::rank::emit::Emit;
use standings_model::change::Change;
use standings_model::plan::{RankFunction, Ranking};
use standings_model::sabotage::{self, Mistake};
use standings_model::value::Value;

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
    order: Entries,
    /// What the last draft showed, best first.
    shown: Vec<u32>,
    /// Counts drafts; 0 is none.
    drafts: u64,
    /// Rows may move to another partition: those that leave say what they showed, which tells whether they changed.
    moves: bool,
    /// Rows that are not ranked: the slots that changed since the last draft, and whether all were drafted as final.
    touched: Option<Vec<u32>>,
    is_final: bool,
    /// What those know that read the ranking.
    told: Option<Box<Told>>,
    /// What is shown is not what was told.
    is_of_rank: bool,
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
    /// None yet, of a ranking.
    pub(super) fn new(plan: &Ranking) -> Self {
        Ranked {
            touched: (plan.rank.is_none() && !plan.is_hidden).then(Vec::new),
            moves: moves(plan),
            is_of_rank: (0..plan.measures.len()).any(|m| plan.is_of_rank(m)),
            ..Ranked::default()
        }
    }

    /// The same, read by others.
    pub(super) fn read(plan: &Ranking) -> Self {
        Ranked {
            told: Some(Box::default()),
            ..Ranked::new(plan)
        }
    }

    /// Tells those that read the ranking what changed since the last time.
    pub(super) fn feed(
        &mut self,
        plan: &Ranking,
        of_rank: Option<&OfRank>,
        window: (i64, i64),
        out: &mut Vec<Fed>,
    ) {
        let Some(mut told) = self.told.take() else {
            return;
        };
        let touched = std::mem::take(&mut told.touched);
        let row = |slot: &Slot, rank: u64, measures: Values| Row {
            key: Arc::clone(&slot.values),
            rank,
            measures,
        };
        match plan.rank {
            None => {
                for key in touched {
                    let slot = self.by_key.get(&key).map(|n| &self.slots[*n as usize]);
                    let now = slot.and_then(|slot| {
                        let (_, measures) = slot.row.as_ref()?;
                        Some(row(slot, 0, Arc::clone(measures)))
                    });
                    told.row(&key, now, window, out);
                }
            }
            Some(function) => {
                let mut now = BTreeMap::new();
                self.each_shown(
                    plan,
                    function,
                    (of_rank, window),
                    |number, rank, measures| {
                        let slot = &self.slots[number as usize];
                        let told = slot.row.as_ref().map(|(_, told)| Arc::clone(told));
                        if let Some(measures) = measures.or(told) {
                            now.insert(Arc::clone(&slot.key), row(slot, rank, measures));
                        }
                    },
                );
                told.all(now, window, out);
            }
        }
        self.told = Some(told);
    }

    /// Its rows are over: those that were told are taken back. How many there were.
    pub(super) fn let_go(&mut self, window: (i64, i64), out: &mut Vec<Fed>) -> u64 {
        let Some(told) = &mut self.told else {
            return 0;
        };
        told.touched.clear();
        let before = out.len();
        told.all(BTreeMap::new(), window, out);
        (out.len() - before) as u64
    }

    /// All that was told to those that read the ranking; nothing is from now on.
    pub(super) fn freeze(&mut self, window: (i64, i64), out: &mut Vec<Fed>) {
        if let Some(told) = self.told.take() {
            told.whole(window, out);
        }
    }

    /// Takes over one candidate.
    pub(super) fn update(&mut self, candidate: Candidate, codec: &KeyCodec) {
        let Candidate { key, row, .. } = candidate;
        let number = match (self.by_key.get(&key), &row) {
            (Some(number), _) => *number,
            (None, None) => return,
            (None, Some(_)) => self.add(&key, codec),
        };
        if let Some(touched) = &mut self.touched {
            touched.push(number);
        }
        if let Some(told) = &mut self.told {
            told.touched.push(Arc::clone(&key));
        }
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

    /// Whether there is no row, and none was shown.
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
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
                if self.slots.capacity() == 0 {
                    self.slots.reserve_exact(1);
                }
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
        of_rank: Option<&OfRank>,
        emit: Emit,
        at: At,
        changes: &mut Vec<Change>,
    ) {
        self.drafts += 1;
        let Some(function) = plan.rank else {
            return self.of_unranked(emit, at, changes);
        };
        let mut now = Vec::with_capacity(self.shown.len() + 8);
        self.each_shown(
            plan,
            function,
            (of_rank, at.window),
            |number, rank, measures| {
                now.push((number, rank, measures));
            },
        );
        let mut stay = 0;
        for (number, _, _) in &now {
            let slot = &mut self.slots[*number as usize];
            slot.seen = self.drafts;
            stay += usize::from(slot.shown.is_some());
        }
        if stay < self.shown.len() {
            self.gone(at, changes);
        }
        self.shown.clear();
        for (number, rank, measures) in now {
            self.shown.push(number);
            changes.extend(self.slots[number as usize].show(rank, measures, emit, at));
        }
    }

    /// Calls `f` with each row that is shown, best first: its slot, its rank as it is said, its measures where they are shown as
    /// others than they were told.
    fn each_shown(
        &self,
        plan: &Ranking,
        function: RankFunction,
        (of_rank, window): (Option<&OfRank>, (i64, i64)),
        mut f: impl FnMut(u32, u64, Option<Values>),
    ) {
        let mut ranks = Ranks::new(function);
        let mut counting = of_rank.map(|of| (of, Counting::default()));
        for (order, _, number) in self.order.iter() {
            let rank = ranks.next(order);
            if rank > plan.limit {
                break;
            }
            let all = counting.as_mut().map(|(of, all)| (*of, all.next(order)));
            let slot = &self.slots[*number as usize];
            if rank < plan.from {
                continue;
            }
            let Some((_, told)) = &slot.row else {
                continue;
            };
            let measures =
                all.map(|(of, ranks)| of.measures(plan, &slot.values, told, ranks, window));
            let is_shown = |m| holds(measures.as_ref().unwrap_or(told), m);
            if plan.shown_if.is_none_or(is_shown) {
                f(*number, if plan.shows_rank { rank } else { 0 }, measures);
            }
        }
    }

    /// Appends all rows that the last draft showed, as they are now, without a rank before.
    pub(super) fn rows(&self, at: At, rows: &mut Vec<Change>) {
        let unranked = self.touched.as_ref().map(|_| self.order.iter());
        let unranked = unranked.into_iter().flatten().map(|(_, _, number)| number);
        for number in self.shown.iter().chain(unranked) {
            let slot = &self.slots[*number as usize];
            let (Some(shown), Some((_, measures))) = (&slot.shown, &slot.row) else {
                continue;
            };
            let ranks = (None, Some(shown.rank));
            let measures = match self.is_of_rank {
                true => &shown.measures,
                false => measures,
            };
            rows.push(at.change(&slot.values, ranks, Arc::clone(measures)));
        }
    }

    /// As [`Ranked::difference`], of rows that are not ranked: of those that changed, and once of all when the window has closed.
    fn of_unranked(&mut self, emit: Emit, at: At, changes: &mut Vec<Change>) {
        let mut touched = self.touched.replace(Vec::new()).unwrap_or_default();
        if at.is_final && !std::mem::replace(&mut self.is_final, true) {
            touched.extend(self.order.iter().map(|(_, _, number)| *number));
        }
        // The place of a slot depends on batches, the key's does not.
        touched.sort_unstable_by(|a, b| {
            let key = |n: &u32| &self.slots[*n as usize].key;
            key(a).cmp(key(b)).then_with(|| a.cmp(b))
        });
        touched.dedup();
        let (there, gone): (Vec<u32>, Vec<u32>) = touched
            .into_iter()
            .partition(|n| self.slots[*n as usize].row.is_some());
        for number in gone {
            let slot = &mut self.slots[number as usize];
            if let Some(shown) = slot.shown.take() {
                let ranks = (Some(shown.rank), None);
                changes.push(at.change(&slot.values, ranks, Arc::from([])));
                self.forget(number);
            }
        }
        for number in there {
            changes.extend(self.slots[number as usize].show(0, None, emit, at));
        }
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
                let same = self.moves && shown.is_final == at.is_final;
                let nothing = if same { shown.measures } else { Arc::from([]) };
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
    /// Shows the row with this rank, and with these measures if they are others than it was told with; the change, if readers know
    /// it otherwise.
    fn show(&mut self, rank: u64, measures: Option<Values>, emit: Emit, at: At) -> Option<Change> {
        let (_, told) = self.row.as_ref()?;
        let measures = measures.as_ref().unwrap_or(told);
        let is_final = at.is_final;
        // Where ranks are not said, they are not what is waited for.
        let is_quiet = emit == Emit::Ranks && rank > 0;
        let same = |shown: &Shown| {
            shown.rank == rank
                && shown.is_final == is_final
                && ((is_quiet && !is_final) || shown.measures == *measures)
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

/// Whether a measure that is a condition holds.
fn holds(measures: &Values, measure: usize) -> bool {
    measures.get(measure) == Some(&Value::Boolean(true))
}

impl At {
    /// A change here; `ranks` before and now.
    pub(super) fn change(
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

#[cfg(test)]
mod tests;
