//! Reader threads for one worker, one for each lane, and the bounded channel between them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};

use super::error::NoThread;
use super::lanes::Lane;
use super::options::SourceOptions;
use super::site::Patience;
use super::url::SourceUrl;
use standings_engine::driver::Feed;
use standings_model::block::{Block, PartitionId, SourceEvent};
use standings_model::error::Failure;

/// How often it is looked whether what rows are joined with is there.
const PARTNERS: Duration = Duration::from_millis(2);

/// Blocks that wait at most. Where reader and worker go at full speed each of them is a sleep and a waking, so they are few
/// and large.
const QUEUE: usize = 4;

/// Durable offsets on their way back to the source.
pub type Offsets = Vec<(PartitionId, u64)>;

/// The worker's end of a reader.
pub struct Reader {
    events: Receiver<SourceEvent>,
    durable: Vec<(Lane, Sender<Offsets>)>,
    spent: Sender<Block>,
    stop: Arc<AtomicBool>,
    released: Arc<AtomicBool>,
    partners: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Wakes the worker.
type Wake = Arc<Mutex<Box<dyn Fn() + Send>>>;

/// A reader thread's end.
pub struct Outlet {
    events: Sender<SourceEvent>,
    /// Offsets that have become durable.
    pub durable: Receiver<Offsets>,
    spent: Receiver<Block>,
    wake: Wake,
    stop: Arc<AtomicBool>,
    released: Arc<AtomicBool>,
    partners: Arc<AtomicBool>,
    lane: Lane,
    /// How many lanes do not know yet where they begin.
    unready: Arc<AtomicUsize>,
}

impl Outlet {
    /// Whether what rows are joined with is there.
    pub fn partners(&self) -> bool {
        self.partners.load(Ordering::Acquire)
    }

    /// Waits until what rows are joined with is there; `false` when the reader should end.
    pub fn await_partners(&self) -> bool {
        while !self.partners() {
            if self.stopped() {
                return false;
            }
            std::thread::sleep(PARTNERS);
        }
        true
    }

    /// Whether reading may go on past the hold.
    pub fn released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// Hands an event over, waiting while the worker does not take; `false` when the reader should end.
    pub fn send(&self, event: SourceEvent) -> bool {
        if matches!(event, SourceEvent::Ready) && !self.is_last_ready() {
            return self.all_are_ready();
        }
        let mut event = self.lane.event(event);
        loop {
            if self.stopped() {
                return false;
            }
            match self.events.send_timeout(event, Duration::from_millis(50)) {
                Ok(()) => {
                    self.wake.lock().unwrap_or_else(PoisonError::into_inner)();
                    return true;
                }
                Err(SendTimeoutError::Timeout(back)) => event = back,
                Err(SendTimeoutError::Disconnected(_)) => return false,
            }
        }
    }

    /// Whether all other lanes know where they begin; this one does from now on.
    fn is_last_ready(&self) -> bool {
        self.unready.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Waits until all lanes know where they begin: nothing is read before. `false` when the reader should end.
    fn all_are_ready(&self) -> bool {
        while self.unready.load(Ordering::Acquire) > 0 {
            if self.stopped() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// A block that the worker is done with.
    pub fn spent(&self) -> Option<Block> {
        self.spent.try_recv().ok()
    }

    /// How long what is read is waited for: until the reader should end.
    pub fn patience(&self, options: &SourceOptions) -> Patience {
        Patience::of_run(&options.live, &self.stop)
    }

    /// Whether the reader should end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Starts the readers of worker `worker` of `workers`. `wake` is called after each event.
pub fn start(
    options: Arc<SourceOptions>,
    worker: usize,
    workers: usize,
    wake: Box<dyn Fn() + Send>,
) -> Reader {
    let (send, events) = bounded(QUEUE);
    let (spent, emptied) = bounded(QUEUE);
    let stop = Arc::new(AtomicBool::new(false));
    let released = Arc::new(AtomicBool::new(options.hold.is_nothing()));
    let partners = Arc::new(AtomicBool::new(!options.waits.contains(&true)));
    let wake: Wake = Arc::new(Mutex::new(wake));
    let lanes = options.lanes();
    let unready = Arc::new(AtomicUsize::new(lanes.len()));
    let mut reader = Reader {
        events,
        durable: Vec::new(),
        spent,
        stop: Arc::clone(&stop),
        released: Arc::clone(&released),
        partners: Arc::clone(&partners),
        threads: Vec::new(),
    };
    for lane in lanes {
        let (durable, returned) = crossbeam_channel::unbounded();
        reader.durable.push((lane.lane, durable));
        let outlet = Outlet {
            released: Arc::clone(&released),
            partners: Arc::clone(&partners),
            events: send.clone(),
            durable: returned,
            spent: emptied.clone(),
            wake: Arc::clone(&wake),
            stop: Arc::clone(&stop),
            lane: lane.lane,
            unready: Arc::clone(&unready),
        };
        let thread = std::thread::Builder::new()
            .name(format!("reader-{worker}"))
            .spawn(move || read(&lane, worker, workers, &outlet));
        match thread {
            Ok(thread) => reader.threads.push(thread),
            Err(e) => {
                let _ = send.try_send(SourceEvent::Failed(NoThread(e).into()));
            }
        }
    }
    reader
}

/// Reads a lane until told to stop.
fn read(options: &SourceOptions, worker: usize, workers: usize, outlet: &Outlet) {
    let result = match &options.urls[..] {
        [SourceUrl::Kafka { brokers, topic }] => {
            let read = super::kafka::read(options, brokers, topic, worker, workers, outlet);
            read.map_err(Failure::from)
        }
        [SourceUrl::Recording { path, pace }] => {
            super::recording::read(options, path, *pace, worker, workers, outlet)
                .map_err(Failure::from)
        }
        _ => super::file::read(options, worker, workers, outlet).map_err(Failure::from),
    };
    if let Err(failure) = result {
        outlet.send(SourceEvent::Failed(failure));
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
        for (lane, to) in &self.durable {
            let own = offsets.iter();
            let own = own.filter_map(|(p, offset)| Some((lane.own(*p)?, *offset)));
            let _ = to.send(own.collect());
        }
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

    /// Ends the threads, after the last offsets are handed to the source.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
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
