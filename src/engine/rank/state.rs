//! What worker 0 alone knows, as a snapshot keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use standings_model::amounts::Summary;
use standings_model::block::PartitionId;
use standings_model::change::Counts;
use standings_model::schema::Kept;
use standings_model::window_check::WindowState;

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
    /// The greatest event time that a snapshot of the source has shown and that does not count yet, ms.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<PartitionId, i64>,
    /// Where the bootstrap of each partition ends, that has one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bootstrap: BTreeMap<PartitionId, u64>,
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
    /// Schemas of registries that records before the offsets were written with: none of them is asked for again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<Kept>,
}
