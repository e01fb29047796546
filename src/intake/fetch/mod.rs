//! How an API is asked: its origin and that of its tokens, no redirects, no proxy, addresses that were looked at before they are
//! connected to.
//!
//! 1. Without `private-addresses = "allow"` a name that leads to this machine or to a private network is not asked, and nothing
//!    without TLS. The addresses that were looked at are those that are connected to.
//! 2. Credentials go to the configured origin alone, the client's secret of OAuth2 to its own: no other is ever asked.
//! 3. An answer has a bound before and after it is decompressed.
//! 4. Pages that follow each other come over one connection. One that failed is not used again, nor are its addresses.

mod address;
mod tls;
mod unpacked;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest::RequestBuilder;
use reqwest::header::{HeaderName, HeaderValue};
use tokio::runtime::Runtime;

pub use tls::Tls;

use crate::raw::Raw;
use standings_ingest::answer::Answer;
use standings_ingest::feed::Trouble;
use standings_ingest::rest::Fetch;
use standings_ingest::rest::template::{encoded, origin};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the addresses of a name count that were looked at, and the connections to them.
const KEPT: Duration = Duration::from_secs(60);
/// How long a connection is kept that nobody uses: less than servers do, so that none is used that is being closed.
const IDLE: Duration = Duration::from_secs(2);
/// Bytes of an answer at most, as it comes and as it is.
const MOST: usize = 64 << 20;

/// Gives a secret, read anew for each request; why it cannot be read.
pub type Secret = Box<dyn Fn() -> Result<String, String> + Send>;

/// Who asks.
pub enum Credentials {
    /// Nobody in particular.
    None,
    /// A bearer of a token.
    Bearer(Secret),
    /// A user with a password.
    Basic(String, Secret),
    /// A key in a header of this name.
    Key(String, Secret),
    /// A client of OAuth2.
    OAuth {
        /// Where tokens are asked for.
        url: String,
        /// The client.
        client: String,
        /// Its secret.
        secret: Secret,
        /// Whether both are in the form, and not in a header.
        in_form: bool,
    },
}

/// What is asked, and how.
pub struct How {
    /// Its origin is the one that is asked.
    pub url: String,
    /// Addresses of private networks and of this machine may be asked, and without TLS.
    pub private: bool,
    /// Who asks.
    pub credentials: Credentials,
    /// Headers beside.
    pub headers: BTreeMap<String, String>,
    /// Where answers are kept as they came, and what their names end with.
    pub raw: Option<(Raw, &'static str)>,
    /// Who we are to TLS, and whom we trust.
    pub tls: Tls,
}

/// Asks one origin. Not `Debug`: it has secrets.
pub struct Client {
    runtime: Runtime,
    how: How,
    asked: u64,
    /// By origin: that of the API, and that of its tokens; since when.
    clients: BTreeMap<String, (Instant, reqwest::Client)>,
}

impl Client {
    /// Asks the origin of a URL.
    ///
    /// # Errors
    /// This process has no thread for it.
    pub fn new(how: How) -> std::io::Result<Self> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A thread of its own: that a server closes a connection is noticed between two requests.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fetch")
            .enable_all()
            .build()?;
        Ok(Client {
            runtime,
            how,
            asked: 0,
            clients: BTreeMap::new(),
        })
    }

    /// One that reaches the origin of a URL and nothing else: the one of before, where it is not too old.
    fn client(&mut self, url: &str) -> Result<reqwest::Client, Trouble> {
        let now = Instant::now();
        self.clients
            .retain(|_, (since, _)| now.duration_since(*since) < KEPT);
        if let Some((_, client)) = self.clients.get(origin(url)) {
            return Ok(client.clone());
        }
        let client = self.built(url)?;
        let kept = (now, client.clone());
        self.clients.insert(origin(url).to_owned(), kept);
        Ok(client)
    }

    fn built(&self, url: &str) -> Result<reqwest::Client, Trouble> {
        let broken = |why: String| Trouble::Broken(why);
        let url = reqwest::Url::parse(origin(url)).map_err(|e| broken(format!("no URL: {e}")))?;
        if url.scheme() != "https" && !self.how.private {
            return Err(broken(
                "it is asked without TLS: use https, or say private-addresses = \"allow\""
                    .to_owned(),
            ));
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let plain = host.trim_matches(['[', ']']);
        let addresses = address::of(plain, port, self.how.private)?;
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .resolve_to_addrs(host, &addresses)
            .user_agent(concat!("standings/", env!("CARGO_PKG_VERSION")));
        let built = self.how.tls.applied(builder).build();
        built.map_err(|e| broken(said(&e)))
    }

    /// A request with what says who asks.
    fn signed(
        &self,
        request: RequestBuilder,
        token: Option<&str>,
    ) -> Result<RequestBuilder, Trouble> {
        let read = |secret: &Secret| secret().map_err(Trouble::Broken);
        let mut request = request;
        for (name, value) in &self.how.headers {
            request = request.header(name, value);
        }
        Ok(match (&self.how.credentials, token) {
            (_, Some(token)) => request.bearer_auth(token),
            (Credentials::Bearer(secret), None) => request.bearer_auth(read(secret)?),
            (Credentials::Basic(user, password), None) => {
                request.basic_auth(user, Some(read(password)?))
            }
            (Credentials::Key(header, key), None) => {
                let name = HeaderName::from_bytes(header.as_bytes());
                let value = HeaderValue::from_str(&read(key)?);
                let (Ok(name), Ok(mut value)) = (name, value) else {
                    return Err(Trouble::Broken(
                        "the key cannot stand in a header (not shown)".to_owned(),
                    ));
                };
                value.set_sensitive(true);
                request.header(name, value)
            }
            (Credentials::None | Credentials::OAuth { .. }, None) => request,
        })
    }

    /// Sends a request, and reads all of its answer.
    fn send(&mut self, request: RequestBuilder) -> Result<Answer, Trouble> {
        let sent = self.sent(request);
        if sent.is_err() {
            self.clients.clear();
        }
        sent
    }

    fn sent(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        let later = |e: reqwest::Error| {
            let e = e.without_url();
            let why = format!("no answer: {}", said(&e));
            match tls::refusal(&e) {
                Some(what) => Trouble::Broken(format!("{why}: {what}")),
                None => Trouble::later(why),
            }
        };
        let (mut answer, packed) = self.runtime.block_on(async {
            let answer = request.send().await.map_err(later)?;
            let headers = answer.headers().clone();
            let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
            let header = |name: &str| headers.get(name).and_then(text);
            let mut found = Answer {
                status: answer.status().as_u16(),
                retry_after: header("retry-after"),
                location: header("location"),
                content_type: header("content-type"),
                date: header("date"),
                links: headers.get_all("link").iter().filter_map(text).collect(),
                body: Vec::new(),
            };
            let mut pieces = answer.bytes_stream();
            while let Some(piece) = pieces.next().await {
                found.body.extend_from_slice(&piece.map_err(later)?);
                if found.body.len() > MOST {
                    return Err(unpacked::too_large(MOST));
                }
            }
            Ok((found, header("content-encoding")))
        })?;
        answer.body = unpacked::body(answer.body, packed.as_deref(), MOST)?;
        Ok(answer)
    }
}

/// An error with its causes, without the URL, which may hold a secret.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl Client {
    /// Refuses another origin than the configured one.
    fn own(&self, url: &str) -> Result<(), Trouble> {
        let own = origin(&self.how.url);
        match origin(url) == own {
            true => Ok(()),
            false => Err(Trouble::Broken(format!(
                "another place than {own} is not asked"
            ))),
        }
    }

    /// POST, with headers of its own beside those that are configured.
    ///
    /// # Errors
    /// No answer, or a place that may not be asked.
    pub fn post(
        &mut self,
        url: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> Result<Answer, Trouble> {
        self.own(url)?;
        let mut request = self
            .client(url)?
            .post(url)
            .header("accept-encoding", "gzip");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = self.signed(request.body(body.to_owned()), None)?;
        let answer = self.send(request)?;
        self.kept(&answer)?;
        Ok(answer)
    }

    /// Keeps an answer as it came, where that is configured.
    fn kept(&mut self, answer: &Answer) -> Result<(), Trouble> {
        if let Some((raw, ending)) = &self.how.raw {
            self.asked += 1;
            let hash = xxhash_rust::xxh3::xxh3_64(&answer.body);
            raw.bytes(
                &format!("{:08}-{hash:016x}.{ending}", self.asked),
                &answer.body,
            )?;
        }
        Ok(())
    }
}

impl Fetch for Client {
    fn get(&mut self, url: &str, token: Option<&str>) -> Result<Answer, Trouble> {
        self.own(url)?;
        let request = self.client(url)?.get(url).header("accept-encoding", "gzip");
        let request = self.signed(request, token)?;
        let answer = self.send(request)?;
        self.kept(&answer)?;
        Ok(answer)
    }

    fn token(&mut self, form: &str) -> Result<Answer, Trouble> {
        let Credentials::OAuth {
            url,
            client,
            secret,
            in_form,
        } = &self.how.credentials
        else {
            return Err(Trouble::Broken(
                "it has no endpoint of tokens: a defect".to_owned(),
            ));
        };
        let secret = secret().map_err(Trouble::Broken)?;
        // RFC 6749, 2.3.1: each is encoded before it is joined.
        let (url, client, secret) = (url.clone(), encoded(client), encoded(&secret));
        let in_form = *in_form;
        let request = self
            .client(&url)?
            .post(&url)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded");
        let request = match in_form {
            true => request.body(format!("{form}&client_id={client}&client_secret={secret}")),
            false => request
                .basic_auth(client, Some(secret))
                .body(form.to_owned()),
        };
        self.send(request)
    }
}

#[cfg(test)]
mod tests;
