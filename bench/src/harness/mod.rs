//! What the benches share: building what is measured, running one side, rounds, services, results.
//!
//! ```text
//! place, build ──► sales, services ──► rounds ──► quiet ──► measure (a side to its end) ──► stats ──► table ──► report
//!                                                     └──► server (a side that goes on) ──► metrics
//! ```
//!
//! 1. Sides run in turn, in another order each round: what the side before leaves behind is not always the same one's.
//! 2. Before each, the machine has come to rest.
//! 3. What is printed is a median; every sample goes to one file, `results.ndjson`.

pub mod build;
pub mod flink;
pub mod folder;
pub mod forms;
pub mod machine;
pub mod measure;
pub mod metrics;
pub mod peer;
pub mod place;
pub mod quiet;
pub mod report;
pub mod resident;
pub mod rounds;
pub mod sales;
pub mod server;
pub mod services;
pub mod signals;
pub mod stats;
pub mod table;
