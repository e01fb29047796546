//! One sink of a run, and how it is brought to what the others show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Last;
use super::catch_up::CatchUp;
use crate::refused::Letters;
use crate::sink::{Sink, SinkError};
use standings_engine::event_time::BEGINNING;
use standings_engine::rank::emit::Emit;
use standings_model::block::PartitionId;
use standings_model::change::Commit;
use standings_model::error::{Code, Coded, codes};
use standings_model::identity::Opening;
use standings_model::plan::Plan;
use standings_model::time::format_rfc3339;
use standings_observe::live::Live;

/// Why a sink's part of a draft ends the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// It lost commits, and another cluster wrote to it since.
    #[error(
        "another cluster has taken over {sink} and written to it since it lost commits; this one stops"
    )]
    TakenOver {
        /// For logs.
        sink: String,
    },
    /// It lost commits of windows that nobody here has any more.
    #[error(
        "{sink} shows commit {shown} and had acknowledged {last}; windows that end up to {} are not kept by this run, and may be \
         among what it lost. Start again: the start reads from a snapshot or from the input what it lacks",
        format_rfc3339(*.horizon)
    )]
    Lost {
        /// For logs.
        sink: String,
        /// Its last commit.
        shown: u64,
        /// The last one that it acknowledged.
        last: u64,
        /// Windows that end up to it are dropped, ms.
        horizon: i64,
    },
    /// A defect.
    #[error("a sink's thread panicked")]
    Panicked,
}

impl Coded for SlotError {
    fn code(&self) -> &'static Code {
        match self {
            SlotError::TakenOver { .. } => &codes::sink::FENCED,
            SlotError::Lost { .. } => &codes::sink::BEHIND,
            SlotError::Panicked => &codes::process::DEFECT,
        }
    }
}

/// A sink.
pub(super) struct Slot {
    pub(super) sink: Box<dyn Sink>,
    /// Where it tells of rows that it refuses.
    letters: Letters,
    pub(super) catch_up: Option<CatchUp>,
    /// The last commit in the sink when it was opened.
    pub(super) shown: u64,
    /// It keeps what it is told from one run to the next.
    pub(super) remembers: bool,
    /// The prefix that the sink records last.
    pub(super) offsets: Option<BTreeMap<PartitionId, u64>>,
    /// When the present draft's write began, and what it took; `None` if there was nothing to write.
    pub(super) wrote: Option<(Instant, Duration)>,
}

impl Slot {
    pub(super) fn new(mut sink: Box<dyn Sink>, letters: &Letters) -> Self {
        let letters = letters.own();
        sink.letters(letters.clone());
        Slot {
            sink,
            letters,
            catch_up: None,
            shown: 0,
            remembers: false,
            offsets: None,
            wrote: None,
        }
    }

    /// Writes a draft; the number it got in this sink, 0 if there was nothing to write.
    pub(super) fn write(&mut self, now: &Now<'_>) -> Result<u64, SinkError> {
        self.wrote = None;
        let done = match self.catch_up.take() {
            None => self.put(
                now,
                now.draft,
                now.end != Last::No || self.keeps_letters(now),
            ),
            Some(catch_up) => self.catch_up(now, catch_up),
        };
        match done {
            Err(found @ SinkError::Behind { .. }) => {
                self.fall_behind(now, &found)?;
                Ok(0)
            }
            done => done,
        }
    }

    /// Whether late sales or dead letters of this draft were written, so that the next start must know it.
    fn keeps_letters(&self, now: &Now<'_>) -> bool {
        self.remembers && now.letters
    }

    /// Whether it shows less than it acknowledged in this run.
    pub(super) fn is_behind(&self) -> bool {
        self.catch_up.as_ref().is_some_and(|c| c.fell_behind)
    }

    /// Opens the sink anew, to be brought to all rows of the next draft.
    fn fall_behind(&mut self, now: &Now<'_>, found: &SinkError) -> Result<(), SinkError> {
        let shown = self.sink.open(now.plan, now.opening)?;
        if shown.commit > now.last || shown.watermark > now.draft.watermark {
            // What it shows is not what this run had written: windows that are final there would be opened again.
            return Err(SlotError::TakenOver {
                sink: self.sink.name().to_owned(),
            }
            .into());
        }
        tracing::warn!(
            event = "sink_fell_behind",
            sink = self.sink.name(),
            %found,
            shown = shown.commit,
            last = now.last,
            "it shows less than it had acknowledged: it is brought to the present from the engine's own rows"
        );
        self.shown = shown.commit;
        self.offsets = shown.offsets;
        let mut catch_up = CatchUp::new(shown.rows, now.offsets.clone(), now.emit);
        catch_up.fell_behind = true;
        self.catch_up = Some(catch_up);
        Ok(())
    }

    /// Brings the sink to all rows of a draft, if it is the one for that.
    fn catch_up(&mut self, now: &Now<'_>, catch_up: CatchUp) -> Result<u64, SinkError> {
        let (draft, last) = (now.draft, now.last);
        let reached = catch_up.has_reached(draft);
        // Stopped on the way, the sink shows more than was read again, and keeps it.
        let whole = draft.whole.as_deref();
        let Some(whole) = whole.filter(|_| reached || now.end == Last::Ended) else {
            self.catch_up = Some(catch_up);
            return Ok(0);
        };
        if catch_up.fell_behind && whole.horizon > BEGINNING {
            // They may be among what it lost, and nobody has them any more.
            return Err(SlotError::Lost {
                sink: self.sink.name().to_owned(),
                shown: self.shown,
                last,
                horizon: whole.horizon,
            }
            .into());
        }
        if !reached {
            tracing::warn!(
                event = "sink_ahead_of_source",
                sink = self.sink.name(),
                "the sink's last commit stands for more input than the source holds; it is set to the source"
            );
        }
        let (prefix, fell_behind) = (catch_up.prefix().clone(), catch_up.fell_behind);
        let changes = catch_up.difference(&now.plan.rankings, whole);
        tracing::info!(
            event = "sink_caught_up",
            sink = self.sink.name(),
            changes = changes.len(),
            "the sink shows what it should again"
        );
        // A sink that was behind the others gets the last commit under its own number: from here on all agree. One that
        // fell behind gets this one, if the others get it too.
        let is_behind = self.shown < last && reached;
        let gets_last = match fell_behind {
            true => is_behind && draft.changes.is_empty(),
            false => is_behind,
        };
        let mut commit = Commit {
            number: if gets_last { last } else { last + 1 },
            changes: Arc::new(changes),
            rejects: Vec::new(),
            ..draft.clone()
        };
        if gets_last {
            // A draft may stand for more than that commit, by records that changed nothing; the number stands for
            // what it stands for in the other sink.
            commit.offsets = match fell_behind {
                true => now.offsets.clone(),
                false => prefix,
            };
        }
        let records = now.end != Last::No || is_behind || self.keeps_letters(now);
        // What it lacks of its own prefix it had refused, and told.
        let known = self.offsets.is_some() && reached && !is_behind && !fell_behind;
        self.letters.are_known(known);
        let put = self.put(now, &commit, records);
        self.letters.are_known(false);
        put
    }

    /// Writes a commit under its own number; 0 if there was nothing to write. `records_prefix`: also if there is no
    /// change, to record how far the input was read.
    fn put(
        &mut self,
        now: &Now<'_>,
        commit: &Commit,
        records_prefix: bool,
    ) -> Result<u64, SinkError> {
        let news = records_prefix && self.offsets.as_ref() != Some(&commit.offsets);
        if commit.changes.is_empty() && !news {
            return Ok(0);
        }
        let began = instant();
        self.sink.write(now.plan, commit)?;
        let took = instant().saturating_duration_since(began);
        now.live.commit_took(self.sink.name(), took);
        self.wrote = Some((began, took));
        // No allocation where the partitions are the same, as they nearly always are.
        self.offsets
            .get_or_insert_default()
            .clone_from(&commit.offsets);
        Ok(commit.number)
    }
}

/// A draft on its way to the sinks.
pub(super) struct Now<'a> {
    pub(super) plan: &'a Plan,
    /// Its number is `last` + 1.
    pub(super) draft: &'a Commit,
    /// The last number that was used, and the prefix of that commit.
    pub(super) last: u64,
    pub(super) offsets: &'a BTreeMap<PartitionId, u64>,
    pub(super) end: Last,
    /// Its rejects were written somewhere.
    pub(super) letters: bool,
    pub(super) opening: &'a Opening,
    pub(super) emit: Emit,
    pub(super) live: &'a Live,
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
        let mut all = vec![act(first)];
        for thread in threads {
            all.push(
                thread
                    .join()
                    .unwrap_or_else(|_| Err(SlotError::Panicked.into())),
            );
        }
        all.into_iter().collect()
    })
}

/// For how long a write took, which decides nothing.
#[expect(clippy::disallowed_methods, reason = "only measured")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sink_lost_and_nobody_has_ends_the_run() {
        let (sink, shown, last, horizon) = ("db".to_owned(), 3, 5, 0);
        let lost = SlotError::Lost {
            sink,
            shown,
            last,
            horizon,
        };
        assert_eq!((lost.code().id, lost.code().exit), ("S0507", 1));
        let words = "db shows commit 3 and had acknowledged 5; windows that end up to 1970-01-01T00:00:00Z are not kept";
        assert!(lost.to_string().starts_with(words), "{lost}");
        assert_eq!(SlotError::Panicked.code().id, "S0001");
    }
}
