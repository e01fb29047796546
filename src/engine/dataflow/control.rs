//! What worker 0 tells all workers, and what it needs to know to make a snapshot.
//!
//! ```text
//! sinks opened, snapshot chosen ──► Start ──► every worker loads its keys, reads from the named offsets
//! sinks caught up ────────────────► Release ──► reading goes on past the hold
//! snapshot due ───► Snapshot(E) ──► every worker goes on to epoch E; owners copy what changed before E
//!                                       └─► parts written ──► worker 0: all there, with its own state at E
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::messages::Epoch;
use crate::combine::deltas::Deltas;
use crate::event_time::BEGINNING;
use standings_model::amounts::Summary;
use standings_model::block::PartitionId;
use standings_model::change::Counts;
use standings_model::hold::Hold;
use standings_model::identity::SourceIdentity;
use standings_model::window_check::WindowState;

/// How a run begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The next offset to read; partitions that are not named begin where the source's options say.
    pub resume: BTreeMap<PartitionId, u64>,
    /// Where reading begins before `resume`, only to remember again what checks of uniqueness remember.
    pub ids_from: BTreeMap<PartitionId, u64>,
    /// The greatest event time that each partition has shown, ms.
    pub greatest: BTreeMap<PartitionId, i64>,
    /// Windows that end at or before this were dropped.
    pub horizon: i64,
    /// Reading waits before these offsets until it is released.
    pub hold: Hold,
    /// What these offsets are of; a reader that finds another input fails.
    pub source: Option<SourceIdentity>,
    /// Parts of the snapshot, later ones over earlier ones.
    pub parts: Vec<PartFile>,
}

impl Default for Start {
    fn default() -> Self {
        Start {
            resume: BTreeMap::new(),
            ids_from: BTreeMap::new(),
            greatest: BTreeMap::new(),
            horizon: BEGINNING,
            hold: Hold::default(),
            source: None,
            parts: Vec::new(),
        }
    }
}

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFile {
    /// Its name in the store.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// XXH3 (64 bits) of its bytes, in hex.
    pub checksum: String,
    /// Rows.
    pub rows: u64,
}

/// What worker 0 tells all workers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Control {
    /// Begin.
    Start(Box<Start>),
    /// Promise this horizon.
    Horizon(i64),
    /// Read on past the hold.
    Release,
    /// Copy what changed before an epoch.
    Snapshot(Order),
}

/// A snapshot to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// It holds everything before this epoch.
    pub epoch: Epoch,
    /// All rows, not only those that changed since the last.
    pub full: bool,
}

/// What one worker copied for a snapshot.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which.
    pub order: Order,
    /// The rows, as deltas from nothing, in pieces; an error if one row is too large for any. `None` if the worker had
    /// gone past the epoch already.
    pub rows: Option<Result<Vec<Deltas>, String>>,
}

/// What one worker says of its part of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartReport {
    /// Which snapshot.
    pub id: u64,
    /// Its files (none if it had no row); `Err` if there is no usable part.
    pub files: Result<Vec<PartFile>, String>,
}

/// What worker 0 alone knows, as of an epoch: a snapshot without its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatherState {
    /// The next offset to read.
    pub offsets: BTreeMap<PartitionId, u64>,
    /// The offset that reading began at, at the very first start.
    pub begins: BTreeMap<PartitionId, u64>,
    /// The leader epoch of the last record before each offset, where records have one.
    #[serde(default)]
    pub epochs: BTreeMap<PartitionId, i32>,
    /// The greatest event time that each partition has shown, ms.
    pub greatest: BTreeMap<PartitionId, i64>,
    /// Counts since the first start.
    pub counts: BTreeMap<PartitionId, Counts>,
    /// The global watermark, ms.
    pub watermark: i64,
    /// Windows up to this are closed, ms.
    pub closed: i64,
    /// Windows up to this were dropped, ms.
    pub horizon: i64,
    /// Amounts of the newest windows of `--summary-window`.
    #[serde(default)]
    pub amounts: Vec<Summary>,
    /// The offset from which every value was read that checks of uniqueness remember.
    #[serde(default)]
    pub ids_from: BTreeMap<PartitionId, u64>,
    /// Counts of the checks that have windows.
    #[serde(default)]
    pub windows: WindowState,
}

/// A snapshot that is complete but for its durability.
#[derive(Clone, Debug)]
pub struct Complete {
    /// Its number.
    pub id: u64,
    /// It stands for everything before this epoch.
    pub epoch: Epoch,
    /// Worker 0's state.
    pub state: GatherState,
    /// The files that rebuild it, in order.
    pub parts: Vec<PartFile>,
}
