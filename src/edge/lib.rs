//! The outside: where records come from, where commits, snapshots and reports go, and the other processes of a cluster.
//!
//! ```text
//! source (files, topics) ──► the engine ──► sink (Postgres, Kafka, files)
//!                              │   └──► store (folders, buckets)
//!                              └── peers (the cluster's other processes)
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod ask;
pub mod peers;
pub mod post;
pub mod recording;
pub mod sink;
pub mod source;
pub mod store;
pub mod trace_export;
