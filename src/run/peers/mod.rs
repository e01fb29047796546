//! Brings the processes of a cluster together: each shows who it is before a byte of the dataflow is exchanged.
//!
//! ```text
//! process i ──dials──► every j < i          who dials:   Hello ──►
//!           ◄─accepts─ every k > i          who listens:        ◄── Answer: welcome, or why not
//! all there ──► a socket to each for timely, another for the pulse; the listener stays, and turns latecomers away
//! ```
//!
//! 1. Only processes of the same cluster, generation, version, shape, queries, source and state are joined. A stranger is
//!    told why it is refused, and does no harm.
//! 2. The order in which processes start does not matter: who dials tries until the other is there.
//! 3. A process of an older generation is refused and ends. One of a newer generation ends this process: it has been
//!    replaced.
//! 4. Processes show each other every now and then that they are alive. One that is silent for longer than the timeout
//!    (stopped, cut off, both ways or one) ends the others, which their supervisor starts anew without it. One that fails
//!    says why, and all end with that reason ([`pulse`]).
//! 5. Where certificates are given ([`tls`]), nothing of the above is said or heard before both sides have shown theirs.

mod hello;
mod pulse;
pub mod tls;
mod wire;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use socket2::{SockRef, TcpKeepalive};

use self::hello::Answer;
pub use self::hello::{Hello, Line};
use self::tls::{OnlyTls, PeerTls, refusal};
pub use self::wire::Wire;
use super::exit::{self, Failure};

/// A process's two connections to another.
#[derive(Default)]
struct Pair {
    data: Option<Wire>,
    pulse: Option<Wire>,
}

impl Pair {
    fn line(&mut self, line: Line) -> &mut Option<Wire> {
        match line {
            Line::Data => &mut self.data,
            Line::Pulse => &mut self.pulse,
        }
    }

    fn is_whole(&self) -> bool {
        self.data.is_some() && self.pulse.is_some()
    }
}

/// The largest message of the handshake, bytes.
const LONGEST: u64 = 64 << 10;
/// How long the other side may take to say who it is.
const MANNERS: Duration = Duration::from_secs(5);
/// Between two attempts to reach a process.
const AGAIN: Duration = Duration::from_millis(100);
/// How often it is said who is waited for.
const REMIND: Duration = Duration::from_secs(5);

/// Connects to all other processes: a socket for each, none for this one. `None` when asked to stop before.
pub fn connect(
    own: &Hello,
    hosts: &[String],
    tls: Option<&Arc<PeerTls>>,
    timeout: Duration,
    stop: &Arc<AtomicBool>,
) -> Result<Option<Vec<Option<Wire>>>, Failure> {
    let address = &hosts[own.process];
    let listener = TcpListener::bind(address).map_err(|e| {
        Failure::failed(format!(
            "process {} cannot listen on {address}, its line in the hosts file: {e}",
            own.process
        ))
    })?;
    let failed = |e: std::io::Error| Failure::failed(format!("listening on {address}: {e}"));
    listener.set_nonblocking(true).map_err(failed)?;
    let mut pairs: Vec<Pair> = hosts.iter().map(|_| Pair::default()).collect();
    let mut reminded = Instant::now();
    loop {
        for (peer, pair) in pairs.iter_mut().enumerate().take(own.process) {
            for line in [Line::Data, Line::Pulse] {
                let socket = pair.line(line);
                if socket.is_none() {
                    let own = Hello {
                        line,
                        ..own.clone()
                    };
                    *socket = dial(&own, peer, &hosts[peer], tls)?;
                }
            }
        }
        while let Some((other, socket)) = accept(own, &listener, tls, false) {
            // One that was there already has been started anew.
            *pairs[other.process].line(other.line) = Some(socket);
        }
        let missing: Vec<usize> = (0..hosts.len())
            .filter(|p| *p != own.process && !pairs[*p].is_whole())
            .collect();
        if missing.is_empty() {
            break;
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if reminded.elapsed() >= REMIND {
            reminded = Instant::now();
            tracing::warn!(event = "waiting_for_peers", process = own.process, ?missing);
        }
        std::thread::sleep(AGAIN);
    }
    let (mut sockets, mut pulses) = (Vec::new(), Vec::new());
    let failed = |e: std::io::Error| Failure::failed(format!("setting up a connection: {e}"));
    for (peer, pair) in pairs.into_iter().enumerate() {
        if let Some(data) = &pair.data {
            prepare(data.socket(), timeout).map_err(failed)?;
        }
        pulses.extend(pair.pulse.map(|pulse| (peer, pulse)));
        sockets.push(pair.data);
    }
    pulse::start(own.process, pulses, timeout).map_err(failed)?;
    tracing::info!(
        event = "cluster_complete",
        generation = own.generation,
        process = own.process
    );
    turn_away(own.clone(), listener, tls.cloned())?;
    Ok(Some(sockets))
}

/// A connection that is lost without a word is noticed within about the timeout.
fn prepare(socket: &TcpStream, timeout: Duration) -> std::io::Result<()> {
    socket.set_read_timeout(None)?;
    socket.set_write_timeout(None)?;
    socket.set_nodelay(true)?;
    let every = (timeout / 4).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new().with_time(every).with_interval(every);
    #[cfg(target_os = "linux")]
    SockRef::from(socket).set_tcp_user_timeout(Some(timeout))?;
    SockRef::from(socket).set_tcp_keepalive(&keepalive.with_retries(3))
}

/// One attempt to reach a process; `None` if it is not there yet.
fn dial(
    own: &Hello,
    peer: usize,
    address: &str,
    tls: Option<&Arc<PeerTls>>,
) -> Result<Option<Wire>, Failure> {
    let found = address.to_socket_addrs().ok().and_then(|mut a| a.next());
    let Some(found) = found else {
        tracing::debug!(event = "peer_has_no_address", peer, address);
        return Ok(None);
    };
    let Ok(socket) = TcpStream::connect_timeout(&found, MANNERS) else {
        return Ok(None);
    };
    let talk = || -> std::io::Result<(Wire, Answer)> {
        patience(&socket)?;
        let mut wire = match tls {
            Some(tls) => tls.dial(socket)?,
            None => Wire::Plain(socket),
        };
        // One that refuses this process's certificate has closed by now, but what it said can still be read.
        let said = say(&mut wire, own);
        let answer = hear(&mut wire)?;
        said.map(|()| (wire, answer))
    };
    let (socket, answer) = match talk() {
        Ok(told) => told,
        Err(problem) => {
            // Certificates do not become right by waiting.
            if let Some(why) = refusal(&problem) {
                return Err(Failure::usage(format!(
                    "no secure connection to process {peer} at {address}: {why}"
                )));
            }
            tracing::debug!(event = "peer_without_answer", peer, address, %problem);
            return Ok(None);
        }
    };
    match answer {
        Answer::Welcome => Ok(Some(socket)),
        Answer::Refused(why) => Err(Failure::usage(format!(
            "process {peer} at {address} refuses this process: {why}"
        ))),
        Answer::Outdated(now) => Err(Failure::failed(format!(
            "generation {now} of this cluster runs at {address}; this process is of generation {} and stops",
            own.generation
        ))),
        // The other one ends; its successor will listen there.
        Answer::Newer => Ok(None),
    }
}

/// Takes one connection, if one waits, and judges who it is. `complete`: nobody is missing any more.
fn accept(
    own: &Hello,
    listener: &TcpListener,
    tls: Option<&Arc<PeerTls>>,
    complete: bool,
) -> Option<(Hello, Wire)> {
    let (socket, from) = match listener.accept() {
        Ok(found) => found,
        Err(e) if e.kind() == ErrorKind::WouldBlock => return None,
        Err(e) => {
            tracing::debug!(event = "accept_failed", problem = %e);
            return None;
        }
    };
    let greet = || -> std::io::Result<(Wire, Hello)> {
        socket.set_nonblocking(false)?;
        patience(&socket)?;
        let mut wire = match tls {
            Some(tls) => tls.listen(socket)?,
            None => plain(own, socket)?,
        };
        let other = hear(&mut wire)?;
        Ok((wire, other))
    };
    let (mut socket, other) = match greet() {
        Ok(heard) => heard,
        Err(problem) => {
            let why = refusal(&problem).unwrap_or_else(|| problem.to_string());
            tracing::warn!(event = "stranger_refused", %from, problem = why);
            return None;
        }
    };
    let answer = match own.judge(&other) {
        Answer::Welcome if complete => Answer::Refused(format!(
            "generation {} is complete and runs; start all processes anew, together",
            own.generation
        )),
        judged => judged,
    };
    let told = say(&mut socket, &answer);
    match (answer, told) {
        (Answer::Welcome, Ok(())) => Some((other, socket)),
        (Answer::Newer, _) => exit::now(&Failure::failed(format!(
            "generation {} of this cluster has started; this process is of generation {} and stops",
            other.generation, own.generation
        ))),
        (answer, _) => {
            tracing::warn!(event = "peer_refused", %from, process = other.process, ?answer);
            None
        }
    }
}

/// Answers whoever comes when all are there.
fn turn_away(own: Hello, listener: TcpListener, tls: Option<Arc<PeerTls>>) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::failed(format!("cannot watch the listener: {e}"));
    listener.set_nonblocking(false).map_err(failed)?;
    let watch = move || {
        loop {
            // Nobody is welcome any more.
            drop(accept(&own, &listener, tls.as_ref(), true));
        }
    };
    let thread = std::thread::Builder::new().name("peers".to_owned());
    thread.spawn(watch).map(drop).map_err(failed)
}

/// The first byte of a TLS handshake, and of a TLS alert.
const TLS: [u8; 2] = [0x16, 0x15];

/// Takes a plain connection, and says so to one that begins with TLS.
fn plain(own: &Hello, socket: TcpStream) -> std::io::Result<Wire> {
    let mut first = [0];
    let is_tls = socket.peek(&mut first)? == 1 && first[0] == TLS[0];
    let mut wire = Wire::Plain(socket);
    if is_tls {
        let why = format!("process {} has no --peer-tls-cert", own.process);
        say(&mut wire, &Answer::Refused(why))?;
        return Err(std::io::Error::other(OnlyTls));
    }
    Ok(wire)
}

/// Whoever says nothing is not waited for.
fn patience(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_read_timeout(Some(MANNERS))?;
    socket.set_write_timeout(Some(MANNERS))
}

/// A message: one line of JSON.
fn say(wire: &mut Wire, message: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    wire.write_all(&line)
}

fn hear<T: for<'de> Deserialize<'de>>(wire: &mut Wire) -> std::io::Result<T> {
    // Byte by byte: what follows the line is not ours.
    let mut line = Vec::new();
    let mut reader = BufReader::with_capacity(1, &mut *wire).take(LONGEST);
    reader.read_until(b'\n', &mut line)?;
    if matches!(wire, Wire::Plain(_)) && line.first().is_some_and(|b| TLS.contains(b)) {
        return Err(std::io::Error::other(OnlyTls));
    }
    if line.pop() != Some(b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::hello::tests::hello;

    fn hosts(n: usize) -> Vec<String> {
        let free: Vec<_> = (0..n)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        free.iter()
            .map(|l| l.local_addr().unwrap().to_string())
            .collect()
    }

    fn start(
        own: Hello,
        hosts: &[String],
    ) -> std::thread::JoinHandle<Result<Option<Vec<Option<Wire>>>, Failure>> {
        let hosts = hosts.to_vec();
        let stop = Arc::new(AtomicBool::new(false));
        std::thread::spawn(move || connect(&own, &hosts, None, Duration::from_secs(10), &stop))
    }

    #[test]
    fn three_in_any_order_and_the_bytes_after_the_handshake_arrive() {
        let hosts = hosts(3);
        let mut threads = Vec::new();
        for process in [2, 0, 1] {
            threads.push((process, start(hello(process), &hosts)));
            std::thread::sleep(Duration::from_millis(150));
        }
        threads.sort_by_key(|(p, _)| *p);
        let mut all: Vec<_> = threads
            .into_iter()
            .map(|(_, t)| t.join().unwrap().unwrap().unwrap())
            .collect();
        for (process, sockets) in all.iter_mut().enumerate() {
            for (peer, socket) in sockets.iter_mut().enumerate() {
                assert_eq!(socket.is_none(), peer == process);
                if let Some(socket) = socket {
                    socket.write_all(&[process as u8, b'\n', 7]).unwrap();
                }
            }
        }
        for sockets in &mut all {
            for (peer, socket) in sockets.iter_mut().enumerate() {
                if let Some(socket) = socket {
                    let mut got = [0; 3];
                    socket.read_exact(&mut got).unwrap();
                    assert_eq!(got, [peer as u8, b'\n', 7]);
                }
            }
        }
        // One that comes when all are there is told so.
        let late = dial(&hello(2), 0, &hosts[0], None).err().unwrap();
        assert!(late.message.contains("complete and runs"), "{late}");
        // So is one of an older generation, and a stranger.
        let old = Hello {
            generation: 3,
            ..hello(1)
        };
        let old = dial(&old, 0, &hosts[0], None).err().unwrap();
        assert!(old.message.contains("generation 3 and stops"), "{old}");
        let other = Hello {
            cluster: "d".to_owned(),
            ..hello(1)
        };
        let other = dial(&other, 0, &hosts[0], None).err().unwrap();
        assert!(other.message.contains("cluster id"), "{other}");
    }

    #[test]
    fn noise_does_no_harm() {
        let hosts = hosts(3);
        let threads: Vec<_> = (0..2).map(|p| start(hello(p), &hosts)).collect();
        std::thread::sleep(Duration::from_millis(200));
        for noise in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"",
            b"{}\n",
            &[0xff; 100_000],
        ] {
            let mut socket = TcpStream::connect(&hosts[0]).unwrap();
            let _ = socket.write_all(noise);
        }
        let last = start(hello(2), &hosts);
        for thread in threads.into_iter().chain([last]) {
            assert!(thread.join().unwrap().unwrap().is_some());
        }
    }
}
