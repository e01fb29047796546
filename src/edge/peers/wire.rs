//! A connection between two processes, plain or secured, as timely wants it: one thread reads, another writes.
//!
//! ```text
//! writer ──► session: encrypt ──► outgoing ──► socket        the session is locked only while bytes are
//! reader ◄── session: decrypt ◄── incoming ◄── socket        encrypted or decrypted, never while a socket waits
//! ```
//!
//! The writer alone writes to the socket: what the session has to say by itself (a new key) goes with the next write.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::Connection;
use timely::communication::allocator::zero_copy::stream::Stream;

/// Bytes taken from the socket at once.
const CHUNK: usize = 64 << 10;

/// A connection to another process.
pub enum Wire {
    /// As it comes.
    Plain(TcpStream),
    /// Encrypted; all handles share it.
    Secured(Arc<Secured>),
}

/// A connection under TLS.
pub struct Secured {
    socket: TcpStream,
    session: Mutex<Connection>,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Vec<u8>>,
}

/// What has been read from the socket and not been decrypted.
struct Incoming {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic ends the process; the state is not used after it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    pub(super) fn secured(socket: TcpStream, session: Connection) -> Self {
        Wire::Secured(Arc::new(Secured {
            socket,
            session: Mutex::new(session),
            incoming: Mutex::new(Incoming {
                bytes: vec![0; CHUNK].into_boxed_slice(),
                start: 0,
                end: 0,
            }),
            outgoing: Mutex::new(Vec::new()),
        }))
    }

    /// The socket, for its settings.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Wire::Plain(socket) => socket,
            Wire::Secured(secured) => &secured.socket,
        }
    }
}

impl Secured {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut incoming = lock(&self.incoming);
        loop {
            let read = self.decrypt(&mut incoming, into)?;
            if let Some(read) = read {
                return Ok(read);
            }
            let read = (&self.socket).read(&mut incoming.bytes)?;
            if read == 0 {
                // Cut off: the other side would have said goodbye.
                return Err(ErrorKind::UnexpectedEof.into());
            }
            (incoming.start, incoming.end) = (0, read);
        }
    }

    /// Decrypts what is there. `None`: more is needed; 0: the other side has ended.
    fn decrypt(&self, incoming: &mut Incoming, into: &mut [u8]) -> io::Result<Option<usize>> {
        let mut session = lock(&self.session);
        let mut filled = 0;
        while filled < into.len() {
            match session.reader().read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    let mut rest = &incoming.bytes[incoming.start..incoming.end];
                    if rest.is_empty() {
                        return Ok((filled > 0).then_some(filled));
                    }
                    incoming.start += session.read_tls(&mut rest)?;
                    session
                        .process_new_packets()
                        .map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(Some(filled))
    }

    fn write(&self, from: &[u8]) -> io::Result<usize> {
        let mut outgoing = lock(&self.outgoing);
        let taken = {
            let mut session = lock(&self.session);
            let taken = session.writer().write(from)?;
            encrypted(&mut session, &mut outgoing)?;
            taken
        };
        (&self.socket).write_all(&outgoing)?;
        Ok(taken)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            let mut outgoing = lock(&self.outgoing);
            {
                let mut session = lock(&self.session);
                session.send_close_notify();
                encrypted(&mut session, &mut outgoing)?;
            }
            (&self.socket).write_all(&outgoing)?;
        }
        self.socket.shutdown(how)
    }
}

/// Takes from the session what is to be sent.
fn encrypted(session: &mut Connection, into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    while session.wants_write() {
        session.write_tls(into)?;
    }
    Ok(())
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.read(into),
            Wire::Secured(secured) => secured.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.write(from),
            Wire::Secured(secured) => secured.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Wire {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Wire::Plain(socket) => Wire::Plain(socket.try_clone()?),
            Wire::Secured(secured) => Wire::Secured(Arc::clone(secured)),
        })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket().set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Wire::Plain(socket) => socket.shutdown(how),
            Wire::Secured(secured) => secured.shutdown(how),
        }
    }
}
