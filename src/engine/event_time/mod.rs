//! Event time: each partition's own clock judges lateness; all of them together close and retire windows.
//!
//! ```text
//! sale ──► PartitionClock (own watermark: late?) ──► progress ──► GlobalClock ──► closed until, horizon
//!               ▲                                                                         │
//!               └────────────── horizon: windows that were dropped ◄──────────────────────┘
//! ```
//!
//! 1. Whether a sale is late depends on the earlier records of its own partition alone, so it is a function of the
//!    input (DESIGN 2.4).
//! 2. The global watermark and the horizon never go back.
//! 3. A window is dropped only after every reader has promised to send nothing more for it.

pub mod global;
pub mod partition;

/// The watermark after the end of all input: later than the end of any window, and a year that Postgres can hold.
pub const END_OF_TIME: i64 = 9_000_000_000_000_000;

/// The watermark and horizon before anything was read.
pub const BEGINNING: i64 = i64::MIN;
