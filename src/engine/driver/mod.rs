//! One worker's loop: takes blocks, decodes and folds them, ends epochs, steps the dataflow.
//!
//! How much goes into an epoch says `epoch_size`.
//!
//! 1. An epoch ends only after the worker's first partitions are known: so no cut is taken that misses some.
//! 2. What is read and not yet durable is at most the byte bound plus one block; rejects count with what they hold.
//! 3. A promised horizon is taken over only between epochs.
//! 4. Nothing is read before worker 0 has said how to begin, and nothing past the hold before it releases it.
//! 5. A worker whose input has ended goes on with epochs, promises and parts of snapshots until all inputs have ended:
//!    without it no snapshot would be complete any more.

mod begin;
mod epoch;
mod epoch_size;
mod error;
mod feed;
mod settings;
mod tell;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender};
use timely::dataflow::operators::probe::Handle as ProbeHandle;
use timely::worker::Worker;

use self::epoch_size::{EpochSize, Pulled};
use self::error::DriverError;
pub use self::feed::Feed;
pub use self::settings::{Settings, Snapshots};
use crate::dataflow::control::Start;
use crate::dataflow::gate::Look;
use crate::dataflow::handles::{Cells, FirstInput, Handles, Input, NearInput, ToGather};
use crate::dataflow::messages::{Body, First};
use crate::event_time::BEGINNING;
use crate::fold::Fold;
use crate::held::Copied;
use crate::rank::messages::Epoch;
use crate::snapshot::order::{Order, PartReport};
use standings_model::block::{PartitionId, SourceEvent};
use standings_model::sabotage::{self, Mistake};
use standings_process::exit::Failure;

/// What a worker should do before its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Step the dataflow: there is more to read.
    Step,
    /// Step the dataflow, and then wait for so long at most if nothing comes.
    Park(Duration),
    /// Nothing: everything is durable.
    Done,
}

/// Runs one worker until its input ends or the process is asked to stop, and everything is durable. Its feed is opened
/// when it is known how to begin; `None` if that never came.
pub fn run<F: Feed>(
    worker: &mut Worker,
    handles: Handles,
    settings: Settings,
    open: impl FnOnce(&Start) -> F + 'static,
) -> Result<Option<F>, Failure> {
    let mut driver = Driver::new(worker.index(), worker.peers(), handles, settings, open);
    loop {
        match driver.turn()? {
            Turn::Step => worker.step(),
            Turn::Park(wait) => worker.step_or_park(Some(wait)),
            Turn::Done => return Ok(driver.feed),
        };
    }
}

/// A worker's loop, a turn at a time: between two turns the dataflow is stepped.
pub struct Driver<F: Feed> {
    index: usize,
    peers: usize,
    phase: Phase,
    open: Option<Opener<F>>,
    feed: Option<F>,
    input: Option<Input>,
    /// Where what joins are made of goes in.
    first: Option<FirstInput>,
    /// Where what pairs are made of goes in.
    near: Option<NearInput>,
    durable: ProbeHandle<Epoch>,
    cells: Rc<Cells>,
    gather: Option<ToGather>,
    /// When gather was woken last without a message.
    woken: Cell<Instant>,
    settings: Settings,
    fold: Fold,
    arrived: Vec<(SystemTime, u64)>,
    epoch: Epoch,
    ready: bool,
    /// Its input has ended, and the other workers were told.
    ended: bool,
    promised: i64,
    /// Bytes of the present epoch, and how many it may have.
    bytes: usize,
    /// Of them what an earlier run has read, and is read again to be remembered.
    again: usize,
    size: EpochSize,
    in_flight: VecDeque<(Epoch, usize, Offsets)>,
    in_flight_bytes: usize,
    start: Start,
    released: bool,
    partners: bool,
    parts: (Sender<PartReport>, Receiver<PartReport>),
    /// The rows that were held when the epoch of a snapshot came.
    copied: Option<(Order, Vec<Copied>)>,
    /// A promise was sent in the present epoch, which must end for it to count.
    owes_epoch: bool,
    last_end: Instant,
}

#[expect(clippy::disallowed_methods, reason = "one report a snapshot")]
fn reports() -> (Sender<PartReport>, Receiver<PartReport>) {
    crossbeam_channel::unbounded()
}

type Opener<F> = Box<dyn FnOnce(&Start) -> F>;

/// Where a driver is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for worker 0 to say how to begin.
    Starting,
    /// Reads.
    Reading,
    /// Its input is closed; waits for all of it to be durable.
    Closing,
    Done,
}

/// The next offset to read of some partitions.
type Offsets = Vec<(PartitionId, u64)>;

/// The least time between two epochs of a worker that is not under load: alone, and with others, who are all told of each.
const QUIET_EPOCH: (Duration, Duration) = (Duration::from_micros(250), Duration::from_millis(1));

/// The dataflow is stepped at least each so many bytes, a few milliseconds. A large epoch takes tens of them, and a commit
/// that is durable meanwhile, or could be made, waited for its end: what is in flight came to its bound, and the worker
/// stood still.
const PIECE: usize = 1 << 20;

/// How soon gather looks again at what nothing announces: that a draft may be made, that a snapshot is due.
const LOOK_AGAIN: Duration = Duration::from_micros(250);

impl<F: Feed> Driver<F> {
    /// A driver before its first turn.
    pub fn new(
        index: usize,
        peers: usize,
        handles: Handles,
        mut settings: Settings,
        open: impl FnOnce(&Start) -> F + 'static,
    ) -> Self {
        let last_end = settings.clock.now();
        settings.fold.plan = settings.fold.plan.whole();
        let mut fold = Fold::new(settings.fold.clone());
        if peers > 1 {
            fold.tell_keys();
        }
        Driver {
            index,
            peers,
            phase: Phase::Starting,
            open: Some(Box::new(open)),
            feed: None,
            input: Some(handles.input),
            first: handles.first,
            near: handles.near,
            durable: handles.durable,
            cells: handles.cells,
            gather: handles.gather,
            woken: Cell::new(last_end),
            fold,
            arrived: Vec::new(),
            epoch: 0,
            ready: false,
            ended: false,
            promised: BEGINNING,
            start: Start::default(),
            released: false,
            partners: false,
            parts: reports(),
            copied: None,
            bytes: 0,
            again: 0,
            size: EpochSize::new(settings.epoch_bytes),
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            settings,
            owes_epoch: false,
            last_end,
        }
    }

    /// Does what there is to do, without waiting.
    pub fn turn(&mut self) -> Result<Turn, Failure> {
        let now = self.settings.clock.now();
        self.settings.live.pulse(self.index, now);
        if self.cells.heard.borrow().stop {
            // The whole process stops, its committer too.
            self.settings.stop.store(true, Ordering::Relaxed);
        }
        let stop = self.settings.stop.load(Ordering::Relaxed);
        match self.phase {
            // Asked to stop or not: a worker that ended without its share of the snapshot would leave the others to
            // commit without it.
            Phase::Starting => {
                let start = self.cells.heard.borrow_mut().start.take();
                let Some(start) = start else {
                    if stop && sabotage::is(Mistake::StopWhileStarting) {
                        self.close();
                    }
                    self.wake_gather(true);
                    return Ok(Turn::Park(Duration::from_millis(2)));
                };
                self.begin(start)?;
                Ok(Turn::Step)
            }
            Phase::Reading => self.read(stop),
            Phase::Closing if !self.durable.done() => {
                self.wake_gather(false);
                Ok(Turn::Park(LOOK_AGAIN))
            }
            Phase::Closing | Phase::Done => {
                if self.phase == Phase::Closing {
                    self.finish();
                }
                Ok(Turn::Done)
            }
        }
    }

    fn begin(&mut self, start: Start) -> Result<(), Failure> {
        begin::go_by(&self.settings.fold.plan, &start.clocks);
        if !start.parts.is_empty() {
            self.load(&start)?;
            self.send(self.index as u64, Body::Loaded);
            self.send_first(self.index as u64, First::Loaded);
            self.owes_epoch = true;
        }
        self.feed = self.open.take().map(|open| open(&start));
        self.promised = start.horizon;
        self.start = start;
        self.phase = Phase::Reading;
        Ok(())
    }

    fn read(&mut self, stop: bool) -> Result<Turn, Failure> {
        self.listen();
        let pulled = self.pull()?;
        let late = match pulled {
            Pulled::Piece => Some(Duration::ZERO),
            Pulled::All if !stop && !self.has_ended() => {
                let now = self.settings.clock.now();
                self.size.waits(self.bytes, now)
            }
            _ => None,
        };
        if let Some(late) = late {
            // What has become durable is seen, and the next draft made, in the middle of an epoch.
            self.release();
            let soon = self.wake_gather(false);
            return Ok(match pulled {
                Pulled::Piece => Turn::Step,
                _ => Turn::Park(soon.map_or(late, |soon| soon.min(late))),
            });
        }
        if self.fold.is_open() && !stop {
            // Half of what has one offset is never committed.
            self.release();
            return Ok(pulled.without_end());
        }
        let full = pulled == Pulled::Full;
        let mut ended = false;
        let mut wait = self.check_idle();
        if self.ready && self.wants_epoch() && !self.fold.is_open() {
            let least = match self.peers {
                1 => QUIET_EPOCH.0,
                _ => QUIET_EPOCH.1,
            };
            let rest = least.saturating_sub(self.settings.clock.since(self.last_end));
            if full || rest.is_zero() {
                self.end_epoch();
                ended = true;
            } else {
                wait = Some(wait.unwrap_or(rest).min(rest));
            }
        }
        let since_end = self.settings.clock.since(self.last_end);
        self.size.aim(pulled, self.bytes, ended, since_end);
        self.release();
        if stop && !sabotage::is(Mistake::StopNotPassedOn) {
            // One process of many: the others stop too, or this one would wait for them for ever.
            self.send_to_others(&Body::Stop);
        }
        if stop || self.all_have_ended() {
            self.close();
            return Ok(Turn::Step);
        }
        if full {
            return Ok(Turn::Step);
        }
        let mut wait = Duration::from_millis(50).min(wait.unwrap_or(Duration::MAX));
        // The time for a snapshot comes without a message.
        if let Some(soon) = self.wake_gather(self.settings.snapshots.is_some()) {
            wait = wait.min(soon);
        }
        Ok(Turn::Park(wait))
    }

    /// Wakes gather, on worker 0, if the bell rang, or it has something to do that nothing announces, or anyway now
    /// and then; how soon it must look again.
    fn wake_gather(&self, anyway: bool) -> Option<Duration> {
        let gather = self.gather.as_ref()?;
        let now = self.settings.clock.now();
        // An operator that is woken in every turn keeps its worker from ever waiting: a core for nothing, while commits
        // are on their way on other threads.
        let soon = self.woken.get() + LOOK_AGAIN;
        let next = match gather.look.get() {
            Look::At(time) if anyway => Some(time.min(soon)),
            Look::At(time) => Some(time),
            Look::Soon => Some(soon),
            Look::No => anyway.then_some(soon),
        };
        if gather.bell.answer() || next.is_some_and(|next| next <= now) {
            self.woken.set(now);
            gather.activator.activate();
        }
        next.map(|next| next.saturating_duration_since(now))
    }

    /// Whether the inputs of all workers have ended. That its own has, the others are told once.
    fn all_have_ended(&mut self) -> bool {
        if !self.ended {
            if !self.has_ended() {
                return false;
            }
            self.ended = true;
            self.send_to_others(&Body::Ended(self.index as u64));
            if !self.others_have_ended() {
                // What is sent goes out with the epoch's end.
                self.end_epoch();
            }
        }
        self.others_have_ended() || sabotage::is(Mistake::EndedWorkerLeaves)
    }

    fn others_have_ended(&self) -> bool {
        self.cells.heard.borrow().ended.len() + 1 >= self.peers
    }

    /// Closing the input lets the frontier pass everything; what was read is committed before the end.
    fn close(&mut self) {
        // What has one offset and is not all there is read again.
        if !self.fold.is_open() {
            self.end_epoch();
        }
        self.input = None;
        (self.first, self.near) = (None, None);
        self.phase = Phase::Closing;
    }

    fn finish(&mut self) {
        let last = self.fold.next_offsets();
        self.tell_durable(&last);
        self.settings.live.ended(self.index);
        self.phase = Phase::Done;
    }

    /// Takes what is there, up to the epoch's share and the byte bound.
    fn pull(&mut self) -> Result<Pulled, Failure> {
        let horizon = self.cells.heard.borrow().horizon;
        if horizon > self.promised && self.bytes == 0 {
            self.adopt_horizon(horizon);
        }
        let piece = self.bytes + PIECE;
        loop {
            let open = self.fold.is_open();
            if !open && self.size.is_full(self.bytes) {
                return Ok(Pulled::Full);
            }
            if !open && self.in_flight_bytes + self.bytes >= self.settings.in_flight_bytes {
                return Ok(Pulled::Bound);
            }
            if self.bytes >= piece {
                return Ok(Pulled::Piece);
            }
            // Its end is where it was when it was reached.
            let feed = self.feed.as_ref().filter(|_| !self.ended);
            let Some(event) = feed.and_then(Feed::try_next) else {
                return Ok(Pulled::All);
            };
            self.take(event)?;
        }
    }

    fn take(&mut self, event: SourceEvent) -> Result<(), Failure> {
        let now = self.settings.clock.now();
        match event {
            SourceEvent::Assigned {
                partition,
                home,
                offset,
                end,
            } => {
                let from = begin::goes_on(&self.start, partition, (offset, end));
                self.fold.begin(partition, &home, from);
            }
            SourceEvent::Block(block) => {
                let Some(folded) = self.fold.block(&block, self.promised) else {
                    return Err(DriverError::Unannounced(block.partition).into());
                };
                self.tell_checks();
                self.tell_fields(block.partition);
                // Even a block without a record counts, so that its offset is committed. Of a sale nothing is kept but what it
                // adds to; a reject is kept whole until it is written.
                let bytes = block.size().max(1) + folded.held;
                self.bytes += bytes;
                if folded.records == 0 && !block.records.is_empty() {
                    self.again += bytes;
                }
                if folded.records > 0 || block.records.is_empty() {
                    let clock = &self.settings.clock;
                    let read = clock.wall() - clock.since(block.arrived);
                    self.arrived.push((read, folded.records as u64));
                }
                if let Some(feed) = &self.feed {
                    feed.recycle(block);
                }
            }
            SourceEvent::CaughtUp { partition } => self.fold.caught_up(partition, now),
            SourceEvent::Ended { partition } => {
                let finished = self.settings.until_end && self.settings.ends_are_final;
                self.fold.end(partition, finished, now);
            }
            SourceEvent::Ready => self.ready = true,
            SourceEvent::Failed(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Does what worker 0 said, and passes on what was written for a snapshot.
    fn listen(&mut self) {
        if !self.released && self.cells.heard.borrow().released {
            self.released = true;
            if let Some(feed) = &self.feed {
                feed.release();
            }
        }
        self.copy_early();
        if !self.partners && self.cells.heard.borrow().partners {
            self.partners = true;
            if let Some(feed) = &self.feed {
                feed.partners();
            }
        }
        let taken = self.taken();
        if let (Some(mut taken), Some(snapshots)) = (taken, &self.settings.snapshots) {
            let copied = (self.copied.take(), taken.order);
            let own = epoch::held(copied, self.settings.fold.plan.changes());
            taken.held = own
                .zip(taken.held)
                .map(|(own, of_pairs)| [own, of_pairs].concat());
            let mut heard = self.cells.heard.borrow_mut();
            if heard.snapshot == Some(taken.order) {
                heard.snapshot = None;
            }
            snapshots.writer.write(taken, self.index, &self.parts.0);
        }
        // The owners copy when the frontier reaches the epoch, so this worker goes on until they have.
        self.owes_epoch |= self.cells.heard.borrow().snapshot.is_some();
        self.owes_epoch |= self.tells();
        while let Ok(report) = self.parts.1.try_recv() {
            self.send(0, Body::Part(report));
            self.owes_epoch = true;
        }
    }

    fn check_idle(&mut self) -> Option<Duration> {
        let now = self.settings.clock.now();
        self.fold.check_idle(now, self.settings.idle_timeout)
    }

    fn has_ended(&self) -> bool {
        self.ready && self.settings.until_end && self.fold.has_ended()
    }
}
