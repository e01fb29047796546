//! The protocol of a snapshot: what is said between worker 0, who orders it, and the workers, who make its parts.
//!
//! ```text
//! worker 0, [`Attempts`](super::attempts)              every worker
//!   due ──► Order { id, epoch, full } ──broadcast──►  goes on to that epoch; its totals are copied just before: Taken
//!                                                       └─► writer thread: files ──► PartReport
//!   all reported, own state kept at the epoch ◄──────────────────────────────────────┘
//!   Complete ──► keeper ──► manifest, once everything before the epoch is durable
//! ```

use serde::{Deserialize, Serialize};

use crate::held::Copied;
use crate::pack::deltas::Deltas;
use crate::rank::copy::TooLarge;
use crate::rank::messages::Epoch;
use crate::rank::state::GatherState;

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFile {
    /// Its name in the store.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// XXH3 (64 bits) of its bytes, in hex.
    pub checksum: String,
    /// Rows.
    pub rows: u64,
    /// Whether they are rows that readers hold, and not totals. Between processes a file is told without names of fields, so it is
    /// always written.
    #[serde(default)]
    pub held: bool,
}

/// A snapshot to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// It holds everything before this epoch.
    pub epoch: Epoch,
    /// All rows, not only those that changed since the last.
    pub full: bool,
}

/// What one worker copied for a snapshot.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which.
    pub order: Order,
    /// The rows, as deltas from nothing, in pieces; an error if one row is too large for any. `None` if the worker had
    /// gone past the epoch already.
    pub rows: Option<Result<Vec<Deltas>, TooLarge>>,
    /// The rows that its reader holds; `None` if it had gone past the epoch already.
    pub held: Option<Vec<Copied>>,
}

/// What one worker says of its part of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartReport {
    /// Which snapshot.
    pub id: u64,
    /// Its files (none if it had no row); `Err` if there is no usable part.
    pub files: Result<Vec<PartFile>, String>,
}

/// A snapshot that is complete but for its durability.
#[derive(Clone, Debug)]
pub struct Complete {
    /// Its number.
    pub id: u64,
    /// It stands for everything before this epoch.
    pub epoch: Epoch,
    /// Worker 0's state.
    pub state: GatherState,
    /// The files that rebuild it, in order.
    pub parts: Vec<PartFile>,
}
