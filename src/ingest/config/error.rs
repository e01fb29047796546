//! What is wrong in `ingest.toml`.

use standings_model::error::{Code, Coded, codes};

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {said}")]
pub struct ConfigError {
    /// `ingest.toml:12`.
    pub place: String,
    /// What, and what is allowed.
    pub said: String,
}

impl Coded for ConfigError {
    fn code(&self) -> &'static Code {
        &codes::ingest::CONFIG
    }
}
