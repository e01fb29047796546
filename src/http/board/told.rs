//! What the board is told of a commit: the part of it that readers can ask for, taken from it on the commit path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::as_of::{self, Offsets};
use standings_model::block::PartitionId;
use standings_model::change::{Change, Commit};
use standings_model::reject::{MissedWindow, RejectKind};
use standings_model::window::Bounds;

/// Late sales of one commit that are kept for readers; more are only counted in the metrics.
pub(crate) const MOST_LATE: usize = 256;

/// A sale that some windows did not take any more.
#[derive(Clone, Debug)]
pub struct LateSale {
    /// The number of its table in the plan.
    pub table: usize,
    /// Its partition.
    pub partition: PartitionId,
    /// Its offset.
    pub offset: u64,
    /// Event time, ms.
    pub event_time: i64,
    /// The windows that it missed.
    pub missed: Vec<MissedWindow>,
    /// As it came.
    pub bytes: Vec<u8>,
}

/// One commit.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Its number; 0 for one that changed nothing in any sink.
    pub number: u64,
    /// When it was durable, ms since the Unix epoch.
    pub at: i64,
    /// The changes.
    pub changes: Arc<Vec<Change>>,
    /// The prefix.
    pub offsets: Option<Offsets>,
    /// The global watermark, ms.
    pub watermark: Option<i64>,
    /// Each partition's own, ms.
    pub watermarks: Vec<(PartitionId, Option<i64>)>,
    /// Idle partitions.
    pub idle: BTreeSet<PartitionId>,
    /// Finished partitions.
    pub finished: BTreeSet<PartitionId>,
    /// Late sales.
    pub late: Vec<LateSale>,
    /// It stands for several commits, because the board was behind.
    pub skips: bool,
    /// Windows before these are gone, by ranking: changes of theirs were not kept.
    pub forgets: BTreeMap<usize, Bounds>,
}

/// Now, ms since the Unix epoch.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

impl Told {
    /// Of a commit that has just become durable.
    pub fn of(commit: &Commit) -> Self {
        let late = commit.rejects.iter().filter_map(|r| match &r.kind {
            RejectKind::Late {
                missed, event_time, ..
            } => Some(LateSale {
                table: r.table,
                partition: r.partition,
                offset: r.offset,
                event_time: *event_time,
                missed: missed.clone(),
                bytes: r.bytes.clone(),
            }),
            RejectKind::Dead { .. } => None,
        });
        Told {
            number: commit.number,
            at: now(),
            changes: Arc::clone(&commit.changes),
            offsets: Some(as_of::offsets(&commit.offsets)),
            watermark: commit.watermark,
            watermarks: commit.watermarks.iter().map(|(p, w)| (*p, *w)).collect(),
            idle: commit.idle.clone(),
            finished: commit.finished.clone(),
            late: late.take(MOST_LATE).collect(),
            skips: false,
            forgets: BTreeMap::new(),
        }
    }
}
