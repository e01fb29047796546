//! Worker 0: applies what is gathered up to a cut, has drafts made of it, and says to all workers how to go on.
//!
//! 1. A draft is of everything before one epoch, on all workers.
//! 2. What is told is told once: how to begin, each horizon, the release, each snapshot.
//! 3. Rows of a snapshot that are joined are shown once what they are joined with is read again, and keep their windows until then.

use std::collections::BTreeMap;

use standings_model::sabotage::{self, Mistake};

use super::control::Control;
use super::gate::{Gate, Look};
use super::handles::{Cells, FirstTaken};
use super::messages::Gathered;
use crate::event_time::BEGINNING;
use crate::nest::Nest;
use crate::pack::deltas::Deltas;
use crate::rank::gather::Gather;
use crate::rank::messages::Epoch;
use crate::snapshot::Attempts;

/// What worker 0 has gathered, and what it has told the others.
pub struct Coordinator {
    gather: Gather,
    /// Everything before this epoch is gathered.
    applied: Epoch,
    /// Everything before this epoch is in rankings of rankings.
    nested: Epoch,
    /// Everything before this epoch was drafted.
    offered: Epoch,
    horizon: i64,
    started: bool,
    released: bool,
    /// Readers know that what rows are joined with is there.
    partners: bool,
    /// Rows of a snapshot are there, and what they are joined with is not read again yet.
    alone: bool,
    /// What was offered last showed nothing of what is gathered.
    unshown: bool,
    /// Whether every reader that has told of something since the last draft has much more; `None` if none has told.
    more: Option<bool>,
    snapshots: Attempts,
    /// Rankings of rankings, where there are any.
    nest: Option<Nest>,
    /// What was copied of them for a snapshot.
    copied: Option<FirstTaken>,
}

/// Rankings of rankings have a row that cannot be written: nothing of it may be committed.
#[derive(Clone, Copy, Debug)]
pub struct Unwritable;

impl Coordinator {
    /// Whether what is gathered is part of a backlog. The end of the input has nothing after it.
    fn has_more(&self) -> bool {
        self.more == Some(true) && self.applied < Epoch::MAX
    }

    /// Nothing gathered, nothing told.
    pub fn new(gather: Gather, nest: Option<Nest>, workers: usize) -> Self {
        let snapshots = Attempts::new(workers, gather.has_sessions());
        Coordinator {
            gather,
            applied: 0,
            nested: 0,
            offered: 0,
            horizon: BEGINNING,
            started: false,
            released: false,
            partners: false,
            alone: false,
            unshown: false,
            more: None,
            snapshots,
            nest,
            copied: None,
        }
    }

    /// Notes up to which watermark an earlier run has closed.
    pub fn closed_by(&mut self, earlier: i64) {
        self.gather.closed_by(earlier);
    }

    /// Takes in what a snapshot kept of rankings of rankings.
    pub fn load(&mut self, kept: &mut Vec<Deltas>) {
        if let Some(nest) = &mut self.nest
            && !kept.is_empty()
        {
            nest.load(&std::mem::take(kept), &mut self.gather);
        }
    }

    /// Brings rankings of rankings to what is gathered, and tells the worker what is to be known of them.
    pub fn nest(&mut self, cells: &Cells) -> Result<(), Unwritable> {
        let Some(nest) = &mut self.nest else {
            return Ok(());
        };
        if self.applied > self.nested {
            self.nested = self.applied;
            nest.settle(&mut self.gather);
            let failed = cells.failed_behind.get() + nest.take_failed();
            cells.failed_behind.set(failed);
        }
        if self.copied.is_some() {
            *cells.nested_taken.borrow_mut() = self.copied.take();
        }
        let mut totals = cells.totals.borrow_mut();
        totals.count_beside(nest.totals());
        match totals.too_wide().is_some() || totals.overdrawn().is_some() {
            true => Err(Unwritable),
            false => Ok(()),
        }
    }

    /// Gathers everything before `reached`, epoch by epoch.
    pub fn apply(
        &mut self,
        waiting: &mut BTreeMap<Epoch, Vec<Gathered>>,
        reached: Epoch,
        gate: &mut dyn Gate,
    ) {
        let reached = match waiting.last_key_value() {
            Some((last, _)) if sabotage::is(Mistake::CutIgnored) => reached.max(last + 1),
            _ => reached,
        };
        if reached <= self.applied {
            return;
        }
        if sabotage::is(Mistake::PositionsToldAhead) {
            for message in waiting.values().flatten() {
                if let Gathered::Placed(placed) = message {
                    self.gather.placed(placed.clone());
                }
            }
        }
        loop {
            let next = waiting.first_entry().filter(|e| *e.key() < reached);
            let due = next.as_ref().map(|e| *e.key());
            if let (Some(nest), Some(order)) = (&mut self.nest, self.snapshots.comes(reached, due))
            {
                nest.settle(&mut self.gather);
                self.copied = Some((order, nest.copy(order.full)));
            }
            self.snapshots
                .look(reached, due, &self.gather, self.applied);
            let Some(entry) = next else { break };
            self.applied = self.applied.max(entry.key() + 1);
            for message in entry.remove() {
                match message {
                    Gathered::Candidates(all) => {
                        all.into_iter().for_each(|c| self.gather.candidate(c))
                    }
                    Gathered::Tops(tops) => self.gather.tops(tops),
                    Gathered::Moved(moved) => self.gather.moved(moved),
                    Gathered::Passed(passed) => self.gather.passed(passed),
                    Gathered::Progress(progress) => {
                        self.more = Some(progress.more && self.more.unwrap_or(true));
                        self.gather.progress(*progress);
                    }
                    Gathered::Promise(promise) => self.gather.promise(promise),
                    Gathered::Part(part) => self.snapshots.part(part),
                    Gathered::Placed(placed) => self.gather.placed(placed),
                }
            }
        }
        self.applied = reached;
        self.gather.advance();
        if let Some(outcome) = self.snapshots.finished() {
            gate.snapshot(outcome);
        }
    }

    /// Offers a draft if there is something to draft, and the gate takes one. Whether one is wanted although nothing is new.
    pub fn offer(&mut self, gate: &mut dyn Gate) -> bool {
        self.alone &= !self.has_partners();
        let unshown = self.unshown && !self.alone;
        let again = self.started && (gate.wants_again() || unshown);
        if self.started && (again || self.applied > self.offered) && gate.ready(self.has_more()) {
            let whole = gate.wants_whole(self.gather.offsets(), self.applied);
            let draft = match self.alone {
                // Sinks would be brought to rows without what they are joined with. The end of the input waits for nothing.
                true if whole && self.applied < Epoch::MAX => return again,
                true => self.gather.unshown(gate.closed_before()),
                false => self.gather.draft(gate.closed_before(), whole),
            };
            gate.offer(draft, self.applied);
            self.unshown = self.alone;
            self.offered = self.applied;
            self.more = None;
        }
        again
    }

    /// How many values computed of ranks had an error since this was asked last, by ranking.
    pub fn take_value_errors(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.gather.take_value_errors()
    }

    /// How many keys were let go since this was asked last, by ranking.
    pub fn take_expired(&mut self) -> Vec<(usize, u64)> {
        self.gather.take_expired()
    }

    /// Whether what rows are joined with is read as far as it must be.
    fn has_partners(&self) -> bool {
        self.applied > 0 && self.gather.has_partners()
    }

    /// When to look again at what nothing announces; `again`: a draft is wanted although nothing is new.
    pub fn look(&self, gate: &dyn Gate, again: bool, durable: Epoch) -> Look {
        if !(self.started && self.released) || self.alone {
            return Look::Soon;
        }
        // A draft that is being written rings when it is done; one that may not be made yet does not.
        let rests = (again || self.applied > durable) && !gate.is_writing();
        match rests {
            true => gate.ready_at(self.has_more()).map_or(Look::Soon, Look::At),
            false => Look::No,
        }
    }

    /// What is to be told now.
    pub fn orders(&mut self, gate: &mut dyn Gate, latest: Epoch) -> Vec<Control> {
        let mut orders = Vec::new();
        if !self.started {
            let Some((start, state)) = gate.start() else {
                return orders;
            };
            self.started = true;
            self.released = start.hold.is_nothing();
            self.horizon = start.horizon;
            if let Some(state) = state {
                self.gather.restore(state);
                self.alone = self.gather.is_joined();
            }
            orders.push(Control::Start(Box::new(start)));
        }
        let target = self.gather.target_horizon();
        if target > self.horizon && !self.alone {
            self.horizon = target;
            orders.push(Control::Horizon(target));
        }
        if gate.released() {
            self.gather.caught_up();
            if !self.released {
                self.released = true;
                orders.push(Control::Release);
            }
        }
        if !self.partners && self.has_partners() {
            self.partners = true;
            orders.push(Control::Partners);
        }
        if let Some(watches) = gate.watches() {
            orders.push(Control::Watch(watches));
        }
        if gate.snapshot_lost() {
            self.snapshots.lost();
        }
        // The end of the input leaves no epoch to aim at.
        if self.released
            && self.applied < Epoch::MAX
            && self.snapshots.is_idle()
            && let Some(id) = gate.snapshot_due()
            && self.snapshots.is_news(&self.gather)
        {
            let order = self.snapshots.order(id, latest.max(self.applied));
            orders.push(Control::Snapshot(order));
        }
        orders
    }
}
