//! What became of a record, counted.

use crate::combine::combiner::Outcome;
use standings_model::change::Counts;
use standings_model::reject::{DUPLICATE, MissedWindow, RejectKind};

/// Counts what became of a record that is a row.
#[inline]
pub(super) fn count(counts: &mut Counts, outcome: Outcome, missed: &[MissedWindow]) {
    match outcome {
        Outcome::Counted => {
            counts.ranked += 1;
            counts.partly_late += u64::from(!missed.is_empty());
        }
        Outcome::Missed if missed.iter().all(|m| m.retired) => counts.retired += 1,
        Outcome::Missed => counts.late += 1,
        Outcome::Failed => counts.dead += 1,
        Outcome::Filtered => counts.filtered += 1,
    }
}

/// Where records are counted that are refused like this.
pub(super) fn refusals<'a>(counts: &'a mut Counts, kind: &RejectKind) -> &'a mut u64 {
    match kind {
        RejectKind::Dead { reason, .. } if reason == DUPLICATE => &mut counts.duplicate,
        _ => &mut counts.dead,
    }
}
