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
//! 1. Folding is commutative and associative: any batching gives the same totals. Accumulators of rankings over tables that
//!    only grow only grow (a refund is a sale); those of rankings that retract have a sign (`signed`).
//! 2. A sale of a hopping window is folded once for all windows that it is in, where all take it.
//! 3. Everything is exact: sums are 128-bit integers of minor units.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use standings_decode::Decoder;
//! use standings_engine::combine::combiner::{Combiner, Missing, Origin, Outcome};
//! use standings_engine::event_time::partition::Verdict;
//!
//! let plan = Arc::new(standings_query::load_shipped().unwrap());
//! let mut combiner = Combiner::new(&plan);
//! let mut decoder = Decoder::new(&plan.tables[0], plan.zone.as_deref(), 1 << 20);
//! for offset in 0..1000 {
//!     let amount = format!(r#"{{"event_time":5,"city":"Lisbon","salesman_id":"S1","amount":{offset}}}"#);
//!     let sale = decoder.decode(amount.as_bytes()).unwrap();
//!     let origin = Origin { partition: 0, offset, row: 0 };
//!     let outcome = combiner.add(0, &sale, origin, |_| Verdict::Counted, &mut Missing::default());
//!     assert_eq!(outcome, Outcome::Counted);
//! }
//! // A thousand sales of one man in one city: one row for each of the three rankings crosses to who owns its key.
//! assert!(combiner.pays());
//! let batches = combiner.flush(1, &mut Vec::new());
//! assert_eq!(batches[0].groups.iter().map(|g| g.rows).sum::<u32>(), 3);
//! ```

mod block;
mod columns;
pub mod combiner;
mod floor;
mod flush;
pub mod joined;
mod more;
mod nested;
pub mod paired;
mod rows;
mod signed;
mod slots;
mod tops;
