//! Stage: query. SQL files, as people write them for Flink, become a typed plan.
//!
//! ```text
//! file ──conceal──► text ──tokens──► statement ─┬─► declare (options, expression) ──► tables ─┐
//!                   without secrets             ├─► view ──► relations over tables            ├─► plan, checked
//!                                               ├─► ranking (flow, SELECT by SELECT) ──► rows ┘
//!                                               └─► session (SET)
//! ```
//!
//! What is outside of the form is refused with its place, what was found, and what is allowed there.
//!
//! # Where to begin
//!
//! - [`load_dir`]: a folder of them, with all that is wrong in any; [`load`]: and what is to be said; [`load_shipped`]: those
//!   that are in the binary.
//! - [`parse_ranking`]: one query's text to a [`Ranking`](standings_model::plan::Ranking), or what is wrong with it and where.
//! - [`parse_table`]: one `CREATE TABLE` to a [`Table`](standings_model::table::Table).
//! - [`explain()`]: what a plan means, in words. [`meaning`]: what two queries must share to be the same ranking.
//!
//! # What it must never do
//!
//! Touch anything but the files, take a query for what it nearly says, or show a secret that somebody wrote into one.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]
// An error ends the program with a diagnostic: its size is of no matter.
#![allow(clippy::result_large_err)]

mod aggregate;
mod conceal;
mod declare;
mod dialect;
mod error;
mod explain;
pub mod expression;
mod fingerprint;
mod flow;
mod folder;
mod grouped;
mod hint;
mod interval;
mod lifts;
mod lives;
mod load;
mod measures;
mod naming;
mod nested;
mod options;
mod order;
mod outline;
mod ranking;
mod row;
mod said;
mod scope;
mod session;
mod source;
mod statement;
mod table;
pub mod toml;
mod unread;
mod view;
mod walk;
mod window;

pub use error::{QueryError, QueryErrors};
pub use explain::explain;
pub use fingerprint::meaning;
pub use folder::Loaded;
pub use load::{load, load_dir, load_shipped, load_texts};
pub use options::page as options_page;
pub use outline::outline;
pub use ranking::{RESERVED, parse_ranking};
pub use session::zone;
pub use table::parse_table;
