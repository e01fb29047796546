//! A TCP way to a server that can be cut, held, slowed, or made to lose the answer to a COMMIT.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flow {
    Pass,
    /// They stay where they are, and nobody is told.
    Held,
    /// So many a second.
    Slow(u64),
    /// Each piece comes so much later.
    Late(Duration),
}

struct Control {
    open: AtomicBool,
    /// To the server, and from it.
    flows: [Mutex<Flow>; 2],
    streams: Mutex<Vec<TcpStream>>,
    /// Answers to COMMIT still to be lost.
    lose_answers: AtomicU64,
    /// Connections made so far, and how many of them, the oldest, carry nothing any more.
    made: AtomicU64,
    stranded: AtomicU64,
}

pub struct Proxy {
    pub port: u16,
    control: Arc<Control>,
}

impl Proxy {
    pub fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let control = Arc::new(Control {
            open: AtomicBool::new(true),
            flows: [Mutex::new(Flow::Pass), Mutex::new(Flow::Pass)],
            streams: Mutex::default(),
            lose_answers: AtomicU64::new(0),
            made: AtomicU64::new(0),
            stranded: AtomicU64::new(0),
        });
        let shared = Arc::clone(&control);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !shared.open.load(Ordering::Relaxed) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&target) else {
                    continue;
                };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let number = shared.made.fetch_add(1, Ordering::Relaxed);
                let ways = [
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                    (server.try_clone().unwrap(), client.try_clone().unwrap()),
                ];
                for (direction, (from, to)) in ways.into_iter().enumerate() {
                    let control = Arc::clone(&shared);
                    std::thread::spawn(move || control.pump(number, direction, from, to));
                }
                shared.streams.lock().unwrap().extend([client, server]);
            }
        });
        Proxy { port, control }
    }

    /// Breaks what is connected, and refuses what comes.
    pub fn cut(&self) {
        self.control.open.store(false, Ordering::Relaxed);
        for stream in self.control.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// What is connected now carries nothing any more, and nobody is told; new connections do.
    pub fn strand(&self) {
        let made = self.control.made.load(Ordering::Relaxed);
        self.control.stranded.store(made, Ordering::Relaxed);
    }

    pub fn heal(&self) {
        self.control.open.store(true, Ordering::Relaxed);
        self.flow(Flow::Pass, Flow::Pass);
    }

    /// To the server, and from it.
    pub fn flow(&self, up: Flow, down: Flow) {
        *self.control.flows[0].lock().unwrap() = up;
        *self.control.flows[1].lock().unwrap() = down;
    }

    /// Breaks the connection after each of the next commits has reached the server.
    pub fn lose_answers(&self, n: u64) {
        self.control.lose_answers.store(n, Ordering::Relaxed);
    }

    /// How many are still to be lost.
    pub fn answers_to_lose(&self) -> u64 {
        self.control.lose_answers.load(Ordering::Relaxed)
    }
}

impl Control {
    fn pump(&self, number: u64, direction: usize, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16384];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..n];
            loop {
                let flow = *self.flows[direction].lock().unwrap();
                let stranded = number < self.stranded.load(Ordering::Relaxed);
                match flow {
                    _ if stranded => {
                        std::thread::sleep(Duration::from_millis(10));
                        continue;
                    }
                    Flow::Held => {
                        std::thread::sleep(Duration::from_millis(10));
                        continue;
                    }
                    Flow::Slow(rate) => {
                        std::thread::sleep(Duration::from_secs_f64(n as f64 / rate as f64));
                    }
                    Flow::Late(by) => std::thread::sleep(by),
                    Flow::Pass => {}
                }
                break;
            }
            let commits = direction == 0 && bytes.windows(7).any(|w| w == b"COMMIT\0");
            if to.write_all(bytes).is_err() {
                break;
            }
            let lose = |n: u64| n.checked_sub(1);
            let relaxed = Ordering::Relaxed;
            if commits
                && self
                    .lose_answers
                    .fetch_update(relaxed, relaxed, lose)
                    .is_ok()
            {
                // The server's answer finds nobody.
                let _ = from.shutdown(Shutdown::Both);
                std::thread::sleep(Duration::from_millis(50));
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}
