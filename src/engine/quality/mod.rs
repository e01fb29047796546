//! Data quality: what is asked of every sale, beside the queries (`queries/sales.checks.toml`, and of another table the file of its name).
//!
//! ```text
//! decode ──► Sale ──► ahead? ──► checks of it alone ──► unique? ──► lateness, combine
//!                                  └─ failed: counted;    └─ the partition's memory
//!                                     with action dead-letter also a dead letter, with the check's name
//!                     counts by window ──► gather: model::window_check
//! ```
//!
//! Invariants:
//! 1. What a check says is a function of the record alone, or (uniqueness) of the earlier records of its own partition:
//!    final rankings stay a function of the input.
//! 2. A dead letter of a check is like any other: it is not ranked, and does not move the watermark.
//! 3. All checks of a sale alone are counted, also those after the one that makes it a dead letter; the first of these,
//!    in the order of the file, is the reason. Uniqueness is asked of those that no other check refuses.
//! 4. Whether a sale is remembered is a function of the record alone, so that a memory can be read back from any offset:
//!    a duplicate is remembered too, a sale that another check refuses is not (mended, it comes again with its id).
//! 5. Without checks nothing is done for a record but to see that there are none.

mod declare;
mod explain;
mod ids;
mod judge;
mod windows;

pub use declare::{ChecksError, ENDING, limit, load};
pub use explain::{explain, meaning};
pub use judge::{Failed, Judge, Memory, Moment};
