//! Why a supervisor ends.

use std::io;
use std::path::PathBuf;

use standings_model::error::{Code, Coded, codes};

/// What ends `standings cluster`.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Another command than `run`.
    #[error("after -- comes `run` and its flags: standings cluster -n 3 -- run …")]
    NotRun,
    /// What the cluster itself gives each process.
    #[error(
        "{0}: the cluster gives each process its -n, -p, --generation and --hosts; leave them out behind --"
    )]
    Own(String),
    /// No place for its socket and its secret.
    #[error("cannot make a folder in {}: {source}", .within.display())]
    Folder {
        /// Where.
        within: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What the system does not do.
    #[error("cannot {what}: {source}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Wrong settings, which another start does not mend.
    #[error("a process refused its configuration; its message is above")]
    Refused,
    /// One that is not started again.
    #[error("a process ended with code {0}")]
    Ended(i32),
    /// One that was started again and again.
    #[error("the cluster failed {0} times in a row within seconds; giving up")]
    GivenUp(u32),
}

impl SupervisorError {
    /// What the system does not do.
    pub(super) fn system(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| SupervisorError::System { what, source }
    }
}

impl Coded for SupervisorError {
    fn code(&self) -> &'static Code {
        match self {
            SupervisorError::NotRun | SupervisorError::Own(_) | SupervisorError::Refused => {
                &codes::cluster::REPLICA
            }
            SupervisorError::Folder { .. } | SupervisorError::System { .. } => {
                &codes::process::SYSTEM
            }
            SupervisorError::Ended(_) | SupervisorError::GivenUp(_) => &codes::cluster::CHILD,
        }
    }
}
