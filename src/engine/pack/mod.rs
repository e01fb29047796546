//! Keys and rows of totals as bytes and words: what the fold writes, the totals keep, and workers and snapshots exchange.
//!
//! ```text
//! layout (where each accumulator of a ranking lies) ──► rows of words ──► deltas: rows with their keys, to one worker
//! key (group keys as bytes) ──► texts, interner: a number for each     ──► index: number to row
//! ```
//!
//! 1. A row's width and a key's bytes depend on the plan alone.
//! 2. Memory grows by pieces ([`chunks`]): nothing that is kept is moved to make room.

pub mod aside;
pub mod bag;
pub mod chunks;
pub mod deltas;
pub mod distinct;
pub mod hash;
pub mod index;
pub mod interner;
pub mod key;
pub mod layout;
pub mod level;
pub mod portion;
pub mod rows;
pub mod texts;
pub mod top;
pub mod values;
