//! What TOML files of this program have in common: places, and what is said of what is wrong.

use std::ops::Range;

use toml_edit::{Document, Item};

/// A file that is no TOML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {said}")]
pub struct TomlError {
    /// `FILE:LINE`.
    place: String,
    /// In the parser's words, on one line.
    said: String,
}

/// Parses a file; what is wrong is told with its place.
pub fn parse(name: &str, text: &str) -> Result<Document<String>, TomlError> {
    Document::parse(text.to_owned()).map_err(|e| TomlError {
        place: place(name, text, e.span()),
        said: e.message().trim_end().replace('\n', "; "),
    })
}

/// `FILE:LINE`.
pub fn place(name: &str, text: &str, span: Option<Range<usize>>) -> String {
    let before = span.and_then(|s| text.as_bytes().get(..s.start));
    match before {
        Some(before) => {
            let line = before.iter().filter(|b| **b == b'\n').count() + 1;
            format!("{name}:{line}")
        }
        None => name.to_owned(),
    }
}

/// What an item is: `a string`.
pub fn kind(item: &Item) -> String {
    match item.type_name() {
        name if name.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {name}"),
        name => format!("a {name}"),
    }
}

/// The name that was probably meant.
pub fn nearest<'a>(name: &str, allowed: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // `commit_interval` and `commitInterval` are as near as it gets.
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    allowed
        .map(|other| (likeness(&plain(name), &plain(other)), other))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

/// From 0 to 1. A short word with two letters the other way round (`rnu`) has hardly a letter at its place, and is near.
fn likeness(word: &str, other: &str) -> f64 {
    let likeness = strsim::jaro_winkler(word, other);
    match strsim::osa_distance(word, other) {
        1 if word.len() > 2 => likeness.max(0.9),
        _ => likeness,
    }
}
