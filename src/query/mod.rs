//! Stage: query.
