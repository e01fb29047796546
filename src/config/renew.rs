//! A secret that may be another one by now: the file that it came from, read anew.

use std::ffi::OsString;

/// A value and the file that it came from.
#[derive(Clone)]
pub struct FromFile {
    path: OsString,
}

impl FromFile {
    /// The file that `variable` took `value` from at the start (`VARIABLE_FILE`); `None` if it was given otherwise.
    pub fn of(variable: &str, value: &str) -> Option<Self> {
        let path = std::env::var_os(format!("{variable}_FILE"))?;
        let is_it = std::env::var(variable).is_ok_and(|then| then == value);
        is_it.then_some(FromFile { path })
    }

    /// What it holds now; `None` if it cannot be read.
    pub fn now(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        Some(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}
