//! Stage: dataflow.
