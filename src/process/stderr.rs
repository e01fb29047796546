//! Standard error, where nobody who works waits for a reader.
//!
//! ```text
//! any thread ──► queue: [`LINES`], [`BYTES`] ──► one thread ──► standard error
//!           └──► it is full: dropped and counted ──► `log_lines_dropped`, once somebody reads again
//! ```
//!
//! 1. A reader that stands still (a pipe that is full, a terminal that was stopped) holds up one thread, and no other: not
//!    the run, and not its end.
//! 2. Lines come in the order in which they were written. At the end of the process they have `LAST` to be taken.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Lines that wait at most.
const LINES: usize = 32_768;
/// Their bytes at most.
const BYTES: usize = 16 << 20;
/// How long the end of a process waits for a reader.
const LAST: Duration = Duration::from_millis(500);

static QUEUE: OnceLock<Queue> = OnceLock::new();

/// From here on, lines are written by a thread of their own.
pub fn start() {
    let (queue, lines) = Queue::new(LINES, BYTES);
    let held = Arc::clone(&queue.held);
    let thread = std::thread::Builder::new().name("log".to_owned());
    // Without the thread they are written as before.
    let begun = thread.spawn(move || held.write_all(&lines, &mut io::stderr(), tell_dropped));
    if begun.is_ok() {
        // A second start would be a defect, and changes nothing.
        let _ = QUEUE.set(queue);
    }
}

/// Writes lines, each with its end.
pub fn write(text: &[u8]) {
    match QUEUE.get() {
        Some(queue) => queue.put(text),
        None => {
            let mut err = io::stderr().lock();
            let _ = err.write_all(text).and_then(|()| err.flush());
        }
    }
}

/// Waits until what was written has been taken, but not long.
pub fn flush() {
    let until = Instant::now() + LAST;
    while QUEUE.get().is_some_and(|q| q.held.is_behind()) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn tell_dropped(lines: u64) {
    tracing::warn!(
        event = "log_lines_dropped",
        lines,
        "nobody read standard error"
    );
}

/// For `tracing_subscriber`, which writes an event at once.
#[derive(Clone, Copy, Default)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        write(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Queue {
    lines: Sender<Vec<u8>>,
    most_bytes: usize,
    held: Arc<Held>,
}

/// What waits, and what did not.
#[derive(Default)]
struct Held {
    /// Put into the queue and not yet written.
    lines: AtomicUsize,
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl Queue {
    fn new(most_lines: usize, most_bytes: usize) -> (Self, Receiver<Vec<u8>>) {
        let (lines, taken) = bounded(most_lines);
        let held = Arc::default();
        let queue = Queue {
            lines,
            most_bytes,
            held,
        };
        (queue, taken)
    }

    fn put(&self, text: &[u8]) {
        let held = &self.held;
        held.lines.fetch_add(1, Ordering::AcqRel);
        let before = held.bytes.fetch_add(text.len(), Ordering::AcqRel);
        let sent = match before + text.len() <= self.most_bytes {
            true => self.lines.try_send(text.to_vec()),
            false => Err(TrySendError::Full(Vec::new())),
        };
        if sent.is_err() {
            held.taken(text.len());
            held.dropped.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Held {
    fn is_behind(&self) -> bool {
        self.lines.load(Ordering::Acquire) > 0
    }

    fn taken(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.lines.fetch_sub(1, Ordering::AcqRel);
    }

    /// Writes what comes, as long as something may; `tell`: how many lines could not wait.
    fn write_all(&self, lines: &Receiver<Vec<u8>>, to: &mut impl Write, tell: impl Fn(u64)) {
        for line in lines {
            // Who reads may have gone: then it is nobody's.
            let _ = to.write_all(&line).and_then(|()| to.flush());
            self.taken(line.len());
            if self.dropped.load(Ordering::Acquire) > 0 {
                tell(self.dropped.swap(0, Ordering::AcqRel));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    /// Takes a line for each word that comes, and says which.
    struct Reader(Receiver<()>, Sender<String>);

    impl Write for Reader {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(String::from_utf8_lossy(text).into_owned());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stands_still_holds_up_nobody_and_is_told_what_it_missed() {
        let (queue, lines) = Queue::new(3, 20);
        let (word, words) = unbounded();
        let (said, read) = unbounded();
        let (told, missed) = unbounded();
        let held = Arc::clone(&queue.held);
        let thread = std::thread::spawn(move || {
            held.write_all(&lines, &mut Reader(words, said), |n| {
                let _ = told.send(n);
            });
        });
        // The first is being written, and counts as bytes; three wait; the others find no place.
        queue.put(b"0\n");
        while !queue.lines.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        for n in 1..=5 {
            queue.put(format!("{n}\n").as_bytes());
        }
        assert!(queue.held.is_behind());
        (0..4).for_each(|_| word.send(()).unwrap());
        let all: Vec<String> = (0..4).map(|_| read.recv().unwrap()).collect();
        assert_eq!(all.concat(), "0\n1\n2\n3\n");
        assert_eq!(missed.recv().unwrap(), 2);
        // One that is too large for all of the room is dropped too.
        queue.put(&[b'x'; 21]);
        queue.put(b"6\n");
        word.send(()).unwrap();
        assert_eq!(read.recv().unwrap(), "6\n");
        assert_eq!(missed.recv().unwrap(), 1);
        while queue.held.is_behind() {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(queue);
        thread.join().unwrap();
    }
}
