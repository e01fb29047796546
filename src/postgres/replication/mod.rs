//! The log of a database as it is replicated: a connection that `tokio-postgres` has no mode for.
//!
//! ```text
//! Target ──► Session: logged in ──query──► rows as texts (slots are made, the server says who it is)
//!                        └──start──► Stream: pieces of the log ──► one channel with a bound ──► who reads
//!                                      ▲ what is acknowledged, each second and when asked ◄── a task of its own
//! ```
//!
//! 1. What the server asks is answered also while nobody reads: a reader that waits for something else does not lose its connection.
//! 2. Nothing is acknowledged but what [`Stream::acknowledge`] was told.
//! 3. A piece is given on as it came: what is in it is decoded by who knows tables.

mod login;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use standings_commit::database::Trouble;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Target;
use wire::Wire;

/// How often the server is told how far its log is kept.
const STATUS: Duration = Duration::from_secs(1);
/// Pieces that wait to be read.
const AHEAD: usize = 4_096;

/// A row of an answer.
pub type Texts = Vec<Option<String>>;

/// A connection of replication that is logged in.
pub struct Session {
    wire: Wire,
}

/// What comes of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A message of the output plugin, and where in the log it is of.
    Log {
        /// The place of what it tells.
        at: u64,
        /// As it came.
        data: Vec<u8>,
    },
    /// Nothing before this place is still to come.
    Alive {
        /// Up to where the log has been sent.
        end: u64,
    },
}

/// The log, from a place on.
pub struct Stream {
    pieces: mpsc::Receiver<Result<Piece, Trouble>>,
    acknowledged: Arc<AtomicU64>,
}

impl Session {
    /// Connects and logs in. `settings`: what the server writes values by, as `-c name=value …`.
    ///
    /// # Errors
    /// No connection, no TLS where it must be, or no right to log in.
    pub async fn connect(target: &Target, settings: &str) -> Result<Session, Trouble> {
        let wire = login::connect(target, settings).await?;
        Ok(Session { wire })
    }

    /// Runs a statement, or a command of replication: its rows.
    ///
    /// # Errors
    /// What the server says, or the connection is lost.
    pub async fn query(&mut self, text: &str) -> Result<Vec<Texts>, Trouble> {
        self.wire.query(text).await
    }

    /// Begins to read a slot by `pgoutput`. The slot's name must need no quotes.
    ///
    /// # Errors
    /// What the server says: the slot is not there, or another reads it.
    pub async fn start(
        mut self,
        slot: &str,
        from: u64,
        publication: &str,
    ) -> Result<Stream, Trouble> {
        let publication = publication.replace('"', "\"\"").replace('\'', "''");
        let text = format!(
            "START_REPLICATION SLOT {slot} LOGICAL {} (proto_version '1', publication_names '\"{publication}\"')",
            shown(from)
        );
        self.wire.begin_copy(&text).await?;
        let (outer, pieces) = mpsc::channel(AHEAD);
        let acknowledged = Arc::new(AtomicU64::new(from));
        let pump = Pump {
            wire: self.wire,
            outer,
            acknowledged: Arc::clone(&acknowledged),
            said: Instant::now(),
        };
        tokio::spawn(pump.run());
        Ok(Stream {
            pieces,
            acknowledged,
        })
    }
}

impl Stream {
    /// The next piece, when there is one. May be given up at any time.
    ///
    /// # Errors
    /// The connection is lost, or the server has ended it; there is nothing behind that.
    pub async fn next(&mut self) -> Result<Piece, Trouble> {
        match self.pieces.recv().await {
            Some(piece) => piece,
            None => Err(Trouble::Passing("the connection has ended".to_owned())),
        }
    }

    /// The next piece that is here already.
    ///
    /// # Errors
    /// As [`Stream::next`].
    pub fn ready(&mut self) -> Result<Option<Piece>, Trouble> {
        match self.pieces.try_recv() {
            Ok(piece) => piece.map(Some),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => {
                Err(Trouble::Passing("the connection has ended".to_owned()))
            }
        }
    }

    /// All before this place is kept: the server may forget it. Never goes back.
    pub fn acknowledge(&self, upto: u64) {
        self.acknowledged.fetch_max(upto, Ordering::Relaxed);
    }
}

/// A place in the log, as Postgres writes it.
pub fn shown(place: u64) -> String {
    format!("{:X}/{:X}", place >> 32, place & 0xffff_ffff)
}

/// A place in the log, as Postgres writes it; none where it is no such.
pub fn read(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let part = |text: &str| u32::from_str_radix(text, 16).ok();
    Some(u64::from(part(high)?) << 32 | u64::from(part(low)?))
}

/// Reads from the server, and answers it.
struct Pump {
    wire: Wire,
    outer: mpsc::Sender<Result<Piece, Trouble>>,
    acknowledged: Arc<AtomicU64>,
    said: Instant,
}

impl Pump {
    async fn run(mut self) {
        loop {
            let due = self.said + STATUS;
            let outer = self.outer.clone();
            let done = tokio::select! {
                () = outer.closed() => break,
                () = sleep_until(due) => self.status().await,
                piece = self.wire.copied() => match piece {
                    Ok(Some((piece, is_asked))) => self.given(piece, is_asked).await,
                    Ok(None) => Ok(()),
                    Err(trouble) => Err(trouble),
                },
            };
            if let Err(trouble) = done {
                // Who does not read any more does not need to know.
                let _ = self.outer.send(Err(trouble)).await;
                return;
            }
        }
        self.wire.goodbye().await;
    }

    /// Gives a piece on; while there is no room the server is told all the same that somebody is here.
    async fn given(&mut self, piece: Piece, is_asked: bool) -> Result<(), Trouble> {
        if is_asked {
            self.status().await?;
        }
        let outer = self.outer.clone();
        loop {
            let due = self.said + STATUS;
            tokio::select! {
                room = outer.reserve() => {
                    if let Ok(room) = room {
                        room.send(Ok(piece));
                    }
                    return Ok(());
                }
                () = sleep_until(due) => self.status().await?,
            }
        }
    }

    async fn status(&mut self) -> Result<(), Trouble> {
        self.said = Instant::now();
        let upto = self.acknowledged.load(Ordering::Relaxed);
        self.wire.status(upto).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (text, place) in [
            ("0/0", 0),
            ("0/199A6C8", 0x0199_a6c8),
            ("1A/FF000001", 0x1a_ff00_0001),
        ] {
            assert_eq!(read(text), Some(place));
            assert_eq!(shown(place), text);
        }
        for text in ["", "1", "/", "1/", "g/1", "1/100000000"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
