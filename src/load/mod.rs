//! Stage: load.
