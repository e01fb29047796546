//! Why a source cannot be used.

/// A source that cannot be used; the text says what was found and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Wrong configuration: exit code 2.
    #[error("{0}")]
    Configuration(String),
    /// Reading failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}
