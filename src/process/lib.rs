//! The lowest room: how a process ends, its secrets, its name, and who keeps a record of it.
//!
//! ```text
//! any thread ──Failure──► exit: one diagnostic, who keeps a record is told, exit code 1 or 2
//! ```
//!
//! # Where to begin
//!
//! - [`exit::Failure`]: what to tell the person, and the exit code; [`exit::now`] ends the process by it.
//! - [`secret::Secret`]: a value that no log and no message shows; [`renew::FromFile`] reads one anew that has changed.
//! - [`run_id::RunId`]: the name of a run. [`witness`]: who keeps a record of it, to its end.
//!
//! # What it must never do
//!
//! Say anything of rankings. And a library must not call [`exit::now`]: it returns its failure, as `standings::embed` does.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod exit;
pub mod renew;
pub mod run_id;
pub mod secret;
pub mod stderr;
pub mod witness;
