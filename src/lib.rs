//! Standings: rankings over a stream of sales that are always current, exact and cheap.
//!
//! ```text
//! source ──► decode ──► combine ──► exchange ──► dataflow (totals, rank, gather) ──► commit ──► sink
//! ```
//!
//! Dependencies point one way, along the picture. [`model`] holds the words that every stage shares; nothing in
//! [`dataflow`] knows Kafka, Postgres, HTTP or the clock; [`run`] is the edge that ties the stages together.
#![deny(missing_docs)]

pub mod combine;
pub mod config;
pub mod dataflow;
pub mod dead_letter;
pub mod decode;
pub mod demo;
pub mod event_time;
pub mod http;
pub mod load;
pub mod model;
pub mod observe;
pub mod quality;
pub mod query;
pub mod recording;
pub mod run;
pub mod sink;
pub mod snapshot;
pub mod source;
pub mod top;
pub mod verify;
