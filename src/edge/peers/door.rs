//! Who comes to this process's port.
//!
//! ```text
//! listener ──accept──► a thread for each: TLS, greeting, proof ──► judged here, one after the other ──► welcome
//!                        └─ not done within two seconds: hung up on
//! ```
//!
//! 1. Nobody waits for another's greeting: they are heard side by side, and each has [`MANNERS`] in all, however slowly it
//!    speaks. When [`MOST`] speak at once, whoever came first has to go.
//! 2. What is said is judged by one thread, in the order in which the greetings are complete.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::error::PeerError;
use super::hello::{Answer, Hello};
use super::refusals::Refusals;
use super::talk::{MANNERS, heard, patience, plain, say};
use super::tls::refusal;
use super::wire::Wire;
use super::{Own, exit};

/// Greetings that are heard at the same time.
const MOST: usize = 64;

/// One that has said who it is.
type Greeted = (Hello, Wire, SocketAddr);

/// The port of this process.
pub(super) struct Door {
    own: Arc<Own>,
    listener: TcpListener,
    speaking: VecDeque<Speaking>,
    greeted: (Sender<Greeted>, Receiver<Greeted>),
    strangers: Refusals,
    peers: Refusals,
}

/// One that is heard.
struct Speaking {
    since: Instant,
    socket: TcpStream,
    /// It has been heard, or hung up on: whoever says so first.
    over: Arc<AtomicBool>,
}

impl Speaking {
    fn hang_up(&self) {
        if !self.over.swap(true, Ordering::AcqRel) {
            // It may have gone by itself.
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }
}

impl Door {
    pub(super) fn new(own: Arc<Own>, listener: TcpListener) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Door {
            own,
            listener,
            speaking: VecDeque::new(),
            greeted: unbounded(),
            strangers: Refusals::default(),
            peers: Refusals::default(),
        })
    }

    /// Takes who came, and judges who has been heard: those that are welcome. `complete`: nobody is missing any more.
    pub(super) fn turn(&mut self, complete: bool) -> Vec<(Hello, Wire)> {
        loop {
            match self.listener.accept() {
                Ok((socket, from)) => self.hear(socket, from),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => {
                    tracing::debug!(event = "accept_failed", problem = %e);
                    break;
                }
            }
        }
        self.speaking.retain(|one| {
            if one.since.elapsed() >= MANNERS {
                one.hang_up();
            }
            !one.over.load(Ordering::Acquire)
        });
        self.tell_others();
        let greeted: Vec<Greeted> = self.greeted.1.try_iter().collect();
        let judged = greeted.into_iter();
        judged.filter_map(|one| self.judge(one, complete)).collect()
    }

    /// Has a thread hear somebody.
    fn hear(&mut self, socket: TcpStream, from: SocketAddr) {
        let Ok(other) = socket.try_clone() else {
            return;
        };
        if self.speaking.len() >= MOST
            && let Some(first) = self.speaking.pop_front()
        {
            first.hang_up();
        }
        let over = Arc::new(AtomicBool::new(false));
        self.speaking.push_back(Speaking {
            since: Instant::now(),
            socket: other,
            over: Arc::clone(&over),
        });
        let (own, greeted) = (Arc::clone(&self.own), self.greeted.0.clone());
        let strangers = self.strangers.clone();
        let listen = move || match listen(&own, socket) {
            // Hung up on in the last moment: it will come again.
            Ok(_) if over.swap(true, Ordering::AcqRel) => {}
            Ok((hello, wire)) => drop(greeted.send((hello, wire, from))),
            Err(problem) => {
                let why = match over.swap(true, Ordering::AcqRel) {
                    true => format!("it has not said who it is within {} s", MANNERS.as_secs()),
                    false => refusal(&problem).unwrap_or_else(|| problem.to_string()),
                };
                if strangers.one(Instant::now(), || format!("{from}: {why}")) {
                    tracing::warn!(event = "stranger_refused", %from, problem = why, "somebody who is none of this cluster was turned away");
                }
            }
        };
        // Without a thread it is hung up on, and comes again.
        let thread = std::thread::Builder::new().name("greeting".to_owned());
        let _ = thread.spawn(listen);
    }

    /// Those of the last minute that were not told of one by one.
    fn tell_others(&self) {
        let now = Instant::now();
        if let Some((others, last)) = self.strangers.others(now) {
            tracing::warn!(
                event = "stranger_refused",
                others,
                last,
                "somebody who is none of this cluster was turned away"
            );
        }
        if let Some((others, last)) = self.peers.others(now) {
            tracing::warn!(
                event = "peer_refused",
                others,
                last,
                "another process was turned away"
            );
        }
    }

    fn judge(&self, (other, mut wire, from): Greeted, complete: bool) -> Option<(Hello, Wire)> {
        let own = &self.own.hello;
        let answer = match own.judge(&other, self.own.trust.is_proven()) {
            Answer::Welcome if complete => Answer::Refused(format!(
                "generation {} is complete and runs; start all processes anew, together",
                own.generation
            )),
            judged => judged,
        };
        let told = say(&mut wire, &answer);
        match (answer, told) {
            (Answer::Welcome, Ok(())) => Some((other, wire)),
            (Answer::Newer, _) => {
                let (newest, own) = (other.generation, own.generation);
                exit::now(&PeerError::Replaced { newest, own }.into())
            }
            (answer, _) => {
                let process = other.process;
                let what = || format!("{from}, process {process}: {answer:?}");
                if self.peers.one(Instant::now(), what) {
                    tracing::warn!(event = "peer_refused", %from, process, ?answer, "another process was turned away");
                }
                None
            }
        }
    }
}

/// Hears one who dials.
fn listen(own: &Own, socket: TcpStream) -> std::io::Result<(Hello, Wire)> {
    socket.set_nonblocking(false)?;
    patience(&socket)?;
    let mut wire = match &own.trust.tls {
        Some(tls) => tls.listen(socket)?,
        None => plain(own.hello.process, socket)?,
    };
    let hello = heard(&mut wire, own.trust.secret.as_deref())?;
    Ok((hello, wire))
}
