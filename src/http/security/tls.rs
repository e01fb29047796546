//! TLS with a certificate that is read again when its files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use standings_model::error::{Code, Coded, codes};

/// How soon a changed file is seen.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

type Stamps = [Option<SystemTime>; 2];

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    stamps: Stamps,
    looked: Instant,
    /// What was wrong with the files as they are now, said once.
    warned: Option<Stamps>,
}

/// A certificate and its key.
#[derive(Debug)]
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

/// Why a certificate is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// A file cannot be read, or holds something else.
    #[error("--http-tls-cert: {}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// The two do not go together, or cannot be served.
    #[error("--http-tls-cert: {0}")]
    Pair(#[from] rustls::Error),
}

impl Coded for CertificateError {
    fn code(&self) -> &'static Code {
        &codes::http::ACCESS
    }
}

fn load(certificate: &Path, key: &Path) -> Result<ServerConfig, CertificateError> {
    let of = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { path, source }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .map_err(of(certificate))?
        .collect();
    let chain = chain.map_err(of(certificate))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(of(key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn stamps(certificate: &Path, key: &Path) -> Stamps {
    [certificate, key].map(|p| std::fs::metadata(p).and_then(|m| m.modified()).ok())
}

impl Tls {
    pub(crate) fn open(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let stamps = stamps(certificate, key);
        let config = load(certificate, key)?;
        Ok(Tls {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            loaded: Mutex::new(Loaded {
                config: Arc::new(config),
                stamps,
                looked: Instant::now(),
                warned: None,
            }),
        })
    }

    /// The configuration for a new connection.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked.elapsed() > LOOK_AGAIN {
            loaded.looked = Instant::now();
            let now = stamps(&self.certificate, &self.key);
            if now != loaded.stamps {
                match load(&self.certificate, &self.key) {
                    Ok(config) => {
                        loaded.config = Arc::new(config);
                        loaded.stamps = now;
                        tracing::info!(
                            event = "http_certificate_loaded",
                            "the certificate is read"
                        );
                    }
                    // Perhaps only one of the two files is there yet: looked at again.
                    Err(problem) if loaded.warned != Some(now) => {
                        loaded.warned = Some(now);
                        tracing::error!(
                            event = "http_certificate_wrong",
                            %problem,
                            "the one of before holds on"
                        );
                    }
                    Err(_) => {}
                }
            }
        }
        Arc::clone(&loaded.config)
    }
}
