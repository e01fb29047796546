//! Where a MySQL or MariaDB is, and how it is connected to: with TLS decided by us, as of Postgres.
//!
//! `sslmode` is `disable`, `require`, `verify-ca` or `verify-full`, which is what holds where the host is not this machine; `sslrootcert`
//! names the authorities, else the system's are trusted. Nothing falls back to a connection without TLS.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder, SslOpts};
use standings_ingest::feed::Trouble;
use standings_model::error::{Failure, codes};
use standings_model::redact;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// What values are written by, and rows compared by, whatever the server's own is.
const SETTINGS: [&str; 5] = [
    "SET NAMES utf8mb4",
    "SET time_zone = '+00:00'",
    "SET sql_mode = ''",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION net_write_timeout = 600, SESSION wait_timeout = 28800",
];

/// Where to connect and how.
#[derive(Clone)]
pub(crate) struct Target {
    opts: Opts,
}

fn wrong(url: &str, said: &str) -> Failure {
    let name = redact::url(url);
    Failure::of(&codes::ingest::CONFIG, format!("{name}: {said}"))
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// It is none, or says what is not known.
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots) = (None, None);
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value)),
                _ => {
                    return Err(wrong(
                        url,
                        "of what is behind ?, only sslmode and sslrootcert are known",
                    ));
                }
            }
        }
        let base = match base.strip_prefix("mariadb://") {
            Some(rest) => format!("mysql://{rest}"),
            None => base.to_owned(),
        };
        let parsed = Opts::from_url(&base)
            .map_err(|_| wrong(url, "must be mysql://USER@HOST:PORT/DATABASE"))?;
        let host = parsed.ip_or_hostname().to_owned();
        let local = host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|ip: IpAddr| ip.is_loopback());
        let tls = match mode.as_deref() {
            None if local => None,
            Some("disable") => None,
            None | Some("verify-full") => Some(SslOpts::default()),
            Some("require") if roots.is_none() => {
                Some(SslOpts::default().with_danger_accept_invalid_certs(true))
            }
            Some("require" | "verify-ca") => {
                Some(SslOpts::default().with_danger_skip_domain_validation(true))
            }
            Some(other) => {
                let said = format!(
                    "sslmode is `{other}`; allowed are disable, require, verify-ca, verify-full"
                );
                return Err(wrong(url, &said));
            }
        };
        let tls = match (tls, roots) {
            (None, _) => None,
            (Some(tls), Some(path)) => Some(tls.with_root_certs(vec![path.into()])),
            (Some(tls), None) => {
                let found = rustls_native_certs::load_native_certs().certs;
                if found.is_empty() {
                    let said = "this machine trusts no authority: name one with sslrootcert=PATH";
                    return Err(wrong(url, said));
                }
                let found = found
                    .into_iter()
                    .map(|certificate| certificate.to_vec().into());
                Some(tls.with_root_certs(found.collect()))
            }
        };
        let tls = tls.map(|tls| tls.with_disable_built_in_roots(true));
        let settings = SETTINGS.map(str::to_owned).to_vec();
        let opts = OptsBuilder::from_opts(parsed)
            .ssl_opts(tls)
            .setup(settings)
            // Another way than the one that was asked for is none.
            .prefer_socket(false)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .stmt_cache_size(Some(0))
            .enable_cleartext_plugin(false);
        Ok(Target { opts: opts.into() })
    }

    /// The database of the URL.
    pub(crate) fn database(&self) -> Option<&str> {
        self.opts.db_name()
    }

    /// Connects.
    ///
    /// # Errors
    /// Nobody answers, or lets us in.
    pub(crate) async fn connect(&self) -> Result<Conn, Trouble> {
        let connected = tokio::time::timeout(CONNECT, Conn::new(self.opts.clone())).await;
        let connected = connected.map_err(|_| Trouble::later("the database does not answer"))?;
        connected.map_err(of_error)
    }
}

/// Codes of the server that heal by themselves: too many connections, shutdown, lock waits, deadlocks, killed.
const PASSING: [u16; 12] = [
    1040, 1042, 1053, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1317, 3159,
];

/// Whether an error heals by itself.
pub(crate) fn of_error(error: Error) -> Trouble {
    match error {
        Error::Server(e) if PASSING.contains(&e.code) => {
            Trouble::later(format!("{} ({})", e.message, e.code))
        }
        Error::Server(e) => Trouble::Broken(format!("{} ({})", e.message, e.code)),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => Trouble::Broken(
            "the server does not speak TLS; turn it on there, or say sslmode=disable".to_owned(),
        ),
        Error::Io(mysql_async::IoError::Tls(e)) => Trouble::Broken(format!(
            "the server's TLS is not trusted: {e}; name its authority with sslrootcert=PATH, and the host as the certificate does"
        )),
        Error::Url(e) => Trouble::Broken(e.to_string()),
        other => Trouble::later(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for url in [
            "mysql://u:p@127.0.0.1:3306/db",
            "mariadb://u@localhost/db?sslmode=disable",
            "mysql://u@db.example.com/db?sslmode=require",
        ] {
            assert!(Target::parse(url).is_ok(), "{url}");
        }
        for url in [
            "mysql://u:secret@h/db?sslmode=prefer",
            "mysql://u:secret@h/db?require_ssl=false",
            "postgres://u:secret@h/db",
        ] {
            let text = Target::parse(url).err().map(|e| e.to_string()).unwrap();
            assert!(!text.contains("secret"), "{text}");
        }
        let plain = Target::parse("mysql://u@127.0.0.1/db").unwrap();
        assert!(plain.opts.ssl_opts().is_none());
    }

    #[test]
    fn another_machine_is_asked_for_its_certificate() {
        let path = "?sslrootcert=/etc/ca.pem";
        let far = Target::parse(&format!("mysql://u@db.example.com/db{path}")).unwrap();
        let tls = far.opts.ssl_opts().unwrap();
        assert!(
            !tls.accept_invalid_certs()
                && !tls.skip_domain_validation()
                && tls.disable_built_in_roots()
        );
    }
}
