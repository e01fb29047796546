//! Who we are to TLS, and whom we trust.

use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, Identity};

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
