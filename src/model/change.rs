//! What is written: changes of rows, gathered into commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::amounts::Summary;
use super::block::PartitionId;
use super::placed::Placed;
use super::reject::Reject;
use super::value::Value;
use super::window::Bounds;
use super::window_check::Judgement;

/// An upsert or delete of one row of one window of one ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Ranking number in the plan.
    pub ranking: usize,
    /// Window start, ms since the Unix epoch.
    pub window_start: i64,
    /// Window end (exclusive), ms since the Unix epoch.
    pub window_end: i64,
    /// Group keys, in the order of the plan's `keys`.
    pub key: Arc<[Value]>,
    /// The new rank; `None` is a delete: the key left the top N. 0 where the ranking does not say it.
    pub rank: Option<u64>,
    /// The rank before; `None` for a key that was not ranked.
    pub previous_rank: Option<u64>,
    /// Measures, in the order of the plan's `measures`; empty for a delete.
    pub measures: Arc<[Value]>,
    /// Whether the window is closed.
    pub is_final: bool,
}

impl Change {
    /// Its window.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            start: self.window_start,
            end: self.window_end,
        }
    }
}

/// Counts of records, of one partition or of all. `read = ranked + late + retired + dead + filtered + duplicate` always, and of a
/// table whose rows change `+ updated + unchanged + deleted + skipped`.
///
/// # Examples
///
/// ```
/// use standings_model::change::Counts;
///
/// // Of ten records nothing is lost: each became one thing.
/// let mut counts = Counts { read: 9, ranked: 6, late: 1, dead: 2, ..Counts::default() };
/// assert!(counts.balanced());
/// counts.read += 1;
/// assert!(!counts.balanced(), "one is unaccounted for");
/// counts.add(&Counts { duplicate: 1, ..Counts::default() });
/// assert!(counts.balanced());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Records read.
    pub read: u64,
    /// Counted in at least one window.
    pub ranked: u64,
    /// Late for every window of every ranking whose `WHERE` it passed (at least one by lateness).
    pub late: u64,
    /// As `late`, but only because all windows were dropped by `--retain`.
    pub retired: u64,
    /// Dead letters, without duplicates.
    pub dead: u64,
    /// Dead letters because the partition had such a sale before.
    #[serde(default)]
    pub duplicate: u64,
    /// Passed no ranking's `WHERE`.
    pub filtered: u64,
    /// Made another row of one that was there.
    #[serde(default)]
    pub updated: u64,
    /// Changed nothing: the same row again, or the end of one that was not there.
    #[serde(default)]
    pub unchanged: u64,
    /// Ended a row, or all rows of the partition.
    #[serde(default)]
    pub deleted: u64,
    /// Said nothing of any row: tombstones of Debezium, heartbeats, borders of transactions, changes of the schema.
    #[serde(default)]
    pub skipped: u64,
    /// Beside the equation: said of the row before it what is not so.
    #[serde(default)]
    pub contradicted: u64,
    /// Beside the equation: keys that came in a second partition.
    #[serde(default)]
    pub keys_moved: u64,
    /// Beside the equation: ranked, but late for some window; also sent to the late output.
    pub partly_late: u64,
}

impl Counts {
    /// Adds another partition's or epoch's counts.
    pub fn add(&mut self, o: &Counts) {
        self.read += o.read;
        self.ranked += o.ranked;
        self.late += o.late;
        self.retired += o.retired;
        self.dead += o.dead;
        self.duplicate += o.duplicate;
        self.filtered += o.filtered;
        self.updated += o.updated;
        self.unchanged += o.unchanged;
        self.deleted += o.deleted;
        self.skipped += o.skipped;
        self.contradicted += o.contradicted;
        self.keys_moved += o.keys_moved;
        self.partly_late += o.partly_late;
    }

    /// What changed rows that were there, or might have.
    pub fn changes(&self) -> u64 {
        self.updated + self.unchanged + self.deleted + self.skipped
    }

    /// Whether something was read and nothing of it was of use: ranked, filtered, or known before; changed nothing, and said
    /// nothing.
    pub fn in_vain(&self) -> bool {
        let of_use = self.ranked + self.filtered + self.duplicate + self.changes();
        self.read > 0 && of_use == 0
    }

    /// The invariant of the counts.
    pub fn balanced(&self) -> bool {
        let refused = self.late + self.retired + self.dead + self.duplicate;
        self.read == self.ranked + refused + self.filtered + self.changes()
    }
}

/// All rows as of a commit.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// As upserts, without a rank before.
    pub rows: Vec<Change>,
    /// Windows that end at or before this (ms) are not among them: they were dropped.
    pub horizon: i64,
    /// The same of rankings whose windows go later than those of others, by number.
    pub later: BTreeMap<usize, i64>,
}

impl Whole {
    /// The horizon of a ranking.
    pub fn horizon_of(&self, ranking: usize) -> i64 {
        self.later.get(&ranking).copied().unwrap_or(self.horizon)
    }
}

/// The unit of output: all changes of all rankings for one consistent prefix of the input.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Its number; grows strictly.
    pub number: u64,
    /// The changes. A key changes at most once. Shared with those who keep them longer than the commit.
    pub changes: Arc<Vec<Change>>,
    /// The prefix: the next offset to read, per partition.
    pub offsets: BTreeMap<PartitionId, u64>,
    /// The offset that reading began at, per partition.
    pub begins: BTreeMap<PartitionId, u64>,
    /// The leader epoch of the last record before each offset, where records have one.
    pub epochs: BTreeMap<PartitionId, i32>,
    /// All rows, where the gate asked for them: a sink is brought to them.
    pub whole: Option<Arc<Whole>>,
    /// The global watermark, ms; `None` before every partition has one.
    pub watermark: Option<i64>,
    /// Late sales and dead letters of this commit's input.
    pub rejects: Vec<Reject>,
    /// Counts since the start, per partition.
    pub counts: BTreeMap<PartitionId, Counts>,
    /// Per partition watermarks, ms.
    pub watermarks: BTreeMap<PartitionId, Option<i64>>,
    /// Partitions without news for `--idle-timeout`.
    pub idle: BTreeSet<PartitionId>,
    /// Partitions that were read to an end that is for ever.
    pub finished: BTreeSet<PartitionId>,
    /// When the oldest and the newest record of this commit's input were read; `None` if it holds none.
    pub arrived: Vec<(std::time::SystemTime, u64)>,
    /// When the last epoch of its input was decoded and folded.
    pub folded: Option<std::time::SystemTime>,
    /// When its changes were known, and the commit before it was written.
    pub drafted: Option<std::time::SystemTime>,
    /// Amounts of the newest windows of `--summary-window`, newest first.
    pub amounts: Arc<Vec<Summary>>,
    /// What the checks' windows came to that the watermark has passed since the last commit.
    pub judgements: Vec<Judgement>,
    /// What workers told of windows whose positions are asked for, in the order of epochs.
    pub placed: Arc<Vec<Placed>>,
}
