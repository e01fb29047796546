//! Messages on the wire: a letter, a length, what belongs to it.
//!
//! 1. What was read of a message stays when its reader is given up: the next goes on with it.
//! 2. No message is believed to be longer than [`LONGEST`].

use std::time::{Duration, SystemTime};

use standings_commit::database::Trouble;
use standings_commit::kind::Kind;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::super::error::PostgresError;
use super::super::errors;
use super::{Piece, Texts};

/// Bytes of a message: a row of Postgres has at most 1 GB.
const LONGEST: usize = (1 << 30) + (1 << 20);
/// Bytes that are asked for at once.
const READ: usize = 64 << 10;
/// 2000-01-01, which the server counts from.
const EPOCH: Duration = Duration::from_secs(946_684_800);

/// A connection, plain or by TLS.
pub(super) trait Pipe: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for T {}

/// Messages of a connection.
pub(super) struct Wire {
    pipe: Box<dyn Pipe>,
    read: Vec<u8>,
    /// What of it was taken.
    taken: usize,
}

fn lost(e: &std::io::Error) -> Trouble {
    Trouble::Passing(format!("the connection is lost: {e}"))
}

fn strange(what: &str) -> Trouble {
    Trouble::Passing(format!(
        "the server says what is not of the protocol: {what}"
    ))
}

impl Wire {
    pub(super) fn new(pipe: Box<dyn Pipe>) -> Self {
        Wire {
            pipe,
            read: Vec::new(),
            taken: 0,
        }
    }

    /// Sends bytes as they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let sent = async {
            self.pipe.write_all(bytes).await?;
            self.pipe.flush().await
        };
        sent.await.map_err(|e| lost(&e))
    }

    /// Sends a message.
    pub(super) async fn tell(&mut self, letter: u8, body: &[u8]) -> Result<(), Trouble> {
        let mut bytes = vec![letter];
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(body);
        self.send(&bytes).await
    }

    /// The next message: its letter and what belongs to it.
    pub(super) async fn message(&mut self) -> Result<(u8, Vec<u8>), Trouble> {
        loop {
            let there = &self.read[self.taken..];
            if there.len() >= 5 {
                let length = u32::from_be_bytes([there[1], there[2], there[3], there[4]]) as usize;
                if !(4..=LONGEST).contains(&length) {
                    return Err(strange("a message of no length"));
                }
                if there.len() > length {
                    let (letter, body) = (there[0], there[5..=length].to_vec());
                    self.taken += length + 1;
                    return Ok((letter, body));
                }
            }
            self.read.drain(..self.taken);
            self.taken = 0;
            let mut more = vec![0; READ];
            let n = self.pipe.read(&mut more).await.map_err(|e| lost(&e))?;
            if n == 0 {
                return Err(Trouble::Passing(
                    "the server has closed the connection".to_owned(),
                ));
            }
            self.read.extend_from_slice(&more[..n]);
        }
    }

    /// A statement, and its rows.
    pub(super) async fn query(&mut self, text: &str) -> Result<Vec<Texts>, Trouble> {
        self.ask(text).await?;
        let (mut rows, mut failed) = (Vec::new(), None);
        loop {
            match self.message().await? {
                (b'D', body) => rows.push(row(&body).ok_or_else(|| strange("a row"))?),
                (b'E', body) => failed = Some(refusal(&body)),
                (b'Z', _) => return failed.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    async fn ask(&mut self, text: &str) -> Result<(), Trouble> {
        let mut body = text.as_bytes().to_vec();
        body.push(0);
        self.tell(b'Q', &body).await
    }

    /// A command that makes the connection a stream.
    pub(super) async fn begin_copy(&mut self, text: &str) -> Result<(), Trouble> {
        self.ask(text).await?;
        loop {
            match self.message().await? {
                (b'W', _) => return Ok(()),
                (b'E', body) => return Err(refusal(&body)),
                (b'Z', _) => return Err(strange("no stream begins")),
                _ => {}
            }
        }
    }

    /// The next piece of the stream, and whether the server wants an answer; none of what is not one. May be given up.
    pub(super) async fn copied(&mut self) -> Result<Option<(Piece, bool)>, Trouble> {
        let number = |body: &[u8], at: usize| -> Option<u64> {
            Some(u64::from_be_bytes(body.get(at..at + 8)?.try_into().ok()?))
        };
        match self.message().await? {
            (b'd', mut body) => match body.first() {
                Some(b'w') => {
                    let at = number(&body, 1).ok_or_else(|| strange("a piece of the log"))?;
                    if body.len() < 25 {
                        return Err(strange("a piece of the log"));
                    }
                    let data = body.split_off(25);
                    Ok(Some((Piece::Log { at, data }, false)))
                }
                Some(b'k') => {
                    let end = number(&body, 1).ok_or_else(|| strange("a sign of life"))?;
                    let is_asked = body.get(17).is_some_and(|b| *b != 0);
                    Ok(Some((Piece::Alive { end }, is_asked)))
                }
                _ => Ok(None),
            },
            (b'E', body) => Err(refusal(&body)),
            (b'c' | b'C' | b'Z', _) => Err(Trouble::Passing(
                "the server has ended the stream".to_owned(),
            )),
            _ => Ok(None),
        }
    }

    /// Tells the server up to where its log is kept.
    pub(super) async fn status(&mut self, upto: u64) -> Result<(), Trouble> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default().saturating_sub(EPOCH).as_micros();
        let mut body = vec![b'r'];
        for place in [upto, upto, upto, u64::try_from(now).unwrap_or_default()] {
            body.extend_from_slice(&place.to_be_bytes());
        }
        body.push(0);
        self.tell(b'd', &body).await
    }

    /// Ends the connection in good order.
    pub(super) async fn goodbye(&mut self) {
        // Whoever does not hear it sees that the connection is closed.
        let _ = self.tell(b'c', &[]).await;
        let _ = self.tell(b'X', &[]).await;
    }
}

/// A row of texts.
fn row(body: &[u8]) -> Option<Texts> {
    let columns = u16::from_be_bytes(body.get(..2)?.try_into().ok()?);
    let (mut at, mut all) = (2, Vec::new());
    for _ in 0..columns {
        let length = i32::from_be_bytes(body.get(at..at + 4)?.try_into().ok()?);
        at += 4;
        let Ok(length) = usize::try_from(length) else {
            all.push(None);
            continue;
        };
        let text = body.get(at..at + length)?;
        all.push(Some(String::from_utf8_lossy(text).into_owned()));
        at += length;
    }
    Some(all)
}

/// What a refusal of the server means, in its own words.
pub(super) fn refusal(body: &[u8]) -> Trouble {
    let field = |letter: u8| {
        let mut fields = body.split(|b| *b == 0);
        let found = fields.find(|field| field.first() == Some(&letter));
        found.map_or_else(String::new, |field| {
            String::from_utf8_lossy(&field[1..]).into_owned()
        })
    };
    let (code, routine) = (field(b'C'), field(b'R'));
    let text = format!("{} ({code})", field(b'M'));
    match errors::of_state(&code, Some(&routine)) {
        Kind::Passing => Trouble::Passing(text),
        Kind::Login => Trouble::Login(text),
        Kind::Wrong => Trouble::Wrong(text),
        Kind::Row | Kind::Fenced | Kind::Final => PostgresError::Server(text).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_what_is_none() {
        let body = b"\x00\x02\x00\x00\x00\x01a\xff\xff\xff\xff";
        assert_eq!(row(body), Some(vec![Some("a".to_owned()), None]));
        for cut in 1..body.len() {
            assert_eq!(row(&body[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn refusals_have_their_words() {
        let said = refusal(b"SERROR\0C55006\0Mreplication slot \"a\" is active for PID 7\0RReplicationSlotAcquire\0\0");
        assert!(said.text().contains("active for PID 7 (55006)"), "{said:?}");
    }

    #[tokio::test]
    async fn a_message_that_comes_in_pieces() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut wire = Wire::new(Box::new(ours));
        theirs
            .write_all(b"d\x00\x00\x00\x16k\x00\x00")
            .await
            .unwrap();
        let given_up = tokio::time::timeout(Duration::from_millis(20), wire.copied()).await;
        assert!(given_up.is_err());
        theirs
            .write_all(&[0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1])
            .await
            .unwrap();
        let piece = wire.copied().await.unwrap();
        assert_eq!(piece, Some((Piece::Alive { end: 0x102 }, true)));
    }
}
