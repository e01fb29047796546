//! Which entries of a folder are read, by their names alone; the same on this machine and on a server.

use standings_edge::source::glob::fits_path;

use super::{DONE, FAILED};

/// How deep folders are gone into.
pub(super) const DEPTH: usize = 32;
/// How many files there may be.
pub(super) const MOST: usize = 1_000_000;

/// What writers keep beside their data: `_SUCCESS`, `.part-0.crc`; but `_date=2026-01-23` is a folder of data.
pub(super) fn is_beside(name: &str) -> bool {
    name.starts_with(['.', '_']) && !name.contains('=')
}

/// Whether a folder is where taken files go. `before`: the path of the folder that it is in, with a slash at its end.
pub(super) fn is_ours(before: &str, name: &str) -> bool {
    before.is_empty() && (name == DONE || name == FAILED)
}

/// Whether a file is one of those that are asked for, and not one that somebody is still bringing.
pub(super) fn is_wanted(pattern: Option<&str>, path: &str) -> bool {
    let is_partial = [".tmp", ".part", ".partial", ".crdownload"]
        .iter()
        .any(|ending| path.ends_with(ending));
    !is_partial && pattern.is_none_or(|pattern| fits_path(pattern, path))
}
