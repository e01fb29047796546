//! Brings the processes of a cluster together: each shows who it is before a byte of the dataflow is exchanged.
//!
//! ```text
//! process i ──dials──► every j < i          who dials:   Hello ──►
//!           ◄─accepts─ every k > i          who listens:        ◄── Answer: welcome, or why not
//! all there ──► a socket to each for timely, another for the pulse; the door stays, and turns latecomers away
//! ```
//!
//! 1. Only processes of the same cluster, generation, version, shape, queries, source and state are joined. A stranger is
//!    told why it is refused, and does no harm: a slow or silent one holds up nobody (`door`, `dial`).
//! 2. The order in which processes start does not matter: who dials tries until the other is there.
//! 3. A process of an older generation is refused and ends. One of a newer generation ends this process, which has been
//!    replaced; but only if it has proven that it is of this cluster.
//! 4. Processes show each other every now and then that they are alive. One that is silent for longer than the timeout
//!    (stopped, cut off, both ways or one) ends the others, which their supervisor starts anew without it. One that fails
//!    says why, and all end with that reason (`pulse`).
//! 5. Where certificates are given ([`tls`]), nothing of the above is said or heard before both sides have shown theirs.
//!    Where a secret is given ([`secret`]), nothing is believed before both sides have proven that they know it. Without
//!    either, all processes are on this machine.

mod dial;
mod door;
mod error;
mod hello;
mod pulse;
mod refusals;
pub mod secret;
mod talk;
pub mod tls;
mod wire;

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use socket2::{SockRef, TcpKeepalive};

use self::door::Door;
pub use self::error::{PeerError, TrustError};
pub use self::hello::{Hello, Line};
use self::secret::ClusterSecret;
use self::tls::PeerTls;
pub use self::wire::Wire;
use standings_process::exit::{self, Failure};

/// By what the processes of a cluster know each other.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Certificates, if connections are not plain.
    pub tls: Option<Arc<PeerTls>>,
    /// The shared secret, if there is one.
    pub secret: Option<Arc<ClusterSecret>>,
}

impl Trust {
    /// Whether who has said a whole greeting is of this cluster, whatever it says.
    fn is_proven(&self) -> bool {
        self.tls.is_some() || self.secret.is_some()
    }
}

/// Who this process is, and whom it trusts.
#[derive(Debug)]
struct Own {
    hello: Hello,
    trust: Trust,
}

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

/// Between two attempts to reach a process.
const AGAIN: Duration = Duration::from_millis(100);
/// Between two looks at who came, while somebody is missing.
const LOOK: Duration = Duration::from_millis(20);
/// How often it is said who is waited for.
const REMIND: Duration = Duration::from_secs(5);

/// Asked to stop while it meets the others, it goes on for so long: another may have met all already, of which this one has not
/// heard yet, and would end by the connection that is lost. Those that have met stop together.
const LEAVES: Duration = Duration::from_secs(2);

/// Connects to all other processes: a socket for each, none for this one. `None` when asked to stop before.
pub fn connect(
    own: &Hello,
    hosts: &[String],
    trust: &Trust,
    timeout: Duration,
    stop: &Arc<AtomicBool>,
) -> Result<Option<Vec<Option<Wire>>>, Failure> {
    let address = &hosts[own.process];
    let listener = TcpListener::bind(address).map_err(|e| PeerError::Bind {
        process: own.process,
        address: address.clone(),
        source: e,
    })?;
    let own = Arc::new(Own {
        hello: own.clone(),
        trust: trust.clone(),
    });
    let door = Door::new(Arc::clone(&own), listener);
    let mut door = door.map_err(|source| PeerError::Listen {
        address: address.clone(),
        source,
    })?;
    // Whoever still dials when this is left, is not needed any more.
    let over = Over(Arc::default());
    let Some(pairs) = meet(&own, hosts, &mut door, stop, &over.0)? else {
        return Ok(None);
    };
    let (mut sockets, mut pulses) = (Vec::new(), Vec::new());
    for (peer, pair) in pairs.into_iter().enumerate() {
        if let Some(data) = &pair.data {
            prepare(data.socket(), timeout).map_err(PeerError::Connection)?;
        }
        pulses.extend(pair.pulse.map(|pulse| (peer, pulse)));
        sockets.push(pair.data);
    }
    pulse::start(own.hello.process, pulses, timeout).map_err(PeerError::Connection)?;
    tracing::info!(
        event = "cluster_complete",
        generation = own.hello.generation,
        process = own.hello.process,
        "all processes have met"
    );
    turn_away(door)?;
    Ok(Some(sockets))
}

/// Set when it is dropped.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Dials and is dialed until nobody is missing.
fn meet(
    own: &Arc<Own>,
    hosts: &[String],
    door: &mut Door,
    stop: &Arc<AtomicBool>,
    over: &Arc<AtomicBool>,
) -> Result<Option<Vec<Pair>>, Failure> {
    let process = own.hello.process;
    // Nobody has heard of it yet.
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let mut asked: Option<Instant> = None;
    let mut pairs: Vec<Pair> = hosts.iter().map(|_| Pair::default()).collect();
    let (reached, found) = unbounded();
    for (peer, address) in hosts.iter().enumerate().take(process) {
        let (own, over) = (Arc::clone(own), Arc::clone(over));
        dial::keep_dialing(own, peer, address.clone(), reached.clone(), over)
            .map_err(|source| PeerError::Dial { peer, source })?;
    }
    let mut reminded = Instant::now();
    loop {
        for one in found.try_iter() {
            let (peer, line, wire) = one?;
            *pairs[peer].line(line) = Some(wire);
        }
        for (other, wire) in door.turn(false) {
            // One that was there already has been started anew.
            *pairs[other.process].line(other.line) = Some(wire);
        }
        let missing: Vec<usize> = (0..hosts.len())
            .filter(|p| *p != process && !pairs[*p].is_whole())
            .collect();
        if missing.is_empty() {
            return Ok(Some(pairs));
        }
        if stop.load(Ordering::Relaxed)
            && asked.get_or_insert_with(Instant::now).elapsed() >= LEAVES
        {
            return Ok(None);
        }
        if reminded.elapsed() >= REMIND {
            reminded = Instant::now();
            tracing::warn!(
                event = "waiting_for_peers",
                process,
                ?missing,
                "other processes are not there yet"
            );
        }
        std::thread::sleep(LOOK);
    }
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

/// Answers whoever comes when all are there.
fn turn_away(mut door: Door) -> Result<(), Failure> {
    let watch = move || {
        loop {
            // Nobody is welcome any more.
            drop(door.turn(true));
            std::thread::sleep(AGAIN);
        }
    };
    let thread = std::thread::Builder::new().name("peers".to_owned());
    Ok(thread.spawn(watch).map(drop).map_err(PeerError::Watch)?)
}

#[cfg(test)]
mod tests;
