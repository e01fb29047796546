//! How an API is asked: one origin, no redirects, no proxy, addresses that were looked at before they are connected to.
//!
//! 1. Without `private-addresses = "allow"` a name that leads to this machine or to a private network is not asked, and nothing
//!    without TLS. The addresses that were looked at are those that are connected to.
//! 2. The token goes to the configured origin alone: no other is ever asked.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Runtime;

use crate::raw::Raw;
use standings_ingest::feed::Trouble;
use standings_ingest::rest::{Answer, Fetch, origin};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer at most.
const MOST: usize = 64 << 20;

/// Asks one origin. Not `Debug`: it has a token.
pub struct Client {
    runtime: Runtime,
    origin: String,
    private: bool,
    token: Option<Token>,
    raw: Option<Raw>,
    asked: u64,
}

/// Gives the token, read anew for each request; why it cannot be read.
pub type Token = Box<dyn Fn() -> Result<String, String> + Send>;

impl Client {
    /// Asks the origin of `url`.
    ///
    /// # Errors
    /// This process has no thread for it.
    pub fn new(
        url: &str,
        private: bool,
        token: Option<Token>,
        raw: Option<Raw>,
    ) -> std::io::Result<Self> {
        // Fails when it was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Client {
            runtime,
            origin: origin(url).to_owned(),
            private,
            token,
            raw,
            asked: 0,
        })
    }

    /// The addresses of the origin, each of which may be asked.
    fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Trouble> {
        let found = (host, port).to_socket_addrs();
        let found =
            found.map_err(|e| Trouble::later(format!("the name {host} is not found: {e}")))?;
        let all: Vec<SocketAddr> = found.collect();
        let refused = all.iter().find(|at| !self.private && !is_public(at.ip()));
        if let Some(at) = refused {
            return Err(Trouble::Broken(format!(
                "{host} is {}, an address of this machine or of a private network: say private-addresses = \"allow\" if it is meant",
                at.ip()
            )));
        }
        match all.is_empty() {
            true => Err(Trouble::later(format!("the name {host} has no address"))),
            false => Ok(all),
        }
    }

    fn client(&self) -> Result<reqwest::Client, Trouble> {
        let broken = |why: String| Trouble::Broken(why);
        let url = reqwest::Url::parse(&self.origin).map_err(|e| broken(format!("no URL: {e}")))?;
        if url.scheme() != "https" && !self.private {
            return Err(broken(
                "it is asked without TLS: use https, or say private-addresses = \"allow\""
                    .to_owned(),
            ));
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let plain = host.trim_matches(['[', ']']);
        let addresses = self.addresses(plain, port)?;
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .resolve_to_addrs(host, &addresses)
            .user_agent(concat!("standings/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| broken(said(&e)))
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

impl Fetch for Client {
    fn get(&mut self, url: &str) -> Result<Answer, Trouble> {
        if origin(url) != self.origin {
            return Err(Trouble::Broken(format!(
                "another place than {} is not asked",
                self.origin
            )));
        }
        let client = self.client()?;
        let mut request = client.get(url).header("accept-encoding", "identity");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token().map_err(Trouble::Broken)?);
        }
        let later =
            |e: reqwest::Error| Trouble::later(format!("no answer: {}", said(&e.without_url())));
        let answer = self.runtime.block_on(async {
            let answer = request.send().await.map_err(later)?;
            let header = |name: &str| {
                let value = answer.headers().get(name)?;
                Some(value.to_str().ok()?.to_owned())
            };
            let mut found = Answer {
                status: answer.status().as_u16(),
                retry_after: header("retry-after"),
                location: header("location"),
                body: Vec::new(),
            };
            let mut pieces = answer.bytes_stream();
            while let Some(piece) = pieces.next().await {
                found.body.extend_from_slice(&piece.map_err(later)?);
                if found.body.len() > MOST {
                    return Err(Trouble::Broken(format!(
                        "an answer of more than {MOST} bytes: ask for smaller pages"
                    )));
                }
            }
            Ok(found)
        })?;
        if let Some(raw) = &self.raw {
            self.asked += 1;
            let hash = xxhash_rust::xxh3::xxh3_64(&answer.body);
            raw.bytes(&format!("{:08}-{hash:016x}.json", self.asked), &answer.body)?;
        }
        Ok(answer)
    }
}

/// Whether an address is one of the open net.
fn is_public(at: IpAddr) -> bool {
    match at.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let is_own =
                v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified();
            let is_special = v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240;
            let is_shared = (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
                || (a, b, c) == (192, 0, 0);
            !is_own && !is_special && !is_shared
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            // Only 2000::/3 is given out; of it what carries an address of version 4 inside, and documentation, is not.
            let is_given = (0x2000..0x4000).contains(&first);
            let is_carrier =
                first == 0x2002 || (first == 0x2001 && matches!(v6.segments()[1], 0 | 0xdb8));
            is_given && !is_carrier
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_asked() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "ff02::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "2001:db8::1",
            "240.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "100.128.0.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn nothing_private_is_asked_unless_it_is_meant() {
        let ask = |url: &str| Client::new(url, false, None, None).unwrap().get(url);
        let said = ask("http://127.0.0.1:9/").unwrap_err();
        assert!(said.why().contains("without TLS"), "{said:?}");
        for url in [
            "https://127.0.0.1:9/",
            "https://[::1]:9/",
            "https://localhost:9/",
        ] {
            let said = ask(url).unwrap_err();
            assert!(
                matches!(&said, Trouble::Broken(why) if why.contains("private")),
                "{url}: {said:?}"
            );
        }
        let mut client = Client::new("https://a.example/x", false, None, None).unwrap();
        assert!(matches!(
            client.get("https://b.example/x"),
            Err(Trouble::Broken(_))
        ));
        assert!(matches!(
            client.get("https://a.example.evil.example/x"),
            Err(Trouble::Broken(_))
        ));
    }
}
