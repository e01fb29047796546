//! TLS by rustls: what of the server's certificate is checked.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::TlsError;

/// What is checked, as libpq's `sslmode` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Encrypted only.
    Nothing,
    /// Signed by a trusted authority.
    Authority,
    /// And made for this host.
    Full,
}

/// A connector; `roots` are the trusted authorities, else the system's.
pub fn connector(verify: Verify, roots: Option<&Path>) -> Result<MakeRustlsConnect, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let schemes = provider
        .signature_verification_algorithms
        .supported_schemes();
    if verify == Verify::Nothing {
        let checker = Arc::new(Checker {
            inner: None,
            schemes,
        });
        return Ok(MakeRustlsConnect::new(
            builder
                .dangerous()
                .with_custom_certificate_verifier(checker)
                .with_no_client_auth(),
        ));
    }
    let store = store(roots)?;
    if verify == Verify::Full {
        return Ok(MakeRustlsConnect::new(
            builder.with_root_certificates(store).with_no_client_auth(),
        ));
    }
    Ok(MakeRustlsConnect::new(
        builder
            .dangerous()
            .with_custom_certificate_verifier(authority_only(store)?)
            .with_no_client_auth(),
    ))
}

/// Trusts what one of the authorities signed, for whatever host.
pub fn authority_only(store: RootCertStore) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let schemes = provider
        .signature_verification_algorithms
        .supported_schemes();
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
    let inner = Some(inner?);
    Ok(Arc::new(Checker { inner, schemes }))
}

fn store(roots: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(path) => {
            let unreadable = |source| TlsError::Reading {
                path: path.to_owned(),
                source,
            };
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                store
                    .add(certificate)
                    .map_err(|source| TlsError::NoCertificate {
                        path: path.to_owned(),
                        source,
                    })?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() {
        return Err(TlsError::NobodyIsTrusted);
    }
    Ok(store)
}

/// Checks the authority but not the host's name, or nothing.
#[derive(Debug)]
struct Checker {
    inner: Option<Arc<WebPkiServerVerifier>>,
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Checker {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(certificate, between, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.inner {
            Some(inner) => inner.verify_tls12_signature(message, certificate, signature),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.inner {
            Some(inner) => inner.verify_tls13_signature(message, certificate, signature),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
