//! `--sink`, `--late`, `--dead-letter`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use standings_model::{kafka_url, redact};

/// Where something is written.
///
/// # Examples
///
/// ```
/// use standings_edge::sink::url::SinkUrl;
///
/// let sink: SinkUrl = "postgres://app:s3cret@db.internal/standings?sslmode=require".parse().unwrap();
/// // As it stands in logs and messages.
/// assert_eq!(sink.to_string(), "postgres://db.internal/standings");
/// let topic: SinkUrl = "kafka://b1:9092,b2:9092/changes".parse().unwrap();
/// assert!(matches!(topic, SinkUrl::Kafka { topic, .. } if topic == "changes"));
/// assert!("mysql://db/standings".parse::<SinkUrl>().unwrap_err().to_string().contains("postgres://"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum SinkUrl {
    /// A Postgres database; the whole URL, which may hold a password.
    Postgres(String),
    /// A topic.
    Kafka {
        /// host:port, separated by commas.
        brokers: String,
        /// Topic name.
        topic: String,
    },
    /// A file of JSON lines.
    File(PathBuf),
    /// JSON lines on standard output.
    Stdout,
}

/// A text that is no output. Of a URL that may hold a password only its scheme is in the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkUrlError {
    /// `file:` alone.
    #[error("file: needs a path, such as file:changes.ndjson")]
    NoFile,
    /// Brokers and topic.
    #[error(transparent)]
    Kafka(#[from] kafka_url::KafkaUrlError),
    /// Something else.
    #[error(
        "`{0}…` is no sink; allowed are postgres://…, kafka://host:9092/topic, file:PATH, stdout"
    )]
    Unknown(String),
}

impl FromStr for SinkUrl {
    type Err = SinkUrlError;

    fn from_str(text: &str) -> Result<Self, SinkUrlError> {
        if text == "stdout" {
            return Ok(SinkUrl::Stdout);
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(SinkUrl::Postgres(text.to_owned()));
        }
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(SinkUrlError::NoFile);
            }
            return Ok(SinkUrl::File(path.into()));
        }
        if let Some(rest) = text.strip_prefix("kafka://") {
            let (brokers, topic) = kafka_url::parts(rest)?;
            return Ok(SinkUrl::Kafka {
                brokers: brokers.to_owned(),
                topic: topic.to_owned(),
            });
        }
        Err(SinkUrlError::Unknown(redact::scheme(text).to_string()))
    }
}

/// Without secrets.
impl fmt::Display for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SinkUrl::Postgres(url) => write!(f, "{}", redact(url)),
            SinkUrl::Kafka { brokers, topic } => write!(f, "kafka://{brokers}/{topic}"),
            SinkUrl::File(path) => write!(f, "file:{}", path.display()),
            SinkUrl::Stdout => write!(f, "stdout"),
        }
    }
}

impl fmt::Debug for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Host and database of a URL; user, password and parameters are left out.
pub fn redact(url: &str) -> String {
    redact::url(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        assert_eq!("stdout".parse(), Ok(SinkUrl::Stdout));
        assert_eq!(
            "file:/dev/null".parse(),
            Ok(SinkUrl::File("/dev/null".into()))
        );
        assert!("kafka://host:1".parse::<SinkUrl>().is_err());
        assert!(
            "mysql://u:secret@h/d"
                .parse::<SinkUrl>()
                .is_err_and(|e| !e.to_string().contains("secret"))
        );
        let url: SinkUrl = "postgres://u:secret@h:5/d?password=secret".parse().unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "postgres://h:5/d postgres://h:5/d"
        );
    }
}
