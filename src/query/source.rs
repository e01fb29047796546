//! A file of queries, and the one that is shipped.

use sqlparser::tokenizer::Span;

use super::conceal::conceal;
use super::error::{QueryError, Text};

/// The table that is shipped.
pub(super) const SALES: &str = include_str!("../../queries/sales.sql");

/// A file.
pub(super) struct Source {
    /// Its name, without the ending: that of its ranking.
    pub(super) name: String,
    /// Its path, for messages.
    pub(super) file: String,
    /// Its text, in which no secret is.
    pub(super) text: String,
}

impl Source {
    pub(super) fn new(name: String, file: String, text: &str) -> Self {
        Source {
            name,
            file,
            text: conceal(text.strip_prefix('\u{feff}').unwrap_or(text)),
        }
    }

    pub(super) fn text(&self) -> Text<'_> {
        Text {
            file: &self.file,
            source: &self.text,
        }
    }
}

/// An error of a file as a whole.
pub(super) fn nowhere(file: &str, found: String, allowed: &str) -> QueryError {
    Text { file, source: "" }.error(Span::empty(), found, allowed)
}
