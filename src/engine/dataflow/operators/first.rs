//! The owner of the first level of rankings that are joined, and of the keys of what they are joined with: what changes of both in
//! an epoch, as the two sides of the joins.
//!
//! # Frontiers
//!
//! - In: as of the owner of keys: epochs are taken in order, each whole.
//! - Out: everywhere an epoch's capability is kept from its first message until it is taken.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use standings_model::plan::Plan;
use standings_observe::live::Joined;
use timely::dataflow::operators::Capability;

use crate::dataflow::handles::Cells;
use crate::dataflow::messages::First;
use crate::event_time::BEGINNING;
use crate::pack::deltas::Deltas;
use crate::pack::portion::Portion;
use crate::rank::messages::{Epoch, Passed};
use crate::rank::totals::Held;
use crate::relate::dimension::Side;
use crate::relate::joins::Fact;
use crate::relate::parcel::{Parcel, Parcels, Sent};
use crate::relate::row::JoinedRow;
use crate::relate::rules::Rules;
use crate::relate::versions::{Update, Versions, earliest};

/// The capabilities of the outputs.
pub type All = [Capability<Epoch>; 3];

/// Takes what readers say of the first level and of what is joined.
pub struct FirstOperator {
    cells: Rc<Cells>,
    rules: Rc<Rules>,
    /// Of each ranking how far apart its windows are.
    plan: Arc<Plan>,
    versions: Versions,
    waiting: BTreeMap<Epoch, (All, Vec<First>)>,
    /// By worker: it sends nothing more for windows that end at or before this.
    promises: Vec<i64>,
    retired: i64,
    row: JoinedRow,
    parcels: Parcels,
    own: u64,
    /// Versions that there are now.
    there: i64,
    /// Rows that went into the joins, and versions, and the bytes that they took.
    went: (u64, u64),
}

/// What an epoch comes to on both sides.
#[derive(Default)]
pub struct Sides {
    /// Rows that are joined, for the owners of what they are joined by.
    pub parcels: Vec<Parcel>,
    /// What they are joined with.
    pub partners: Vec<Update>,
    /// What came too late to be of any row.
    pub passed: Vec<Passed>,
}

impl FirstOperator {
    /// Over the first level's totals in `cells`, on one of so many workers.
    pub fn new(
        cells: Rc<Cells>,
        plan: &Arc<Plan>,
        rules: Rc<Rules>,
        (own, workers): (u64, usize),
    ) -> Self {
        FirstOperator {
            cells,
            row: rules.row(),
            rules,
            plan: Arc::clone(plan),
            versions: Versions::new(Side::all(plan)),
            waiting: BTreeMap::new(),
            promises: vec![BEGINNING; workers],
            retired: BEGINNING,
            parcels: Parcels::new(workers),
            own,
            there: 0,
            went: (0, 0),
        }
    }

    /// Tells what is held of joins. What differential dataflow holds is not counted by itself: it is taken for as large as what
    /// went into it was, on the average.
    fn tell(&mut self, sides: &Sides) {
        let Some(first) = &self.cells.first else {
            return;
        };
        for (text, sent) in sides.parcels.iter().flat_map(Parcel::iter) {
            let windows = u64::from(sent.windows.max(1));
            let each = size_of::<Fact>() + text.len() + sent.portion.held();
            self.went.0 += windows;
            self.went.1 += windows * each as u64;
        }
        for (at, (_, _, row), sign) in &sides.partners {
            self.there += *sign as i64;
            self.went.0 += 1;
            self.went.1 += (size_of::<Update>() + at.len() + row.len()) as u64;
        }
        let mut held = Held::default();
        first.borrow().held(&mut held);
        let (rows, versions) = (held.keys() as u64, self.there.max(0) as u64);
        let each = self.went.1.checked_div(self.went.0).unwrap_or(0);
        self.cells.joined.set(Joined {
            rows,
            keys: self.versions.len() as u64,
            versions,
            bytes: (rows + versions) * each,
        });
    }

    /// Takes a message of an epoch in; capabilities are asked for if it has to wait.
    pub fn take(&mut self, epoch: Epoch, body: First, capabilities: impl FnOnce() -> All) {
        let waiting = self.waiting.entry(epoch);
        let (_, bodies) = waiting.or_insert_with(|| (capabilities(), Vec::new()));
        bodies.push(body);
    }

    /// Takes the next epoch if it is complete: `reached` is the first that may not be.
    pub fn step(&mut self, reached: Epoch) -> Option<(All, Sides)> {
        let next = *self.waiting.first_key_value()?.0;
        if reached <= next {
            return None;
        }
        self.copy_for_snapshot(next);
        let (epoch, (capabilities, bodies)) = self.waiting.pop_first()?;
        self.cells.first_applied.set(epoch + 1);
        let mut sides = Sides::default();
        let mut updates = Vec::new();
        for body in bodies {
            match body {
                First::Deltas(deltas) => {
                    self.facts(&deltas, false);
                    if let Some(first) = &self.cells.first {
                        first.borrow_mut().apply(&deltas);
                    }
                }
                First::Dimensions(changes) => {
                    for change in changes {
                        self.versions.change(change, &mut updates);
                    }
                }
                First::Promise(promise) => {
                    let known = &mut self.promises[promise.worker as usize];
                    *known = promise.horizon.max(*known);
                }
                First::Loaded => self.loaded(),
            }
        }
        self.retire(epoch, &mut updates);
        sides.parcels = self.parcels.take();
        sides.partners = updates;
        sides.passed = self.versions.take_passed();
        // Nobody is shown it: what changed is of no matter.
        if let Some(first) = &self.cells.first {
            drop(first.borrow_mut().settle());
        }
        self.tell(&sides);
        Some((capabilities, sides))
    }

    /// Rows of the first level as they are now: of a snapshot.
    fn loaded(&mut self) {
        let cells = Rc::clone(&self.cells);
        let Some(first) = &cells.first else {
            return;
        };
        // Rows that are too large for a piece were too large for the snapshot.
        let pieces = first.borrow_mut().copy(true).unwrap_or_default();
        first.borrow_mut().forget_changes();
        for deltas in &pieces {
            self.facts(deltas, false);
        }
    }

    /// Takes back the rows of windows that are dropped, once all have promised, and the versions that only such were joined with.
    fn retire(&mut self, epoch: Epoch, versions: &mut Vec<Update>) {
        let promised = self.promises.iter().copied().min().unwrap_or(BEGINNING);
        if promised <= self.retired {
            return;
        }
        self.retired = promised;
        self.cells.dropped.borrow_mut().push((epoch, promised));
        let cells = Rc::clone(&self.cells);
        let Some(first) = &cells.first else {
            return;
        };
        // Rows that are too large for a piece were no deltas either.
        let pieces = first.borrow_mut().retire_told(promised).unwrap_or_default();
        for deltas in &pieces {
            self.facts(deltas, true);
        }
        for (table, earliest) in earliest(&self.plan, promised) {
            self.versions.forget(table, earliest, versions);
        }
    }

    /// What a batch adds to the rows that are joined, or takes from them.
    fn facts(&mut self, deltas: &Deltas, back: bool) {
        let mut words = &deltas.words[..];
        for group in &deltas.groups {
            let Some(rule) = self.rules.of(group.ranking) else {
                continue;
            };
            let stride = rule.layout.width + 1;
            let (rows, rest) = words.split_at(stride * group.rows as usize);
            words = rest;
            for row in rows.chunks_exact(stride) {
                let mut portion = Portion::read(&rule.layout, &row[1..]);
                if portion.is_nothing() {
                    continue;
                }
                if back {
                    portion.negate();
                }
                let key = deltas.texts.get(row[0] as u32);
                let mut to = self.own;
                if self.parcels.are_several() {
                    rule.open(key, &[], &mut self.row);
                    to = rule.owner(0, &self.row, &self.parcels).unwrap_or(to);
                }
                let sent = Sent {
                    ranking: group.ranking,
                    windows: group.windows,
                    window_end: group.window_end,
                    portion,
                };
                self.parcels.put(to, key, sent);
            }
        }
    }

    /// Copies the first level for a snapshot before something of an epoch that is not of it is taken.
    fn copy_for_snapshot(&self, next: Epoch) {
        let Some(order) = self.cells.heard.borrow().snapshot else {
            return;
        };
        let mut taken = self.cells.first_taken.borrow_mut();
        let is_taken = taken.as_ref().is_some_and(|(of, _)| *of == order);
        if next >= order.epoch && !is_taken && self.cells.first_applied.get() <= order.epoch {
            let first = self.cells.first.as_ref();
            *taken = first.map(|first| (order, first.borrow_mut().copy(order.full)));
        }
    }
}
