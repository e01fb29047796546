//! Where files are: a folder, a bucket, or a folder of a server.
//!
//! 1. No link is followed, in no part of a path below the configured folder; only regular files are opened, without waiting for
//!    a writer of a pipe, and what is open is compared with what was seen.
//! 2. Nothing is written over: a name that is taken in `done/` gets the hash of the file that comes.

mod bucket;
mod folder;
mod names;
mod rows;
mod sftp;

pub use bucket::Bucket;
pub use folder::Folder;
pub use sftp::{Sftp, Unmade};

use standings_ingest::config::After;
use standings_ingest::files::Fate;

/// Where files go that were taken, and those that could not be.
pub const DONE: &str = "done";
/// See [`DONE`].
pub const FAILED: &str = "failed";

/// Where a file goes that was taken.
enum Goes {
    /// It stays.
    Nowhere,
    /// Into one of our folders, under its own path.
    Into(&'static str),
    /// It is deleted.
    Away,
}

impl Goes {
    fn of(after: After, fate: Fate) -> Self {
        match (after, fate) {
            (After::Keep, _) => Goes::Nowhere,
            (After::Move, Fate::Done) => Goes::Into(DONE),
            (After::Delete, Fate::Done) => Goes::Away,
            (After::Move | After::Delete, Fate::Failed) => Goes::Into(FAILED),
        }
    }
}
