//! TLS with a certificate that is read again when its files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use standings_model::error::codes;
use standings_process::exit::Failure;

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

fn load(certificate: &Path, key: &Path) -> Result<ServerConfig, String> {
    let named = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .map_err(|e| named(certificate, &e))?
        .collect();
    let chain = chain.map_err(|e| named(certificate, &e))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| named(key, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|e| e.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn stamps(certificate: &Path, key: &Path) -> Stamps {
    [certificate, key].map(|p| std::fs::metadata(p).and_then(|m| m.modified()).ok())
}

impl Tls {
    pub(super) fn open(certificate: &Path, key: &Path) -> Result<Self, Failure> {
        let stamps = stamps(certificate, key);
        let config = load(certificate, key)
            .map_err(|e| Failure::of(&codes::http::ACCESS, format!("--http-tls-cert: {e}")))?;
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
                        tracing::info!(event = "http_certificate_loaded");
                    }
                    // Perhaps only one of the two files is there yet: looked at again.
                    Err(problem) if loaded.warned != Some(now) => {
                        loaded.warned = Some(now);
                        tracing::error!(
                            event = "http_certificate_wrong",
                            problem,
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
