//! Brings the workers' candidates together: ranks them, and says what changed since the last commit.
//!
//! 1. What is drafted is the difference between the rows as of a frontier and the rows as last drafted: a change that
//!    changes nothing is never in it, and a key is at most once.
//! 2. Windows close by the global watermark alone; all their rows are then written once more, final.

mod dropped;
mod lives;
#[cfg(test)]
mod tests;
mod told;
mod tops;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

use self::dropped::later;
use self::lives::Lives;
use self::tops::ShownTops;
use super::emit::Emit;
use super::fed::is_read;
use super::messages::{Candidate, Progress, Promise};
use super::moved;
use super::of_rank::OfRank;
use super::provisional::Shown;
use super::ranked::{At, Ranked};
use super::sessions::start_of;
use crate::event_time::global::{GlobalClock, PartitionState};
use crate::event_time::partition::Policy;
use crate::event_time::{BEGINNING, END_OF_TIME};
use crate::pack::key::KeyCodec;
use crate::rank::state::GatherState;
use standings_model::amounts::{self, Summary};
use standings_model::block::PartitionId;
use standings_model::change::{Change, Commit, Counts, Whole};
use standings_model::identity::NO_EPOCH;
use standings_model::placed::Placed;
use standings_model::plan::Plan;
use standings_model::schema::{Kept, Schema};
use standings_model::window_check::{Judgement, WindowChecks};

type Partitions = HashMap<Arc<[u8]>, Box<Ranked>>;

/// What gather knows.
pub struct Gather {
    pub(super) plan: Arc<Plan>,
    codecs: Vec<KeyCodec>,
    of_rank: Vec<Option<OfRank>>,
    shown: Shown,
    emit: Emit,
    clock: GlobalClock,
    closed: i64,
    /// Windows of joined rows that end at or before this were drafted when their rows could change no more.
    frozen: i64,
    windows: BTreeMap<(u32, i64), Partitions>,
    dirty: BTreeSet<(u32, i64, Arc<[u8]>)>,
    /// Rows that are pieces of bytes.
    tops: ShownTops,
    /// Which rankings others read, and what of them changed since those were told.
    read: Vec<bool>,
    unfed: BTreeSet<(u32, i64, Arc<[u8]>)>,
    lives: Lives,
    promises: Vec<i64>,
    offsets: BTreeMap<PartitionId, u64>,
    begins: BTreeMap<PartitionId, u64>,
    epochs: BTreeMap<PartitionId, i32>,
    greatest: BTreeMap<PartitionId, i64>,
    found: BTreeMap<PartitionId, i64>,
    bootstrap: BTreeMap<PartitionId, u64>,
    pub(super) counts: BTreeMap<PartitionId, Counts>,
    amounts: Arc<Vec<Summary>>,
    ids_from: BTreeMap<PartitionId, u64>,
    schemas: BTreeMap<(Arc<str>, u32), Arc<Schema>>,
    windows_of_checks: WindowChecks,
    /// Until every sink has caught up: the rows of windows that were dropped since the start.
    dropped: Option<Whole>,
    pub(super) next: Commit,
}

impl Gather {
    /// Nothing gathered yet, from `workers` workers.
    pub fn new(plan: Arc<Plan>, policy: Policy, emit: Emit, workers: usize) -> Self {
        let codecs = plan.rankings.iter().map(KeyCodec::new).collect();
        let zone = plan.zone.as_deref();
        let of_rank = plan.rankings.iter().map(|r| OfRank::new(r, zone));
        let of_rank = of_rank.collect();
        let shown = Shown::new(&plan);
        let windows_of_checks = WindowChecks::new(&plan.checks);
        let read = plan.rankings.iter().map(|r| is_read(&plan.tables, r));
        let read = read.collect();
        Gather {
            tops: ShownTops::new(&plan),
            plan,
            windows_of_checks,
            dropped: Some(Whole {
                horizon: BEGINNING,
                ..Whole::default()
            }),
            ids_from: BTreeMap::new(),
            schemas: BTreeMap::new(),
            codecs,
            of_rank,
            shown,
            emit,
            clock: GlobalClock::new(policy),
            closed: BEGINNING,
            frozen: BEGINNING,
            windows: BTreeMap::new(),
            dirty: BTreeSet::new(),
            read,
            unfed: BTreeSet::new(),
            lives: Lives::default(),
            promises: vec![BEGINNING; workers],
            offsets: BTreeMap::new(),
            begins: BTreeMap::new(),
            epochs: BTreeMap::new(),
            greatest: BTreeMap::new(),
            found: BTreeMap::new(),
            bootstrap: BTreeMap::new(),
            counts: BTreeMap::new(),
            amounts: Arc::default(),
            next: Commit::default(),
        }
    }

    /// Goes on from a snapshot; its rows come as candidates.
    pub fn restore(&mut self, state: GatherState) {
        let policy = *self.clock.policy();
        for partition in state.offsets.keys() {
            let greatest = state.greatest.get(partition);
            let known = PartitionState {
                // The reader says at once what its table's is.
                watermark: policy.watermark(greatest.copied()),
                ..PartitionState::default()
            };
            self.clock.update(*partition, known);
        }
        self.clock.restore(state.watermark, state.horizon);
        let greatest = state.greatest.values().copied().max();
        self.windows_of_checks.restore(state.windows, greatest);
        self.ids_from = state.ids_from;
        self.keep(state.schemas);
        self.closed = state.closed;
        self.promises.fill(state.horizon);
        if let Some(dropped) = &mut self.dropped {
            dropped.horizon = state.horizon;
            dropped.later = later(&self.plan, state.horizon);
        }
        self.offsets = state.offsets;
        self.begins = state.begins;
        self.epochs = state.epochs;
        self.greatest = state.greatest;
        self.found = state.found;
        self.bootstrap = state.bootstrap;
        self.counts = state.counts;
        self.amounts = Arc::new(state.amounts);
    }

    /// All of this but the rows, which their owners keep.
    pub fn state(&self) -> GatherState {
        GatherState {
            offsets: self.offsets.clone(),
            begins: self.begins.clone(),
            epochs: self.epochs.clone(),
            greatest: self.greatest.clone(),
            found: self.found.clone(),
            bootstrap: self.bootstrap.clone(),
            counts: self.counts.clone(),
            amounts: Vec::clone(&self.amounts),
            ids_from: self.ids_from.clone(),
            windows: self.windows_of_checks.state(),
            schemas: self.kept(),
            watermark: self.clock.watermark(),
            closed: self.closed,
            horizon: self.promised(),
        }
    }

    /// Whether tables that others are joined with are read as far as they must be before those are; of a plan without any there
    /// is nothing to say.
    pub fn has_partners(&self) -> bool {
        self.is_joined() && !self.clock.partitions().values().any(|p| p.awaited)
    }

    /// Whether some ranking is of rows that are joined.
    pub fn is_joined(&self) -> bool {
        self.plan.joins().next().is_some()
    }

    /// Whether some ranking is by sessions.
    pub fn has_sessions(&self) -> bool {
        let mut all = self.plan.rankings.iter();
        all.any(|ranking| ranking.window.is_session())
    }

    fn keep(&mut self, schemas: Vec<Kept>) {
        for kept in schemas {
            self.schemas.insert((kept.registry, kept.id), kept.schema);
        }
    }

    fn kept(&self) -> Vec<Kept> {
        let all = self.schemas.iter();
        let all = all.map(|((registry, id), schema)| Kept {
            registry: Arc::clone(registry),
            id: *id,
            schema: Arc::clone(schema),
        });
        all.collect()
    }

    /// Takes over one candidate.
    pub fn candidate(&mut self, candidate: Candidate) {
        let at = (candidate.ranking, candidate.window_end);
        let plan = &self.plan.rankings[at.0 as usize];
        if plan.joined.is_some() && at.1 <= plan.horizon(self.frozen) {
            // What rows are joined with moves it no more, although it is still there.
            return;
        }
        let partitions = self.windows.entry(at).or_default();
        let own = Arc::clone(&candidate.partition);
        let partition = partitions.entry(own);
        let is_read = self.read[at.0 as usize];
        let partition = partition.or_insert_with(|| match is_read {
            true => Box::new(Ranked::read(plan)),
            false => Box::new(Ranked::new(plan)),
        });
        if is_read {
            let own = Arc::clone(&candidate.partition);
            self.unfed.insert((at.0, at.1, own));
        }
        if !std::mem::replace(&mut partition.is_dirty, true) {
            let own = Arc::clone(&candidate.partition);
            self.dirty.insert((at.0, at.1, own));
        }
        partition.update(candidate, &self.codecs[at.0 as usize]);
    }

    /// Takes over what a reader says of its partitions.
    pub fn progress(&mut self, progress: Progress) {
        for p in progress.partitions {
            self.offsets.insert(p.partition, p.next_offset);
            self.begins.entry(p.partition).or_insert(p.begin);
            if p.leader_epoch != NO_EPOCH {
                self.epochs.insert(p.partition, p.leader_epoch);
            }
            if let Some(greatest) = p.greatest {
                self.greatest.insert(p.partition, greatest);
            }
            if p.bootstrap > 0 {
                self.bootstrap.insert(p.partition, p.bootstrap);
            }
            match p.found {
                Some(found) => drop(self.found.insert(p.partition, found)),
                None => drop(self.found.remove(&p.partition)),
            }
            self.counts.entry(p.partition).or_default().add(&p.counts);
            if let Some(from) = p.ids_from {
                self.ids_from.insert(p.partition, from);
            }
            self.clock.update(p.partition, p.state);
        }
        if !progress.amounts.is_empty() {
            amounts::merge(Arc::make_mut(&mut self.amounts), progress.amounts);
        }
        self.windows_of_checks.add(progress.windows);
        self.keep(progress.schemas);
        self.next.rejects.extend(progress.rejects);
        self.next.arrived.extend(progress.arrived);
        self.next.folded = self.next.folded.max(progress.folded);
    }

    /// Takes over what is told of windows whose positions are asked for.
    pub fn placed(&mut self, placed: Vec<Placed>) {
        Arc::make_mut(&mut self.next.placed).extend(placed);
    }

    /// Takes over a reader's promise.
    pub fn promise(&mut self, promise: Promise) {
        if let Some(horizon) = self.promises.get_mut(promise.worker as usize) {
            *horizon = (*horizon).max(promise.horizon);
        }
    }

    /// Moves the clock after a frontier's worth of messages.
    pub fn advance(&mut self) {
        self.clock.advance();
    }

    /// The horizon that readers should promise next.
    pub fn target_horizon(&self) -> i64 {
        self.clock.horizon()
    }

    /// The difference since the last draft. Its number is 0: the committer numbers it. Windows up to
    /// `closed_before` were closed by an earlier run: the watermark that readers see never goes back. `whole`: with all
    /// rows beside the difference.
    pub fn draft(&mut self, closed_before: i64, whole: bool) -> Commit {
        let watermark = self.clock.watermark().max(closed_before);
        if watermark > self.closed {
            for number in 0..self.plan.rankings.len() as u32 {
                let closes = (number, self.closed.saturating_add(1))..=(number, watermark);
                for ((_, end), partitions) in self.windows.range(closes) {
                    let all = partitions.keys();
                    self.dirty
                        .extend(all.map(|p| (number, *end, Arc::clone(p))));
                }
            }
            self.tops.touch_all((self.closed, watermark));
            self.closed = watermark;
        }
        self.show(watermark);
        let judgements = self.judge_windows(closed_before);
        let changes = self.changes(watermark);
        self.frozen = self.clock.over();
        self.retire(watermark);
        let mut commit = self.unshown(closed_before);
        commit.changes = Arc::new(changes);
        commit.judgements = judgements;
        commit.whole = whole.then(|| Arc::new(self.whole(watermark)));
        commit
    }

    /// What changed of rows since the last draft.
    fn changes(&mut self, watermark: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        for (ranking, end, partition) in std::mem::take(&mut self.dirty) {
            let at = self.at((ranking, end), &partition, watermark);
            let Some(found) = self
                .windows
                .get_mut(&(ranking, end))
                .and_then(|w| w.get_mut(&partition))
            else {
                continue;
            };
            let plan = &self.plan.rankings[ranking as usize];
            found.is_dirty = false;
            if !plan.is_hidden && self.shown.has(ranking as usize, end) {
                let of_rank = self.of_rank[ranking as usize].as_ref();
                found.difference(plan, of_rank, self.emit, at, &mut changes);
            }
            if (plan.window.is_session() || plan.retracts) && found.is_empty() {
                self.forget((ranking, end), &partition);
            }
        }
        moved::merge(&self.plan.rankings, self.emit, &mut changes);
        self.changes_of_tops(watermark, &mut changes);
        changes
    }

    /// A draft that shows nothing of what was gathered: how far was read, and what became of it. What changed is of the next.
    pub fn unshown(&mut self, closed_before: i64) -> Commit {
        let watermark = self.clock.watermark().max(closed_before);
        let mut commit = std::mem::take(&mut self.next);
        commit.offsets = self.offsets.clone();
        commit.begins = self.begins.clone();
        commit.epochs = self.epochs.clone();
        commit.watermark = (watermark > BEGINNING + 1).then_some(watermark);
        commit.watermarks = self
            .clock
            .partitions()
            .iter()
            .map(|(p, s)| (*p, s.watermark))
            .collect();
        for (partition, state) in self.clock.partitions() {
            if state.idle {
                commit.idle.insert(*partition);
            }
            if state.finished {
                commit.finished.insert(*partition);
            }
        }
        commit.counts = self.counts.clone();
        commit.amounts = Arc::clone(&self.amounts);
        commit
    }

    /// Windows that are shown from now on are drafted.
    fn show(&mut self, watermark: i64) {
        let greatest = self.greatest.values().copied().max();
        for (number, ranking) in self.plan.rankings.iter().enumerate() {
            let of_it = |from: i64| (number as u32, from)..=(number as u32, i64::MAX);
            let windows = &self.windows;
            let first_after = |time: i64| {
                let after = windows.range(of_it(time.saturating_add(1))).next();
                after.map(|((_, end), _)| *end)
            };
            let at = (number, ranking);
            let Some((from, to)) = self.shown.advance(at, watermark, greatest, first_after) else {
                continue;
            };
            self.tops.touch(number as u32, (from, to));
            let new = windows.range((number as u32, from.saturating_add(1))..=(number as u32, to));
            for ((_, end), partitions) in new {
                let all = partitions.keys();
                self.dirty
                    .extend(all.map(|p| (number as u32, *end, Arc::clone(p))));
            }
        }
    }

    /// How many values computed of ranks had an error since this was asked last, by ranking.
    pub fn take_value_errors(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let all = self.of_rank.iter().enumerate();
        all.filter_map(|(number, of)| Some((number, of.as_ref()?.take_errors())))
    }

    /// Judges the windows of checks, by the watermark of what was read, not by that of an earlier run, whose windows are
    /// not all counted yet. An earlier run that came to the end of its files has passed everything: what those hold by
    /// now is judged at their present end.
    fn judge_windows(&mut self, closed_before: i64) -> Vec<Judgement> {
        let watermark = self.clock.watermark();
        let mut partitions = self.clock.partitions().values();
        let ended = watermark == END_OF_TIME;
        if ended && !partitions.all(|p| p.finished) {
            return Vec::new();
        }
        let known = Some(closed_before).filter(|w| *w != END_OF_TIME);
        let known = known.unwrap_or(BEGINNING);
        self.windows_of_checks.judge(watermark, known, ended)
    }

    /// What has no rows is forgotten: a session that is another one now, a partition whose rows were taken back.
    fn forget(&mut self, at: (u32, i64), partition: &[u8]) {
        if let Some(partitions) = self.windows.get_mut(&at) {
            partitions.remove(partition);
            if partitions.is_empty() {
                self.windows.remove(&at);
            }
        }
    }

    fn at(&self, (ranking, end): (u32, i64), partition: &[u8], watermark: i64) -> At {
        let ranking = ranking as usize;
        let window = &self.plan.rankings[ranking].window;
        let start = match window.is_session() {
            true => start_of(partition),
            false => window.start(end),
        };
        At {
            ranking,
            window: (start, end),
            is_final: end <= watermark,
        }
    }

    /// Windows that end at or before this are dropped: every reader has promised to send nothing more for them.
    pub fn promised(&self) -> i64 {
        self.promises.iter().copied().min().unwrap_or(BEGINNING)
    }

    /// The next offset to read, per partition.
    pub fn offsets(&self) -> &BTreeMap<PartitionId, u64> {
        &self.offsets
    }
}
