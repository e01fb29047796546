//! How a run begins: the sinks are opened and say what they show, the snapshot is chosen, and worker 0 is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::catch_up::CatchUp;
use super::gate::{Begin, Desk};
use super::slot::{Slot, each};
use super::{Committer, Outputs};
use crate::dataflow::control::Start;
use crate::model::block::PartitionId;
use crate::model::hold::Hold;
use crate::model::plan::Plan;
use crate::model::sabotage::{self, Mistake};
use crate::run::exit::Failure;
use crate::snapshot::{Keeper, Manifest, Store};

impl Committer {
    /// Opens every sink, chooses the snapshot to start from, and says so at the gate.
    pub fn open(plan: Arc<Plan>, outputs: Outputs, desk: Desk) -> Result<Self, Failure> {
        let mut slots: Vec<Slot> = outputs.sinks.into_iter().map(Slot::new).collect();
        let open = |slot: &mut Slot| slot.sink.open(&plan);
        let opened = each(&mut slots, outputs.one_by_one, &open)?;
        if slots.len() > 1 && !sabotage::is(Mistake::SinksNotConfirmed) {
            // Two clusters that open at once could have one sink each. Only who still has the first after it got the
            // last has them all.
            for slot in &mut slots {
                slot.sink.confirm(&plan)?;
            }
        }
        let closed = opened.iter().filter_map(|s| s.watermark).max();
        let number = opened.iter().map(|s| s.commit).max().unwrap_or(0);
        // The prefix that the sink with the last commit shows: all sinks are brought there, and go on together.
        let ahead = opened.iter().max_by_key(|s| s.commit);
        let hold = ahead.and_then(|s| s.offsets.clone()).unwrap_or_default();
        let begins = ahead.map(|s| s.begins.clone()).unwrap_or_default();
        let mut committer = Committer {
            plan,
            desk,
            slots,
            late: outputs.late,
            dead: outputs.dead,
            observers: outputs.observers,
            one_by_one: outputs.one_by_one,
            live: outputs.live,
            tracer: outputs.tracer,
            number,
            hold,
            manifests: None,
        };
        let begin = committer.begin(outputs.state, begins)?;
        let goes_on = !committer.hold.is_empty() || !begin.start.resume.is_empty();
        for (slot, shown) in committer.slots.iter_mut().zip(opened) {
            slot.shown = shown.commit;
            slot.offsets = shown.offsets.clone();
            let catches_up = goes_on || !shown.rows.is_empty();
            if catches_up && !sabotage::is(Mistake::CatchUpSkipped) {
                let hold = committer.hold.clone();
                slot.catch_up = Some(CatchUp::new(shown, hold, begin.start.horizon));
            }
        }
        for writer in [&mut committer.late, &mut committer.dead]
            .into_iter()
            .flatten()
        {
            writer.open(goes_on)?;
        }
        let caught_up = committer.is_caught_up();
        committer.desk.open(begin, closed, caught_up);
        committer.observers.iter_mut().for_each(|o| o.opened());
        if caught_up {
            committer.tell_caught_up();
        }
        Ok(committer)
    }

    /// Chooses the snapshot to start from, and makes ready to keep new ones.
    fn begin(
        &mut self,
        state: Option<(Store, Duration)>,
        begins: BTreeMap<PartitionId, u64>,
    ) -> Result<Begin, Failure> {
        let mut begin = Begin {
            start: Start::default(),
            state: None,
            keeper: None,
        };
        if let Some((store, interval)) = state {
            let newest = Manifest::newest(&store, &self.plan).map_err(Failure::failed)?;
            let listed = Manifest::list(&store).map_err(Failure::failed)?;
            let first = listed.first().map_or(1, |(_, id)| id + 1);
            match newest {
                Some(found) => {
                    tracing::info!(
                        event = "snapshot_chosen",
                        snapshot = found.id,
                        offsets = ?found.state.offsets
                    );
                    begin.start.resume = found.state.offsets.clone();
                    if !sabotage::is(Mistake::ClockNotRestored) {
                        begin.start.greatest = found.state.greatest.clone();
                    }
                    if !sabotage::is(Mistake::IdsNotReadBack) {
                        begin.start.ids_from = found.state.ids_from.clone();
                    }
                    begin.start.horizon = found.state.horizon;
                    begin.start.parts = found.parts;
                    begin.state = Some(found.state);
                }
                None => {
                    tracing::info!(
                        event = "no_snapshot",
                        state = store.name(),
                        "the input is read from its start"
                    );
                }
            }
            let durable = self.desk.durable();
            let clock = &self.desk.clock;
            let (keeper, manifests) =
                Keeper::new(store, &self.plan, durable, first, interval, clock);
            begin.keeper = Some(keeper);
            self.manifests = Some(manifests.telling(&self.live));
        }
        if begin.state.is_none() {
            // What a sink shows can only be built again from where it was begun.
            begin.start.resume = begins;
        }
        if !sabotage::is(Mistake::HoldIgnored) {
            begin.start.hold = Hold::at(self.hold.clone());
        }
        Ok(begin)
    }
}
