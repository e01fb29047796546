//! Brings the workers' candidates together: ranks them, and says what changed since the last commit.
//!
//! 1. What is drafted is the difference between the rows as of a frontier and the rows as last drafted: a change that
//!    changes nothing is never in it, and a key is at most once.
//! 2. Windows close by the global watermark alone; all their rows are then written once more, final.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

use super::emit::Emit;
use super::fed::{Fed, is_read};
use super::keys::Moved;
use super::messages::{Candidate, Progress, Promise};
use super::moved;
use super::ranked::{At, Ranked};
use super::sessions::start_of;
use crate::event_time::global::{GlobalClock, PartitionState};
use crate::event_time::partition::Policy;
use crate::event_time::{BEGINNING, END_OF_TIME};
use crate::pack::key::KeyCodec;
use crate::rank::state::GatherState;
use standings_decode::Keep;
use standings_model::amounts::{self, Summary};
use standings_model::block::PartitionId;
use standings_model::change::{Commit, Counts, Whole};
use standings_model::identity::NO_EPOCH;
use standings_model::plan::Plan;
use standings_model::schema::{Kept, Schema};
use standings_model::window_check::{Judgement, WindowChecks};

/// How far windows are dropped of rankings by sessions, where those of others go up to `horizon`.
fn later(plan: &Plan, horizon: i64) -> BTreeMap<usize, i64> {
    let all = plan.rankings.iter().enumerate();
    let later = all.map(|(number, ranking)| (number, ranking.horizon(horizon)));
    later
        .filter(|(number, own)| *own < horizon && !plan.rankings[*number].is_hidden)
        .collect()
}

type Partitions = HashMap<Arc<[u8]>, Ranked>;

/// What gather knows.
pub struct Gather {
    plan: Arc<Plan>,
    codecs: Vec<KeyCodec>,
    emit: Emit,
    clock: GlobalClock,
    closed: i64,
    windows: BTreeMap<(u32, i64), Partitions>,
    dirty: BTreeSet<(u32, i64, Arc<[u8]>)>,
    /// Which rankings others read, and what of them changed since those were told.
    read: Vec<bool>,
    unfed: BTreeSet<(u32, i64, Arc<[u8]>)>,
    promises: Vec<i64>,
    offsets: BTreeMap<PartitionId, u64>,
    begins: BTreeMap<PartitionId, u64>,
    epochs: BTreeMap<PartitionId, i32>,
    greatest: BTreeMap<PartitionId, i64>,
    found: BTreeMap<PartitionId, i64>,
    bootstrap: BTreeMap<PartitionId, u64>,
    counts: BTreeMap<PartitionId, Counts>,
    amounts: Arc<Vec<Summary>>,
    ids_from: BTreeMap<PartitionId, u64>,
    schemas: BTreeMap<(Arc<str>, u32), Arc<Schema>>,
    windows_of_checks: WindowChecks,
    /// Until every sink has caught up: the rows of windows that were dropped since the start.
    dropped: Option<Whole>,
    next: Commit,
}

impl Gather {
    /// Nothing gathered yet, from `workers` workers.
    pub fn new(plan: Arc<Plan>, policy: Policy, emit: Emit, workers: usize) -> Self {
        let codecs = plan.rankings.iter().map(KeyCodec::new).collect();
        let windows_of_checks = WindowChecks::new(&plan.checks);
        let read = plan.rankings.iter().map(|r| is_read(&plan.tables, r));
        let read = read.collect();
        Gather {
            plan,
            windows_of_checks,
            dropped: Some(Whole {
                horizon: BEGINNING,
                ..Whole::default()
            }),
            ids_from: BTreeMap::new(),
            schemas: BTreeMap::new(),
            codecs,
            emit,
            clock: GlobalClock::new(policy),
            closed: BEGINNING,
            windows: BTreeMap::new(),
            dirty: BTreeSet::new(),
            read,
            unfed: BTreeSet::new(),
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
        let is_joined = self.plan.joins().next().is_some();
        is_joined && !self.clock.partitions().values().any(|p| p.awaited)
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
        let partitions = self.windows.entry(at).or_default();
        let own = Arc::clone(&candidate.partition);
        let plan = &self.plan.rankings[at.0 as usize];
        let partition = partitions.entry(own);
        let is_read = self.read[at.0 as usize];
        let partition = partition.or_insert_with(|| match is_read {
            true => Ranked::read(plan),
            false => Ranked::new(plan),
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

    /// What changed of a ranking's rows since this was asked last.
    pub fn fed(&mut self, ranking: u32) -> Vec<Fed> {
        let mut out = Vec::new();
        let from = |ranking: u32| (ranking, i64::MIN, Arc::from([]));
        let mut of_it = self.unfed.split_off(&from(ranking));
        self.unfed.append(&mut of_it.split_off(&from(ranking + 1)));
        for (_, end, partition) in of_it {
            let window = self.at((ranking, end), &partition, BEGINNING).window;
            let found = self.windows.get_mut(&(ranking, end));
            if let Some(found) = found.and_then(|w| w.get_mut(&partition)) {
                found.feed(&self.plan.rankings[ranking as usize], window, &mut out);
            }
        }
        out
    }

    /// All rows of a ranking's windows that are to be dropped, once: they change no more.
    pub fn freeze(&mut self, ranking: u32) -> Vec<Fed> {
        let mut out = Vec::new();
        let last = self.plan.rankings[ranking as usize].horizon(self.promised());
        let windows = self.windows.range((ranking, i64::MIN)..=(ranking, last));
        let ends: Vec<i64> = windows.map(|((_, end), _)| *end).collect();
        for end in ends {
            let all = self.windows.get(&(ranking, end));
            let mut all: Vec<Arc<[u8]>> =
                all.map_or_else(Vec::new, |w| w.keys().cloned().collect());
            all.sort_unstable();
            for partition in all {
                let window = self.at((ranking, end), &partition, BEGINNING).window;
                let found = self.windows.get_mut(&(ranking, end));
                if let Some(found) = found.and_then(|w| w.get_mut(&partition)) {
                    found.freeze(window, &mut out);
                }
            }
        }
        out
    }

    /// Counts keys that were seen in a second partition, and names each.
    pub fn moved(&mut self, moved: Vec<Moved>) {
        for moved in moved {
            self.counts.entry(moved.partition).or_default().keys_moved += 1;
            let table = &self.plan.tables[moved.table as usize];
            tracing::warn!(
                event = "key_moved",
                table = %table.name,
                key = %Keep::new(table).show_key(table, &moved.key),
                first = moved.first,
                partition = moved.partition,
                "a key is in two partitions: of each it has a row of its own"
            );
        }
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
            for ((ranking, end), partitions) in &self.windows {
                if *end <= watermark && *end > self.closed {
                    self.dirty
                        .extend(partitions.keys().map(|p| (*ranking, *end, Arc::clone(p))));
                }
            }
            self.closed = watermark;
        }
        let judgements = self.judge_windows(closed_before);
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
            if !plan.is_hidden {
                found.difference(plan, self.emit, at, &mut changes);
            }
            if (plan.window.is_session() || plan.retracts) && found.is_empty() {
                self.forget((ranking, end), &partition);
            }
        }
        moved::merge(&self.plan.rankings, self.emit, &mut changes);
        self.retire(watermark);
        let mut commit = std::mem::take(&mut self.next);
        commit.changes = Arc::new(changes);
        commit.judgements = judgements;
        commit.offsets = self.offsets.clone();
        commit.begins = self.begins.clone();
        commit.epochs = self.epochs.clone();
        commit.whole = whole.then(|| Arc::new(self.whole(watermark)));
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

    /// All rows as drafted last.
    fn whole(&self, watermark: i64) -> Whole {
        let mut rows = Vec::new();
        for (at, partitions) in &self.windows {
            for (partition, ranked) in partitions {
                ranked.rows(self.at(*at, partition, watermark), &mut rows);
            }
        }
        match &self.dropped {
            Some(dropped) => Whole {
                rows: dropped.rows.iter().cloned().chain(rows).collect(),
                horizon: dropped.horizon,
                later: dropped.later.clone(),
            },
            None => Whole {
                rows,
                horizon: self.promised(),
                later: later(&self.plan, self.promised()),
            },
        }
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

    /// Every sink has what it was to be brought to: rows of dropped windows are not needed any more.
    pub fn caught_up(&mut self) {
        self.dropped = None;
    }

    /// The next offset to read, per partition.
    pub fn offsets(&self) -> &BTreeMap<PartitionId, u64> {
        &self.offsets
    }

    /// Drops the windows that every reader has promised to send nothing more for.
    fn retire(&mut self, watermark: i64) {
        let horizon = self.promised();
        if horizon > BEGINNING {
            if let Some(mut dropped) = self.dropped.take() {
                for (key, partitions) in &self.windows {
                    if key.1 > self.plan.rankings[key.0 as usize].horizon(horizon) {
                        continue;
                    }
                    for (partition, ranked) in partitions {
                        let at = self.at(*key, partition, watermark);
                        ranked.rows(at, &mut dropped.rows);
                    }
                }
                self.dropped = Some(dropped);
            }
            let rankings = &self.plan.rankings;
            self.windows
                .retain(|(ranking, end), _| *end > rankings[*ranking as usize].horizon(horizon));
        }
    }
}
