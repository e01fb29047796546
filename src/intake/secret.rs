//! Secrets of sources: read where the configuration says that they are, each time anew, so that they can be changed.

use standings_ingest::config::SecretAt;
use standings_model::error::{Code, Coded, codes};

/// A secret that is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[sources.{source_name}] {said}")]
pub struct NoSecret {
    /// Whose.
    pub source_name: String,
    /// Where it was looked for, and why it is not there.
    pub said: String,
}

impl Coded for NoSecret {
    fn code(&self) -> &'static Code {
        &codes::ingest::SECRET
    }
}

/// The secrets at a place: a file may have several, a line each.
///
/// # Errors
/// There is none.
pub fn all(source: &str, at: &SecretAt) -> Result<Vec<String>, NoSecret> {
    let none = |said: String| NoSecret {
        source_name: source.to_owned(),
        said,
    };
    let text = match at {
        SecretAt::File(path) => {
            let read = std::fs::read_to_string(path);
            read.map_err(|e| none(format!("cannot read the secret in {}: {e}", path.display())))?
        }
        SecretAt::Env(name) => {
            std::env::var(name).map_err(|_| none(format!("the variable {name} is not set")))?
        }
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let found: Vec<String> = lines.map(str::to_owned).collect();
    match found.is_empty() {
        true => Err(none(match at {
            SecretAt::File(path) => format!("{} holds no secret", path.display()),
            SecretAt::Env(name) => format!("the variable {name} is empty"),
        })),
        false => Ok(found),
    }
}
