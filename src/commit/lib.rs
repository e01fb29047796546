//! Drafts become commits, each once, in every sink: over what a database and a log with transactions can do, whoever they
//! are. Knows no client of either.
//!
//! ```text
//! worker 0 ──draft──► gate ──► committer ──► Sink ──┬─ DatabaseSink ──► Database      rows, number, prefix: one transaction
//!                      ▲           │                └─ TransactionalSink ──► Transactions   changes and progress: one too
//!                      └─ durable ─┴─► observers, rejects
//! ```
//!
//! # Where to begin
//!
//! - [`committer::Committer`]: numbers drafts and has every sink write them; behind [`committer::CommitGate`], worker 0's side.
//! - [`sink::Sink`]: what a commit is written to, and what it shows when it is opened, so that only the difference is written.
//! - [`database::DatabaseSink`] and [`transactions::TransactionalSink`]: both protocols, with what may be lost at each step.
//! - [`change_log::fold`]: a change log read back.
//! - [`tally::Tally`]: an observer, the smallest there is. [`refused`], [`halving`]: rows that a sink does not take.
//!
//! # What it must never do
//!
//! Know whose database or log it is; use a number twice; call durable what a sink does not show.
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
mod progress;
pub mod refused;
pub mod sink;
pub mod tally;
mod topic_error;
pub mod transactions;
pub mod window_watch;
