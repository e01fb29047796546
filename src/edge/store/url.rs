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

impl FromStr for StateUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err("file: needs a folder, such as file:/var/lib/standings".to_owned());
            }
            return Ok(StateUrl::File(path.into()));
        }
        if let Some(rest) = text
            .strip_prefix("s3://")
            .or_else(|| text.strip_prefix("s3:"))
        {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.contains(['@', ':']) || prefix.contains('?') {
                return Err("credentials have no place in the URL; give them in the environment, as AWS tools read them".to_owned());
            }
            if bucket.is_empty() {
                return Err("s3: needs a bucket, such as s3://bucket/standings".to_owned());
            }
            return Ok(StateUrl::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.trim_matches('/').to_owned(),
            });
        }
        Err(format!(
            "`{}…` is no place for state; allowed are file:FOLDER and s3://BUCKET/PREFIX",
            standings_model::redact::scheme(text)
        ))
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
