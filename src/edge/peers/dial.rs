//! How this process reaches the others that listen.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::error::PeerError;
use super::hello::{Answer, Hello, Line};
use super::secret::Unproven;
use super::talk::{MANNERS, greet, patience};
use super::tls::refusal;
use super::wire::Wire;
use super::{AGAIN, Own};
use standings_process::exit::Failure;

/// How long one that listens at another's address and proves nothing is asked again.
const UNPROVEN: Duration = Duration::from_secs(3);

/// A connection to a process that has taken this one, or why there will be none.
pub(super) type Reached = Result<(usize, Line, Wire), Failure>;

/// What one attempt came to.
enum Tried {
    Reached(Wire),
    /// It is not there yet.
    Absent,
    /// It is there, but does not show that it is of the cluster.
    Unproven(String),
}

/// Dials process `peer`, for both lines, until it is reached or `over`; on a thread of its own, so that one that does not
/// answer holds up nobody.
pub(super) fn keep_dialing(
    own: Arc<Own>,
    peer: usize,
    address: String,
    reached: Sender<Reached>,
    over: Arc<AtomicBool>,
) -> std::io::Result<()> {
    let dial = move || {
        for line in [Line::Data, Line::Pulse] {
            let mut unproven = None;
            while !over.load(Ordering::Relaxed) {
                match dial(&own, line, peer, &address) {
                    Ok(Tried::Reached(wire)) => {
                        // Whoever waited for it has ended.
                        let _ = reached.send(Ok((peer, line, wire)));
                        break;
                    }
                    Ok(Tried::Absent) => {}
                    // It may be a stranger that sits at the port for a while; a secret that is not the same stays so.
                    Ok(Tried::Unproven(why)) => {
                        let since = *unproven.get_or_insert_with(|| {
                            tracing::warn!(
                                event = "peer_unproven",
                                peer,
                                address,
                                problem = why,
                                "who answers there does not know the cluster's secret; asked again"
                            );
                            Instant::now()
                        });
                        if since.elapsed() >= UNPROVEN {
                            let unproven = PeerError::Unproven { peer, address, why };
                            let _ = reached.send(Err(unproven.into()));
                            return;
                        }
                    }
                    Err(failure) => {
                        let _ = reached.send(Err(failure));
                        return;
                    }
                }
                std::thread::sleep(AGAIN);
            }
        }
    };
    let thread = std::thread::Builder::new().name(format!("dial-{peer}"));
    thread.spawn(dial).map(drop)
}

/// One attempt to reach a process.
fn dial(own: &Own, line: Line, peer: usize, address: &str) -> Result<Tried, Failure> {
    let found = address.to_socket_addrs().ok().and_then(|mut a| a.next());
    let Some(found) = found else {
        tracing::debug!(event = "peer_has_no_address", peer, address);
        return Ok(Tried::Absent);
    };
    let Ok(socket) = TcpStream::connect_timeout(&found, MANNERS) else {
        return Ok(Tried::Absent);
    };
    let hello = Hello {
        line,
        ..own.hello.clone()
    };
    let talk = || -> std::io::Result<(Wire, Answer)> {
        patience(&socket)?;
        let mut wire = match &own.trust.tls {
            Some(tls) => tls.dial(socket)?,
            None => Wire::Plain(socket),
        };
        let answer = greet(&mut wire, &hello, own.trust.secret.as_deref())?;
        Ok((wire, answer))
    };
    let (wire, answer) = match talk() {
        Ok(told) => told,
        Err(problem) => {
            // Certificates do not become right by waiting.
            if let Some(why) = refusal(&problem) {
                let address = address.to_owned();
                return Err(PeerError::Insecure { peer, address, why }.into());
            }
            let unproven = problem.get_ref().and_then(|e| e.downcast_ref::<Unproven>());
            if let Some(why) = unproven {
                return Ok(Tried::Unproven(why.to_string()));
            }
            tracing::debug!(event = "peer_without_answer", peer, address, %problem);
            return Ok(Tried::Absent);
        }
    };
    match answer {
        Answer::Welcome => Ok(Tried::Reached(wire)),
        Answer::Refused(why) => {
            let address = address.to_owned();
            Err(PeerError::Refused { peer, address, why }.into())
        }
        // What runs may be ending, by whoever started this one.
        Answer::Unproven(why) => Ok(Tried::Unproven(why)),
        Answer::Outdated(newest) => Err(PeerError::Outdated {
            newest,
            address: address.to_owned(),
            own: own.hello.generation,
        }
        .into()),
        // The other one ends; its successor will listen there.
        Answer::Newer | Answer::Prove { .. } => Ok(Tried::Absent),
    }
}
