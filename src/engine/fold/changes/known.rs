//! How long it is known what a row was: what a record leaves out is as it was in the row of its key.
//!
//! ```text
//! end of a row   taken by a ranking: of the last window that it counts in     with a minus: taken by none, of the last window
//!                                                                             of its time, whatever `WHERE` says
//! is known       up to its end, and where records may leave values out, up to the end of the last window of its time, whatever
//!                `WHERE` says: a ranking of longer windows may take what the row becomes
//! ```
//!
//! What is held is told by the end alone: a row that is only known is an insert when it comes again.

use super::at::At;
use crate::combine::combiner::Combiner;
use crate::held::Piece;
use standings_decode::{Decoder, Keep};

/// Whether a row that is kept is known still, by its end; what is kept of it is asked for where that does not say it. What the
/// decoder had decoded is lost then.
pub(super) fn is_known<'r>(
    at: &At<'_>,
    (until, row): (i64, impl FnOnce() -> &'r [u8]),
    (decoder, keep): (&mut Decoder, &Keep),
    combiner: &mut Combiner,
) -> bool {
    if until == i64::MIN || at.is_open(until.abs()) {
        return until > i64::MIN;
    }
    if until <= 0 || !keep.may_lack() {
        return false;
    }
    let time = decoder.recall(keep, row()).event_time;
    at.is_open(combiner.until_of(at.table, time))
}

/// [`is_known`] of rows that may go.
pub(super) fn knows(
    at: &At<'_>,
    (decoder, keep): (&mut Decoder, &Keep),
    combiner: &mut Combiner,
) -> impl FnMut(i64, Piece<'_>) -> bool {
    move |until, piece| is_known(at, (until, || piece.bytes()), (decoder, keep), combiner)
}

/// Up to when a row is known that is not held, of its time and its end: the next record of its key may leave out what did not change.
pub(super) fn end(
    at: &At<'_>,
    keep: &Keep,
    combiner: &mut Combiner,
    (time, until): (i64, i64),
) -> i64 {
    match keep.may_lack() && !at.is_open(until) {
        true => combiner.until_of(at.table, time),
        false => i64::MIN,
    }
}
