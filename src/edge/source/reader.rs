//! One reader thread for one worker, and the bounded channel between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};

use super::error::NoThread;
use super::options::SourceOptions;
use super::url::SourceUrl;
use standings_engine::driver::Feed;
use standings_model::block::{Block, PartitionId, SourceEvent};
use standings_model::error::Failure;

/// Blocks that wait at most. Where reader and worker go at full speed each of them is a sleep and a waking, so they are few
/// and large.
const QUEUE: usize = 4;

/// Durable offsets on their way back to the source.
pub type Offsets = Vec<(PartitionId, u64)>;

/// The worker's end of a reader.
pub struct Reader {
    events: Receiver<SourceEvent>,
    durable: Sender<Offsets>,
    spent: Sender<Block>,
    stop: Arc<AtomicBool>,
    released: Arc<AtomicBool>,
    partners: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The reader thread's end.
pub struct Outlet {
    events: Sender<SourceEvent>,
    /// Offsets that have become durable.
    pub durable: Receiver<Offsets>,
    spent: Receiver<Block>,
    wake: Box<dyn Fn() + Send>,
    stop: Arc<AtomicBool>,
    released: Arc<AtomicBool>,
    partners: Arc<AtomicBool>,
}

impl Outlet {
    /// Whether what rows are joined with is there.
    pub fn partners(&self) -> bool {
        self.partners.load(Ordering::Acquire)
    }

    /// Whether reading may go on past the hold.
    pub fn released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// Hands an event over, waiting while the worker does not take; `false` when the reader should end.
    pub fn send(&self, mut event: SourceEvent) -> bool {
        loop {
            if self.stopped() {
                return false;
            }
            match self.events.send_timeout(event, Duration::from_millis(50)) {
                Ok(()) => {
                    (self.wake)();
                    return true;
                }
                Err(SendTimeoutError::Timeout(back)) => event = back,
                Err(SendTimeoutError::Disconnected(_)) => return false,
            }
        }
    }

    /// A block that the worker is done with.
    pub fn spent(&self) -> Option<Block> {
        self.spent.try_recv().ok()
    }

    /// Whether the reader should end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Starts the reader of worker `worker` of `workers`. `wake` is called after each event.
pub fn start(
    options: Arc<SourceOptions>,
    worker: usize,
    workers: usize,
    wake: Box<dyn Fn() + Send>,
) -> Reader {
    let (send, events) = bounded(QUEUE);
    let (durable, returned) = crossbeam_channel::unbounded();
    let (spent, emptied) = bounded(QUEUE);
    let stop = Arc::new(AtomicBool::new(false));
    let released = Arc::new(AtomicBool::new(options.hold.is_nothing()));
    let partners = Arc::new(AtomicBool::new(!options.waits.contains(&true)));
    let outlet = Outlet {
        released: Arc::clone(&released),
        partners: Arc::clone(&partners),
        events: send.clone(),
        durable: returned,
        spent: emptied,
        wake,
        stop: Arc::clone(&stop),
    };
    let body = move || {
        let result = match &options.urls[..] {
            [SourceUrl::Kafka { brokers, topic }] => {
                let read = super::kafka::read(&options, brokers, topic, worker, workers, &outlet);
                read.map_err(Failure::from)
            }
            [SourceUrl::Recording { path, pace }] => {
                super::recording::read(&options, path, *pace, worker, workers, &outlet)
                    .map_err(Failure::from)
            }
            _ => super::file::read(&options, worker, workers, &outlet).map_err(Failure::from),
        };
        if let Err(failure) = result {
            outlet.send(SourceEvent::Failed(failure));
        }
    };
    let thread = std::thread::Builder::new()
        .name(format!("reader-{worker}"))
        .spawn(body);
    let thread = match thread {
        Ok(thread) => Some(thread),
        Err(e) => {
            let _ = send.try_send(SourceEvent::Failed(NoThread(e).into()));
            None
        }
    };
    Reader {
        events,
        durable,
        spent,
        stop,
        released,
        partners,
        thread,
    }
}

impl Reader {
    /// The next event, if one is there.
    pub fn try_next(&self) -> Option<SourceEvent> {
        self.events.try_recv().ok()
    }

    /// The next event, waiting up to `timeout`.
    pub fn next_within(&self, timeout: Duration) -> Option<SourceEvent> {
        self.events.recv_timeout(timeout).ok()
    }

    /// Everything before these offsets is durable: Kafka commits them to the consumer group now and then.
    pub fn committed(&self, offsets: &[(PartitionId, u64)]) {
        let _ = self.durable.send(offsets.to_vec());
    }

    /// Gives back a block that is done with; one too many is dropped.
    pub fn recycle(&self, block: Block) {
        let _ = self.spent.try_send(block);
    }

    /// Lets reading go on past the hold.
    pub fn release(&self) {
        self.released.store(true, Ordering::Release);
    }

    /// What rows are joined with is there: they are read.
    pub fn partners(&self) {
        self.partners.store(true, Ordering::Release);
    }

    /// Ends the thread, after the last offsets are handed to the source.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Feed for Reader {
    fn try_next(&self) -> Option<SourceEvent> {
        Reader::try_next(self)
    }

    fn durable(&self, offsets: &[(PartitionId, u64)]) {
        self.committed(offsets);
    }

    fn release(&self) {
        Reader::release(self);
    }

    fn partners(&self) {
        Reader::partners(self);
    }

    fn recycle(&self, block: Block) {
        Reader::recycle(self, block);
    }
}
