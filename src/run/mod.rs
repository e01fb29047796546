//! The edge that ties the stages together: command line, drivers, committer, cluster, demo.
//!
//! ```text
//! reader thread ──blocks──► driver (one per worker thread: decode, combine, epochs) ──► dataflow
//!                                                                                         │ drafts
//!            durable epoch ◄── committer thread (process 0: numbers, sinks, rejects) ◄────┘
//! ```

pub mod apart;
pub mod args;
pub mod ask;

pub mod check;
pub mod cluster;
pub mod commands;
pub mod committer;
pub mod driver;
pub mod engine;
pub mod exit;
pub mod finished;
pub mod health;
pub mod identity;
pub mod limits;
pub mod partition;
pub mod peers;
pub mod post;
mod questions;
pub mod record;
pub mod replica;
pub mod secret;
pub mod signals;
pub mod size;
pub mod tally;
pub mod upgrade;
pub mod window_watch;
pub mod witness;
