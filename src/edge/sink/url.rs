//! `--sink`, `--late`, `--dead-letter`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::source::nearest;
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
    File {
        /// Which.
        path: PathBuf,
        /// Before each commit's changes a line says its offsets.
        offsets: bool,
    },
    /// JSON lines on standard output.
    Stdout {
        /// As of a file.
        offsets: bool,
    },
}

/// A text that is no output. Of a URL that may hold a password only its scheme is in the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkUrlError {
    /// `file:` alone.
    #[error("file: needs a path, such as file:changes.ndjson")]
    NoFile,
    /// An option that there is not.
    #[error("`{name}` is no option of {of}; there is `offsets=true`{}", .near.map_or("", |_| ", which may be meant"))]
    Option {
        /// As it stands.
        name: String,
        /// `file:` or `stdout`.
        of: &'static str,
        /// The option that is near.
        near: Option<&'static str>,
    },
    /// Offsets where there are no commits.
    #[error("`offsets=true` is of --sink: what is written here is of no commit")]
    NoCommits,
    /// A value that an option does not take.
    #[error("`{name}` of {of} is `true` or `false`, not `{found}`")]
    Value {
        /// Which option.
        name: &'static str,
        /// `file:` or `stdout`.
        of: &'static str,
        /// What stands there.
        found: String,
    },
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
        let (place, options) = parted(text);
        if place == "stdout" {
            let offsets = says_offsets("stdout", options)?;
            return Ok(SinkUrl::Stdout { offsets });
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(SinkUrl::Postgres(text.to_owned()));
        }
        if let Some(path) = place.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(SinkUrlError::NoFile);
            }
            return Ok(SinkUrl::File {
                path: path.into(),
                offsets: says_offsets("file:", options)?,
            });
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

/// What of lines has options: the place, and the options behind its last `?`. A name may hold a `?` too: only what is
/// `NAME=VALUE` behind it is an option.
fn parted(text: &str) -> (&str, &str) {
    let of_lines = text.starts_with("file:") || text.starts_with("stdout");
    match text.rsplit_once('?') {
        Some((place, options)) if of_lines && options.contains('=') => (place, options),
        _ => (text, ""),
    }
}

/// Whether offsets are asked for.
fn says_offsets(of: &'static str, options: &str) -> Result<bool, SinkUrlError> {
    const OFFSETS: &str = "offsets";
    let mut offsets = false;
    for option in options.split('&').filter(|o| !o.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        if name != OFFSETS {
            return Err(SinkUrlError::Option {
                name: name.to_owned(),
                of,
                near: nearest(name, [OFFSETS].into_iter()).map(|_| OFFSETS),
            });
        }
        offsets = value.parse().map_err(|_| SinkUrlError::Value {
            name: OFFSETS,
            of,
            found: value.to_owned(),
        })?;
    }
    Ok(offsets)
}

/// `--late`, `--dead-letter`: lines there are of no commit, and have no offsets of one.
pub fn parse_letters(text: &str) -> Result<SinkUrl, SinkUrlError> {
    let url: SinkUrl = text.parse()?;
    match url {
        SinkUrl::File { offsets: true, .. } | SinkUrl::Stdout { offsets: true } => {
            Err(SinkUrlError::NoCommits)
        }
        url => Ok(url),
    }
}

/// Without secrets.
impl fmt::Display for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SinkUrl::Postgres(url) => write!(f, "{}", redact(url)),
            SinkUrl::Kafka { brokers, topic } => write!(f, "kafka://{brokers}/{topic}"),
            SinkUrl::File { path, offsets } => {
                write!(f, "file:{}{}", path.display(), asked(*offsets))
            }
            SinkUrl::Stdout { offsets } => write!(f, "stdout{}", asked(*offsets)),
        }
    }
}

/// As it was asked for.
fn asked(offsets: bool) -> &'static str {
    if offsets { "?offsets=true" } else { "" }
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

    fn file(path: &str, offsets: bool) -> SinkUrl {
        let path = path.into();
        SinkUrl::File { path, offsets }
    }

    #[test]
    fn lines_may_say_offsets() {
        let read = |text: &str| text.parse::<SinkUrl>();
        assert_eq!(read("file:a?offsets=true"), Ok(file("a", true)));
        assert_eq!(read("file://a?offsets=false"), Ok(file("a", false)));
        assert_eq!(
            read("stdout?offsets=true"),
            Ok(SinkUrl::Stdout { offsets: true })
        );
        // A name, as ever.
        assert_eq!(read("file:what?"), Ok(file("what?", false)));
        assert_eq!(read("file:a?b?offsets=true"), Ok(file("a?b", true)));
        for text in ["file:a?offsets=true", "stdout?offsets=true"] {
            assert_eq!(read(text).unwrap().to_string(), text);
            let said = parse_letters(text).unwrap_err().to_string();
            assert!(said.contains("--sink"), "{said}");
        }
        assert_eq!(parse_letters("file:a"), Ok(file("a", false)));
        let says = |text: &str, words: &[&str]| {
            let said = read(text).unwrap_err().to_string();
            assert!(words.iter().all(|w| said.contains(w)), "{said}");
        };
        says("file:a?offset=true", &["`offset`", "offsets=true", "meant"]);
        says("file:a?x=1", &["`x` is no option of file:", "offsets=true"]);
        says("stdout?offsets=1", &["`offsets` of stdout", "not `1`"]);
        says("file:?offsets=true", &["needs a path"]);
    }

    #[test]
    fn urls() {
        assert_eq!("stdout".parse(), Ok(SinkUrl::Stdout { offsets: false }));
        assert_eq!("file:/dev/null".parse(), Ok(file("/dev/null", false)));
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
