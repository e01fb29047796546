//! Stage: observe. What is seen of a run from outside: logs, metrics, health numbers.
//!
//! ```text
//! readers, workers, committer ──► Live ──┬──► Metrics ──► /metrics
//!                                        └──► waits, health ──► /readyz, the page's strip, logs
//! ```
//!
//! # Where to begin
//!
//! - [`live::Live`]: where the threads of a process tell how they go, at the price of an atomic or a short lock.
//! - [`metrics::Metrics`]: all that is counted, drawn from commits and from what `Live` was told.
//! - [`waiting`]: what is waited for, said once and not each time.
//! - [`logging`] and [`trace`]: lines, and spans of sampled commits.
//!
//! # What it must never do
//!
//! Hold a commit back, or show a secret.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod health;
mod histogram;
pub mod live;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod objectives;
mod process;
pub mod stopping;
pub mod trace;
pub mod waiting;
