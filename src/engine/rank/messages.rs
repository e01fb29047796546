//! What travels between the operators.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::order::OrderKey;
use crate::event_time::global::PartitionState;
use standings_model::amounts::Summary;
use standings_model::block::PartitionId;
use standings_model::change::Counts;
use standings_model::reject::Reject;
use standings_model::schema::Kept;
use standings_model::value::Value;
use standings_model::window_check::WindowCount;

/// The dataflow's logical time.
pub type Epoch = u64;

/// One row that entered, changed in, or left a worker's own best rows of a partition of a window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Candidate {
    /// Ranking number in the plan.
    pub ranking: u32,
    /// Window end, ms.
    pub window_end: i64,
    /// The partition's key bytes (`PARTITION BY` beyond the window); empty for a whole window.
    pub partition: Arc<[u8]>,
    /// Group key bytes.
    pub key: Arc<[u8]>,
    /// Its place and measures, or `None` when it left.
    pub row: Option<CandidateRow>,
}

/// Place and measures of a candidate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CandidateRow {
    /// The order values.
    pub order: OrderKey,
    /// Measures, as in the plan.
    pub measures: Arc<[Value]>,
}

/// What a reader says of one partition at the end of an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartitionProgress {
    /// Which.
    pub partition: PartitionId,
    /// The leader epoch of the last record that was read; [`NO_EPOCH`](standings_model::identity::NO_EPOCH) if it has none.
    pub leader_epoch: i32,
    /// The next offset to read.
    pub next_offset: u64,
    /// Its watermark and whether it is idle or finished.
    pub state: PartitionState,
    /// The offset that reading began at in this run.
    pub begin: u64,
    /// The greatest event time it has shown, ms.
    pub greatest: Option<i64>,
    /// Where its bootstrap ends; 0 where it has none.
    pub bootstrap: u64,
    /// The greatest that a snapshot of the source has shown and that does not count yet, ms.
    pub found: Option<i64>,
    /// Counts of this epoch.
    pub counts: Counts,
    /// The offset from which the values were read that checks of uniqueness remember; `None` without such a check.
    pub ids_from: Option<u64>,
}

/// What a reader says at the end of an epoch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Partitions of which something is new.
    pub partitions: Vec<PartitionProgress>,
    /// Late sales and dead letters.
    pub rejects: Vec<Reject>,
    /// When blocks of this epoch were read, and how many records they had.
    pub arrived: Vec<(std::time::SystemTime, u64)>,
    /// When the epoch ended; `None` if it holds no record.
    pub folded: Option<std::time::SystemTime>,
    /// Amounts of this epoch, by window of `--summary-window`.
    pub amounts: Vec<Summary>,
    /// What checks that have windows counted in this epoch.
    pub windows: Vec<WindowCount>,
    /// Schemas that records of this epoch were the first to need.
    pub schemas: Vec<Kept>,
    /// Much more waits to be read, and may be: a commit of this is better made with some of that.
    pub more: bool,
}

/// A reader's promise: from the epoch it is sent in, nothing more comes for windows that end at or before `horizon`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Promise {
    /// Worker number.
    pub worker: u32,
    /// ms.
    pub horizon: i64,
}

/// A row that others are joined with as they were, and that concerns only windows that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Number of the table in the plan.
    pub table: u32,
    /// Where it was read.
    pub partition: PartitionId,
    /// Where it stands there.
    pub offset: u64,
    /// From when on it would have been so, ms.
    pub time: i64,
    /// The record.
    pub record: Vec<u8>,
    /// It counted as a row that came.
    pub comes: bool,
    /// It is the end of a row.
    pub ends: bool,
}
