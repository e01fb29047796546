//! From a draft to a durable commit.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::slot::{Now, Slot, each};
use super::{Committer, Last, rejects};
use crate::sink::SinkError;
use standings_engine::rank::messages::Epoch;
use standings_model::block::PartitionId;
use standings_model::change::Commit;
use standings_model::identity::Conflict;
use standings_model::reject::{Reject, RejectKind};
use standings_model::sabotage::{self, Mistake};
use standings_observe::trace::{Span, Stamps, Tracer};
use standings_process::exit::Failure;

impl Committer {
    /// Whether every sink shows at least what the one with the last commit showed when they were opened.
    pub fn is_caught_up(&self) -> bool {
        self.slots.iter().all(|s| s.catch_up.is_none())
    }

    /// Commits the draft that waits at the gate, if there is one; whether there was.
    pub fn turn(&mut self) -> Result<bool, Failure> {
        let Ok((draft, up_to)) = self.desk.drafts.try_recv() else {
            return Ok(false);
        };
        self.commit(draft, up_to)?;
        Ok(true)
    }

    pub(super) fn commit(&mut self, mut commit: Commit, up_to: Epoch) -> Result<(), Failure> {
        let began = self.desk.clock.now();
        // An earlier run wrote the rejects of its commits before their rows.
        let hold = &self.hold;
        commit
            .rejects
            .retain(|r| hold.get(&r.partition).is_none_or(|end| r.offset >= *end));
        let due = |tracer: &Tracer| tracer.is_due(began);
        let traced = self.tracer.as_ref().is_some_and(due);
        let taken = self.desk.clock.wall();
        let rejects_after = sabotage::is(Mistake::RejectsAfterRows);
        if !rejects_after {
            self.write_rejects(&commit)?;
        }
        let rejects = (taken, self.desk.clock.wall());
        let last = match up_to {
            Epoch::MAX
                if self.desk.stop.load(Ordering::Relaxed)
                    && !sabotage::is(Mistake::StopTakenForEnd) =>
            {
                Last::Stopped
            }
            Epoch::MAX => Last::Ended,
            _ => Last::No,
        };
        self.check_records(&commit)?;
        let used = self.write_all(&mut commit, last)?;
        self.number = self.number.max(used);
        if rejects_after {
            self.write_rejects(&commit)?;
        }
        if !self.desk.is_released() && self.is_caught_up() {
            self.desk.release();
            self.tell_caught_up();
        }
        let plan = &self.plan;
        self.observers
            .iter_mut()
            .for_each(|o| o.committed(plan, &commit));
        tracing::debug!(
            event = "committed",
            commit = commit.number,
            changes = commit.changes.len(),
            took_us = self.desk.clock.since(began).as_micros() as u64
        );
        match self.slots.iter().any(Slot::is_behind) {
            true => self.desk.again(),
            false => self.desk.done(up_to),
        }
        if traced && commit.number > 0 {
            self.trace(&commit, began, rejects);
        }
        Ok(())
    }

    pub(super) fn tell_caught_up(&mut self) {
        for observer in &mut self.observers {
            observer.goes_on(self.number);
            observer.caught_up();
        }
    }

    /// After the commit: what comes next does not wait for it. `rejects`: when it was taken, and when its rejects were
    /// written.
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    fn trace(&mut self, commit: &Commit, began: Instant, rejects: Span) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        let mut stamps = Stamps::of(commit, rejects.0);
        stamps.durable = self.desk.clock.wall();
        stamps.rejects = Some(rejects).filter(|_| !commit.rejects.is_empty());
        let now = Instant::now();
        for slot in &self.slots {
            if let Some((from, took)) = slot.wrote {
                // By the clock that does not jump.
                let from = stamps.durable - now.saturating_duration_since(from);
                let name = slot.sink.name().to_owned();
                stamps.writes.push((name, (from, from + took)));
            }
        }
        tracer.tell(began, stamps);
    }

    /// At the prefix of the last commit as many records must have been read as were counted then: a topic that is
    /// compacted, or lost some, has fewer.
    fn check_records(&mut self, commit: &Commit) -> Result<(), Failure> {
        let at_hold = commit.whole.is_some() && !self.desk.is_released();
        if !at_hold || sabotage::is(Mistake::RecordsNotCounted) {
            return Ok(());
        }
        for (partition, counted) in std::mem::take(&mut self.counted) {
            let found = commit.counts.get(&partition).map_or(0, |c| c.read);
            let offset = self.hold.get(&partition).copied().unwrap_or(0);
            let here = commit.offsets.get(&partition) == Some(&offset);
            if !here || found >= counted {
                continue;
            }
            let (conflict, is_forgotten) = self.lost((partition, offset), (counted, found));
            if !is_forgotten {
                return Err(conflict.into());
            }
            tracing::warn!(event = "source_forgotten", problem = %conflict, "rows are set to what is there");
        }
        Ok(())
    }

    /// What it is that a partition has fewer records than were counted, and whether that may be.
    fn lost(
        &self,
        (partition, offset): (PartitionId, u64),
        (counted, found): (u64, u64),
    ) -> (Conflict, bool) {
        let forget = &self.opening.forget;
        let table = self
            .opening
            .dimension_of
            .as_ref()
            .and_then(|of| of(partition));
        let Some(table) = table else {
            let conflict = Conflict::Fewer {
                partition,
                offset,
                counted,
                found,
            };
            return (conflict, forget.source);
        };
        let is_forgotten = forget.source || forget.dimensions.contains(&table);
        let conflict = Conflict::LostDimension {
            table,
            partition,
            offset,
            counted,
            found,
        };
        (conflict, is_forgotten)
    }

    fn write_rejects(&mut self, commit: &Commit) -> Result<(), SinkError> {
        rejects::write(&self.plan, commit, self.late.as_mut(), false)?;
        rejects::write(&self.plan, commit, self.dead.as_mut(), true)
    }

    /// Whether any of a draft's rejects went somewhere.
    fn keeps(&self, commit: &Commit) -> bool {
        let is_kept = |r: &Reject| match r.kind {
            RejectKind::Dead { .. } => self.dead.is_some(),
            RejectKind::Late { .. } => self.late.is_some(),
        };
        commit.rejects.iter().any(is_kept)
    }

    /// Writes a draft to every sink; the greatest number that was used, and the draft's own in `commit`, or 0 there
    /// if no sink had anything to write.
    fn write_all(&mut self, commit: &mut Commit, end: Last) -> Result<u64, SinkError> {
        // What a sink gets that is up to date.
        commit.number = self.number + 1;
        let now = Now {
            plan: &self.plan,
            draft: commit,
            last: self.number,
            offsets: &self.offsets,
            end,
            letters: self.keeps(commit),
            opening: &self.opening,
            emit: self.emit,
            live: &self.live,
        };
        let behind = |slots: &[Slot]| slots.iter().filter(|s| s.is_behind()).count();
        let were_behind = behind(&self.slots);
        let write = |slot: &mut Slot| slot.write(&now);
        let written = each(&mut self.slots, self.one_by_one, &write)?;
        if behind(&self.slots) > were_behind {
            // A database that was put back has forgotten who took over, too. The others have not: before anything is
            // written to it they are asked.
            for slot in self.slots.iter_mut().filter(|s| !s.is_behind()) {
                slot.sink.confirm(&self.plan)?;
            }
        }
        let mut greatest = written.into_iter().max().unwrap_or(0);
        // Without a sink that is up to date, a commit has a number of its own all the same; also where every sink fell
        // behind.
        let on_the_way = |slot: &Slot| slot.catch_up.is_some() && !slot.is_behind();
        if greatest == 0 && !commit.changes.is_empty() && !self.slots.iter().any(on_the_way) {
            greatest = self.number + 1;
        }
        commit.number = greatest;
        if greatest > self.number {
            self.offsets.clone_from(&commit.offsets);
        }
        Ok(greatest)
    }
}
