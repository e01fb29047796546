//! Standings: rankings over a stream of sales that are always current, exact and cheap.
//!
//! ```text
//! source ──► decode ──► combine ──► exchange ──► dataflow (totals, rank, gather) ──► commit ──► sink
//! ```
//!
//! Each stage is a crate, and the crates are floors: what is below cannot know what is above (docs/architecture.md).
//!
//! ```text
//! standings   commands: run, cluster, check, verify, load, demo …            this crate
//! http        the page, the API, probes
//! edge        sources, sinks, stores, peers          Kafka, Postgres, S3, files are known from here on
//! commit      drafts to commits, each once
//! engine      blocks to drafts: fold, dataflow, snapshots
//! query, decode      SQL files to a plan, bytes to a row
//! observe, process   what a run says of itself, how it ends
//! model       the words that all share
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod config;
pub mod dead_letter;
pub mod demo;
pub mod lineage;
pub mod load;
pub mod run;
pub mod top;
pub mod verify;
