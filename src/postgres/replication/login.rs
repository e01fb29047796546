//! Connects, speaks TLS where the URL asks for it, and logs in.
//!
//! 1. Passwords go as libpq sends them: proven by SCRAM-SHA-256 or MD5, or plainly where the server asks for that, which it does within TLS.
//! 2. Each host of the URL is tried in its order; the last one's trouble is told.

use std::io;
use std::time::Duration;

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use standings_commit::database::Trouble;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};

use super::super::Target;
use super::wire::{Pipe, Wire, refusal};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// "May we speak TLS?"
const TLS: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

pub(super) async fn connect(target: &Target, settings: &str) -> Result<Wire, Trouble> {
    let mut last = Trouble::Wrong("the URL names no host".to_owned());
    for (n, host) in target.config.get_hosts().iter().enumerate() {
        let port = match target.config.get_ports() {
            [] => 5432,
            [one] => *one,
            all => all.get(n).copied().unwrap_or(5432),
        };
        let logged_in = async {
            let pipe = pipe(target, host, port).await?;
            login(target, Wire::new(pipe), settings).await
        };
        match tokio::time::timeout(PATIENCE, logged_in).await {
            Ok(Ok(wire)) => return Ok(wire),
            Ok(Err(trouble)) => last = trouble,
            Err(_) => last = Trouble::Passing("the database does not answer".to_owned()),
        }
    }
    Err(last)
}

fn unreachable(host: &str, e: &io::Error) -> Trouble {
    Trouble::Passing(format!("{host}: {e}"))
}

/// A connection to one host, by TLS where that is wanted.
async fn pipe(target: &Target, host: &Host, port: u16) -> Result<Box<dyn Pipe>, Trouble> {
    let name = match host {
        Host::Tcp(name) => name,
        Host::Unix(folder) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            let stream = UnixStream::connect(&path).await;
            let stream = stream.map_err(|e| unreachable(&path.display().to_string(), &e))?;
            return Ok(Box::new(stream));
        }
    };
    let stream = TcpStream::connect((name.as_str(), port)).await;
    let mut stream = stream.map_err(|e| unreachable(name, &e))?;
    // Small answers are not held back to go together.
    let _ = stream.set_nodelay(true);
    let mode = target.config.get_ssl_mode();
    if mode == SslMode::Disable {
        return Ok(Box::new(stream));
    }
    let asked = async {
        stream.write_all(&TLS).await?;
        stream.read_u8().await
    };
    match asked.await.map_err(|e| unreachable(name, &e))? {
        b'S' => {}
        _ if mode == SslMode::Prefer => return Ok(Box::new(stream)),
        _ => {
            return Err(Trouble::Wrong(
                "the server does not speak TLS; turn it on there, or say sslmode=disable"
                    .to_owned(),
            ));
        }
    }
    let untrusted = |e: String| {
        Trouble::Login(format!(
            "TLS with the server fails: {e}; name its authority with sslrootcert=PATH, and the host as the certificate does"
        ))
    };
    let mut tls = target.tls.clone();
    let connector = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, name);
    let connector = connector.map_err(|e| untrusted(e.to_string()))?;
    let secured = connector.connect(stream).await;
    Ok(Box::new(secured.map_err(|e| untrusted(e.to_string()))?))
}

async fn login(target: &Target, mut wire: Wire, settings: &str) -> Result<Wire, Trouble> {
    let user = target.config.get_user().unwrap_or("postgres").to_owned();
    let database = target.config.get_dbname().unwrap_or(&user).to_owned();
    let options = match target.config.get_options() {
        Some(own) => format!("{own} {settings}"),
        None => settings.to_owned(),
    };
    let name = target.config.get_application_name().unwrap_or("standings");
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for (key, value) in [
        ("user", user.as_str()),
        ("database", &database),
        ("replication", "database"),
        ("client_encoding", "UTF8"),
        ("application_name", name),
        ("options", &options),
    ] {
        for text in [key, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut first = length.to_be_bytes().to_vec();
    first.append(&mut body);
    wire.send(&first).await?;
    let password = target.config.get_password().map(<[u8]>::to_vec);
    loop {
        match wire.message().await? {
            (b'R', body) => proven(&mut wire, &body, &user, password.as_deref()).await?,
            (b'E', body) => return Err(refusal(&body)),
            (b'Z', _) => return Ok(wire),
            _ => {}
        }
    }
}

/// Answers what the server asks for.
async fn proven(
    wire: &mut Wire,
    body: &[u8],
    user: &str,
    password: Option<&[u8]>,
) -> Result<(), Trouble> {
    let asked = body.get(..4).and_then(|four| four.try_into().ok());
    let asked = asked.map_or(u32::MAX, u32::from_be_bytes);
    if asked == 0 {
        return Ok(());
    }
    let wanted = || Trouble::Login("the server asks for a password; the URL has none".to_owned());
    let password = password.ok_or_else(wanted)?;
    match (asked, body.get(4..8).and_then(|four| four.try_into().ok())) {
        (3, _) => wire.tell(b'p', &[password, &[0]].concat()).await,
        (5, Some(salt)) => {
            let hash = md5_hash(user.as_bytes(), password, salt);
            wire.tell(b'p', &[hash.as_bytes(), &[0]].concat()).await
        }
        (10, _) => scram(wire, &body[4..], password).await,
        _ => Err(Trouble::Login(format!(
            "the server asks to be shown who we are in a way that is not known here ({asked})"
        ))),
    }
}

async fn scram(wire: &mut Wire, offered: &[u8], password: &[u8]) -> Result<(), Trouble> {
    let ours = SCRAM_SHA_256.as_bytes();
    if !offered.split(|b| *b == 0).any(|name| name == ours) {
        return Err(Trouble::Login(
            "the server does not offer SCRAM-SHA-256".to_owned(),
        ));
    }
    let wrong = |e: io::Error| Trouble::Login(format!("the server's proof is none: {e}"));
    let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
    let first = scram.message().to_vec();
    let length = u32::try_from(first.len()).unwrap_or(u32::MAX);
    let body = [ours, &[0], &length.to_be_bytes(), &first].concat();
    wire.tell(b'p', &body).await?;
    let said = continued(wire, 11).await?;
    scram.update(&said).map_err(wrong)?;
    let second = scram.message().to_vec();
    wire.tell(b'p', &second).await?;
    let said = continued(wire, 12).await?;
    scram.finish(&said).map_err(wrong)
}

/// What the server says next in a dialogue about a password.
async fn continued(wire: &mut Wire, wanted: u32) -> Result<Vec<u8>, Trouble> {
    loop {
        match wire.message().await? {
            (b'R', body) if body.get(..4) == Some(&wanted.to_be_bytes()[..]) => {
                return Ok(body[4..].to_vec());
            }
            (b'E', body) => return Err(refusal(&body)),
            (b'R', _) => {
                return Err(Trouble::Login(
                    "the server breaks off a dialogue about the password".to_owned(),
                ));
            }
            _ => {}
        }
    }
}
