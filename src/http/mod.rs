//! Stage: http. What people and machines look at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use crate::model::plan::Plan;
use crate::run::committer::Observer;
use crate::run::exit::Failure;

/// A running server.
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    /// What feeds it.
    pub observer: Box<dyn Observer>,
}

/// x
pub fn serve(
    _address: SocketAddr,
    _plan: &Arc<Plan>,
    _in_flight: &Arc<AtomicI64>,
) -> Result<Served, Failure> {
    Err(Failure::usage("not yet"))
}
