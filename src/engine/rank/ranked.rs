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

use super::head::{Entry, Ranks};
use super::messages::{Candidate, CandidateRow};
use super::moved::moves;
use super::order::OrderKey;
use crate::pack::key::KeyCodec;
use crate::rank::emit::Emit;
use standings_model::change::Change;
use standings_model::plan::Ranking;
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
    order: BTreeSet<Entry>,
    /// What the last draft showed, best first.
    shown: Vec<u32>,
    /// Counts drafts; 0 is none.
    drafts: u64,
    /// Rows may move to another partition: those that leave say what they showed, which tells whether they changed.
    moves: bool,
    /// Rows that are not ranked: the slots that changed since the last draft, and whether all were drafted as final.
    touched: Option<Vec<u32>>,
    is_final: bool,
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
            touched: plan.rank.is_none().then(Vec::new),
            moves: moves(plan),
            ..Ranked::default()
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
        let Some(function) = plan.rank else {
            return self.of_unranked(emit, at, changes);
        };
        let mut ranks = Ranks::new(function);
        let mut now = Vec::with_capacity(self.shown.len() + 8);
        let mut stay = 0;
        for (order, _, number) in &self.order {
            let rank = ranks.next(order);
            if rank > plan.limit {
                break;
            }
            let slot = &mut self.slots[*number as usize];
            if rank < plan.from || plan.shown_if.is_some_and(|m| !slot.holds(m)) {
                continue;
            }
            slot.seen = self.drafts;
            stay += usize::from(slot.shown.is_some());
            now.push((*number, if plan.shows_rank { rank } else { 0 }));
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
            changes.extend(self.slots[number as usize].show(0, emit, at));
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
    /// Whether a measure that is a condition holds.
    fn holds(&self, measure: usize) -> bool {
        let row = self.row.as_ref();
        row.is_some_and(|(_, measures)| measures.get(measure) == Some(&Value::Boolean(true)))
    }

    /// Shows the row with this rank; the change, if readers know it otherwise.
    fn show(&mut self, rank: u64, emit: Emit, at: At) -> Option<Change> {
        let (_, measures) = self.row.as_ref()?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use standings_model::plan::RankFunction;

    /// What readers know of a row: rank, measure, final.
    type Known = (u64, i128, bool);

    /// All rows in order, ranked anew each time, against what was known.
    #[derive(Default)]
    struct Plain {
        rows: BTreeMap<u8, (i128, i128)>,
        known: BTreeMap<u8, Known>,
    }

    impl Plain {
        /// Deletes as key and rank before; upserts as key, rank, rank before and measure.
        #[allow(clippy::type_complexity)]
        fn draft(
            &mut self,
            function: RankFunction,
            limit: u64,
            emit: Emit,
            is_final: bool,
        ) -> (Vec<(u64, u8)>, Vec<(u8, u64, Option<u64>, i128)>) {
            let mut order: Vec<(i128, u8)> = self.rows.iter().map(|(k, r)| (r.0, *k)).collect();
            order.sort_unstable();
            let rank = |i: usize| -> u64 {
                let better = order.iter().filter(|o| o.0 < order[i].0);
                match function {
                    RankFunction::RowNumber => i as u64 + 1,
                    RankFunction::Rank => better.count() as u64 + 1,
                    RankFunction::DenseRank => {
                        let mut values: Vec<i128> = better.map(|o| o.0).collect();
                        values.dedup();
                        values.len() as u64 + 1
                    }
                }
            };
            let now: BTreeMap<u8, u64> = (0..order.len())
                .map(|i| (order[i].1, rank(i)))
                .filter(|(_, rank)| *rank <= limit)
                .collect();
            let mut gone = Vec::new();
            self.known.retain(|key, known| {
                let stays = now.contains_key(key);
                if !stays {
                    gone.push((known.0, *key));
                }
                stays
            });
            let mut changed = Vec::new();
            for (_, key) in &order {
                let Some(rank) = now.get(key) else { continue };
                let measure = self.rows[key].1;
                let before = self.known.get(key).copied();
                let quiet = emit == Emit::Ranks && !is_final;
                if before
                    .is_some_and(|(r, m, f)| r == *rank && f == is_final && (m == measure || quiet))
                {
                    continue;
                }
                changed.push((*key, *rank, before.map(|b| b.0), measure));
                self.known.insert(*key, (*rank, measure, is_final));
            }
            gone.sort_unstable();
            (gone, changed)
        }
    }

    fn candidate(key: u8, row: Option<(i128, i128)>) -> Candidate {
        let row = row.map(|(order, measure)| CandidateRow {
            order: OrderKey::of(order),
            measures: Arc::from([Value::Integer(measure)]),
        });
        Candidate {
            ranking: 0,
            window_end: 10,
            partition: Arc::from([]),
            key: Arc::from([b'a' + key]),
            row,
        }
    }

    fn key(change: &Change) -> u8 {
        match &change.key[..] {
            [Value::Text(text)] => text.as_bytes()[0] - b'a',
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn drafts_are_those_of_a_plain_ranking(
            drafts in prop::collection::vec(
                prop::collection::vec((0..9u8, prop::option::of((0..5i128, 0..3i128))), 0..8),
                1..12,
            ),
            function in prop::sample::select(vec![
                RankFunction::RowNumber, RankFunction::Rank, RankFunction::DenseRank,
            ]),
            limit in 1..7u64,
            ranks_only: bool,
        ) {
            let emit = if ranks_only { Emit::Ranks } else { Emit::Rows };
            let loaded = standings_query::load_shipped().unwrap();
            // One whose whole key is a text.
            let codecs = loaded.rankings.iter().map(KeyCodec::new);
            let (n, codec) = codecs.enumerate().find(|(_, c)| c.plain_text().is_some()).unwrap();
            let plan = Ranking { rank: Some(function), limit, ..loaded.rankings[n].clone() };
            let (mut ranked, mut plain) = (Ranked::default(), Plain::default());
            let last = drafts.len() - 1;
            for (n, candidates) in drafts.into_iter().enumerate() {
                for (key, row) in candidates {
                    ranked.update(candidate(key, row), &codec);
                    match row {
                        Some(row) => drop(plain.rows.insert(key, row)),
                        None => drop(plain.rows.remove(&key)),
                    }
                }
                let at = At { ranking: 0, window: (0, 10), is_final: n == last };
                let mut changes = Vec::new();
                ranked.difference(&plan, emit, at, &mut changes);
                let (deletes, upserts): (Vec<_>, Vec<_>) =
                    changes.iter().partition(|c| c.rank.is_none());
                prop_assert!(changes.iter().skip(deletes.len()).all(|c| c.rank.is_some()));
                let gone: Vec<_> =
                    deletes.iter().map(|c| (c.previous_rank.unwrap(), key(c))).collect();
                let changed: Vec<_> = upserts
                    .iter()
                    .map(|c| match c.measures[..] {
                        [Value::Integer(m)] => (key(c), c.rank.unwrap(), c.previous_rank, m),
                        _ => panic!("{c:?}"),
                    })
                    .collect();
                let (mut want_gone, want) = plain.draft(function, limit, emit, at.is_final);
                // Ties leave in any order.
                let mut gone_sorted = gone.clone();
                gone_sorted.sort_unstable();
                want_gone.sort_unstable();
                prop_assert!(gone.is_sorted_by_key(|g| g.0));
                prop_assert_eq!(gone_sorted, want_gone);
                prop_assert_eq!(changed, want);
                // What is neither a row nor shown is forgotten.
                let mut held: Vec<u8> = plain.rows.keys().chain(plain.known.keys()).copied().collect();
                held.sort_unstable();
                held.dedup();
                prop_assert_eq!(ranked.by_key.len(), held.len());
                prop_assert_eq!(ranked.slots.len() - ranked.free.len(), held.len());
            }
        }
    }
}
