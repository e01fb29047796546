//! A document to an HTTP endpoint, by who may find it slow, away or unwilling.

use std::time::Duration;

use tokio::runtime::Runtime;

use standings_process::secret::Secret;

/// What became of what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It is there.
    Taken,
    /// Nobody answers: it may be tried again. This and what follows: in the words of who was asked.
    Later(String),
    /// It was refused, and will be.
    Refused(String),
}

/// An endpoint that cannot be posted to.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The client does not come about.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    /// This process has no thread for it.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// An endpoint. Calls block.
pub struct Endpoint {
    client: reqwest::Client,
    runtime: Runtime,
    url: String,
    token: Option<Secret>,
}

impl Endpoint {
    /// Connects when something is sent, which may take `patience` at most. `token` is the bearer of it, shown nowhere.
    pub fn new(
        url: &str,
        token: Option<Secret>,
        patience: Duration,
    ) -> Result<Self, EndpointError> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(patience)
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Endpoint {
            client: client?,
            runtime: runtime?,
            url: url.to_owned(),
            token,
        })
    }

    /// Posts JSON.
    pub fn send(&self, json: &str) -> Sending {
        let mut request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .body(json.to_owned());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.value());
        }
        // The request looks for its runtime when it is made.
        let sent = self.runtime.block_on(async { request.send().await });
        match sent {
            Ok(answer) => match answer.status().as_u16() {
                200..=299 => Sending::Taken,
                // Not now, or not here yet.
                status @ (401 | 403 | 404 | 408 | 429 | 500..) => {
                    Sending::Later(format!("answered {status}"))
                }
                status => Sending::Refused(format!("answered {status}")),
            },
            // The URL may hold a secret after its `?`.
            Err(e) => Sending::Later(chain(&e.without_url())),
        }
    }
}

/// An error with its causes: the outermost says only that something went wrong.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
