//! Stage: snapshot. Totals on durable storage, from which any number of workers can start.
//!
//! ```text
//! owners ──rows that changed──► writer thread (each process) ──► parts/…parquet ──► report to worker 0
//! worker 0: every part is there, its own state, all before it durable ──► keeper ──► the log: manifests/NNNNNNNNNN.json
//! start: fence in the log ──► newest manifest whose parts are all whole ──► Start ──► every worker loads its own keys
//! ```
//!
//! 1. A manifest is written after all its parts, and only when every sink shows at least what it stands for.
//! 2. Parts are Parquet: `key` and `measures` are for people and DuckDB, `state` is what is loaded.
//! 3. Size and checksum of every part are in the manifest, and the manifest carries its own: what is torn, flipped or
//!    missing is named, and the snapshot before it is taken, or the input is read from its start.
//! 4. Nothing in it depends on the number of workers.
//! 5. Of two clusters on one store the one that opened it last writes and collects; the other can do neither
//!    (`log.rs`, `collect.rs`).
//! 6. Windows of local days stay cut as they were, whatever a newer database of zones says (`zones.rs`).
//! 7. What the store does not answer just now is asked again, and then said: it is not damaged.

mod attempts;
mod batches;
mod collect;
mod error;
#[cfg(test)]
mod folder;
pub mod held;
mod load;
mod log;
mod manifest;
mod memory;
mod objects;
pub mod order;
mod part;
mod state;
mod store;
mod writer;
pub mod zones;

pub use attempts::Attempts;
pub use error::{Damage, LoadError, LogError, Newer, Unreadable};
pub use load::load;
pub use log::Log;
pub use manifest::{Manifest, agreement, fingerprint, fingerprints};
pub use objects::{ObjectError, Objects, StoreError};
pub use store::{Store, checksum};
pub use writer::{Keeper, Manifests, Parts, Writer};
