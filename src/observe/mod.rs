//! Stage: observe. Logs and metrics.

pub mod logging;
