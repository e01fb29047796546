//! Where a partition goes on.

use standings_model::block::PartitionId;

use crate::dataflow::control::Start;
use crate::fold::GoesOn;

/// Where a partition goes on that is read from `offset`, and ends now at `end`. What a first start saw of its end is remembered.
pub(super) fn goes_on(start: &Start, partition: PartitionId, (offset, end): (u64, u64)) -> GoesOn {
    GoesOn {
        offset,
        greatest: start.greatest.get(&partition).copied(),
        found: start.found.get(&partition).copied(),
        bootstrap: match start.resume.contains_key(&partition) {
            true => start.bootstrap.get(&partition).copied(),
            false => Some(end),
        },
        ids_from: start.ids_from.get(&partition).copied(),
    }
}
