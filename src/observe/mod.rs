//! Stage: observe. Logs.

pub mod logging;
