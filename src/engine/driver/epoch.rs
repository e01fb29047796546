//! An epoch's end: what it came to goes to the dataflow, and is in flight until it is durable.

use std::collections::BTreeMap;

use super::{Driver, Feed};
use crate::dataflow::messages::{Body, First, FirstMessage, Message, Near, NearMessage};
use crate::held::Copied;
use crate::rank::messages::{Epoch, Promise};
use crate::snapshot::order::{Order, Taken};
use standings_model::block::PartitionId;
use standings_model::sabotage::{self, Mistake};

/// The rows that were held when the epoch of a snapshot came, if they were copied then; none where no table changes.
pub(super) fn held(
    (copied, order): (Option<(Order, Vec<Copied>)>, Order),
    changes: bool,
) -> Option<Vec<Copied>> {
    if !changes || sabotage::is(Mistake::HeldNotCopied) {
        return Some(Vec::new());
    }
    let (of, held) = copied?;
    (of == order).then_some(held)
}

impl<F: Feed> Driver<F> {
    /// What was copied for a snapshot, once all of it is: on worker 0 who gathers comes to the epoch after the owners of keys.
    pub(super) fn taken(&self) -> Option<Taken> {
        if self.index > 0 || !self.cells.is_nested {
            return self.cells.taken.borrow_mut().take();
        }
        let mut nested = self.cells.nested_taken.borrow_mut();
        let mut taken = self.cells.taken.borrow_mut();
        let order = taken.as_ref()?.order;
        let (_, copied) = nested.take_if(|(of, _)| *of == order)?;
        let mut taken = taken.take()?;
        taken.rows = taken.rows.map(|rows| {
            let mut rows = rows?;
            rows.extend(copied?);
            Ok(rows)
        });
        Some(taken)
    }

    pub(super) fn wants_epoch(&self) -> bool {
        self.epoch == 0
            || self.cells.latest.get() > self.epoch
            || self.owes_epoch
            || self.fold.is_changed()
    }

    pub(super) fn end_epoch(&mut self) {
        self.size.ended(self.bytes, || self.fold.pays());
        let (batches, progress) = {
            let mut spent = self.cells.spent.borrow_mut();
            self.fold.end_epoch(self.peers, &mut spent)
        };
        for deltas in batches {
            let to = deltas.worker;
            self.send(to, Body::Deltas(Box::new(deltas)));
        }
        if self.first.is_some() {
            self.send_joined();
        }
        if self.tells() {
            self.send(self.index as u64, Body::Tell);
        }
        for (to, events) in self.fold.take_events(self.peers) {
            self.send_near(to, Near::Events(events));
        }
        for (owner, keys) in self.fold.new_keys(self.peers) {
            self.send(owner, Body::Keys(keys));
        }
        // What is in this epoch counts when every worker has gone past it: who has nothing of its own must be told.
        let owed = self.owes_epoch && !sabotage::is(Mistake::OthersNotTold);
        let followed = progress.is_none() && !owed;
        if let Some(mut progress) = progress {
            let partitions = progress.partitions.iter();
            let offsets = partitions.map(|p| (p.partition, p.next_offset)).collect();
            // What an earlier run has read is durable.
            let bytes = self.bytes - self.again;
            self.in_flight.push_back((self.epoch, bytes, offsets));
            self.in_flight_bytes += bytes;
            if !sabotage::is(Mistake::InFlightNotTold) {
                self.settings.live.add_in_flight(bytes as i64);
            }
            progress.arrived = std::mem::take(&mut self.arrived);
            progress.folded = (!progress.arrived.is_empty()).then(|| self.settings.clock.wall());
            // And room for one more before anything is durable.
            progress.more = self.size.is_backlog(self.bytes)
                && self.in_flight_bytes + self.size.bytes() <= self.settings.in_flight_bytes;
            self.send(0, Body::Progress(Box::new(progress)));
        }
        tracing::debug!(
            event = "epoch_ended",
            worker = self.index,
            epoch = self.epoch,
            bytes = self.bytes,
            most = self.size.bytes(),
            in_flight = self.in_flight_bytes
        );
        self.tell_held();
        self.tell_joined();
        (self.bytes, self.again) = (0, 0);
        self.owes_epoch = false;
        self.last_end = self.settings.clock.now();
        let mut next = (self.epoch + 1).max(self.cells.latest.get());
        let order = self.cells.heard.borrow().snapshot;
        if let Some(order) = order {
            next = next.max(order.epoch);
            // What is folded is all before the epoch, and nothing of it.
            if self.epoch < order.epoch && !sabotage::is(Mistake::HeldCopiedEarly) {
                self.copied = Some((order, self.fold.copy_held(order.full)));
            }
        }
        if !followed && self.peers > 1 {
            self.send_to_others(&Body::Tick(next));
        }
        self.epoch = next;
        if let Some(input) = &mut self.input {
            input.advance_to(next);
        }
        if let Some(first) = &mut self.first {
            first.advance_to(next);
        }
        if let Some(near) = &mut self.near {
            near.advance_to(next);
        }
    }

    /// Whether this worker owes somebody rows of windows whose positions are asked for.
    pub(super) fn tells(&self) -> bool {
        self.cells.tells.get() || self.cells.heard.borrow().watches.is_some()
    }

    /// Promises to send nothing more for windows that end at or before a time, ms.
    pub(super) fn adopt_horizon(&mut self, horizon: i64) {
        self.promised = horizon;
        self.fold.promise(horizon);
        self.owes_epoch = true;
        let promise = Promise {
            worker: self.index as u32,
            horizon: self.promised,
        };
        for to in 0..self.peers {
            self.send(to as u64, Body::Promise(promise));
            self.send_first(to as u64, First::Promise(promise));
            self.send_near(to as u64, Near::Promise(promise));
        }
    }

    /// Sends what joins are made of.
    fn send_joined(&mut self) {
        let (firsts, dimensions) = self.fold.take_joined(self.peers);
        for deltas in firsts {
            self.send_first(deltas.worker, First::Deltas(Box::new(deltas)));
        }
        for (to, changes) in dimensions {
            self.send_first(to, First::Dimensions(changes));
        }
    }

    pub(super) fn send_first(&mut self, to: u64, body: First) {
        if let Some(first) = &mut self.first {
            first.send(FirstMessage { to, body });
        }
    }

    pub(super) fn send_near(&mut self, to: u64, body: Near) {
        if let Some(near) = &mut self.near {
            near.send(NearMessage { to, body });
        }
    }

    /// Copies the rows that are held when a snapshot is ordered: a mistake.
    pub(super) fn copy_early(&mut self) {
        let order = self.cells.heard.borrow().snapshot;
        if let Some(order) = order.filter(|_| sabotage::is(Mistake::HeldCopiedEarly))
            && self.copied.as_ref().is_none_or(|(of, _)| *of != order)
        {
            self.copied = Some((order, self.fold.copy_held(order.full)));
        }
    }

    /// Forgets what has become durable, and tells the source.
    pub(super) fn release(&mut self) {
        let durable = self
            .durable
            .with_frontier(|f| f.first().copied().unwrap_or(Epoch::MAX));
        let mut offsets = BTreeMap::new();
        while let Some((epoch, bytes, _)) = self.in_flight.front()
            && *epoch < durable
        {
            self.in_flight_bytes -= bytes;
            if !sabotage::is(Mistake::InFlightNotTold) {
                self.settings.live.add_in_flight(-(*bytes as i64));
            }
            if let Some((_, _, passed)) = self.in_flight.pop_front() {
                offsets.extend(passed);
            }
        }
        if !offsets.is_empty() {
            self.tell_durable(&offsets.into_iter().collect::<Vec<_>>());
        }
    }

    pub(super) fn tell_durable(&self, offsets: &[(PartitionId, u64)]) {
        self.settings.live.set_durable(offsets);
        if let Some(feed) = &self.feed {
            feed.durable(offsets);
        }
    }

    pub(super) fn send(&mut self, to: u64, body: Body) {
        if let Some(input) = &mut self.input {
            input.send(Message { to, body });
        }
    }

    pub(super) fn send_to_others(&mut self, body: &Body) {
        let own = self.index;
        for to in (0..self.peers).filter(|to| *to != own) {
            self.send(to as u64, body.clone());
        }
    }
}
