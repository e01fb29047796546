//! Mutual TLS between the processes of a cluster: who has no certificate of the cluster's own authority is told so and
//! reads nothing.
//!
//! 1. Both sides show a certificate that an authority of `--peer-tls-ca` signed; there is no other trust, and no way to
//!    switch the check off but `--peer-plaintext`.
//! 2. With `--peer-tls-name` the certificate must also be made for that name: several clusters can share an authority.
//! 3. Only TLS 1.3, no resumption: each connection is checked anew, with the files as they are then.

use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use clap::Args;
use rustls::client::{Resumption, verify_server_name};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Connection, Error,
    RootCertStore, ServerConfig, ServerConnection,
};

use super::Trust;
use super::error::TrustError;
use super::secret::ClusterSecret;
use super::wire::Wire;
use standings_postgres::{TlsError, authority_only};
use standings_process::secret::Secret;

/// How processes of a cluster trust each other.
#[derive(Args, Clone, Debug, Default)]
pub struct PeerArgs {
    /// Certificate of this process for the others (PEM, with what leads to the authority); read again for each new
    /// connection when it changed. Needed where the hosts file names other machines.
    #[arg(long, env = "STANDINGS_PEER_TLS_CERT", value_name = "FILE")]
    pub peer_tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, env = "STANDINGS_PEER_TLS_KEY", value_name = "FILE")]
    pub peer_tls_key: Option<PathBuf>,
    /// The authority that signs the certificates of this cluster's processes (PEM).
    #[arg(long, env = "STANDINGS_PEER_TLS_CA", value_name = "FILE")]
    pub peer_tls_ca: Option<PathBuf>,
    /// A DNS name that every process's certificate must be made for; any name will do by default.
    #[arg(long, env = "STANDINGS_PEER_TLS_NAME", value_name = "NAME")]
    pub peer_tls_name: Option<String>,
    /// Let processes on different machines talk without TLS: where the network encrypts already. They need a
    /// --cluster-secret then.
    #[arg(long, env = "STANDINGS_PEER_PLAINTEXT")]
    pub peer_plaintext: bool,
    /// What the processes of this cluster know, and nobody else: each proves to the others that it has it, without sending
    /// it. 16 characters at least, such as of `openssl rand -hex 32`; in a file that STANDINGS_CLUSTER_SECRET_FILE names.
    /// `standings cluster` makes one by itself.
    #[arg(
        long,
        env = "STANDINGS_CLUSTER_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub cluster_secret: Option<Secret>,
}

/// `HOST:PORT` of this machine alone. A name other than `localhost` is not looked up: what it means can change.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

impl PeerArgs {
    /// By what the processes know each other, as the flags say, checked against the hosts.
    pub fn trust(&self, hosts: &[String]) -> Result<Trust, TrustError> {
        let secret = self.cluster_secret.as_ref().map(ClusterSecret::new);
        let secret = secret.transpose()?.map(Arc::new);
        let tls = self.security(hosts)?;
        match hosts.iter().find(|h| !is_loopback(h)) {
            Some(far) if tls.is_none() && secret.is_none() => {
                let far = far.clone();
                Err(TrustError::Open { far })
            }
            _ => Ok(Trust { tls, secret }),
        }
    }

    /// Certificates, if the flags name some: `None` is plain.
    fn security(&self, hosts: &[String]) -> Result<Option<Arc<PeerTls>>, TrustError> {
        let given = [
            ("--peer-tls-cert", &self.peer_tls_cert),
            ("--peer-tls-key", &self.peer_tls_key),
            ("--peer-tls-ca", &self.peer_tls_ca),
        ];
        let missing: Vec<_> = given.iter().filter(|(_, file)| file.is_none()).collect();
        if let ([_, ..], true) = (&missing[..], missing.len() < given.len()) {
            let missing = missing.iter().map(|(name, _)| *name).collect();
            return Err(TrustError::Incomplete { missing });
        }
        let (Some(certificate), Some(key), Some(authority)) =
            (&self.peer_tls_cert, &self.peer_tls_key, &self.peer_tls_ca)
        else {
            if self.peer_tls_name.is_some() {
                return Err(TrustError::NameAlone);
            }
            return match hosts.iter().find(|h| !is_loopback(h)) {
                Some(far) if !self.peer_plaintext => {
                    let far = far.clone();
                    Err(TrustError::Plain { far })
                }
                _ => Ok(None),
            };
        };
        if self.peer_plaintext {
            return Err(TrustError::Both);
        }
        let name = self.peer_tls_name.as_ref().map(|name| {
            ServerName::try_from(name.clone()).map_err(|source| TrustError::Name {
                name: name.clone(),
                source,
            })
        });
        let files = Files {
            certificate: certificate.clone(),
            key: key.clone(),
            authority: authority.clone(),
        };
        let stamps = files.stamps();
        let config = files.load()?;
        Ok(Some(Arc::new(PeerTls {
            files,
            name: name.transpose()?,
            loaded: Mutex::new(Loaded { config, stamps }),
        })))
    }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    authority: PathBuf,
}

/// What is wrong with the files of this process's certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// With one of them.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What.
        source: FileProblem,
    },
    /// With whom it is to trust.
    #[error(transparent)]
    Trust(#[from] TlsError),
}

/// What is wrong with a file of certificates, or of a key.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// None.
    #[error("there is no certificate in it")]
    Empty,
    /// It cannot be read, or is no PEM.
    #[error(transparent)]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The library does not take what is in it.
    #[error(transparent)]
    Library(#[from] Error),
    /// Nobody is trusted by it.
    #[error(transparent)]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

type Stamps = [Option<SystemTime>; 3];

/// Both roles of a process.
#[derive(Clone, Debug)]
struct Config {
    dials: Arc<ClientConfig>,
    listens: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Loaded {
    config: Config,
    /// Of the files when they were last tried.
    stamps: Stamps,
}

/// This process's certificate, and whom it trusts.
#[derive(Debug)]
pub struct PeerTls {
    files: Files,
    name: Option<ServerName<'static>>,
    loaded: Mutex<Loaded>,
}

impl Files {
    fn stamps(&self) -> Stamps {
        [&self.certificate, &self.key, &self.authority]
            .map(|p| std::fs::metadata(p).and_then(|m| m.modified()).ok())
    }

    fn load(&self) -> Result<Config, CertificatesError> {
        let of = |path: &PathBuf, source: FileProblem| CertificatesError::File {
            path: path.clone(),
            source,
        };
        let read = |path: &PathBuf| {
            let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            match all {
                Ok(none) if Vec::is_empty(&none) => Err(of(path, FileProblem::Empty)),
                Ok(some) => Ok(some),
                Err(e) => Err(of(path, e.into())),
            }
        };
        let chain = read(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| of(&self.key, e.into()))?;
        let mut roots = RootCertStore::empty();
        for root in read(&self.authority)? {
            let added = roots.add(root);
            added.map_err(|e| of(&self.authority, e.into()))?;
        }
        let own = |e: Error| of(&self.certificate, e.into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let of_client =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), provider.clone())
                .build()
                .map_err(|e| of(&self.authority, e.into()))?;
        let mut listens = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(own)?
            .with_client_cert_verifier(of_client)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(own)?;
        listens.send_tls13_tickets = 0;
        let mut dials = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(own)?
            .dangerous()
            .with_custom_certificate_verifier(authority_only(roots)?)
            .with_client_auth_cert(chain, key)
            .map_err(own)?;
        dials.resumption = Resumption::disabled();
        dials.enable_sni = false;
        Ok(Config {
            dials: Arc::new(dials),
            listens: Arc::new(listens),
        })
    }
}

impl PeerTls {
    /// The configuration for a new connection.
    fn config(&self) -> Config {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.files.stamps();
        if now != loaded.stamps {
            // Tried once for each state of the files: perhaps only one of them is there yet.
            loaded.stamps = now;
            match self.files.load() {
                Ok(config) => {
                    loaded.config = config;
                    tracing::info!(
                        event = "peer_certificate_loaded",
                        "the certificate for the other processes is read"
                    );
                }
                Err(problem) => tracing::error!(
                    event = "peer_certificate_wrong",
                    %problem,
                    "the one of before holds on"
                ),
            }
        }
        loaded.config.clone()
    }

    /// Secures a connection that this process has opened.
    pub(super) fn dial(&self, socket: TcpStream) -> io::Result<Wire> {
        // Required by the interface; which name is wanted, if any, is checked after the handshake, on both sides alike.
        let any = ServerName::from(std::net::IpAddr::from([127, 0, 0, 1]));
        let session = ClientConnection::new(self.config().dials, any).map_err(io::Error::other)?;
        self.shake(session.into(), socket)
    }

    /// Secures a connection that another has opened.
    pub(super) fn listen(&self, socket: TcpStream) -> io::Result<Wire> {
        let session = ServerConnection::new(self.config().listens).map_err(io::Error::other)?;
        self.shake(session.into(), socket)
    }

    fn shake(&self, mut session: Connection, mut socket: TcpStream) -> io::Result<Wire> {
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        if let Some(name) = &self.name {
            let shown = session.peer_certificates().and_then(<[_]>::first);
            let shown = shown.ok_or(Error::NoCertificatesPresented);
            shown
                .and_then(ParsedCertificate::try_from)
                .and_then(|shown| verify_server_name(&shown, name))
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        }
        Ok(Wire::secured(socket, session))
    }
}

/// One side speaks TLS and the other does not.
#[derive(Debug, thiserror::Error)]
#[error("it speaks TLS, and this process has no --peer-tls-cert, --peer-tls-key and --peer-tls-ca")]
pub(super) struct OnlyTls;

/// Why TLS did not come about, where trying again would not help: what to tell the person.
pub(super) fn refusal(problem: &io::Error) -> Option<String> {
    let inner = problem.get_ref()?;
    if let Some(only) = inner.downcast_ref::<OnlyTls>() {
        return Some(only.to_string());
    }
    let text = match inner.downcast_ref::<Error>()? {
        Error::NoCertificatesPresented => "it shows no certificate".to_owned(),
        Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is not signed by the authority in --peer-tls-ca".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; are the clocks right?".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is not made for the name in --peer-tls-name".to_owned()
            }
            other => format!("its certificate is not valid: {other}"),
        },
        Error::AlertReceived(alert) => match alert {
            AlertDescription::UnknownCA | AlertDescription::DecryptError => {
                "it does not trust the authority that signed --peer-tls-cert".to_owned()
            }
            AlertDescription::CertificateExpired => {
                "it finds this process's certificate, --peer-tls-cert, expired".to_owned()
            }
            AlertDescription::CertificateRequired => {
                "it wants a certificate of this process".to_owned()
            }
            other => format!("it refuses this process's certificate, --peer-tls-cert ({other:?})"),
        },
        Error::InvalidMessage(_) => {
            "it does not speak TLS; give it --peer-tls-cert, --peer-tls-key and --peer-tls-ca too"
                .to_owned()
        }
        other => other.to_string(),
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::error::Coded;

    #[test]
    fn only_this_machine_is_loopback() {
        for near in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"] {
            assert!(is_loopback(near), "{near}");
        }
        for far in [
            "10.0.0.1:1",
            "0.0.0.0:1",
            "[::]:1",
            "standings-0.standings:2101",
            "localhost.example:1",
        ] {
            assert!(!is_loopback(far), "{far}");
        }
    }

    #[test]
    fn other_machines_need_certificates_or_a_word() {
        let far = ["10.0.0.1:1".to_owned(), "10.0.0.2:1".to_owned()];
        let none = PeerArgs::default();
        let refused = none.security(&far).unwrap_err();
        assert!(refused.code().id == "S0804" && refused.to_string().contains("--peer-plaintext"));
        assert!(
            none.security(&["localhost:1".to_owned()])
                .unwrap()
                .is_none()
        );
        let said = PeerArgs {
            peer_plaintext: true,
            ..none.clone()
        };
        let refused = said.trust(&far).unwrap_err();
        assert!(refused.code().id == "S0804" && refused.to_string().contains("--cluster-secret"));
        let with_secret = PeerArgs {
            cluster_secret: Some("a secret of this cluster".parse().unwrap()),
            ..said
        };
        let trust = with_secret.trust(&far).unwrap();
        assert!(trust.tls.is_none() && trust.secret.is_some());
        assert!(!format!("{with_secret:?} {trust:?}").contains("a secret of"));
        let half = PeerArgs {
            peer_tls_cert: Some("c".into()),
            ..none
        };
        let refused = half.security(&far).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("--peer-tls-key and --peer-tls-ca")
        );
    }
}
