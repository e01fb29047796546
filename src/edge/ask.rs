//! One question over HTTP, answered or not within a time: for probes and for the Kubernetes API.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client};
use tokio::runtime::Runtime;

use super::post::chain;

/// Asks over HTTP; calls block.
pub struct Asker {
    client: Client,
    runtime: Runtime,
}

impl Asker {
    /// Waits so long for an answer at most. `ca`: a PEM file whose certificates alone are trusted.
    pub fn new(timeout: Duration, ca: Option<&Path>) -> Result<Self, String> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder().timeout(timeout).no_proxy();
        if let Some(path) = ca {
            let pem =
                std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            let trusted = Certificate::from_pem_bundle(&pem)
                .map_err(|e| format!("{} holds no certificates: {e}", path.display()))?;
            client = client.tls_certs_only(trusted);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Asker {
            client: client.build().map_err(|e| chain(&e))?,
            runtime: runtime.map_err(|e| e.to_string())?,
        })
    }

    /// Status and body of a GET. `token` is sent as the bearer of it, and shown nowhere.
    pub fn get(&self, url: &str, token: Option<&str>) -> Result<(u16, String), String> {
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
            .map_err(|e: reqwest::Error| chain(&e.without_url()))
    }
}
