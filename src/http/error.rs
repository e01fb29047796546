//! Why a process does not serve, or stops.

use std::io;
use std::net::SocketAddr;

use standings_model::error::{Code, Coded, codes};

/// What ends a process that serves.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// `--http` cannot be listened at.
    #[error("--http {address}: {source}; give a free address such as 127.0.0.1:8080")]
    Address {
        /// As it was given.
        address: String,
        /// Why.
        source: AddressProblem,
    },
    /// The system does not say where it listens.
    #[error("--http: {0}")]
    Local(io::Error),
    /// Connections are not taken.
    #[error("cannot serve HTTP: {0}")]
    Serving(io::Error),
    /// Others reach it, and nobody has to say who asks.
    #[error(
        "--http {at}: others reach this address, so it needs authentication: --http-keys FILE (make a key with \
         `standings key new --name NAME`) or --http-jwt-jwks with its issuer and audience; or listen on \
         127.0.0.1 and put a proxy before it"
    )]
    Open {
        /// Where.
        at: SocketAddr,
    },
    /// Tokens of anybody would do.
    #[error("--http-jwt-jwks needs --http-jwt-issuer and --http-jwt-audience")]
    AnyToken,
    /// An origin that is none.
    #[error("--http-cors {0}: write one origin, such as https://wall.example")]
    Origin(String),
    /// A name that is none.
    #[error(
        "--http-host {0}: write a name alone, such as standings.example, without scheme and port"
    )]
    HostName(String),
    /// A ranking that is not served.
    #[error(
        "--http-public {name}: no such ranking is served here; {}",
        there(rankings)
    )]
    NotServed {
        /// As it was given.
        name: String,
        /// Those that are.
        rankings: Vec<String>,
    },
    /// An origin of frames that is none.
    #[error(
        "--http-frame {0}: write one origin, such as https://intranet.example, or * for pages of everybody"
    )]
    Frame(String),
    /// What is shown is not so any more.
    #[error("the database went back from commit {before} to {now}; start again")]
    WentBack {
        /// As it was shown.
        before: u64,
        /// As it is.
        now: u64,
    },
}

/// Why an address cannot be listened at.
#[derive(Debug, thiserror::Error)]
pub enum AddressProblem {
    /// The system refuses it.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Nobody knows the name.
    #[error("no such host")]
    NoHost,
    /// With the number of the process it is none any more.
    #[error("the port is too large")]
    Port,
}

/// Which rankings there are.
fn there(rankings: &[String]) -> String {
    match rankings {
        [] => "there is none".to_owned(),
        names => format!("there are: {}", names.join(", ")),
    }
}

impl Coded for HttpError {
    fn code(&self) -> &'static Code {
        match self {
            HttpError::Address { .. } => &codes::http::ADDRESS,
            HttpError::Local(_) | HttpError::Serving(_) => &codes::http::SERVING,
            HttpError::Open { .. } => &codes::http::OPEN,
            HttpError::AnyToken
            | HttpError::Origin(_)
            | HttpError::HostName(_)
            | HttpError::NotServed { .. }
            | HttpError::Frame(_) => &codes::http::ACCESS,
            HttpError::WentBack { .. } => &codes::http::WENT_BACK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_not_served_on() {
        let (before, now) = (9, 4);
        let back = HttpError::WentBack { before, now };
        assert_eq!((back.code().id, back.code().exit), ("S0905", 1));
        let serving = HttpError::Serving(io::Error::other("no files left"));
        assert_eq!(serving.code().id, "S0904");
        assert_eq!(serving.to_string(), "cannot serve HTTP: no files left");
    }
}
