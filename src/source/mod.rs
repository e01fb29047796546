//! Stage: source.
