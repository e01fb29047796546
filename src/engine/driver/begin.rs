//! Where a partition goes on.

use standings_model::block::PartitionId;

use crate::dataflow::control::Start;
use crate::fold::GoesOn;

/// Where a partition goes on that is read from `offset`.
pub(super) fn goes_on(start: &Start, partition: PartitionId, offset: u64) -> GoesOn {
    GoesOn {
        offset,
        greatest: start.greatest.get(&partition).copied(),
        found: start.found.get(&partition).copied(),
        ids_from: start.ids_from.get(&partition).copied(),
        hold: start.hold.of(partition, offset),
    }
}
