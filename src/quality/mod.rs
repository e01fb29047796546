//! Data quality: what is asked of every sale, beside the queries (`queries/sales.checks.toml`).
//!
//! ```text
//! decode ──► Sale ──► ahead? ──► checks ──► lateness, combine
//!                                  └─ failed: counted; with action dead-letter also a dead letter, with the check's name
//! ```
//!
//! Invariants:
//! 1. What a check says is a function of the record alone, so final rankings stay a function of the input.
//! 2. A dead letter of a check is like any other: it is not ranked, and does not move the watermark.
//! 3. All checks of a sale are counted, also those after the one that makes it a dead letter; the first of these, in
//!    the order of the file, is the reason.
//! 4. Without checks nothing is done for a record but to see that there are none.

mod declare;
mod explain;
mod judge;

pub use declare::{FILE, limit, load};
pub use explain::explain;
pub use judge::{Failed, Judge};
