//! One question over HTTP, answered or not within a time: for probes and for the Kubernetes API.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Client};
use tokio::runtime::Runtime;

use super::post::chain;

/// Nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskerError {
    /// The authority's file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Reading {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} holds no certificates: {source}", .path.display())]
    NoCertificates {
        /// Which.
        path: PathBuf,
        /// Why.
        source: reqwest::Error,
    },
    /// The client does not come about.
    #[error("{}", chain(.0))]
    Client(reqwest::Error),
    /// This process has no thread for it.
    #[error(transparent)]
    System(io::Error),
}

/// No answer; without the URL, which may hold a secret.
#[derive(Debug, thiserror::Error)]
#[error("{}", chain(.0))]
pub struct NoAnswer(reqwest::Error);

/// Asks over HTTP; calls block.
pub struct Asker {
    client: Client,
    runtime: Runtime,
}

impl Asker {
    /// Waits so long for an answer at most. `ca`: a PEM file whose certificates alone are trusted.
    pub fn new(timeout: Duration, ca: Option<&Path>) -> Result<Self, AskerError> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder().timeout(timeout).no_proxy();
        if let Some(path) = ca {
            let path = || path.to_owned();
            let read = std::fs::read(path()).map_err(|source| AskerError::Reading {
                path: path(),
                source,
            });
            let trusted = Certificate::from_pem_bundle(&read?);
            let trusted = trusted.map_err(|source| AskerError::NoCertificates {
                path: path(),
                source,
            })?;
            client = client.tls_certs_only(trusted);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Asker {
            client: client.build().map_err(AskerError::Client)?,
            runtime: runtime.map_err(AskerError::System)?,
        })
    }

    /// Status and body of a GET. `token` is sent as the bearer of it, and shown nowhere.
    pub fn get(&self, url: &str, token: Option<&str>) -> Result<(u16, String), NoAnswer> {
        let mut request = self.client.get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.runtime
            .block_on(async {
                let answer = request.send().await?;
                let status = answer.status().as_u16();
                Ok((status, answer.text().await?))
            })
            .map_err(|e: reqwest::Error| NoAnswer(e.without_url()))
    }
}
