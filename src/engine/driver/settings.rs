//! What a driver needs to know.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::fold;
use crate::snapshot::{Store, Writer};
use standings_model::clock::Clock;
use standings_observe::live::Live;

/// Where a run's snapshots lie, and who writes their parts.
#[derive(Clone)]
pub struct Snapshots {
    /// `--state`.
    pub store: Store,
    /// Writes parts.
    pub writer: Writer,
}

/// What a driver needs to know.
#[derive(Clone)]
pub struct Settings {
    /// What its fold needs.
    pub fold: fold::Settings,
    /// `--idle-timeout`.
    pub idle_timeout: Duration,
    /// `--until-end`.
    pub until_end: bool,
    /// Whether a partition that has ended can never contribute again (files).
    pub ends_are_final: bool,
    /// Bytes that this worker may have in flight.
    pub in_flight_bytes: usize,
    /// Least and most bytes of an epoch under load.
    pub epoch_bytes: (usize, usize),
    /// Set when the process is asked to stop.
    pub stop: Arc<AtomicBool>,
    /// `--state`, if there is one.
    pub snapshots: Option<Snapshots>,
    /// Where the worker tells how it goes, for metrics and probes.
    pub live: Arc<Live>,
    /// What idleness and waits are measured by.
    pub clock: Clock,
}
