//! The lowest room: how a process ends, its secrets, its name, and who keeps a record of it.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod exit;
pub mod renew;
pub mod run_id;
pub mod secret;
pub mod stderr;
pub mod witness;
