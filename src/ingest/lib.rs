//! Stage: ingest. What is not in Kafka yet, into Kafka: each source by itself, each record once.
//!
//! ```text
//!                    ┌────────────── Task: one step at a time, by the clock that it is given ──────────────┐
//! folder, webhook ──►│ Feed.poll ──► Batch: records, letters, notes, the next cursor ──► Log: one transaction │──► topic
//!                    └── Trouble ──► Backoff, Breaker ──► waiting │ broken(reason) ──► Told ──► metrics, API ──┘
//! ```
//!
//! 1. Records and cursor are in one transaction: what the newest cursor says is what the topic has.
//! 2. After anything that went wrong, and at each start, a source goes on from the cursor in Kafka, and from nothing else: what
//!    this process remembers of a transaction without an answer is worth nothing.
//! 3. The id of a source's transactions is taken over before its cursor is read: nobody can commit between the two.
//! 4. What happens to the outside for good (a file is moved, a sender is answered) happens after the transaction.
//! 5. A source that cannot work is `waiting` or `broken`, with the reason, and never `streaming`.
//!
//! # Where to begin
//!
//! - [`config::Config`]: what `ingest.toml` says. [`task::Task`]: a source's step. [`feed::Feed`]: what a kind of source is.
//! - [`files::FilesFeed`], [`webhook::WebhookFeed`], [`rest::RestFeed`], [`soap::SoapFeed`], [`postgres::TableFeed`],
//!   [`window::WindowFeed`], [`postgres::changes::ChangesFeed`]: those that there are.
//! - [`told::Board`]: what all of them tell, for metrics and the API.
//!
//! # What it must never do
//!
//! Read a clock of its own, open a file or a connection, or know Kafka: that is `intake`'s, and the simulator's.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod answer;
pub mod backoff;
pub mod batch;
pub mod breaker;
pub mod bucket;
mod changes;
pub mod config;
pub mod cursor;
pub mod drift;
pub mod feed;
pub mod files;
pub mod gather;
pub mod log;
pub mod metrics;
pub mod mysql;
pub mod pages;
pub mod postgres;
pub mod rest;
pub mod row;
mod seen;
pub mod soap;
pub mod state;
pub mod task;
pub mod told;
pub mod webhook;
pub mod window;
pub mod xml;

#[cfg(test)]
mod simulated;
