//! Stage: combine.
