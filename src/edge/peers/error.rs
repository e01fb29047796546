//! Why processes of a cluster do not meet, or do not stay together.

use std::io;
use std::time::Duration;

use super::secret::LEAST;
use super::tls::CertificatesError;
use standings_model::error::{Code, Coded, codes};

/// What ends this process for a reason between processes.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its own line of the hosts file.
    #[error("process {process} cannot listen on {address}, its line in the hosts file: {source}")]
    Bind {
        /// This one.
        process: usize,
        /// Its line.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The listener cannot be used.
    #[error("listening on {address}: {source}")]
    Listen {
        /// Its line of the hosts file.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// A connection cannot be used.
    #[error("setting up a connection: {0}")]
    Connection(io::Error),
    /// No thread to dial with.
    #[error("cannot dial process {peer}: {source}")]
    Dial {
        /// The other one.
        peer: usize,
        /// Why.
        source: io::Error,
    },
    /// No thread to turn others away with.
    #[error("cannot watch the listener: {0}")]
    Watch(io::Error),
    /// Nothing proves that it is of this cluster.
    #[error("no connection to process {peer} at {address}: {why}")]
    Unproven {
        /// The other one.
        peer: usize,
        /// Its line of the hosts file.
        address: String,
        /// In its words, or this one's.
        why: String,
    },
    /// Certificates do not fit.
    #[error("no secure connection to process {peer} at {address}: {why}")]
    Insecure {
        /// The other one.
        peer: usize,
        /// Its line of the hosts file.
        address: String,
        /// How.
        why: String,
    },
    /// It is of another cluster, or has other flags.
    #[error("process {peer} at {address} refuses this process: {why}")]
    Refused {
        /// The other one.
        peer: usize,
        /// Its line of the hosts file.
        address: String,
        /// In its words.
        why: String,
    },
    /// A newer generation is there.
    #[error(
        "generation {newest} of this cluster runs at {address}; this process is of generation {own} and stops"
    )]
    Outdated {
        /// The newest.
        newest: u64,
        /// Where.
        address: String,
        /// This one's.
        own: u64,
    },
    /// A newer generation comes.
    #[error(
        "generation {newest} of this cluster has started; this process is of generation {own} and stops"
    )]
    Replaced {
        /// The newest.
        newest: u64,
        /// This one's.
        own: u64,
    },
    /// Nothing was heard.
    #[error("process {peer} of the cluster has been silent for {} s; this process ends", .timeout.as_secs_f32())]
    Silent {
        /// The other one.
        peer: usize,
        /// For so long.
        timeout: Duration,
    },
    /// It said why it ends.
    #[error("process {peer} of the cluster failed: {problem}")]
    Failed {
        /// The other one.
        peer: usize,
        /// In its words.
        problem: String,
    },
}

impl Coded for PeerError {
    fn code(&self) -> &'static Code {
        match self {
            PeerError::Bind { .. } | PeerError::Listen { .. } | PeerError::Connection(_) => {
                &codes::cluster::LISTEN
            }
            PeerError::Dial { .. } | PeerError::Watch(_) => &codes::process::SYSTEM,
            PeerError::Unproven { .. } | PeerError::Insecure { .. } | PeerError::Refused { .. } => {
                &codes::cluster::REFUSED
            }
            PeerError::Outdated { .. } | PeerError::Replaced { .. } => &codes::cluster::OUTDATED,
            PeerError::Silent { .. } => &codes::cluster::SILENT,
            PeerError::Failed { .. } => &codes::cluster::PEER,
        }
    }
}

/// What the flags say of trust between processes, and cannot be.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A secret that can be guessed.
    #[error(
        "--cluster-secret: a secret has {LEAST} characters at least; make one with `openssl rand -hex 32`, and keep \
         it in a file that STANDINGS_CLUSTER_SECRET_FILE names"
    )]
    ShortSecret,
    /// Over the network, in plain, and nothing says who belongs to the cluster.
    #[error(
        "the hosts file names {far}, which is not this machine, and whoever reaches a process could end it or \
         join: give every process the same --cluster-secret (make one with `openssl rand -hex 32`, and keep it \
         in a file that STANDINGS_CLUSTER_SECRET_FILE names) beside --peer-plaintext, or a certificate"
    )]
    Open {
        /// An address of another machine.
        far: String,
    },
    /// Over the network, in plain.
    #[error(
        "the hosts file names {far}, which is not this machine: give every process a certificate \
         (--peer-tls-cert, --peer-tls-key, --peer-tls-ca; docs/security.md shows how to make them), or \
         say --peer-plaintext, and give every process the same --cluster-secret, where the network itself \
         encrypts"
    )]
    Plain {
        /// An address of another machine.
        far: String,
    },
    /// Some of the flags of TLS.
    #[error("TLS between processes needs {} too", .missing.join(" and "))]
    Incomplete {
        /// Those that are not there.
        missing: Vec<&'static str>,
    },
    /// A name for nothing.
    #[error(
        "--peer-tls-name is of use only with --peer-tls-cert, --peer-tls-key and --peer-tls-ca"
    )]
    NameAlone,
    /// Both at once.
    #[error("--peer-plaintext and --peer-tls-cert contradict each other")]
    Both,
    /// A name that is none.
    #[error("--peer-tls-name {name}: {source}")]
    Name {
        /// As it was given.
        name: String,
        /// Why.
        source: rustls::pki_types::InvalidDnsNameError,
    },
    /// Files that cannot be used.
    #[error("TLS between processes: {0}")]
    Certificates(#[from] CertificatesError),
}

impl Coded for TrustError {
    fn code(&self) -> &'static Code {
        match self {
            TrustError::ShortSecret => &codes::cluster::SECRET,
            TrustError::Open { .. } | TrustError::Plain { .. } => &codes::cluster::OPEN,
            TrustError::Incomplete { .. }
            | TrustError::NameAlone
            | TrustError::Both
            | TrustError::Name { .. }
            | TrustError::Certificates(_) => &codes::cluster::TLS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_follows_is_told_from_who_failed() {
        let text = |text: &str| text.to_owned();
        let peer = 1;
        for (error, id, exit) in [
            (
                PeerError::Refused {
                    peer,
                    address: text("h:1"),
                    why: text("the queries differ"),
                },
                "S0803",
                2,
            ),
            (
                PeerError::Silent {
                    peer,
                    timeout: Duration::from_secs(10),
                },
                "S0807",
                1,
            ),
            (PeerError::Replaced { newest: 5, own: 4 }, "S0808", 1),
            (
                PeerError::Failed {
                    peer,
                    problem: text("a full disk"),
                },
                "S0809",
                1,
            ),
        ] {
            assert_eq!((error.code().id, error.code().exit), (id, exit), "{error}");
        }
    }
}
