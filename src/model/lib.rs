//! The words that every stage shares: values, types and tables, the plan of a ranking, raw records, changes and commits.
//!
//! ```text
//! Table, Plan      what is ranked, and how       ──► known by all
//! Block            raw records of a partition    source ──► engine
//! Reject           what could not be counted     engine ──► late output, dead letters
//! Change, Commit   what is written               engine ──► committer ──► sinks, page
//! ```
//!
//! # Where to begin
//!
//! - [`plan::Plan`]: what a folder of queries means, typed.
//! - [`types::Type`], [`value::Value`]: a cell. Decimals are whole digits and a scale, times are microseconds; nothing that is
//!   summed is a floating point number.
//! - [`table::Table`], [`expr::Expr`]: an input and its columns, and what is computed of them.
//! - [`block::Block`]: records as they come; [`change::Change`] and [`change::Commit`]: rows as they go.
//! - [`json`]: the formats of the change log, the late output and the dead letters.
//! - [`change::Counts`]: what became of every record, in an equation that always holds.
//!
//! # What it must never do
//!
//! Know another crate of ours, or a server, a file or a thread.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod aggregate;
pub mod amounts;
pub mod big;
pub mod block;
pub mod bytes;
pub mod change;
pub mod check;
pub mod clock;
pub mod csv;
pub mod decimal;
pub mod digits;
pub mod duration;
pub mod error;
pub mod expr;
pub mod guarded;
pub mod hold;
pub mod identity;
pub mod joined;
pub mod json;
pub mod json_values;
pub mod kafka_url;
pub mod leb128;
pub mod limit;
pub mod mask;
mod needed;
mod pairs;
pub mod placed;
pub mod plan;
pub mod printable;
pub mod redact;
pub mod reject;
pub mod row_id;
pub mod rows;
pub mod sabotage;
pub mod schema;
pub mod sketch;
pub mod statistics;
pub mod table;
pub mod time;
pub mod types;
pub mod value;
pub mod window;
pub mod window_check;
