//! The record of the progress topic: which commit the topic of changes shows, of what, and which topics these are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use standings_model::block::PartitionId;
use standings_model::identity::Known;

/// What the last record of the progress topic says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The commit.
    pub commit: u64,
    /// The generation that wrote it.
    pub generation: u64,
    /// The next offset to read, by partition.
    pub offsets: BTreeMap<PartitionId, u64>,
    /// The offset that reading began at, by partition.
    #[serde(default)]
    pub begins: BTreeMap<PartitionId, u64>,
    /// The global watermark, ms.
    pub watermark: Option<i64>,
    /// [`FORMAT`]; what a newer version wrote is refused.
    #[serde(default, skip_serializing_if = "is_first")]
    pub format: u32,
    /// What the offsets are of; `None` where an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// Which topics these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<LogIdentity>,
    /// Whose it is: the name of the opening that wrote it. `None` where an earlier version did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl Progress {
    /// Whether it is the same record: two clusters may give one number and one generation to two prefixes.
    pub(crate) fn is_as_far_as(&self, other: &Progress) -> bool {
        let of = |p: &Progress| (p.commit, p.generation);
        of(self) == of(other) && self.offsets == other.offsets && self.owner == other.owner
    }

    /// Not only the mark of an opening that has committed nothing yet.
    pub fn is_of_a_commit(&self) -> bool {
        self.commit > 0
    }
}

/// The form of progress records; 0 is the first, which did not say.
pub const FORMAT: u32 = 1;

fn is_first(format: &u32) -> bool {
    *format == 0
}

/// Which topics they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIdentity {
    /// The cluster's id.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The id of the topic of changes.
    #[serde(default)]
    pub changes: Option<String>,
    /// The id of the topic of progress.
    #[serde(default)]
    pub progress: Option<String>,
}

impl LogIdentity {
    /// Whether `there` are other topics: `None`, or what differs.
    pub fn differs(&self, there: &LogIdentity) -> Option<String> {
        let all = [
            ("the Kafka cluster's id", &self.cluster, &there.cluster),
            (
                "the id of the topic of changes",
                &self.changes,
                &there.changes,
            ),
            (
                "the id of the topic of progress",
                &self.progress,
                &there.progress,
            ),
        ];
        all.into_iter()
            .find_map(|(what, then, now)| match (then, now) {
                (Some(then), Some(now)) if then != now => {
                    Some(format!("{what} was {then} and is {now}"))
                }
                _ => None,
            })
    }
}
