//! The pulse between two processes: a byte now and then, both ways, and a last word.
//!
//! ```text
//! beat, beat, beat, …                                 silence for longer than the timeout ends the other process
//! beat, beat, LAST {"process":1,"problem":"…"}        it fails, and says why before its connections break
//! ```
//!
//! 1. Who fails tells every other process why, whatever the failure; all end with that reason, and process 0, which keeps
//!    the record of the run, records it.
//! 2. Who ends because of another's last word passes that on, not a word of its own: whoever is heard first, the cause is
//!    named.
//! 3. A lost connection is nobody's last word: both sides see it. Who sees one waits until the pulse has ended too, for the
//!    reason may still be on its way.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::{Deserialize, Serialize};
use timely::communication::allocator::zero_copy::stream::Stream;

use super::error::PeerError;
use super::talk::LONGEST;
use super::wire::Wire;
use standings_process::exit::{self, Failure};

/// One more beat.
const BEAT: u8 = 0;
/// A last word follows, one line of JSON.
const LAST: u8 = 1;
/// Characters of a problem that are passed on: with any escapes, less than [`LONGEST`].
const MOST_TOLD: usize = 4_000;

/// Why a process of the cluster ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LastWord {
    /// The process that failed.
    process: usize,
    /// Its diagnostic.
    problem: String,
}

impl LastWord {
    /// As it goes over a wire.
    fn bytes(&self) -> Vec<u8> {
        let mut line = vec![LAST];
        // A number and a text can be written.
        line.extend(serde_json::to_vec(self).unwrap_or_default());
        line.push(b'\n');
        line
    }

    fn failure(&self) -> Failure {
        PeerError::Failed {
            peer: self.process,
            problem: self.problem.clone(),
        }
        .into()
    }
}

/// What all pulses of this process share.
struct Pulses {
    process: usize,
    /// The sending side of each.
    wires: Vec<Mutex<Wire>>,
    /// Another's last word, when one came.
    heard: Mutex<Option<LastWord>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Beats to all these processes and listens to their beats; silence, or a last word, ends this process. Its own end by a
/// failure is told to them.
pub(super) fn start(
    process: usize,
    peers: Vec<(usize, Wire)>,
    timeout: Duration,
) -> std::io::Result<()> {
    let mut listening = Vec::new();
    let mut wires = Vec::new();
    for (peer, wire) in peers {
        wire.socket().set_read_timeout(Some(timeout))?;
        wire.socket().set_write_timeout(Some(timeout))?;
        wire.socket().set_nodelay(true)?;
        listening.push((peer, wire.try_clone()?));
        wires.push(Mutex::new(wire));
    }
    let pulses = Arc::new(Pulses {
        process,
        wires,
        heard: Mutex::default(),
    });
    let mut silent = Vec::new();
    for (number, (peer, wire)) in listening.into_iter().enumerate() {
        let (open, ended) = bounded(0);
        silent.push((peer, ended));
        let own = Arc::clone(&pulses);
        let thread = std::thread::Builder::new().name(format!("beats-{peer}"));
        thread.spawn(move || own.beat(number, peer, timeout))?;
        let own = Arc::clone(&pulses);
        let thread = std::thread::Builder::new().name(format!("pulse-{peer}"));
        thread.spawn(move || own.listen(peer, wire, timeout, &open))?;
    }
    exit::on_own_failure(Box::new(move |problem| Arc::clone(&pulses).tell(problem)));
    exit::on_lost_process(Box::new(move |lost| {
        let of_it = silent.iter().find(|(peer, _)| *peer == lost);
        of_it.map(|(_, ended)| ended.clone())
    }));
    Ok(())
}

impl Pulses {
    fn beat(&self, number: usize, peer: usize, timeout: Duration) {
        let rest = (timeout / 5).max(Duration::from_millis(10));
        loop {
            let beaten = lock(&self.wires[number]).write_all(&[BEAT]);
            match beaten {
                Ok(()) => std::thread::sleep(rest),
                Err(e) if is_timeout(&e) => exit::now(&silence(peer, timeout)),
                // It has ended; whether in peace is seen where the data goes.
                Err(_) => return,
            }
        }
    }

    /// Until the other side has ended in peace; `_open` is dropped then.
    fn listen(&self, peer: usize, wire: Wire, timeout: Duration, _open: &Sender<()>) {
        let mut reader = BufReader::new(wire);
        let mut byte = [BEAT];
        loop {
            match reader.read(&mut byte) {
                Ok(0) => return,
                Ok(_) if byte[0] == LAST => break,
                Ok(_) => {}
                Err(e) if is_timeout(&e) => exit::now(&silence(peer, timeout)),
                Err(_) => return,
            }
        }
        let mut line = Vec::new();
        let read = reader.take(LONGEST).read_until(b'\n', &mut line);
        if let (Ok(_), Ok(word)) = (read, serde_json::from_slice::<LastWord>(&line)) {
            if word.process == self.process {
                // Its own, passed back: it is ending by that already.
                return;
            }
            let failure = word.failure();
            lock(&self.heard).get_or_insert(word);
            exit::now(&failure);
        }
    }

    /// Tells all others why this process ends; disconnected when they have been told.
    fn tell(self: Arc<Self>, problem: &str) -> Receiver<()> {
        let word = lock(&self.heard).clone().unwrap_or_else(|| LastWord {
            process: self.process,
            problem: problem.chars().take(MOST_TOLD).collect(),
        });
        let (telling, told) = bounded(0);
        // A thread of its own: what is written to may take its time, the end of this process does not wait for it long.
        let tell = move || {
            let _telling = telling;
            for wire in &self.wires {
                let mut wire = lock(wire);
                let _ = wire.write_all(&word.bytes());
                // What was written arrives, though the socket still has unread beats.
                let _ = wire.shutdown(Shutdown::Write);
            }
        };
        // Without a thread nobody is told, and the others see their connections break.
        let _ = std::thread::Builder::new()
            .name("last-word".to_owned())
            .spawn(tell);
        told
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn silence(peer: usize, timeout: Duration) -> Failure {
    PeerError::Silent { peer, timeout }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_word_is_one_line_and_fits() {
        let word = LastWord {
            process: 3,
            problem: "\u{1}\n".repeat(MOST_TOLD / 2),
        };
        let bytes = word.bytes();
        assert_eq!(bytes[0], LAST);
        assert_eq!(
            bytes.iter().position(|b| *b == b'\n'),
            Some(bytes.len() - 1)
        );
        assert!((bytes.len() as u64) < LONGEST);
        let back: LastWord = serde_json::from_slice(&bytes[1..]).unwrap();
        assert_eq!(back, word);
        assert!(
            back.failure()
                .to_string()
                .starts_with("process 3 of the cluster failed: ")
        );
    }
}
