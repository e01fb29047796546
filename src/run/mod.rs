//! The edge that ties the stages together: command line, drivers, committer, cluster, demo.
//!
//! ```text
//! reader thread ──blocks──► driver (one per worker thread: decode, combine, epochs) ──► dataflow
//!                                                                                         │ drafts
//!            durable epoch ◄── committer thread (process 0: numbers, sinks, rejects) ◄────┘
//! ```

pub mod catch_up;
pub mod cluster;
pub mod committer;
pub mod driver;
pub mod exit;
pub mod partition;
