//! Stage: lineage. Which data a run reads and writes, column by column, told as OpenLineage run events.
//!
//! ```text
//! plan ──► columns (which input column an output column is made from)
//!            └─► events (START, RUNNING, COMPLETE, FAIL) ──► queue ──► send: HTTP, Kafka, a file
//! committer ──► Tally (counts) ──┘
//! sources of ingest ──► Board ──► sources ──► the same queue
//! ```
//!
//! 1. A commit never waits for it: events are made from a tally, on a thread of their own.
//! 2. The queue is bounded; what does not fit, or is refused for good, is counted.
//! 3. An event holds no secret: datasets are named by host and name, never by a URL.

mod args;
mod columns;
mod datasets;
mod events;
mod keeper;
mod send;
mod sources;
mod url;

pub use self::args::LineageArgs;
pub use self::columns::{Column, Derived, Kind, derive};
pub use self::datasets::Dataset;
pub use self::events::{Description, Query, Stage};
pub use self::keeper::{Lineage, OfRun, Tells};
pub use self::send::{Transport, TransportError};
pub use self::sources::OfSources;
pub use self::url::LineageUrl;
