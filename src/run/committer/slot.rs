//! One sink of a run, and how it is brought to what the others show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Last;
use super::catch_up::CatchUp;
use crate::model::block::PartitionId;
use crate::model::change::{Change, Commit};
use crate::model::plan::Plan;
use crate::observe::live::Live;
use crate::sink::{Sink, SinkError};

/// A sink.
pub(super) struct Slot {
    pub(super) sink: Box<dyn Sink>,
    pub(super) catch_up: Option<CatchUp>,
    /// The last commit in the sink when it was opened.
    pub(super) shown: u64,
    /// The prefix that the sink records last.
    pub(super) offsets: Option<BTreeMap<PartitionId, u64>>,
    /// When the present draft's write began, and what it took; `None` if there was nothing to write.
    pub(super) wrote: Option<(Instant, Duration)>,
}

impl Slot {
    pub(super) fn new(sink: Box<dyn Sink>) -> Self {
        Slot {
            sink,
            catch_up: None,
            shown: 0,
            offsets: None,
            wrote: None,
        }
    }

    /// Writes a draft, whose number is `last` + 1; the number it got in this sink, 0 if there was nothing to write.
    pub(super) fn write(
        &mut self,
        plan: &Plan,
        draft: &Commit,
        last: u64,
        end: Last,
        live: &Live,
    ) -> Result<u64, SinkError> {
        self.wrote = None;
        let is_last = end != Last::No;
        let Some(catch_up) = &mut self.catch_up else {
            return self.put(plan, draft, is_last, live);
        };
        catch_up.absorb(draft);
        let reached = catch_up.has_reached(draft);
        if !reached && end != Last::Ended {
            // Stopped on the way: the sink shows more than was read again, and keeps it.
            return Ok(0);
        }
        if !reached {
            tracing::warn!(
                event = "sink_ahead_of_source",
                sink = self.sink.name(),
                "the sink's last commit stands for more input than the source holds; it is set to the source"
            );
        }
        let prefix = catch_up.prefix().clone();
        let changes: Vec<Change> = self
            .catch_up
            .take()
            .map(CatchUp::difference)
            .unwrap_or_default();
        tracing::info!(
            event = "sink_caught_up",
            sink = self.sink.name(),
            changes = changes.len()
        );
        // A sink that was behind the others gets the last commit under its own number: from here on all agree.
        let is_behind = self.shown < last && reached;
        let number = if is_behind { last } else { last + 1 };
        let mut commit = Commit {
            number,
            changes: Arc::new(changes),
            rejects: Vec::new(),
            ..draft.clone()
        };
        if is_behind {
            // A snapshot may stand for more than that commit, by records that changed nothing; the number stands for
            // what it stands for in the other sink.
            commit.offsets = prefix;
        }
        self.put(plan, &commit, is_last || is_behind, live)
    }

    /// Writes a commit under its own number; 0 if there was nothing to write. `records_prefix`: also if there is no
    /// change, to record how far the input was read.
    fn put(
        &mut self,
        plan: &Plan,
        commit: &Commit,
        records_prefix: bool,
        live: &Live,
    ) -> Result<u64, SinkError> {
        let news = records_prefix && self.offsets.as_ref() != Some(&commit.offsets);
        if commit.changes.is_empty() && !news {
            return Ok(0);
        }
        let began = Instant::now();
        self.sink.write(plan, commit)?;
        let took = began.elapsed();
        live.commit_took(self.sink.name(), took);
        self.wrote = Some((began, took));
        // No allocation where the partitions are the same, as they nearly always are.
        self.offsets
            .get_or_insert_default()
            .clone_from(&commit.offsets);
        Ok(commit.number)
    }
}

/// Does the same to every sink, side by side unless `one_by_one`; the first failure, in the sinks' order.
pub(super) fn each<R: Send>(
    slots: &mut [Slot],
    one_by_one: bool,
    act: &(impl Fn(&mut Slot) -> Result<R, SinkError> + Sync),
) -> Result<Vec<R>, SinkError> {
    if one_by_one || slots.len() == 1 {
        return slots.iter_mut().map(act).collect();
    }
    let Some((first, others)) = slots.split_first_mut() else {
        return Ok(Vec::new());
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = others.iter_mut().map(|s| scope.spawn(|| act(s))).collect();
        let lost = || SinkError::Failed("a sink's thread panicked".to_owned());
        let mut all = vec![act(first)];
        for thread in threads {
            all.push(thread.join().unwrap_or_else(|_| Err(lost())));
        }
        all.into_iter().collect()
    })
}
