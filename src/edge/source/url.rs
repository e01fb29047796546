//! `--source`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::site::{ObjectUrlError, Site, is_object};
use crate::recording::{Pace, pace};
use standings_model::{kafka_url, redact};

/// What `-` stands for.
const STANDARD_INPUT: &str = "/dev/stdin";

/// Where sales come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceUrl {
    /// A file, or an object of a bucket; a folder or a pattern of these.
    File(Site),
    /// A recording of a topic.
    Recording {
        /// The file.
        path: PathBuf,
        /// How fast it is read.
        pace: Pace,
    },
    /// A topic.
    Kafka {
        /// host:port, separated by commas.
        brokers: String,
        /// Topic name.
        topic: String,
    },
}

/// A text that is no source. Of a URL that may hold a password only its scheme is in the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceUrlError {
    /// `file:` alone.
    #[error("file: needs a path, such as file:sales.ndjson")]
    NoFile,
    /// `recording:` alone.
    #[error("recording: needs a path, such as recording:monday.rec?pace=recorded")]
    NoRecording,
    /// The pace of a recording.
    #[error(transparent)]
    Pace(#[from] pace::NoPace),
    /// Brokers and topic.
    #[error(transparent)]
    Kafka(#[from] kafka_url::KafkaUrlError),
    /// Objects.
    #[error(transparent)]
    Object(#[from] ObjectUrlError),
    /// Something else.
    #[error(
        "`{0}…` is no source; allowed are kafka://host:9092[,host:9092]/topic, file:PATH, s3://BUCKET/KEY, recording:PATH and - for standard input"
    )]
    Unknown(String),
}

impl FromStr for SourceUrl {
    type Err = SourceUrlError;

    fn from_str(text: &str) -> Result<Self, SourceUrlError> {
        if text == "-" {
            return Ok(SourceUrl::File(STANDARD_INPUT.into()));
        }
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(SourceUrlError::NoFile);
            }
            return Ok(SourceUrl::File(path.into()));
        }
        if is_object(text) {
            return Ok(SourceUrl::File(Site::Object(text.parse()?)));
        }
        if let Some(rest) = text.strip_prefix("recording:") {
            let (path, pace) = match rest.rsplit_once("?pace=") {
                Some((path, pace)) => (path, pace::parse(pace)?),
                None => (rest, Pace::Unbounded),
            };
            if path.is_empty() {
                return Err(SourceUrlError::NoRecording);
            }
            return Ok(SourceUrl::Recording {
                path: path.into(),
                pace,
            });
        }
        if let Some(rest) = text.strip_prefix("kafka://") {
            let (brokers, topic) = kafka_url::parts(rest)?;
            return Ok(SourceUrl::Kafka {
                brokers: brokers.to_owned(),
                topic: topic.to_owned(),
            });
        }
        Err(SourceUrlError::Unknown(redact::scheme(text).to_string()))
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceUrl::File(Site::Disk(path)) => write!(f, "file:{}", path.display()),
            SourceUrl::File(Site::Object(object)) => object.fmt(f),
            SourceUrl::Recording { path, pace } => {
                write!(f, "recording:{}?pace={pace}", path.display())
            }
            SourceUrl::Kafka { brokers, topic } => write!(f, "kafka://{brokers}/{topic}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_standard_input_and_nothing_near_it() {
        let read = |text: &str| text.parse::<SourceUrl>();
        assert_eq!(read("-").unwrap().to_string(), "file:/dev/stdin");
        assert_eq!(read("file:-").unwrap(), SourceUrl::File("-".into()));
        for wrong in ["--", "", "stdin", "- "] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
