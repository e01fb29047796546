//! What another process tells, passed on with the caller's own credentials: positions, where there is no engine (`standings serve --engine
//! URL`); sources of ingestion (`--http-sources URL`).

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::Response;
use reqwest::redirect::Policy;

use crate::problem::Problem;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is passed on.
const LARGEST: usize = 64 << 20;

/// Another process that is asked.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// What it is, in words.
    what: &'static str,
    base: String,
    client: reqwest::Client,
}

impl Elsewhere {
    /// `standings ingest --http` at a URL.
    ///
    /// # Errors
    /// It is no such URL, or credentials could be read on their way there.
    pub fn ingest(url: &str) -> Result<Self, String> {
        Elsewhere::at("ingestion", url)
    }

    /// What is at a URL such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// It is none, or credentials could be read on their way there.
    pub(crate) fn at(what: &'static str, url: &str) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|e| e.to_string())?;
        let is_here = parsed.host_str().is_some_and(|host| {
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|a| a.is_loopback())
        });
        match parsed.scheme() {
            "https" => {}
            "http" if is_here => {}
            "http" => {
                return Err(
                    "credentials are passed on: beyond this machine by https alone".to_owned(),
                );
            }
            other => return Err(format!("{other}: what is there is asked by http or https")),
        }
        if parsed.path() != "/" || parsed.query().is_some() || !parsed.username().is_empty() {
            return Err("write its address alone, such as http://127.0.0.1:8080".to_owned());
        }
        // Fails only if there is one already, which is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Elsewhere {
            what,
            base: parsed.as_str().trim_end_matches('/').to_owned(),
            client,
        })
    }

    /// Passes a request on.
    pub(crate) async fn ask(&self, uri: &Uri, headers: &HeaderMap) -> Result<Response, Problem> {
        let path = uri.path_and_query().map_or("/", |p| p.as_str());
        let mut request = self.client.get(format!("{}{path}", self.base));
        for name in [header::AUTHORIZATION, HeaderName::from_static("x-api-key")] {
            if let Some(value) = headers.get(&name) {
                request = request.header(name, value.clone());
            }
        }
        let away = |e: reqwest::Error| {
            Problem::unavailable(format!(
                "{} at {} does not answer: {e}",
                self.what, self.base
            ))
        };
        let answer = request.send().await.map_err(away)?;
        if answer.status().is_redirection() {
            return Err(Problem::new(
                StatusCode::BAD_GATEWAY,
                format!(
                    "{} at {} sends elsewhere; give its own address",
                    self.what, self.base
                ),
            ));
        }
        if !answer.status().is_success() {
            return Err(refusal(self.what, answer).await);
        }
        let length = answer.content_length().unwrap_or_default();
        if length > LARGEST as u64 {
            return Err(Problem::new(
                StatusCode::BAD_GATEWAY,
                format!("the answer of {} at {} is too large", self.what, self.base),
            ));
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        let is_kept = |name: &HeaderName| {
            *name == header::CONTENT_TYPE || name.as_str().starts_with("standings-")
        };
        let kept = answer.headers().iter().filter(|(name, _)| is_kept(name));
        for (name, value) in kept {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        let bytes = answer.bytes().await.map_err(away)?;
        *response.body_mut() = Body::from(bytes);
        Ok(response)
    }
}

/// What is refused there, in its own words.
async fn refusal(what: &str, answer: reqwest::Response) -> Problem {
    let status = answer.status();
    let after = answer.headers().get(header::RETRY_AFTER);
    let retry_after = after.and_then(|v| v.to_str().ok()?.parse().ok());
    let text = answer.text().await.unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let refuses = format!("{what} refuses");
    let detail = body["detail"].as_str().unwrap_or(&refuses);
    Problem {
        retry_after,
        ..Problem::new(status, detail)
    }
}
