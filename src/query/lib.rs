//! Stage: query. SQL files in Flink's Window Top-N form become typed plans.
//!
//! ```text
//! file ──tokens──► dialect (Flink's TABLE argument) ──sqlparser──► shape (three nested selects) ──► plan, checked
//! ```
//!
//! What is outside of the shape is refused with its place, what was found, and what is allowed there.
//!
//! # Where to begin
//!
//! - [`parse_ranking`]: one query's text to a [`Ranking`](standings_model::plan::Ranking), or what is wrong with it and where.
//! - [`load_dir`]: a folder of them, with all that is wrong in any; [`load_shipped`]: those that are in the binary.
//! - [`explain()`]: what a ranking means, in words. [`meaning`]: what two queries must share to be the same ranking.
//!
//! # What it must never do
//!
//! Touch anything but the files, or take a query for what it nearly says.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]
// An error ends the program with a diagnostic: its size is of no matter.
#![allow(clippy::result_large_err)]

mod aggregate;
mod condition;
mod dialect;
mod error;
mod explain;
pub mod expression;
mod fingerprint;
mod load;
mod ranking;
mod schema;
pub mod toml;
mod window;

pub use error::{QueryError, QueryErrors};
pub use explain::explain;
pub use fingerprint::meaning;
pub use load::{load_dir, load_shipped};
pub use ranking::parse_ranking;
pub use schema::parse_schema;
