//! A secret that may be another one by now: the file that it came from, read anew.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Values that a configuration file says are in a file of their own (`{ file = "PATH" }`), and that file.
static NAMED: Mutex<Vec<(String, PathBuf)>> = Mutex::new(Vec::new());

/// Remembers that a value came from this file.
pub fn came_from(value: &str, path: &Path) {
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    named.push((value.to_owned(), path.to_owned()));
}

/// The file that a value came from.
#[derive(Clone)]
pub struct FromFile {
    path: PathBuf,
}

impl FromFile {
    /// The file that `value` was taken from at the start: by `variable` (`VARIABLE_FILE`), or by the configuration file;
    /// `None` if it was given otherwise.
    pub fn of(variable: &str, value: &str) -> Option<Self> {
        let by_variable = std::env::var(variable).is_ok_and(|then| then == value);
        let path = std::env::var_os(format!("{variable}_FILE")).filter(|_| by_variable);
        let named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        let found = named.iter().find(|(then, _)| then == value);
        let path = path.map(PathBuf::from);
        let path = path.or_else(|| found.map(|(_, path)| path.clone()))?;
        Some(FromFile { path })
    }

    /// What it holds now; `None` if it cannot be read.
    pub fn now(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        Some(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_came_from_a_file_is_read_anew() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("url");
        std::fs::write(&path, "new\n").expect("written");
        came_from("old-and-only-here", &path);
        let file = FromFile::of("NO_SUCH_VARIABLE", "old-and-only-here");
        assert_eq!(file.and_then(|f| f.now()).as_deref(), Some("new"));
        assert!(FromFile::of("NO_SUCH_VARIABLE", "given as a flag").is_none());
    }
}
