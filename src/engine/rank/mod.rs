//! Totals of each window and key, the best of them, and what changed: the pure half of the dataflow.
//!
//! ```text
//! deltas ──► totals ──► window (rows, keys) ──► head (the best rows) ──► candidates ──► gather: all workers' best, ranked
//!                                                                                         └──► a draft: what changed
//! ```
//!
//! 1. A worker sends only its own best rows (as many as the limit lets through); the best of all workers' best are the best
//!    of all.
//! 2. What is drafted depends on the prefix alone, not on batches, workers or pace.

mod bits;
mod computed;
pub mod copy;
pub mod emit;
mod ends;
mod entries;
pub mod fed;
pub mod gather;
pub mod head;
pub mod keys;
mod merge;
pub mod messages;
mod moved;
pub mod of_rank;
mod open;
pub mod order;
mod passed;
mod provisional;
mod ranked;
pub mod sessions;
pub mod state;
pub mod tops;
pub mod totals;
mod unranked;
pub mod watched;
pub mod window;
