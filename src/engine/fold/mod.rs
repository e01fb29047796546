//! Stage: fold. Blocks of records become one epoch's deltas, rejects and counts.
//!
//! ```text
//! block ──► its partition: decode ──► can it be a sale? ──► judge (what is declared) ──► late? ──► combine
//!                │ no                     │ no                  │ no                        │ yes
//!                └────────────────────────┴──── dead letter ────┘                           └── late sale
//! end of epoch ──► deltas by worker, and what each partition has come to
//! ```
//!
//! Where rankings unnest an array, each of its elements is a row: decoded anew, combined, and none of its own in the counts.
//!
//! 1. What becomes of a record depends on its partition's records before it, and on nothing else: not on blocks, epochs,
//!    workers or the clock on the wall.
//! 2. `read = ranked + late + retired + dead-lettered + duplicate + filtered`, in each epoch.
//! 3. Who drives it moves blocks and ends epochs, and looks into neither.

mod changes;
mod counting;
mod into;
mod masked;
mod partition;
mod refusal;
mod standing;
mod unnest;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use standings_decode::{Decoder, Drift, Odd};
use standings_model::amounts::Amounts;
use standings_model::block::{Block, Home, PartitionId};
use standings_model::plan::Plan;
use standings_model::reject::Reject;
use standings_model::schema::{Given, Kept};

use self::into::{Folds, Keys};
use self::partition::Partition;
use self::standing::Standing;
use crate::combine::combiner::Combiner;
use crate::event_time::partition::Policy;
use crate::held::{Copied, Held};
use crate::pack::deltas::Deltas;
use crate::quality::Judge;
use crate::rank::keys::NewKey;
use crate::rank::messages::Progress;
use crate::relate::dimension::{DimensionChange, Dimensions};
use crate::relate::events::{Event, Events};

/// What a fold needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The rankings.
    pub plan: Arc<Plan>,
    /// How event time is judged, by table of the plan.
    pub policies: Vec<Policy>,
    /// `--summary-window`, ms: whether and by which windows amounts are summed up.
    pub summary_window: Option<i64>,
    /// `--max-record-bytes`.
    pub max_record_bytes: usize,
}

impl Settings {
    /// What decodes the records of a partition.
    fn decoder(&self, home: &Home) -> Decoder {
        let table = &self.plan.tables[home.table];
        Decoder::new(table, self.plan.zone.as_deref(), self.max_record_bytes).at(table, home)
    }
}

/// Where a partition goes on.
#[derive(Clone, Copy, Debug)]
pub struct GoesOn {
    /// Its first offset that counts.
    pub offset: u64,
    /// The greatest event time that it has shown before, ms.
    pub greatest: Option<i64>,
    /// The greatest that a snapshot of the source had shown and that did not count yet, ms.
    pub found: Option<i64>,
    /// Its end as it was seen at the very first start: with `'scan.bootstrap' = 'unordered'` what is before it comes in no order.
    pub bootstrap: Option<u64>,
    /// Where reading begins before `offset`, only to remember what checks of uniqueness remember.
    pub ids_from: Option<u64>,
    /// Where reading waits until it is released.
    pub hold: Option<u64>,
}

/// What a block came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// How many of its records count.
    pub records: usize,
    /// Bytes that its rejects hold until they are written.
    pub held: usize,
}

/// One worker's partitions, and what their sales are folded into.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use standings_engine::event_time::{BEGINNING, partition::Policy};
/// use standings_engine::fold::{Fold, GoesOn, Settings};
/// use standings_model::block::{Block, Home, NO_TIMESTAMP};
///
/// let mut fold = Fold::new(Settings {
///     plan: Arc::new(standings_query::load_shipped().unwrap()),
///     policies: vec![Policy::default()],
///     summary_window: None,
///     max_record_bytes: 1 << 20,
/// });
/// fold.begin(0, &Home::default(), GoesOn { offset: 0, greatest: None, found: None, bootstrap: None, ids_from: None, hold: None });
/// let mut block = Block::new(0);
/// for (offset, day) in [(0, 1), (1, 3), (2, 1)] {
///     let time = day * 86_400_000i64;
///     let sale = format!(r#"{{"event_time":{time},"city":"Lisbon","salesman_id":"S1","amount":1}}"#);
///     block.push(sale.as_bytes(), offset, NO_TIMESTAMP);
/// }
/// block.push(b"no sale", 3, NO_TIMESTAMP);
/// fold.block(&block, BEGINNING).unwrap();
///
/// // The third is of a day that its partition has left behind: late, because of what came before it and nothing else.
/// let (batches, progress) = fold.end_epoch(1, &mut Vec::new());
/// let progress = progress.unwrap();
/// let counts = progress.partitions[0].counts;
/// assert_eq!((counts.read, counts.ranked, counts.late, counts.dead), (4, 2, 1, 1));
/// assert!(counts.balanced());
/// // Both are kept whole, with the reason, until they are written.
/// assert_eq!((batches.len(), progress.rejects.len()), (1, 2));
/// ```
pub struct Fold {
    settings: Settings,
    partitions: BTreeMap<PartitionId, Partition>,
    standing: Standing,
    /// What partitions are of.
    homes: BTreeMap<PartitionId, Home>,
    combiner: Combiner,
    /// Rows that others are joined with.
    dimensions: Dimensions,
    /// Rows that may be ones of pairs.
    events: Events,
    amounts: Option<Amounts>,
    judge: Judge,
    rejects: Vec<Reject>,
    /// Failures of each check that have not been told.
    failed: Vec<u64>,
    /// What was told of fields.
    drifted: BTreeSet<(usize, String, Drift)>,
    /// Schemas that were told, and those that were not.
    schemas: BTreeSet<(Arc<str>, u32)>,
    new_schemas: Vec<Kept>,
    /// Rows of partitions that have not begun yet, out of a snapshot.
    held: BTreeMap<PartitionId, Held>,
    keys: Keys,
}

impl Fold {
    /// Without a partition.
    pub fn new(mut settings: Settings) -> Self {
        // What others are joined with is of no time that it could be too far ahead of.
        let plan = &settings.plan;
        for (table, policy) in settings.policies.iter_mut().enumerate() {
            if plan.is_only_joined(table) {
                policy.max_ahead = i64::MAX;
            }
        }
        let plan = &settings.plan;
        let amounts = settings.summary_window.zip(plan.amounts());
        let amounts = amounts.map(|(size, column)| Amounts::new(size, column));
        Fold {
            partitions: BTreeMap::new(),
            standing: Standing::default(),
            homes: BTreeMap::new(),
            combiner: Combiner::of_readers(plan),
            dimensions: Dimensions::new(plan),
            events: Events::new(plan),
            amounts,
            judge: Judge::new(&plan.checks, &plan.tables),
            rejects: Vec::new(),
            failed: Vec::new(),
            drifted: BTreeSet::new(),
            schemas: BTreeSet::new(),
            new_schemas: Vec::new(),
            held: BTreeMap::new(),
            keys: Keys::default(),
            settings,
        }
    }

    /// Rows that are held of partitions that begin later, out of a snapshot.
    pub fn hold(&mut self, held: BTreeMap<PartitionId, Held>) {
        self.held = held;
    }

    /// Other workers may have partitions of the same tables: keys are told ([`Fold::new_keys`]).
    pub fn tell_keys(&mut self) {
        self.keys.of_all = true;
    }

    /// Keys of which rows are held now, by who hears of all partitions of one.
    pub fn new_keys(&mut self, workers: usize) -> BTreeMap<u64, Vec<NewKey>> {
        let mut by_owner: BTreeMap<u64, Vec<NewKey>> = BTreeMap::new();
        for key in std::mem::take(&mut self.keys.new) {
            by_owner.entry(key.owner(workers)).or_default().push(key);
        }
        by_owner
    }

    /// A partition has begun: where it is not the first of its table, keys of others are told from now on, and those that
    /// are held already.
    fn begin_keys(&mut self, partition: PartitionId, table: usize) {
        if !self.settings.plan.tables[table].changes() {
            return;
        }
        let all = self.partitions.iter();
        let of: Vec<_> = all.filter(|(_, p)| p.table() == table).collect();
        let before = self.keys.asks(table);
        if of.len() > 1 {
            self.keys.of.insert(table);
        }
        if !self.keys.asks(table) {
            return;
        }
        for (id, of) in of
            .into_iter()
            .filter(|(id, _)| !before || **id == partition)
        {
            for row in of.rows() {
                let new = NewKey::new(table, *id, row.until, &row.bytes[..row.key], true);
                self.keys.new.push(new);
            }
        }
    }

    /// Copies the rows that are held: all, or those that changed since the last copy.
    pub fn copy_held(&mut self, all: bool) -> Vec<Copied> {
        let partitions = self.partitions.values_mut();
        partitions.filter_map(|p| p.copy_held(all)).collect()
    }

    /// By table, the rows that are held and the bytes that they take.
    pub fn held(&self) -> BTreeMap<usize, (usize, usize)> {
        let mut all = BTreeMap::new();
        for partition in self.partitions.values() {
            let (rows, bytes) = partition.held();
            let of: &mut (usize, usize) = all.entry(partition.table()).or_default();
            (of.0, of.1) = (of.0 + rows, of.1 + bytes);
        }
        all.retain(|_, of| *of != (0, 0));
        all
    }

    /// A partition begins.
    pub fn begin(&mut self, partition: PartitionId, home: &Home, from: GoesOn) {
        let plan = &self.settings.plan;
        let table = &plan.tables[home.table];
        let memory = (self.judge.memory(home.table), from.ids_from);
        let of = (partition, home.table);
        let begun = Partition::new(of, from.offset, from.greatest, memory)
            .with_arrays(table.format.is_json() && !table.changes())
            .with_changes(
                table,
                self.held.remove(&partition).unwrap_or_default(),
                (from.found, from.bootstrap),
            )
            .timeless(table.event_time.is_none() || plan.is_only_joined(home.table))
            .joined(&self.dimensions, plan, from.hold);
        let mut begun = begun;
        // What is held of it is told at once.
        if table.changes() {
            begun.wake(self.settings.decoder(home));
        }
        self.homes.insert(partition, home.clone());
        begun.tell_held(&mut self.dimensions, &plan.tables);
        self.standing.note(partition, &begun);
        self.partitions.insert(partition, begun);
        self.begin_keys(partition, home.table);
    }

    /// Nothing more is sent for windows that end at or before a time, ms.
    pub fn promise(&mut self, horizon: i64) {
        self.dimensions.promise(&self.settings.plan, horizon);
    }

    /// Folds a block; nothing of it counts for windows that end at or before `horizon`, ms. `None` if its partition has not
    /// begun.
    pub fn block(&mut self, block: &Block, horizon: i64) -> Option<Folded> {
        self.keep(&block.schemas);
        let partition = self.partitions.get_mut(&block.partition)?;
        if !partition.is_awake()
            && let Some(home) = self.homes.get(&block.partition)
        {
            partition.wake(self.settings.decoder(home));
        }
        let before = self.rejects.len();
        self.combiner.retire(horizon);
        let mut folds = Folds {
            combiner: &mut self.combiner,
            dimensions: &mut self.dimensions,
            events: &mut self.events,
            amounts: self.amounts.as_mut(),
            judge: &mut self.judge,
            rejects: &mut self.rejects,
            keys: &mut self.keys,
            plan: &self.settings.plan,
        };
        let policy = &self.settings.policies[partition.table()];
        let records = partition.fold(block, policy, horizon, &mut folds);
        self.standing.note(block.partition, partition);
        let held = self.rejects[before..].iter().map(Reject::held).sum();
        Some(Folded { records, held })
    }

    /// Event times of a partition that no clock of today shows, since it was last asked.
    pub fn odd(&mut self, partition: PartitionId) -> Option<Odd> {
        self.partitions.get_mut(&partition)?.odd()
    }

    /// Fields of a partition's records that came, went or changed their type since it was last asked; each is told once of a
    /// table: the table's number, the field, what became of it.
    pub fn drifts(&mut self, partition: PartitionId) -> Vec<(usize, String, Drift)> {
        let Some(partition) = self.partitions.get_mut(&partition) else {
            return Vec::new();
        };
        let table = partition.table();
        let all = partition
            .drifts()
            .into_iter()
            .map(|(name, drift)| (table, name, drift));
        all.filter(|one| self.drifted.insert(one.clone())).collect()
    }

    /// Remembers schemas that a registry has, for the next snapshot.
    fn keep(&mut self, schemas: &[Given]) {
        for given in schemas {
            let Some((registry, id)) = given.id.as_ref().filter(|(name, _)| !name.is_empty())
            else {
                continue;
            };
            if self.schemas.insert((Arc::clone(registry), *id)) {
                self.new_schemas.push(Kept {
                    registry: Arc::clone(registry),
                    id: *id,
                    schema: Arc::clone(&given.schema),
                });
            }
        }
    }

    /// The reader is at the partition's present end.
    pub fn caught_up(&mut self, partition: PartitionId, now: Instant) {
        if let Some(of) = self.partitions.get_mut(&partition) {
            of.caught_up(now);
            self.standing.note(partition, of);
        }
    }

    /// Nothing more comes of the partition; `finished`: not ever, so that it holds nothing back.
    pub fn end(&mut self, partition: PartitionId, finished: bool, now: Instant) {
        if let Some(of) = self.partitions.get_mut(&partition) {
            of.end(finished, now);
            // A topic may go on.
            let home = self.homes.get(&partition);
            if home.is_some_and(|home| home.file.is_some()) {
                of.sleep();
            }
            self.standing.note(partition, of);
        }
    }

    /// Partitions that are quiet for `timeout` fall idle; how long until the next one does.
    pub fn check_idle(&mut self, now: Instant, timeout: Duration) -> Option<Duration> {
        let mut soonest = None;
        for partition in self.standing.quiet() {
            let Some(of) = self.partitions.get_mut(&partition) else {
                continue;
            };
            let left = of.check_idle(now, timeout);
            soonest = soonest.into_iter().chain(left).min();
            self.standing.note(partition, of);
        }
        soonest
    }

    /// Failures of each check since they were last taken; `None` where nothing is declared.
    pub fn failures(&mut self) -> Option<&mut Vec<u64>> {
        if self.judge.is_empty() {
            return None;
        }
        self.judge.take(&mut self.failed);
        Some(&mut self.failed)
    }

    /// Whether of some offset more is to come: an epoch that ended now would have half of it.
    pub fn is_open(&self) -> bool {
        self.standing.is_open()
    }

    /// Whether there is something new since the last epoch.
    pub fn is_changed(&self) -> bool {
        self.standing.is_changed()
    }

    /// Whether nothing more comes of any partition.
    pub fn has_ended(&self) -> bool {
        self.standing.has_ended()
    }

    /// The next offset of each partition.
    pub fn next_offsets(&self) -> Vec<(PartitionId, u64)> {
        let all = self.partitions.iter();
        all.map(|(id, p)| (*id, p.next_offset())).collect()
    }

    /// Whether folding makes fewer rows of the epoch's sales than these are.
    pub fn pays(&self) -> bool {
        self.combiner.pays()
    }

    /// What joins are made of, of the epoch that ended last: first levels, one batch a worker that has any, and for each worker
    /// what is new of the rows that others are joined with.
    pub fn take_joined(
        &mut self,
        workers: usize,
    ) -> (Vec<Deltas>, Vec<(u64, Vec<DimensionChange>)>) {
        (self.combiner.take_firsts(), self.dimensions.take(workers))
    }

    /// Rows of the epoch that may be ones of pairs, for each worker that gets some.
    pub fn take_events(&mut self, workers: usize) -> Vec<(u64, Vec<Event>)> {
        self.events.take(workers)
    }

    /// Ends the epoch: its deltas, one batch a worker that has any; and what the partitions have come to, if anything is new.
    /// When records came, and what more there is, is for the caller to say. Batches in `spent` are used again.
    pub fn end_epoch(
        &mut self,
        workers: usize,
        spent: &mut Vec<Deltas>,
    ) -> (Vec<Deltas>, Option<Progress>) {
        let policies = &self.settings.policies;
        let changed = self.standing.take_changed().into_iter();
        let partitions: Vec<_> = changed
            .filter_map(|id| {
                let partition = self.partitions.get_mut(&id)?;
                partition.progress(&policies[partition.table()])
            })
            .collect();
        let batches = self.combiner.flush(workers, spent);
        let progress = (!partitions.is_empty()).then(|| Progress {
            partitions,
            rejects: std::mem::take(&mut self.rejects),
            amounts: self.amounts.as_mut().map(Amounts::take).unwrap_or_default(),
            windows: self.judge.take_windows(),
            schemas: std::mem::take(&mut self.new_schemas),
            ..Progress::default()
        });
        (batches, progress)
    }
}
