//! Stage: http.
