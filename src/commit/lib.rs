//! Drafts become commits, each once, in every sink: over what a database and a log with transactions can do, whoever they
//! are. Knows no client of either.
//!
//! ```text
//! worker 0 ──draft──► gate ──► committer ──► Sink ──┬─ DatabaseSink ──► Database      rows, number, prefix: one transaction
//!                      ▲           │                └─ TransactionalSink ──► Transactions   changes and progress: one too
//!                      └─ durable ─┴─► observers, rejects
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::iter_over_hash_type
    )
)]

pub mod change_log;
pub mod committer;
pub mod database;
pub mod halving;
pub mod kind;
pub mod refused;
pub mod sink;
pub mod tally;
pub mod transactions;
pub mod window_watch;
