//! Where files are: a folder, or a bucket.
//!
//! 1. No link is followed, in no part of a path below the configured folder; only regular files are opened, without waiting for
//!    a writer of a pipe, and what is open is compared with what was seen.
//! 2. Nothing is written over: a name that is taken in `done/` gets the hash of the file that comes.

mod bucket;
mod folder;
mod rows;

pub use bucket::Bucket;
pub use folder::Folder;

/// Where files go that were taken, and those that could not be.
pub const DONE: &str = "done";
/// See [`DONE`].
pub const FAILED: &str = "failed";
