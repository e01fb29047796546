//! One question to a registry over HTTP.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Identity, Url};
use tokio::runtime::Runtime;

use super::Asked;
use crate::post::chain;
use standings_process::secret::Secret;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer: a schema of 1 MiB, as a text in JSON.
const MOST: usize = 4 << 20;

/// Who asks.
#[derive(Clone, Debug, Default)]
pub enum Login {
    /// Nobody in particular.
    #[default]
    None,
    /// `name:password`.
    Basic(Secret),
    /// A token.
    Bearer(Secret),
}

/// Nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum NoClient {
    /// A file cannot be read.
    #[error("{}: {source}", .path.display())]
    Reading {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} is no PEM file of {what}: {}", .path.display(), chain(.source))]
    NoPem {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why.
        source: reqwest::Error,
    },
    /// The URL is none.
    #[error("no URL of a registry: {0}")]
    Url(String),
    /// The client does not come about.
    #[error("{}", chain(.0))]
    Client(reqwest::Error),
    /// This process has no thread for it.
    #[error(transparent)]
    System(io::Error),
    /// A folder of schemas is none.
    #[error("the folder of schemas {}: {source}", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What became of a question.
pub(super) enum Answer {
    /// A document.
    Found(String),
    /// There is no such thing: in the registry's words.
    Missing(String),
    /// It is longer than anything that is taken.
    Long,
    /// None: it may be asked again. In the words of who was asked, without a secret.
    Later(String),
}

/// A client of one registry. Calls block.
pub(super) struct Client {
    client: reqwest::Client,
    runtime: Runtime,
    base: Url,
    asked: Asked,
}

fn read(path: &Path) -> Result<Vec<u8>, NoClient> {
    std::fs::read(path).map_err(|source| NoClient::Reading {
        path: path.to_owned(),
        source,
    })
}

impl Client {
    pub(super) fn new(asked: &Asked) -> Result<Self, NoClient> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base = Url::parse(&asked.url).map_err(|e| NoClient::Url(e.to_string()))?;
        let here = base.host_str().is_some_and(is_loopback);
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .https_only(!here);
        if here {
            client = client.no_proxy();
        }
        let no_pem = |path: &Path, what| {
            let path = path.to_owned();
            move |source| NoClient::NoPem { path, what, source }
        };
        if let Some(path) = &asked.truststore {
            let trusted = Certificate::from_pem_bundle(&read(path)?);
            client = client.tls_certs_only(trusted.map_err(no_pem(path, "certificates"))?);
        }
        if let Some(path) = &asked.keystore {
            let own = Identity::from_pem(&read(path)?);
            client = client.identity(own.map_err(no_pem(path, "a certificate and its key"))?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Client {
            client: client.build().map_err(NoClient::Client)?,
            runtime: runtime.map_err(NoClient::System)?,
            base,
            asked: asked.clone(),
        })
    }

    /// Gets what lies under a path.
    pub(super) fn get(&self, path: &[&str], query: Option<(&str, &str)>) -> Answer {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if let Some((name, value)) = query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut request = self.client.get(url).header(
            "accept",
            "application/vnd.schemaregistry.v1+json, application/json",
        );
        match (self.asked.login)() {
            Ok(Login::None) => {}
            Ok(Login::Basic(user)) => {
                let (name, password) = user.value().split_once(':').unwrap_or((user.value(), ""));
                request = request.basic_auth(name, Some(password));
            }
            Ok(Login::Bearer(token)) => request = request.bearer_auth(token.value()),
            Err(problem) => return Answer::Later(problem),
        }
        let answered = self.runtime.block_on(async {
            let mut answer = request.send().await?;
            let status = answer.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                body.extend_from_slice(&chunk);
                if body.len() > MOST {
                    return Ok((status, None));
                }
            }
            Ok((status, Some(body)))
        });
        match answered {
            Ok((status, body)) => judge(status, body),
            Err(e) => Answer::Later(chain(&reqwest::Error::without_url(e))),
        }
    }
}

fn judge(status: u16, body: Option<Vec<u8>>) -> Answer {
    let Some(body) = body else {
        return Answer::Long;
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    match status {
        200 => Answer::Found(body),
        // Only a registry's own word says that there is none: a gateway in front of it answers 404 too.
        404 => match error_of(&body) {
            Some((40401..=40403, says)) => Answer::Missing(says),
            _ => {
                Answer::Later("answered 404, and not as a registry does: is it its URL?".to_owned())
            }
        },
        300..=399 => Answer::Later(format!("answered {status}: redirects are not followed")),
        401 | 403 => Answer::Later(format!("answered {status}: it does not let this login in")),
        status => Answer::Later(format!("answered {status}")),
    }
}

/// A registry's error: its number and its words, shortened.
fn error_of(body: &str) -> Option<(u64, String)> {
    let json: serde_json::Value = serde_json::from_str(body).ok()?;
    let says = json.get("message").and_then(|m| m.as_str()).unwrap_or("");
    let says = says.chars().filter(|c| !c.is_control()).take(100).collect();
    Some((json.get("error_code")?.as_u64()?, says))
}

/// Whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let address = plain.parse::<std::net::IpAddr>();
    plain.eq_ignore_ascii_case("localhost") || address.is_ok_and(|a| a.is_loopback())
}
