//! A folder for what one bench leaves behind; it goes with it.
//!
//! Not the tests' crate for that: it would have `bench/run` build half of the program anew, with a feature that only it asks
//! for.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// A folder that is removed when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one, among the system's temporary files.
    pub fn new(name: &str) -> Result<Self, Problem> {
        let of = |n: u32| format!("standings-{name}-{}-{n}", std::process::id());
        let mut n = 0;
        loop {
            let path = std::env::temp_dir().join(of(n));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Folder(path)),
                // Of a process that had this number before.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => n += 1,
                Err(e) => return Err(Problem::file(&path)(e)),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to remove.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_folders_are_not_one_and_each_goes_with_what_is_in_it() {
        let (a, b) = (Folder::new("test").unwrap(), Folder::new("test").unwrap());
        assert_ne!(a.path(), b.path());
        std::fs::write(a.path().join("file"), "x").unwrap();
        let path = a.path().to_owned();
        drop(a);
        assert!(!path.exists() && b.path().exists());
    }
}
