//! What can go wrong in a bench, as it is told at its end: what was found, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::harness::measure::shown;

/// Why a bench ended without its figures, or with figures that are not good enough.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It was asked for what there is not.
    #[error("{0}")]
    Usage(String),
    /// Kafka or Postgres is not given.
    #[error(
        "KAFKA_BROKERS and POSTGRES_URL are not set: run deploy/services up, then eval \"$(deploy/services env)\""
    )]
    NoServices,
    /// A program could not be started.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program ended as it should not.
    #[error("{command} ended with {}", shown(*status))]
    Ended {
        /// Its command line.
        command: String,
        /// How.
        status: ExitStatus,
    },
    /// A program said something else than it should.
    #[error("{who}: {what}")]
    Said {
        /// Which.
        who: String,
        /// What is wrong with it.
        what: String,
    },
    /// Something did not come in time.
    #[error("not within {seconds} s: {what}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// Results are not those that they are compared with.
    #[error("{0}")]
    Differs(String),
    /// Figures are worse than they may be.
    #[error("{}", .0.join("\n       "))]
    Worse(Vec<String>),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operating system refused something else.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Kafka refused something.
    #[error("Kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// Postgres refused something.
    #[error("Postgres: {}", told(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// Somebody asked this process to end.
    #[error("ended by a signal")]
    Stopped,
}

impl Problem {
    /// A file's.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Problem {
        let path = path.to_owned();
        move |source| Problem::File { path, source }
    }

    /// The operating system's.
    pub fn system(what: &'static str) -> impl FnOnce(io::Error) -> Problem {
        move |source| Problem::System { what, source }
    }

    /// A program's, by what it said.
    pub fn said(who: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem::Said {
            who: who.into(),
            what: what.into(),
        }
    }

    /// What the process ends with: 2 for wrong usage, 128 + 15 when it was asked to end, else 1.
    pub fn code(&self) -> u8 {
        match self {
            Problem::Usage(_) | Problem::NoServices => 2,
            Problem::Stopped => 143,
            _ => 1,
        }
    }
}

/// The client's own words, and the server's where there are some.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => server.message().to_owned(),
        None => error.to_string(),
    }
}
