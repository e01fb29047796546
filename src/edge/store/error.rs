//! Why a store cannot be opened.

use std::io;

use super::url::StateUrl;
use standings_model::error::{Code, Coded, codes};

/// A folder or a bucket that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("--state {url}: {source}")]
pub struct OpenError {
    /// Which.
    pub url: StateUrl,
    /// Why.
    pub source: OpenProblem,
}

impl OpenError {
    /// Of this one.
    pub(super) fn of<P: Into<OpenProblem>>(url: &StateUrl) -> impl Fn(P) -> Self {
        |problem| OpenError {
            url: url.clone(),
            source: problem.into(),
        }
    }
}

impl Coded for OpenError {
    fn code(&self) -> &'static Code {
        &codes::store::OPENING
    }
}

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum OpenProblem {
    /// The folder cannot be made or entered, or this process has no thread for it.
    #[error(transparent)]
    Here(#[from] io::Error),
    /// What the environment says of it is not enough.
    #[error(transparent)]
    Store(#[from] object_store::Error),
}
