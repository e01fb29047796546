//! What a block's records showed beside what they add up to: checks that failed, odd times, fields that came or went.

use std::sync::atomic::Ordering;

use super::{Driver, Feed};
use standings_model::block::PartitionId;

impl<F: Feed> Driver<F> {
    /// Tells what failed; too much of it ends the run, as a signal would: what was read is committed.
    pub(super) fn tell_checks(&mut self) {
        let Some(failed) = self.fold.failures() else {
            return;
        };
        let (live, checks) = (&self.settings.live, &self.settings.fold.plan.checks);
        if live.checks_failed(checks, failed) {
            self.settings.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Tells how many rows are held of each table that changes.
    pub(super) fn tell_held(&self) {
        let plan = &self.settings.fold.plan;
        if !plan.changes() && self.cells.pairs.is_none() {
            return;
        }
        let mut held = self.fold.held();
        if let Some(pairs) = &self.cells.pairs {
            held.extend(pairs.borrow().held());
        }
        let all = plan.tables.iter().enumerate();
        for (number, table) in all.filter(|(n, t)| t.changes() || plan.is_paired(*n)) {
            let of = held.get(&number).copied().unwrap_or_default();
            self.settings.live.set_held(self.index, &table.name, of);
        }
    }

    /// Tells what is held of joins, and what of them was left out.
    pub(super) fn tell_joined(&self) {
        let live = &self.settings.live;
        if self.first.is_some() {
            live.set_joined(self.index, self.cells.joined.get());
        }
        if self.first.is_some() || self.near.is_some() {
            live.count_failed_behind(self.cells.failed_behind.take());
        }
    }

    /// Tells what is odd about the fields of a partition's records.
    pub(super) fn tell_fields(&mut self, partition: PartitionId) {
        let live = &self.settings.live;
        if let Some(odd) = self.fold.odd(partition) {
            live.odd_times_read(odd.count, odd.first);
        }
        for (table, column, drift) in self.fold.drifts(partition) {
            let (table, kind) = (&self.settings.fold.plan.tables[table].name, drift.word());
            live.schema_drift(table, kind);
            tracing::warn!(
                event = "schema_drift",
                table,
                column,
                kind,
                "a field of {table} is {kind}: {column}"
            );
        }
    }
}
