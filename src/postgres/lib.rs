//! Postgres as a client sees it: where and how to connect, what its errors mean, how a row lies in a table. Known by the sink
//! (`standings_edge`), which writes, and by the page's server (`standings_http`), which reads, and which so needs no Kafka.
//!
//! ```text
//! URL ──► Target ──TLS──► client ──► statements: by name, or whole where a pooler is between (Unnamed)
//!                                └──► error ──► Trouble: passes, a login, wrong, final
//! ```
//!
//! # Where to begin
//!
//! - [`Target`]: what libpq's URLs take, with TLS decided by us.
//! - [`trouble()`] and [`errors`]: every SQLSTATE, and whether waiting heals it.
//! - [`replication`]: the log of a database as it is replicated.
//! - [`Unnamed`]: statements that leave nothing behind on a connection. [`fields`], [`sql_type`], [`quoted`]: a ranking's columns.
//!
//! # What it must never do
//!
//! Decide what is written, or when.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod columns;
mod connect;
mod error;
pub mod errors;
pub mod replication;
mod tls;
mod trouble;
mod unnamed;

pub use columns::{fields, parts, quoted, rank, selected, sql_type, text, value};
pub use connect::Target;
pub use error::{PostgresError, ShapeError, TlsError, UrlError};
pub use tls::authority_only;
pub use trouble::{describe, trouble};
pub use unnamed::{Parameter, Unnamed, is_pooled, typed};
