//! What an output cannot do, whatever kind of place it is.

use std::io;
use std::path::PathBuf;

use super::url::SinkUrl;
use standings_commit::change_log::LineError;
use standings_model::error::{Code, Coded, codes};

/// An output that cannot do what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Nobody can ask it what it shows.
    #[error("standard output remembers nothing; name a database, a topic or a file")]
    Forgets,
    /// It does not say how far it is.
    #[error(
        "{url} does not remember what it shows; name a database, or a topic that is written exactly once"
    )]
    DoesNotSay {
        /// Which.
        url: SinkUrl,
    },
    /// Letters are kept elsewhere.
    #[error("late sales and dead letters go to kafka://…, file:PATH or stdout, not to Postgres")]
    TakesNoLetters,
    /// A file of changes cannot be read.
    #[error("{}: {source}", .path.display())]
    Reading {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that holds something else.
    #[error("{}: {source}", .path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
        /// What, and where in it.
        source: LineError,
    },
}

impl Coded for OutputError {
    fn code(&self) -> &'static Code {
        match self {
            OutputError::Forgets | OutputError::DoesNotSay { .. } | OutputError::TakesNoLetters => {
                &codes::sink::FORGETFUL
            }
            OutputError::Reading { .. } => &codes::line::FILE,
            OutputError::NotOurs { .. } => &codes::sink::UNREADABLE,
        }
    }
}
