//! Functions of texts. Characters are Unicode scalar values, as their lengths in `VARCHAR(n)` are.

mod shape;
mod slice;

pub use shape::*;
pub use slice::*;

/// The most bytes that a function makes of what it is given: what grows beyond costs the record, not the memory.
pub const MOST: usize = 1 << 20;

/// Whether a text is a regular expression that can be used here; else what is wrong with it.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    regex::Regex::new(pattern)
        .map(|_| ())
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            other => other
                .to_string()
                .lines()
                .last()
                .unwrap_or("")
                .trim()
                .to_owned(),
        })
}
