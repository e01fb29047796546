//! `--state`: a folder, or a bucket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `--state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateUrl {
    /// A folder.
    File(PathBuf),
    /// A bucket and a prefix in it; credentials come from the environment, as AWS tools read it.
    S3 {
        /// Bucket.
        bucket: String,
        /// Prefix, without slashes at its ends.
        prefix: String,
    },
}

/// A text that is no place for state. Of what may be a secret nothing is in the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateUrlError {
    /// `file:` alone.
    #[error("file: needs a folder, such as file:/var/lib/standings")]
    NoFolder,
    /// `s3:` alone.
    #[error("s3: needs a bucket, such as s3://bucket/standings")]
    NoBucket,
    /// A secret in it.
    #[error(
        "credentials have no place in the URL; give them in the environment, as AWS tools read them"
    )]
    Secrets,
    /// Something else.
    #[error("`{0}…` is no place for state; allowed are file:FOLDER and s3://BUCKET/PREFIX")]
    Unknown(String),
}

impl FromStr for StateUrl {
    type Err = StateUrlError;

    fn from_str(text: &str) -> Result<Self, StateUrlError> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(StateUrlError::NoFolder);
            }
            return Ok(StateUrl::File(path.into()));
        }
        if let Some(rest) = text
            .strip_prefix("s3://")
            .or_else(|| text.strip_prefix("s3:"))
        {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.contains(['@', ':']) || prefix.contains('?') {
                return Err(StateUrlError::Secrets);
            }
            if bucket.is_empty() {
                return Err(StateUrlError::NoBucket);
            }
            return Ok(StateUrl::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.trim_matches('/').to_owned(),
            });
        }
        let scheme = standings_model::redact::scheme(text);
        Err(StateUrlError::Unknown(scheme.to_string()))
    }
}

impl fmt::Display for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateUrl::File(path) => write!(f, "file:{}", path.display()),
            StateUrl::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}
