//! Stage: observe. What is seen of a run from outside: logs, metrics, health numbers.
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
