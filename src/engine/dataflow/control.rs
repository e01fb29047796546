//! What worker 0 tells all workers.
//!
//! ```text
//! sinks opened, snapshot chosen ──► Start ──► every worker loads its keys, reads from the named offsets
//! sinks caught up ────────────────► Release ──► reading goes on past the hold
//! snapshot due ───► Snapshot(E) ──► every worker goes on to epoch E; owners copy what changed before E
//!                                       └─► parts written ──► worker 0: all there, with its own state at E
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event_time::BEGINNING;
use crate::snapshot::order::{Order, PartFile};
use standings_model::block::PartitionId;
use standings_model::hold::Hold;
use standings_model::identity::SourceIdentity;
use standings_model::placed::Watch;
use standings_model::schema::Kept;

/// How a run begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The next offset to read; partitions that are not named begin where the source's options say.
    pub resume: BTreeMap<PartitionId, u64>,
    /// Where reading begins before `resume`, only to remember again what checks of uniqueness remember.
    pub ids_from: BTreeMap<PartitionId, u64>,
    /// The greatest event time that each partition has shown, ms.
    pub greatest: BTreeMap<PartitionId, i64>,
    /// The greatest that a snapshot of the source had shown and that did not count yet, ms.
    pub found: BTreeMap<PartitionId, i64>,
    /// Where the bootstrap of each partition ends, that has one.
    pub bootstrap: BTreeMap<PartitionId, u64>,
    /// Windows that end at or before this were dropped.
    pub horizon: i64,
    /// Reading waits before these offsets until it is released.
    pub hold: Hold,
    /// What these offsets are of; a reader that finds another input fails.
    pub source: Option<SourceIdentity>,
    /// Schemas of registries that are not asked for again.
    pub schemas: Vec<Kept>,
    /// Parts of the snapshot, later ones over earlier ones.
    pub parts: Vec<PartFile>,
    /// Zones whose clocks go by what they were, with their changes, ms.
    pub clocks: BTreeMap<String, Vec<(i64, i64)>>,
}

impl Default for Start {
    fn default() -> Self {
        Start {
            resume: BTreeMap::new(),
            ids_from: BTreeMap::new(),
            greatest: BTreeMap::new(),
            found: BTreeMap::new(),
            bootstrap: BTreeMap::new(),
            horizon: BEGINNING,
            hold: Hold::default(),
            source: None,
            schemas: Vec::new(),
            parts: Vec::new(),
            clocks: BTreeMap::new(),
        }
    }
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
    /// What rows are joined with is there.
    Partners,
    /// Copy what changed before an epoch.
    Snapshot(Order),
    /// Tell of these windows, and of no others.
    Watch(Vec<Watch>),
}
