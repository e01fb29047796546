//! The dataflow: from one epoch's deltas to what a commit holds. Knows no Kafka, Postgres, HTTP or clock.
//!
//! ```text
//!  deltas ──exchange by bin──► totals and rank ──candidates──┐
//!  horizon ──────broadcast──►  (one per worker)              ├─exchange to worker 0─► gather ──► gate (commits)
//!  progress ─────────────────────────────────────────────────┘                          │
//!  tick ─────────broadcast──► every worker's driver ◄─────────broadcast── target horizon┘
//! ```
//!
//! 1. Time is the epoch number. Worker *w*'s epoch *e* stands for a definite prefix of *w*'s partitions; when the
//!    frontier has passed *e*, the candidates and the progress up to *e* are one consistent cut of all partitions.
//! 2. Totals of epoch *e* are applied only when *e* is complete on every reader, in order.
//! 3. A worker sends only its own best rows (as many as the limit lets through); the best of all workers' best are
//!    the best of all.
//! 4. What is decided on the way is not here: totals and ranks are [`rank`](crate::rank), snapshots are
//!    [`snapshot`](crate::snapshot).
//! 5. Gather keeps a capability for the first epoch that is not committed: a probe behind it shows every worker
//!    which input is safe, which is what bounds the bytes in flight.

pub mod control;
pub mod coordinator;
pub mod gate;
pub mod graph;
pub mod handles;
pub mod messages;
pub mod operators;
mod paired;
mod related;
