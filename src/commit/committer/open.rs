//! How a run begins: it is asked which input there is, the sinks are opened and say what they show, the snapshot is
//! chosen, and worker 0 is told. What is decided of that is in [`begin`](super::begin).

use std::sync::Arc;

use super::begin::{Beginning, Memory};
use super::catch_up::CatchUp;
use super::gate::{Begin, Desk};
use super::slot::{Slot, each};
use super::{Committer, Keeping, Outputs};
use crate::refused::Letters;
use crate::sink::{Nowhere, Shown};
use standings_engine::input::Unknown;
use standings_engine::snapshot::{self, Keeper, Log, Manifest};
use standings_model::identity::Opening;
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};
use standings_process::exit::Failure;

impl Committer {
    /// Opens every sink, chooses the snapshot to start from, and says so at the gate.
    ///
    /// Asked to stop meanwhile, the input is not waited for, and does not say what it is or holds. Then nothing is written:
    /// a commit would be of an unknown input, or go on from records that are not there any more.
    pub fn open(plan: Arc<Plan>, mut outputs: Outputs, desk: Desk) -> Result<Self, Failure> {
        let mut input = outputs.input.take().unwrap_or_else(|| Box::new(Unknown));
        // Before any sink is opened: a run of another input must not end the cluster that writes there.
        let source = input.identity()?;
        if desk.is_stopped() {
            outputs.write_nothing();
        }
        let opening = Opening {
            source,
            rankings: snapshot::fingerprints(&plan),
            forget: outputs.forget,
            head_of: input.head_of(),
            dimension_of: outputs.dimension_of.take(),
            ..Opening::default()
        };
        if let Some(state) = &outputs.state
            && let Some(newer) = Manifest::newer(&state.store)?
        {
            return Err(newer.into());
        }
        let letters = Letters::share(&mut outputs.dead, &outputs.live);
        let sinks = outputs.sinks.into_iter();
        let mut slots: Vec<Slot> = sinks.map(|sink| Slot::new(sink, &letters)).collect();
        let look = |slot: &mut Slot| slot.sink.look(&plan, &opening);
        each(&mut slots, outputs.one_by_one, &look)?;
        let open = |slot: &mut Slot| slot.sink.open(&plan, &opening);
        let mut opened = each(&mut slots, outputs.one_by_one, &open)?;
        let mut confirm = |even_one: bool| -> Result<(), Failure> {
            if (slots.len() > 1 || even_one) && !sabotage::is(Mistake::SinksNotConfirmed) {
                // Two clusters that open at once could have one sink each. Only who still has the first after it got
                // the last has them all.
                for slot in &mut slots {
                    slot.sink.confirm(&plan)?;
                }
            }
            Ok(())
        };
        // Before it is looked at: from then on the cluster before can remove nothing of what is found.
        let log = match &outputs.state {
            Some(state) => Some(Log::open(&state.store, &state.run, || confirm(true))?),
            None => {
                confirm(false)?;
                None
            }
        };
        arrange(&opening, outputs.state.as_ref(), &plan, &opened)?;
        let mut beginning = Beginning {
            opening: &opening,
            input: input.as_mut(),
            names: slots.iter().map(|s| s.sink.name().to_owned()).collect(),
        };
        beginning.admit(&mut opened)?;
        let memory = beginning.memory(&mut opened)?;
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
            number: memory.number,
            offsets: memory.hold.clone(),
            hold: memory.hold.clone(),
            counted: memory.known.records.clone(),
            opening: opening.clone(),
            emit: outputs.emit,
            manifests: None,
        };
        let state = outputs.state.zip(log);
        let mut begin = committer.begin(state, &mut beginning, &memory, &opened)?;
        if committer.desk.is_stopped() {
            committer.late = Some(Box::new(Nowhere));
            committer.dead = Some(Box::new(Nowhere));
            committer.slots.clear();
            (committer.manifests, begin.keeper) = (None, None);
        }
        committer.start(begin, opened)
    }

    /// Every sink is brought to what it should show, and worker 0 is told how to begin.
    fn start(mut self, begin: Begin, opened: Vec<Shown>) -> Result<Self, Failure> {
        let closed = opened.iter().filter_map(|s| s.watermark).max();
        let goes_on = !self.hold.is_empty() || !begin.start.resume.is_empty();
        for (slot, shown) in self.slots.iter_mut().zip(opened) {
            slot.shown = shown.commit;
            slot.remembers = shown.remembers;
            slot.offsets = shown.offsets;
            let catches_up = goes_on || !shown.rows.is_empty();
            if catches_up && !sabotage::is(Mistake::CatchUpSkipped) {
                let catch_up = CatchUp::new(shown.rows, self.hold.clone(), self.emit);
                slot.catch_up = Some(catch_up);
            }
        }
        for writer in [&mut self.late, &mut self.dead].into_iter().flatten() {
            writer.open(goes_on)?;
        }
        let caught_up = self.is_caught_up();
        self.desk.open(begin, closed, caught_up);
        self.observers.iter_mut().for_each(|o| o.opened());
        if caught_up {
            self.tell_caught_up();
        }
        Ok(self)
    }

    /// Chooses the snapshot to start from, and makes ready to keep new ones.
    fn begin(
        &mut self,
        state: Option<(Keeping, (Log, u64))>,
        beginning: &mut Beginning<'_>,
        memory: &Memory,
        opened: &[Shown],
    ) -> Result<Begin, Failure> {
        let store = state.as_ref().map(|(state, _)| &state.store);
        // Looked at one by one: an older one only where a newer one does not do.
        let usable = store.map(|store| Manifest::usable(store, &self.plan));
        let mut usable = usable.transpose()?.into_iter().flatten().peekable();
        if let Some(store) = store
            && usable.peek().is_none()
        {
            tracing::info!(
                event = "no_snapshot",
                state = store.name(),
                "the input is read from its start"
            );
        }
        let (mut start, chosen) = beginning.start(memory, opened, usable, store)?;
        let zones = chosen
            .iter()
            .flat_map(|m| Some((m.zones.as_ref()?, &m.state)));
        for kept in zones.flat_map(|(zones, state)| zones.kept(&self.plan, state)) {
            kept.tell();
            start.clocks.insert(kept.zone, kept.changes);
        }
        start.hold = Beginning::hold(memory);
        start.source = self.opening.input().cloned();
        let mut begin = Begin {
            start,
            state: chosen.map(|manifest| manifest.state),
            keeper: None,
            hold: memory.hold.clone(),
        };
        if let Some((
            Keeping {
                store, interval, ..
            },
            log,
        )) = state
        {
            let durable = self.desk.durable();
            let clock = &self.desk.clock;
            let (keeper, manifests) = Keeper::new(store, &self.plan, durable, log, interval, clock);
            begin.keeper = Some(keeper);
            let source = self.opening.input().cloned();
            self.manifests = Some(manifests.telling(&self.live).of(source));
        }
        Ok(begin)
    }
}

/// Gives files the numbers that sinks and snapshots know them by.
fn arrange(
    opening: &Opening,
    state: Option<&Keeping>,
    plan: &Plan,
    opened: &[Shown],
) -> Result<(), Failure> {
    let newest = match state {
        Some(state) if !opening.forget.state => Manifest::usable(&state.store, plan)?.next(),
        _ => None,
    };
    let newest = newest.transpose()?;
    let with_offsets = opened.iter().filter(|shown| shown.offsets.is_some());
    let known = with_offsets.filter_map(|shown| shown.known.as_ref()?.source.as_ref());
    opening.arrange(known.chain(newest.iter().filter_map(|m| m.source.as_ref())));
    Ok(())
}
