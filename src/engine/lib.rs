//! From blocks of records to drafts of changes: everything of a worker that decides what is ranked.
//!
//! ```text
//! Feed ──blocks──► driver ──► fold (decode, judge, lateness) ──► combine ──epoch──► dataflow: totals, head, gather ──► Gate
//!                                                                                     └──► snapshot ──► Objects
//! ```
//!
//! 1. It knows no server, no file and no client: what it touches is behind [`driver::Feed`], [`dataflow::gate::Gate`],
//!    [`input::Input`] and [`snapshot::Objects`], so that a simulator can stand in for the world.
//! 2. It reads no wall clock to decide anything: waits are by [`standings_model::clock::Clock`].
//!
//! # Where to begin
//!
//! Along the way of a sale:
//!
//! - [`fold::Fold`]: a block of records becomes counts, rejects and deltas; [`combine::combiner::Combiner`] adds them up.
//! - [`event_time::partition::PartitionClock`] says what is late, [`event_time::global::GlobalClock`] which windows are closed.
//! - [`rank::totals::Totals`]: what one worker holds of its keys; [`pack::interner::Interner`]: their texts.
//! - [`rank::head::Head`]: the best rows, always in order; [`rank::gather::Gather`]: the best of all workers, and what changed.
//! - [`dataflow`]: the operators around these, and the coordinator; [`driver`]: a worker's loop around all of it.
//! - [`snapshot`]: all of it on durable storage; its protocol is [`snapshot::order`], its fence [`snapshot::Log`].
//!
//! # What it must never do
//!
//! Know Kafka, Postgres, HTTP or the clock on the wall; depend on the pace, the batches or the number of workers.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::iter_over_hash_type
    )
)]

pub mod combine;
pub mod dataflow;
pub mod driver;
pub mod event_time;
pub mod fold;
pub mod held;
pub mod input;
pub mod nest;
pub mod pack;
pub mod quality;
pub mod rank;
pub mod relate;
pub mod snapshot;
