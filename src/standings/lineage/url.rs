//! `--lineage`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use standings_model::{kafka_url, redact};

/// Where run events go.
#[derive(Clone, PartialEq, Eq)]
pub enum LineageUrl {
    /// An OpenLineage endpoint; without a path, `/api/v1/lineage` is meant, as Marquez has it.
    Http(String),
    /// A topic.
    Kafka {
        /// host:port, separated by commas.
        brokers: String,
        /// Topic name.
        topic: String,
    },
    /// A file of JSON lines.
    File(PathBuf),
}

/// A text that lineage cannot go to. Of what may be a secret nothing is in the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineageUrlError {
    /// No URL.
    #[error("lineage goes to a URL; {ALLOWED}")]
    NoUrl,
    /// No host.
    #[error("no host; {ALLOWED}")]
    NoHost,
    /// A secret in it.
    #[error("no user or password in the URL; give a token as STANDINGS_LINEAGE_TOKEN")]
    Secrets,
    /// Brokers and topic.
    #[error(transparent)]
    Kafka(#[from] kafka_url::KafkaUrlError),
    /// `file:` alone.
    #[error("file: needs a path, such as file:lineage.ndjson")]
    NoFile,
    /// Something else.
    #[error("`{0}…` takes no lineage; {ALLOWED}")]
    Unknown(String),
}

const ALLOWED: &str =
    "allowed are http://host:5000, https://…, kafka://host:9092/topic and file:PATH";

impl FromStr for LineageUrl {
    type Err = LineageUrlError;

    fn from_str(text: &str) -> Result<Self, LineageUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(LineageUrlError::NoUrl)?;
        match (scheme, rest.strip_prefix("//")) {
            ("http" | "https", Some(rest)) => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                if host.is_empty() {
                    return Err(LineageUrlError::NoHost);
                }
                if host.contains('@') {
                    return Err(LineageUrlError::Secrets);
                }
                let path = match path {
                    "" => "api/v1/lineage",
                    path => path,
                };
                Ok(LineageUrl::Http(format!("{scheme}://{host}/{path}")))
            }
            ("kafka", Some(rest)) => {
                let (brokers, topic) = kafka_url::parts(rest)?;
                Ok(LineageUrl::Kafka {
                    brokers: brokers.to_owned(),
                    topic: topic.to_owned(),
                })
            }
            ("file", path) => match path.unwrap_or(rest) {
                "" => Err(LineageUrlError::NoFile),
                path => Ok(LineageUrl::File(path.into())),
            },
            _ => Err(LineageUrlError::Unknown(redact::scheme(text).to_string())),
        }
    }
}

/// Without what follows a `?`, which may be a secret.
impl fmt::Display for LineageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineageUrl::Http(url) => f.write_str(url.split('?').next().unwrap_or_default()),
            LineageUrl::Kafka { brokers, topic } => write!(f, "kafka://{brokers}/{topic}"),
            LineageUrl::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl fmt::Debug for LineageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let shown = |text: &str| text.parse::<LineageUrl>().map(|u| u.to_string());
        for (text, want) in [
            ("http://marquez:5000", "http://marquez:5000/api/v1/lineage"),
            ("https://h/own/path?key=secret", "https://h/own/path"),
            ("kafka://a:1,b:2/topic", "kafka://a:1,b:2/topic"),
            ("file:events.ndjson", "file:events.ndjson"),
            ("file:///var/events", "file:/var/events"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(want));
        }
        for text in [
            "",
            "stdout",
            "http:",
            "http://",
            "kafka://a",
            "file:",
            "ftp://x/y",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
        let refused = shown("http://user:secret@h").unwrap_err().to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }
}
