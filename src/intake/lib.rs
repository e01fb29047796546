//! Ingestion's outside: Kafka with its transactions, folders, buckets, servers of files, APIs. What it does, `standings_ingest` decides.
//!
//! ```text
//! files (folder, bucket, server) ┐                                              ┌──► topic, dead letters ┐
//! rest, soap (an API)            ├──► standings_ingest::Task ──► kafka (one id) ┤                        ├ one transaction
//! webhooks, by http              ┘                                              └──► cursor, ledger      ┘
//! ```
//!
//! # Where to begin
//!
//! - [`start::make`]: from a configuration to sources that can be started. [`kafka::KafkaLog`]: a log with transactions.
//! - [`files::Folder`], [`files::Bucket`], [`files::Sftp`]: where files are. [`fetch::Client`]: how an API is asked.
//!
//! # What it must never do
//!
//! Decide where a source goes on, follow a link or a redirect, or show a secret.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod api;
mod changes;
pub mod fetch;
pub mod files;
pub mod kafka;
mod leave;
mod mysql;
mod postgres;
pub mod raw;
pub mod secret;
pub mod soap;
pub mod start;
mod store;
mod table;
