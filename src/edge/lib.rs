//! The outside: where records come from, where commits, snapshots and reports go, and the other processes of a cluster.
//!
//! ```text
//! source (files, topics) ──► the engine ──► sink (Postgres, Kafka, files)
//!                              │   └──► store (folders, buckets)
//!                              └── peers (the cluster's other processes)
//! ```
//!
//! # Where to begin
//!
//! - [`source::SourceOptions`] and [`source::start`]: a reader thread for a worker; [`source::open_file`]: a file without one.
//! - [`sink::url::SinkUrl`] and [`sink::connect`]: from a URL to a [`Sink`](standings_commit::sink::Sink).
//! - [`registry::Registry`]: schemas by their ids.
//! - [`store::open`]: from a URL to a store of snapshots. [`peers`]: how processes find and trust each other.
//!
//! # What it must never do
//!
//! Decide anything about rankings, or write what did not change.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod ask;
pub mod peers;
pub mod post;
pub mod recording;
pub mod registry;
pub mod sink;
pub mod source;
pub mod store;
pub mod trace_export;
