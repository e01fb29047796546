//! Stage: recording. Records of a topic as they arrived, kept in a file; and the pace at which they are given back.
//!
//! ```text
//! topic ──► load record ──► file ──► load replay ──► topic
//!                              └──► --source recording:FILE
//! ```

pub mod format;
pub mod pace;

pub use format::{Header, Recorded, RecordingReader, Writer};
pub use pace::{Pace, Pacer};
