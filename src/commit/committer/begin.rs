//! From what sinks and snapshots remember, and what the input holds, to how a run begins. Decides, and asks the input
//! what it must know for that; writes nothing.
//!
//! ```text
//! sinks ──what they show, and of what──┐
//! store ──snapshots, newest first──────┼──► Start (resume, hold, snapshot), or a Conflict
//! input ──identity, logs, epochs───────┘
//! ```
//!
//! 1. Offsets are applied only to the input that they are of, and only where it still holds all that they stand for.
//! 2. A snapshot is started from only if every sink that remembers shows at least what it stands for, or no window was
//!    dropped before it: else an older one, else the input's start, else the run ends and says which windows would be
//!    lacking.
//! 3. What is forgotten (`--forget`) is forgotten only where there is a conflict: the flag may stay in a service's
//!    command line.

use std::collections::{BTreeMap, BTreeSet};

use crate::sink::Shown;
use standings_engine::dataflow::control::Start;
use standings_engine::event_time::BEGINNING;
use standings_engine::input::{Input, Log};
use standings_engine::snapshot::{Manifest, Store, StoreError};
use standings_model::block::PartitionId;
use standings_model::error::{Code, Coded, codes};
use standings_model::hold::Hold;
use standings_model::identity::{Conflict, Known, Opening, admit, admit_as_numbered};
use standings_model::sabotage::{self, Mistake};
use standings_model::time::format_rfc3339;
use standings_process::exit::Failure;

type Offsets = BTreeMap<PartitionId, u64>;

/// What the sink with the last commit remembers: all sinks are brought there, and go on together.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The greatest number that any sink shows.
    pub(super) number: u64,
    /// The prefix to bring all sinks to.
    pub(super) hold: Offsets,
    /// Where reading that prefix began.
    pub(super) begins: Offsets,
    /// What the prefix is of.
    pub(super) known: Known,
    holder: String,
}

/// Asks and decides.
pub(super) struct Beginning<'a> {
    /// What is there.
    pub(super) opening: &'a Opening,
    /// The input.
    pub(super) input: &'a mut dyn Input,
    /// The sinks, for people, in order.
    pub(super) names: Vec<String>,
}

impl Beginning<'_> {
    /// Compares what each sink is of with the input. What is of another one is forgotten, if that may be: its rows stay to
    /// be compared.
    pub(super) fn admit(&self, opened: &mut [Shown]) -> Result<(), Failure> {
        for (name, shown) in self.names.iter().zip(opened) {
            let known = shown.known.as_ref().and_then(|k| k.source.as_ref());
            let holder = format!("{name} (commit {})", shown.commit);
            // Without offsets nothing depends on numbers.
            let admitted = match shown.offsets {
                Some(_) => admit_as_numbered(&holder, known, self.opening)?,
                None => admit(&holder, known, self.opening)?,
            };
            if admitted {
                tracing::warn!(
                    event = "source_forgotten",
                    holder,
                    "its rows are set to what the present source says"
                );
                forget(shown);
            }
            self.tell_news(name, shown);
        }
        Ok(())
    }

    /// Says what is taken over without having been known, and which rankings are new, others or gone.
    fn tell_news(&self, name: &str, shown: &Shown) {
        if shown.commit == 0 || !shown.remembers {
            return;
        }
        let Some(known) = &shown.known else {
            tracing::warn!(
                event = "identity_adopted",
                sink = name,
                source = self.opening.input().map(ToString::to_string),
                "an earlier version did not say what its commits are of: they are taken to be of the present source"
            );
            return;
        };
        if known.rankings.is_empty() || known.rankings == self.opening.rankings {
            return;
        }
        let now = &self.opening.rankings;
        let of = |differ: &dyn Fn(&str, &str) -> bool, all: &BTreeMap<String, String>| {
            let found = all.iter().filter(|(n, f)| differ(n, f));
            found.map(|(n, _)| n.clone()).collect::<Vec<_>>().join(", ")
        };
        tracing::warn!(
            event = "rankings_changed",
            sink = name,
            new = of(&|n, _| !known.rankings.contains_key(n), now),
            changed = of(
                &|n, f| known.rankings.get(n).is_some_and(|then| then != f),
                now
            ),
            dropped = of(&|n, _| !now.contains_key(n), &known.rankings),
            "new and changed ones are computed from the input's start; rows of dropped ones stay as they are"
        );
    }

    /// What the sinks remember; nothing where the input does not hold it any more and that may be.
    pub(super) fn memory(&mut self, opened: &mut [Shown]) -> Result<Memory, Failure> {
        let memory = self.last(opened);
        let found = self.is_there(&memory.holder, &memory.hold, &memory.known.epochs);
        if self.unless_forgotten(found)?.is_some() {
            return Ok(memory);
        }
        opened.iter_mut().for_each(forget);
        Ok(self.last(opened))
    }

    /// What was found; `None` where it is in conflict, and that may be.
    fn unless_forgotten<T>(&self, found: Result<T, Trouble>) -> Result<Option<T>, Failure> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Trouble::Conflict(conflict)) if self.opening.forget.source => {
                tracing::warn!(event = "source_forgotten", problem = %conflict, "it does not count");
                Ok(None)
            }
            Err(trouble) => Err(trouble.into()),
        }
    }

    fn last(&self, opened: &[Shown]) -> Memory {
        let number = opened.iter().map(|s| s.commit).max().unwrap_or(0);
        let with_prefix = self
            .names
            .iter()
            .zip(opened)
            .filter(|(_, s)| s.offsets.is_some());
        match with_prefix.max_by_key(|(_, s)| s.commit) {
            None => Memory {
                number,
                ..Memory::default()
            },
            Some((name, shown)) => Memory {
                number,
                hold: shown.offsets.clone().unwrap_or_default(),
                begins: shown.begins.clone(),
                known: shown.known.clone().unwrap_or_default(),
                holder: format!("{name} (commit {})", shown.commit),
            },
        }
    }

    /// Whether the input still holds a prefix: its partitions, its offsets, and the same records before them.
    fn is_there(
        &mut self,
        holder: &str,
        prefix: &Offsets,
        epochs: &BTreeMap<PartitionId, i32>,
    ) -> Result<(), Trouble> {
        if prefix.is_empty() || sabotage::is(Mistake::LogNotAsked) {
            return Ok(());
        }
        let partitions: BTreeSet<PartitionId> = prefix.keys().copied().collect();
        if let Some(logs) = self.input.logs(&partitions)? {
            for (partition, wanted) in prefix {
                holds(holder, *partition, *wanted, logs.get(partition))?;
            }
        }
        let known = |p: &PartitionId| epochs.contains_key(p);
        let asked: Offsets = prefix
            .iter()
            .filter(|(p, offset)| **offset > 0 && known(p))
            .map(|(p, offset)| (*p, *offset))
            .collect();
        if asked.is_empty() || sabotage::is(Mistake::EpochsNotCompared) {
            return Ok(());
        }
        let found = self.input.epochs_before(&asked)?;
        for (partition, offset) in asked {
            if let (Some(known), Some(found)) = (epochs.get(&partition), found.get(&partition))
                && found > known
            {
                return Err(Trouble::Conflict(Conflict::Truncated {
                    partition,
                    offset,
                    known: *known,
                    found: *found,
                }));
            }
        }
        Ok(())
    }

    /// Where to begin without a snapshot: where the prefix was begun, which is not there any more where older records have
    /// been deleted.
    fn at_input_start(&mut self, memory: &Memory) -> Result<Start, Trouble> {
        // Not whether what lies behind the first offset is there, which the hold was asked for.
        self.is_there(&memory.holder, &memory.begins, &BTreeMap::new())?;
        Ok(Start {
            resume: memory.begins.clone(),
            ..Start::default()
        })
    }

    /// Chooses the snapshot to start from, or the input's start. With it comes the manifest.
    pub(super) fn start(
        &mut self,
        memory: &Memory,
        opened: &[Shown],
        snapshots: impl Iterator<Item = Result<Manifest, StoreError>>,
        store: Option<&Store>,
    ) -> Result<(Start, Option<Manifest>), Failure> {
        let mut passed_over = None;
        for found in snapshots {
            let found = found?;
            let name = store.map_or("the store", Store::name);
            let holder = format!("snapshot {} in {name}", found.id);
            if self.opening.forget.state {
                tracing::warn!(
                    event = "snapshot_forgotten",
                    snapshot = found.id,
                    "the snapshot is not of this input; reading begins without it"
                );
                continue;
            }
            if admit_as_numbered(&holder, found.source.as_ref(), self.opening)? {
                tracing::warn!(
                    event = "source_forgotten",
                    holder,
                    "the snapshot is not used"
                );
                continue;
            }
            if !self.suits(&found, opened) {
                passed_over.get_or_insert(found);
                continue;
            }
            let (offsets, epochs) = (found.state.offsets.clone(), found.state.epochs.clone());
            let there = self.is_there(&holder, &offsets, &epochs);
            if self.unless_forgotten(there)?.is_some() {
                return Ok((self.at_snapshot(&found), Some(found)));
            }
        }
        let Some(newest) = passed_over else {
            let start = self.at_input_start(memory);
            let start = self.unless_forgotten(start)?;
            return Ok((start.unwrap_or_default(), None));
        };
        self.without_snapshot(memory, opened, newest)
    }

    /// No snapshot suits an older sink: from the input's start, if it is still there.
    fn without_snapshot(
        &mut self,
        memory: &Memory,
        opened: &[Shown],
        newest: Manifest,
    ) -> Result<(Start, Option<Manifest>), Failure> {
        let older: Vec<&str> = self.older(&newest, opened).map(|(name, _)| name).collect();
        let older = older.join(", ");
        let until = format_rfc3339(newest.state.horizon);
        let from = Memory {
            begins: match memory.begins.is_empty() {
                true => newest.state.begins.clone(),
                false => memory.begins.clone(),
            },
            holder: format!("snapshot {}", newest.id),
            ..memory.clone()
        };
        match self.at_input_start(&from) {
            Ok(start) => {
                tracing::warn!(
                    event = "snapshot_newer_than_sink",
                    sink = older,
                    snapshot = newest.id,
                    until,
                    "windows that end up to then were dropped before the snapshot, and the sink does not show them as they \
                     were then: the input is read from its start"
                );
                return Ok((start, None));
            }
            Err(Trouble::Failed(failure)) => return Err(failure),
            Err(Trouble::Conflict(_)) => {}
        }
        let is_new = |shown: &Shown| shown.commit == 0 && shown.rows.is_empty();
        let all_new = self
            .older(&newest, opened)
            .all(|(_, shown)| is_new(shown) || shown.lacks_tables);
        if !all_new && !self.opening.forget.sink {
            return Err(SinkLacks { older, until }.into());
        }
        tracing::warn!(
            event = "sink_lacks_windows",
            sink = older,
            until,
            "windows that end up to then are not kept any more, and are not written to it: standings repair computes them \
             from wherever the records are kept"
        );
        Ok((self.at_snapshot(&newest), Some(newest)))
    }

    fn at_snapshot(&self, found: &Manifest) -> Start {
        let state = &found.state;
        tracing::info!(event = "snapshot_chosen", snapshot = found.id, offsets = ?state.offsets, "the run goes on from this snapshot");
        let mut start = Start {
            resume: state.offsets.clone(),
            horizon: state.horizon,
            parts: found.parts.clone(),
            schemas: state.schemas.clone(),
            ..Start::default()
        };
        if !sabotage::is(Mistake::ClockNotRestored) {
            start.greatest = state.greatest.clone();
        }
        if !sabotage::is(Mistake::FoundNotRestored) {
            start.found = state.found.clone();
            start.bootstrap = state.bootstrap.clone();
        }
        if !sabotage::is(Mistake::IdsNotReadBack) {
            start.ids_from = state.ids_from.clone();
        }
        start
    }

    /// Whether every sink shows all that this snapshot cannot bring it.
    fn suits(&self, snapshot: &Manifest, opened: &[Shown]) -> bool {
        sabotage::is(Mistake::OlderSinkIgnored) || self.older(snapshot, opened).next().is_none()
    }

    /// The sinks that a snapshot cannot bring forward: windows were dropped before it that they may not show as they were.
    fn older<'a>(
        &'a self,
        snapshot: &'a Manifest,
        opened: &'a [Shown],
    ) -> impl Iterator<Item = (&'a str, &'a Shown)> {
        let names = self.names.iter().map(String::as_str);
        let is_older = |shown: &Shown| {
            let at = |p: &PartitionId| shown.offsets.as_ref().and_then(|o| o.get(p)).copied();
            let nothing = |p: &PartitionId| snapshot.state.begins.get(p).copied().unwrap_or(0);
            let mut all = snapshot.state.offsets.iter();
            shown.lacks_tables
                || all.any(|(p, offset)| at(p).unwrap_or_else(|| nothing(p)) < *offset)
        };
        let dropped_some = snapshot.state.horizon > BEGINNING;
        names
            .zip(opened)
            .filter(move |(_, shown)| dropped_some && shown.remembers && is_older(shown))
    }

    /// Where reading waits.
    pub(super) fn hold(memory: &Memory) -> Hold {
        match sabotage::is(Mistake::HoldIgnored) {
            true => Hold::default(),
            false => Hold::at(memory.hold.clone()),
        }
    }
}

/// Its offsets are of another input, or of records that are gone; its rows and its number stay.
fn forget(shown: &mut Shown) {
    shown.offsets = None;
    shown.begins.clear();
    shown.watermark = None;
    shown.known = None;
}

/// Whether a partition still has what lies before an offset, but for what was deleted before its own first one.
fn holds(
    holder: &str,
    partition: PartitionId,
    wanted: u64,
    log: Option<&Log>,
) -> Result<(), Conflict> {
    let holder = holder.to_owned();
    match log {
        None if wanted == 0 => Ok(()),
        None => Err(Conflict::NoPartition {
            holder,
            partition,
            count: wanted,
        }),
        Some(log) if (log.low..=log.high).contains(&wanted) => Ok(()),
        Some(log) => Err(Conflict::NotThere {
            holder,
            partition,
            wanted,
            low: log.low,
            high: log.high,
        }),
    }
}

/// Why a run cannot begin so.
#[derive(Debug)]
enum Trouble {
    Conflict(Conflict),
    Failed(Failure),
}

impl From<Conflict> for Trouble {
    fn from(conflict: Conflict) -> Self {
        Trouble::Conflict(conflict)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Failed(failure)
    }
}

/// A sink is older than all that a start could go on from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{older} shows less than every snapshot stands for, and the start of the input is not there any more: \
     windows that end up to {until} and were closed since could not be shown as they were. Nothing was written. \
     Restore a newer backup of the sink, or an older one of --state; or go on without these windows with \
     --forget sink, and have them computed from wherever the records are kept: standings repair --source …"
)]
pub struct SinkLacks {
    /// Which.
    older: String,
    /// The end of the last of these windows.
    until: String,
}

impl Coded for SinkLacks {
    fn code(&self) -> &'static Code {
        &codes::sink::LACKS
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Conflict(conflict) => conflict.into(),
            Trouble::Failed(failure) => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_that_is_too_old_is_named() {
        let (older, until) = ("db".to_owned(), "2026-01-24T00:00:00Z".to_owned());
        let lacks = SinkLacks { older, until };
        assert_eq!((lacks.code().id, lacks.code().exit), ("S0515", 2));
        assert!(
            lacks
                .to_string()
                .contains("windows that end up to 2026-01-24T00:00:00Z and")
        );
    }
}
