//! Who we are to TLS, and whom we trust.

use std::error::Error;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, Identity};
use rustls::{AlertDescription, Error as TlsError};

/// A certificate of ours, and authorities in place of the usual ones.
#[derive(Clone, Default)]
pub struct Tls {
    identity: Option<Identity>,
    authorities: Option<Vec<Certificate>>,
}

impl Tls {
    /// Reads the files: a certificate and its key, and authorities, all PEM.
    ///
    /// # Errors
    /// The key of the configuration whose file is not there or holds none, and why. What is in it is not repeated.
    pub fn read(
        identity: Option<&(PathBuf, PathBuf)>,
        authorities: Option<&Path>,
    ) -> Result<Self, (&'static str, String)> {
        let bytes = |key: &'static str, path: &Path| {
            let read = std::fs::read(path);
            read.map_err(|e| (key, format!("cannot read {}: {e}", path.display())))
        };
        let identity = match identity {
            Some((certificate, key)) => {
                let mut pem = bytes("tls-cert", certificate)?;
                pem.push(b'\n');
                pem.extend(bytes("tls-key", key)?);
                let no = |_| {
                    let said = format!(
                        "{} and {} hold no certificate and its key",
                        certificate.display(),
                        key.display()
                    );
                    ("tls-cert", said)
                };
                Some(Identity::from_pem(&pem).map_err(no)?)
            }
            None => None,
        };
        let authorities = match authorities {
            Some(path) => {
                let found = Certificate::from_pem_bundle(&bytes("tls-ca", path)?);
                let found = found.ok().filter(|all| !all.is_empty());
                let no = || {
                    (
                        "tls-ca",
                        format!("{} holds no certificates", path.display()),
                    )
                };
                Some(found.ok_or_else(no)?)
            }
            None => None,
        };
        Ok(Tls {
            identity,
            authorities,
        })
    }

    /// A client that has them.
    pub(super) fn applied(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        };
        match &self.authorities {
            Some(all) => builder.tls_certs_only(all.clone()),
            None => builder,
        }
    }
}

/// What one of the two sides has against the other's certificate, where an error is of that; no other attempt heals it.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        // An error of the system says what caused its cause, and not the cause itself.
        let inner = error.downcast_ref::<std::io::Error>();
        let inner = inner.and_then(std::io::Error::get_ref);
        let tls = match inner {
            Some(inner) => inner.downcast_ref::<TlsError>(),
            None => error.downcast_ref::<TlsError>(),
        };
        if let Some(tls) = tls {
            return of_certificates(tls);
        }
        next = error.source();
    }
    None
}

fn of_certificates(error: &TlsError) -> Option<&'static str> {
    use AlertDescription as Alert;
    match error {
        TlsError::InvalidCertificate(_) => Some(
            "its certificate is not trusted here: is it this service, and are these the authorities (`tls-ca`)?",
        ),
        // Of TLS 1.2 a missing certificate may be a handshake that fails.
        TlsError::AlertReceived(
            Alert::CertificateRequired
            | Alert::HandshakeFailure
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => Some(
            "it asks for a certificate that it knows: `tls-cert` and `tls-key`, where the source takes them",
        ),
        _ => None,
    }
}
