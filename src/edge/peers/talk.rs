//! What two processes say to each other before the dataflow: lines of JSON.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hello::{Answer, Hello};
use super::secret::{ClusterSecret, Side, Talk, Unproven, random};
use super::tls::OnlyTls;
use super::wire::Wire;

/// The largest message, bytes.
pub(super) const LONGEST: u64 = 64 << 10;
/// How long the other side may take to say who it is, in all.
pub(super) const MANNERS: Duration = Duration::from_secs(2);

/// The first byte of a TLS handshake, and of a TLS alert.
const TLS: [u8; 2] = [0x16, 0x15];

/// The first words of who dials.
#[derive(Debug, Serialize, Deserialize)]
struct Greeting {
    #[serde(flatten)]
    hello: Hello,
    #[serde(default)]
    nonce: String,
}

/// What who dials says of the secret.
#[derive(Debug, Serialize, Deserialize)]
struct Proof {
    proof: String,
}

/// Says who this process is, and hears the answer. With a secret, an answer is only what comes behind the other's proof.
pub(super) fn greet(
    wire: &mut Wire,
    own: &Hello,
    secret: Option<&ClusterSecret>,
) -> std::io::Result<Answer> {
    let nonce = random()?;
    let greeting = line(&Greeting {
        hello: own.clone(),
        nonce: nonce.clone(),
    })?;
    // One that refuses this process's certificate has closed by now, but what it said can still be read.
    let said = wire.write_all(&greeting);
    let first: Answer = hear(wire)?;
    said?;
    match (first, secret) {
        (Answer::Prove { nonce: its, proof }, Some(secret)) => {
            let talk = Talk {
                dials: &nonce,
                listens: &its,
                greeting: &greeting,
            };
            if !secret.is_proof(Side::Listens, talk, &proof) {
                return Err(std::io::Error::other(Unproven::Wrong));
            }
            let proof = secret.prove(Side::Dials, talk);
            say(wire, &Proof { proof })?;
            hear(wire)
        }
        (Answer::Prove { .. }, None) => Err(std::io::Error::other(Unproven::Asked)),
        (_, Some(_)) => Err(std::io::Error::other(Unproven::Missing)),
        (answer, None) => Ok(answer),
    }
}

/// Hears who dials, and with a secret has it shown that it knows that too.
pub(super) fn heard(wire: &mut Wire, secret: Option<&ClusterSecret>) -> std::io::Result<Hello> {
    let greeting = hear_line(wire)?;
    let Greeting { hello, nonce } = serde_json::from_slice(&greeting)?;
    let Some(secret) = secret else {
        return Ok(hello);
    };
    let refuse = |wire: &mut Wire, why: Unproven| {
        say(wire, &Answer::Refused(why.to_string()))?;
        Err(std::io::Error::other(why))
    };
    if nonce.is_empty() {
        return refuse(wire, Unproven::Missing);
    }
    let its = random()?;
    let talk = Talk {
        dials: &nonce,
        listens: &its,
        greeting: &greeting,
    };
    let proof = secret.prove(Side::Listens, talk);
    let asked = Answer::Prove {
        nonce: its.clone(),
        proof,
    };
    say(wire, &asked)?;
    let shown: Proof = hear(wire).map_err(|_| std::io::Error::other(Unproven::Missing))?;
    match secret.is_proof(Side::Dials, talk, &shown.proof) {
        true => Ok(hello),
        false => refuse(wire, Unproven::Wrong),
    }
}

/// Takes a plain connection, and says so to one that begins with TLS.
pub(super) fn plain(process: usize, socket: TcpStream) -> std::io::Result<Wire> {
    let mut first = [0];
    let is_tls = socket.peek(&mut first)? == 1 && first[0] == TLS[0];
    let mut wire = Wire::Plain(socket);
    if is_tls {
        let why = format!("process {process} has no --peer-tls-cert");
        say(&mut wire, &Answer::Refused(why))?;
        return Err(std::io::Error::other(OnlyTls));
    }
    Ok(wire)
}

/// Whoever says nothing is not waited for.
pub(super) fn patience(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_read_timeout(Some(MANNERS))?;
    socket.set_write_timeout(Some(MANNERS))
}

fn line(message: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// A message: one line of JSON.
pub(super) fn say(wire: &mut Wire, message: &impl Serialize) -> std::io::Result<()> {
    wire.write_all(&line(message)?)
}

fn hear<T: for<'de> Deserialize<'de>>(wire: &mut Wire) -> std::io::Result<T> {
    Ok(serde_json::from_slice(&hear_line(wire)?)?)
}

/// A line, with its end.
fn hear_line(wire: &mut Wire) -> std::io::Result<Vec<u8>> {
    // Byte by byte: what follows the line is not ours.
    let mut line = Vec::new();
    let mut reader = BufReader::with_capacity(1, &mut *wire).take(LONGEST);
    reader.read_until(b'\n', &mut line)?;
    if matches!(wire, Wire::Plain(_)) && line.first().is_some_and(|b| TLS.contains(b)) {
        return Err(std::io::Error::other(OnlyTls));
    }
    match line.last() {
        Some(b'\n') => Ok(line),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}
