//! What is wrong with the configuration file, with its place.

use std::io;
use std::path::PathBuf;

use standings_model::error::{Code, Coded, codes};
use standings_query::toml::TomlError;

/// A configuration file that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("--config: cannot read {}: {source}; `standings config example` prints one", .path.display())]
    Reading {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No TOML.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// A key that no command has.
    #[error("{place}: {problem}")]
    Unknown {
        /// `FILE:LINE`.
        place: String,
        /// What was found there, and what was probably meant.
        problem: String,
    },
    /// A value of a type that the flag does not take.
    #[error("{place}: {key}: {source}")]
    Item {
        /// `FILE:LINE`.
        place: String,
        /// The flag's name.
        key: String,
        /// What it takes.
        source: ItemError,
    },
    /// A value that the flag's own parser refuses.
    #[error("{place}: {key}: {problem}")]
    Value {
        /// `FILE:LINE`.
        place: String,
        /// The flag's name.
        key: String,
        /// In the parser's words, without the value of a secret.
        problem: String,
    },
    /// A file that holds a value cannot be read.
    #[error("{place}: {key}: cannot read {}: {source}", .path.display())]
    File {
        /// `FILE:LINE`.
        place: String,
        /// The flag's name.
        key: String,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Coded for ConfigError {
    fn code(&self) -> &'static Code {
        match self {
            ConfigError::File { .. } => &codes::line::FILE,
            ConfigError::Reading { .. }
            | ConfigError::Toml(_)
            | ConfigError::Unknown { .. }
            | ConfigError::Item { .. }
            | ConfigError::Value { .. } => &codes::line::CONFIG,
        }
    }
}

/// What a flag does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// A flag without a value.
    #[error("{found} is not allowed; allowed are true and false")]
    Switch {
        /// Of which type it is.
        found: String,
    },
    /// A flag with a value.
    #[error(
        "{found} is not allowed; allowed are a string, a number, or {{ file = \"PATH\" }} for a file that holds it{}",
        if *.or_list { ", or a list of them" } else { "" }
    )]
    Value {
        /// Of which type it is.
        found: String,
        /// The flag may be repeated.
        or_list: bool,
    },
}
