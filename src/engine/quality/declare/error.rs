//! What is wrong with declared checks, with its place.

use std::io;
use std::path::PathBuf;

use standings_model::error::{Code, Coded, codes};
use standings_query::toml::TomlError;

/// A file of checks that cannot be, or a limit of a check that is not declared.
#[derive(Debug, thiserror::Error)]
pub enum ChecksError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Reading {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of checks of no table.
    #[error(
        "{}: there is no table of this name; checks of a table stand in NAME.checks.toml, and the tables are {}",
        .path.display(), .tables.join(", ")
    )]
    NoTable {
        /// Which.
        path: PathBuf,
        /// The names that there are.
        tables: Vec<String>,
    },
    /// No TOML.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// A check that cannot be.
    #[error("{place}: {check}: {problem}")]
    Declared {
        /// `FILE:LINE`.
        place: String,
        /// Its name.
        check: String,
        /// What was found there, and what is allowed.
        problem: String,
    },
    /// `--fail-on` names none.
    #[error("--fail-on: there is no check `{name}`; {}", those(.declared))]
    NoSuch {
        /// As it was given.
        name: String,
        /// The names that there are.
        declared: Vec<String>,
    },
    /// `--fail-on` says what this check cannot.
    #[error("--fail-on: `{name}`: {problem}")]
    Misplaced {
        /// Its name.
        name: String,
        /// Why not.
        problem: &'static str,
    },
}

impl Coded for ChecksError {
    fn code(&self) -> &'static Code {
        &codes::query::CHECKS
    }
}

fn those(names: &[String]) -> String {
    match names {
        [] => "no check is declared in sales.checks.toml".to_owned(),
        names => format!("declared are {}", names.join(", ")),
    }
}
