//! Folds the sales of one epoch per (ranking, window, key) on the worker that read them.
//!
//! ```text
//! sale ──► which rankings (WHERE) ──► which windows ──► key ──► row of accumulators
//!                                                                │ end of epoch
//!                                                                ▼
//!                                             one batch of deltas per worker, by bin of the key
//! ```
//!
//! This is the hot path: what crosses to other workers is per distinct key of an epoch, not per sale. A sale costs a
//! few look-ups of short byte strings in a dictionary that fits the cache, and adds to fixed-width rows.
//!
//! 1. Accumulators only grow (sales are never retracted: a refund is a sale), so folding is commutative and
//!    associative: any batching gives the same totals.
//! 2. A sale of a hopping window is folded once for all windows that it is in, where all take it.
//! 3. Everything is exact: sums are 128-bit integers of minor units.

pub mod combiner;
