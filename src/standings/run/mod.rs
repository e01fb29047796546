//! What ties the floors together: the command line, the threads of a run, the processes of a cluster.
//!
//! ```text
//! reader thread ──blocks──► driver (one per worker thread: decode, combine, epochs) ──► dataflow
//!                                                                                         │ drafts
//!            durable epoch ◄── committer thread (process 0: numbers, sinks, rejects) ◄────┘
//! ```

pub mod apart;
pub mod args;
pub mod check;
pub mod cluster;
pub mod commands;
pub mod connecting;
mod covered;
pub mod engine;
pub mod finished;
mod forget;
pub mod health;
pub mod limits;
pub mod prepared;
mod questions;
pub mod record;
pub mod registries;
pub mod replica;
pub mod serve;
mod settings;
pub mod signals;
pub mod size;
pub mod tables;
pub mod upgrade;
