//! The lowest room: how a process ends, its secrets, its name, and who keeps a record of it.

pub mod exit;
pub mod renew;
pub mod run_id;
pub mod secret;
pub mod stderr;
pub mod witness;
