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
pub mod input;
pub mod pack;
pub mod quality;
pub mod rank;
pub mod snapshot;
