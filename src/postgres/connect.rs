//! The URL: what libpq's URLs take, with TLS decided by us.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{PostgresError, UrlError};
use super::tls::{self, Verify};
use super::trouble;
use standings_commit::database::Trouble;
use standings_model::redact;
use standings_process::renew::FromFile;

/// Where to connect and how.
pub struct Target {
    /// For logs: without secrets.
    pub name: String,
    /// Where the URL came from, if that was a file.
    file: Option<FromFile>,
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

/// The variable that `--sink` can come from.
const VARIABLE: &str = "STANDINGS_SINK";
/// How soon a connection that nobody speaks on is looked after, where the URL does not say: a balancer forgets it later.
const KEEPALIVE: Duration = Duration::from_secs(30);

impl Target {
    /// Reads a URL. `sslmode` and `sslrootcert` are ours; the rest is for `tokio-postgres`.
    pub fn parse(url: &str) -> Result<Self, PostgresError> {
        let name = redact::url(url).to_string();
        match Target::read(url, &name) {
            Ok(target) => Ok(target),
            Err(source) => Err(PostgresError::Url { name, source }),
        }
    }

    fn read(url: &str, name: &str) -> Result<Self, UrlError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => roots = Some(PathBuf::from(unescape(value))),
                Some((key @ ("sslcert" | "sslkey" | "sslpassword"), _)) => {
                    return Err(UrlError::NotSupported(key.to_owned()));
                }
                _ => rest.push(pair),
            }
        }
        let file = FromFile::of(VARIABLE, url);
        let url = if rest.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", rest.join("&"))
        };
        // The text of a parse error names the key at most, never a value.
        let mut config: Config = url.parse().map_err(|e: tokio_postgres::Error| {
            UrlError::Parameter(super::trouble::describe(&e))
        })?;
        if !rest.iter().any(|pair| pair.starts_with("keepalives")) {
            config.keepalives_idle(KEEPALIVE);
        }
        if config.get_application_name().is_none() {
            config.application_name("standings");
        }
        let local = config.get_hosts().iter().all(|h| match h {
            Host::Tcp(name) => {
                name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
            }
            Host::Unix(_) => true,
        });
        let (mode, verify) = match mode.as_deref() {
            None if local => (SslMode::Prefer, Verify::Nothing),
            None => (SslMode::Require, Verify::Full),
            Some("disable") => (SslMode::Disable, Verify::Nothing),
            Some("allow" | "prefer") => (SslMode::Prefer, Verify::Nothing),
            Some("require") if roots.is_none() => (SslMode::Require, Verify::Nothing),
            Some("require" | "verify-ca") => (SslMode::Require, Verify::Authority),
            Some("verify-full") => (SslMode::Require, Verify::Full),
            Some(other) => return Err(UrlError::Mode(other.to_owned())),
        };
        config.ssl_mode(mode);
        let tls = tls::connector(verify, roots.as_deref())?;
        Ok(Target {
            name: name.to_owned(),
            file,
            config,
            tls,
        })
    }

    /// Reads anew the file that the URL came from (`STANDINGS_SINK_FILE`): a password may be another one by now. Where it is
    /// named, and what it came from, stays the same; a URL that cannot be read changes nothing.
    pub fn renew(&mut self) {
        let now = self.file.as_ref().and_then(FromFile::now);
        if let Some(Ok(newest)) = now.map(|url| Target::parse(&url)) {
            (self.config, self.tls) = (newest.config, newest.tls);
        }
    }

    /// Tells the server that nobody waits for what this connection does.
    pub fn cancel(&self, client: &Client) -> impl Future<Output = ()> + use<> {
        let (token, tls) = (client.cancel_token(), self.tls.clone());
        async move {
            // It is tried; what comes of it the next attempt sees.
            let _ = token.cancel_query(tls).await;
        }
    }

    /// What leads to its tables: two that are the same write into the same ones.
    pub fn tables(&self) -> String {
        let config = &self.config;
        let user = config.get_user();
        let ports = match config.get_ports() {
            [] => &[5432],
            ports => ports,
        };
        format!(
            "{:?} {:?} {ports:?} {user:?} {:?} {:?}",
            config.get_hosts(),
            config.get_hostaddrs(),
            config.get_dbname().or(user),
            config.get_options()
        )
    }

    /// Connects; the connection is driven by the present runtime.
    pub async fn connect(&self) -> Result<Client, Trouble> {
        let connected = self.config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|e| {
            let no_trust = no_trust(&e);
            no_trust.unwrap_or_else(|| trouble(e))
        })?;
        tokio::spawn(async move {
            // What ends the connection is seen by the next statement.
            let _ = connection.await;
        });
        Ok(client)
    }
}

/// What is wrong with the server's TLS, if that is why there is no connection. An expired certificate may be renewed.
fn no_trust(error: &tokio_postgres::Error) -> Option<Trouble> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = cause {
        if e.to_string().ends_with("server does not support TLS") {
            return Some(Trouble::Wrong(
                "the server does not speak TLS; turn it on there, or say sslmode=disable"
                    .to_owned(),
            ));
        }
        let inner = e
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref())
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            .or_else(|| e.downcast_ref());
        if let Some(rustls::Error::InvalidCertificate(problem)) = inner {
            return Some(Trouble::Login(format!(
                "the server's certificate is not trusted: {problem}; name its authority with sslrootcert=PATH, and \
                 the host as the certificate does"
            )));
        }
        cause = e.source();
    }
    None
}

/// `%2F` → `/`.
fn unescape(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        let hex = |b: Option<u8>| b.and_then(|b| (b as char).to_digit(16));
        if b == b'%' {
            let mut ahead = bytes.clone();
            if let (Some(high), Some(low)) = (hex(ahead.next()), hex(ahead.next())) {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
                continue;
            }
        }
        out.push(b);
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for url in [
            "postgres://u:p@127.0.0.1:5432/db",
            "postgres://u@localhost/db?options=-c%20search_path%3Dx&sslmode=disable",
            "postgres://u@db.example.com/db?connect_timeout=3&application_name=x",
            "postgresql:///db?host=/var/run/postgresql&sslmode=verify-full",
        ] {
            assert!(Target::parse(url).is_ok(), "{url}");
        }
        for url in [
            "postgres://u:secret@h/db?sslmode=no",
            "postgres://u:secret@h/db?nothing=1",
        ] {
            let text = Target::parse(url).err().map(|e| e.to_string()).unwrap();
            assert!(!text.contains("secret"), "{text}");
        }
        assert_eq!(unescape("a%2Fb%zz"), "a/b%zz");
    }
}
