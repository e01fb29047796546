//! A running process, asked over HTTP: its address, the key that is sent, what it refuses.

use std::time::Duration;

use reqwest::{Client, Response, Url, header};
use serde_json::Value;

use standings_model::error::{Code, Coded, codes};
use standings_process::exit::Failure;

mod flags;

pub use self::flags::{ServerArgs, key};

/// The health numbers come every second: after this long without a byte the line is lost.
const SILENCE: Duration = Duration::from_secs(7);
const CONNECT: Duration = Duration::from_secs(5);

/// Why there is no answer, or no line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It took too long.
    #[error("no answer")]
    Silent,
    /// The connection: the innermost reason, without the address, which is shown elsewhere.
    #[error("{0}")]
    Connection(String),
    /// The server refuses, in its own words.
    #[error("{said}{}", .code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default())]
    Refused {
        /// What it says.
        said: String,
        /// The error behind it, if it names one.
        code: Option<String>,
    },
    /// It speaks otherwise than this version understands.
    #[error("what the server says is not JSON")]
    NotJson,
    /// It closed the line.
    #[error("the server ended it")]
    Ended,
}

impl Coded for LineError {
    fn code(&self) -> &'static Code {
        &codes::http::CLIENT
    }
}

impl From<reqwest::Error> for LineError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return LineError::Silent;
        }
        let mut inner: &dyn std::error::Error = &error;
        while let Some(source) = inner.source() {
            inner = source;
        }
        LineError::Connection(inner.to_string())
    }
}

/// Where the server is, and how to ask it.
#[derive(Clone, Debug)]
pub struct Server {
    base: Url,
    /// Sends the key with each request.
    pub client: Client,
}

impl Server {
    /// `address` is the page's address; `key` is sent with every request and shown nowhere.
    pub fn new(address: &str, key: Option<&str>) -> Result<Self, Failure> {
        let with_scheme = match address.contains("://") {
            true => address.to_owned(),
            false => format!("http://{address}"),
        };
        let wrong = |e: &dyn std::fmt::Display| {
            Failure::of(
                &codes::line::FLAGS,
                format!(
                    "{address}: {e}; give the address of a live page such as http://127.0.0.1:8080"
                ),
            )
        };
        let mut base = Url::parse(&with_scheme).map_err(|e| wrong(&e))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(wrong(&"neither http nor https"));
        }
        base.set_fragment(None);
        base.set_query(None);
        let mut headers = header::HeaderMap::new();
        if let Some(key) = key {
            let mut value =
                header::HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
                    Failure::of(
                        &codes::line::FILE,
                        "the key has characters that no header can carry",
                    )
                })?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        // Fails when another part of the process has installed it, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .default_headers(headers)
            .build()
            .map_err(|e| {
                Failure::of(
                    &codes::process::SYSTEM,
                    format!("cannot make an HTTP client: {e}"),
                )
            })?;
        Ok(Server { base, client })
    }

    /// The address, for people.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The address of something of the API.
    pub fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(parts);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

/// The server's own words for what is wrong.
pub async fn problem(response: Response) -> LineError {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let said = ["detail", "error", "title"]
        .iter()
        .find_map(|name| body[name].as_str())
        .map_or_else(|| status.to_string(), str::to_owned);
    let code = body["code"].as_str().map(str::to_owned);
    LineError::Refused { said, code }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_refuses_has_its_code() {
        let refused = |code: Option<&str>| LineError::Refused {
            said: "the database does not answer now".to_owned(),
            code: code.map(str::to_owned),
        };
        let told = refused(Some("S0511")).to_string();
        assert_eq!(told, "the database does not answer now [S0511]");
        assert_eq!(
            refused(None).to_string(),
            "the database does not answer now"
        );
        assert_eq!(refused(None).code().id, "S0907");
    }
}
