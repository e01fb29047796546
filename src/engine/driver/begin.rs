//! How a worker begins: what it loads of a snapshot, and where a partition goes on.

use std::collections::BTreeMap;

use standings_model::block::PartitionId;
use standings_model::plan::Plan;

use super::error::DriverError;
use super::{Driver, Feed};
use crate::dataflow::control::Start;
use crate::fold::GoesOn;
use crate::held::BY_BIN;
use crate::pack::deltas::Deltas;
use crate::pack::level::folded;
use crate::snapshot;
use crate::snapshot::LoadError;
use standings_process::exit::Failure;

/// Where a partition goes on that is read from `offset`, and ends now at `end`. What a first start saw of its end is remembered.
pub(super) fn goes_on(start: &Start, partition: PartitionId, (offset, end): (u64, u64)) -> GoesOn {
    GoesOn {
        offset,
        greatest: start.greatest.get(&partition).copied(),
        found: start.found.get(&partition).copied(),
        bootstrap: match start.resume.contains_key(&partition) {
            true => start.bootstrap.get(&partition).copied(),
            false => Some(end),
        },
        ids_from: start.ids_from.get(&partition).copied(),
        hold: start.hold.of(partition, offset),
    }
}

/// Cuts windows by these clocks from now on.
pub(super) fn go_by(plan: &Plan, clocks: &BTreeMap<String, Vec<(i64, i64)>>) {
    for zone in plan.rankings.iter().filter_map(|r| r.window.clocks()) {
        let Some(changes) = clocks.get(zone.name()) else {
            continue;
        };
        if !zone.keep(changes) {
            tracing::warn!(
                event = "zone_rules_changed",
                zone = zone.name(),
                "another run of this process goes by other clocks: windows that are held are cut by those"
            );
        }
    }
}

impl<F: Feed> Driver<F> {
    /// Loads the keys that this worker owns, and the rows that its partitions hold.
    pub(super) fn load(&mut self, start: &Start) -> Result<(), Failure> {
        let began = self.settings.clock.now();
        let Some(snapshots) = &self.settings.snapshots else {
            return Err(DriverError::NoState.into());
        };
        let plan = &self.settings.fold.plan;
        let mut to = |ranking: usize, deltas: &Deltas| match &self.cells.first {
            Some(first) if plan.rankings[ranking].joined.is_some() => {
                first.borrow_mut().apply(deltas);
            }
            _ if plan.is_nested(&plan.rankings[ranking]) => {
                let mut kept = self.cells.nested_kept.borrow_mut();
                kept.push(Deltas::clone(deltas));
            }
            _ => self.cells.totals.borrow_mut().apply(deltas),
        };
        let rows = snapshot::load(
            &snapshots.store,
            &folded(plan),
            &start.parts,
            start.horizon,
            (self.index, self.peers),
            &mut to,
        )?;
        let mut totals = self.cells.totals.borrow_mut();
        totals.forget_changes();
        // Who asks for a window that was dropped before the snapshot is told so, before the first promise of this run.
        totals.retire(start.horizon);
        drop(totals);
        if plan.changes() || self.cells.pairs.is_some() {
            let own = (self.index, self.peers);
            let mut held = snapshot::held::load(&snapshots.store, &start.parts, own)?;
            let of_pairs = held.split_off(&BY_BIN);
            self.fold.hold(held);
            let pairs = self.cells.pairs.as_ref();
            if pairs.is_some_and(|pairs| !pairs.borrow_mut().load(&of_pairs, start.horizon)) {
                return Err(LoadError::of_pairs().into());
            }
        }
        tracing::info!(
            event = "snapshot_loaded",
            worker = self.index,
            rows,
            took_ms = self.settings.clock.since(began).as_millis() as u64,
            "the worker has the state of the snapshot"
        );
        Ok(())
    }
}
