//! What stands between worker 0, which makes drafts, and the committer, which writes them.
//!
//! ```text
//! worker 0: ready? ──offer──► a draft ──► committer
//!     ▲                                      │
//!     └──────── bell ◄─── it is durable ◄────┘
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::wishes::Wishes;
use standings_engine::dataflow::control::Start;
use standings_engine::dataflow::gate::{Bell, Gate};
use standings_engine::event_time::BEGINNING;
use standings_engine::rank::messages::Epoch;
use standings_engine::rank::state::GatherState;
use standings_engine::snapshot::Keeper;
use standings_engine::snapshot::order::Complete;
use standings_model::block::PartitionId;
use standings_model::change::Commit;
use standings_model::clock::Clock;
use standings_model::placed::Watch;
use standings_model::sabotage::{self, Mistake};

/// No window is closed, because the sinks have not said yet.
const NOT_OPEN: i64 = i64::MIN;
/// No window is closed, as far as the sinks know.
const NONE_CLOSED: i64 = BEGINNING + 1;

/// The least time between two commits of a backlog: nobody waits for what they show in between, which is old, and each
/// costs the sinks as much as one that somebody does wait for.
const BACKLOG: Duration = Duration::from_millis(200);

/// Whether a prefix holds another one.
pub(super) fn has_reached(
    offsets: &BTreeMap<PartitionId, u64>,
    prefix: &BTreeMap<PartitionId, u64>,
) -> bool {
    let mut all = prefix.iter();
    all.all(|(p, offset)| offsets.get(p).is_some_and(|o| o >= offset))
}

/// What the committer and its gate both see.
struct Shared {
    /// A draft is being written.
    writing: AtomicBool,
    /// Everything before this epoch is durable.
    durable: Arc<AtomicU64>,
    /// Windows up to this time were closed by an earlier run; [`NOT_OPEN`] before the sinks are open.
    closed: AtomicI64,
    /// Every sink has caught up.
    released: AtomicBool,
    /// A sink fell behind: a draft with all rows is wanted, whether or not there is anything new.
    again: AtomicBool,
    begin: Mutex<Option<Begin>>,
    /// Rung for worker 0, and its thread, which may be waiting.
    bell: Bell,
    wake: OnceLock<Thread>,
}

/// How a run begins, and who keeps its snapshots.
pub(super) struct Begin {
    pub(super) start: Start,
    pub(super) state: Option<GatherState>,
    pub(super) keeper: Option<Keeper>,
    /// What the sinks are brought to, whether or not reading waits there.
    pub(super) hold: BTreeMap<PartitionId, u64>,
}

/// The committer's end of the gate.
pub struct Desk {
    /// Drafts, in order.
    pub(super) drafts: Receiver<(Commit, Epoch)>,
    shared: Arc<Shared>,
    /// Asked to stop: the last draft is not the input's end.
    pub(super) stop: Arc<AtomicBool>,
    pub(super) clock: Clock,
}

impl Desk {
    /// Whether this process was asked to stop before it began.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) && !sabotage::is(Mistake::UnknownSourceWritten)
    }

    /// Where it is kept how far everything is durable.
    pub(super) fn durable(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shared.durable)
    }

    /// The sinks are open: windows up to `closed` were closed by an earlier run, and this is how the run begins.
    pub(super) fn open(&self, begin: Begin, closed: Option<i64>, caught_up: bool) {
        let shared = &self.shared;
        *shared.begin.lock().unwrap_or_else(PoisonError::into_inner) = Some(begin);
        shared.released.store(caught_up, Ordering::Release);
        let closed = closed.unwrap_or(NONE_CLOSED).max(NONE_CLOSED);
        shared.closed.store(closed, Ordering::Release);
        self.shared.wake();
    }

    /// Whether reading may go on past the hold.
    pub(super) fn is_released(&self) -> bool {
        self.shared.released.load(Ordering::Acquire)
    }

    /// Lets reading go on past the hold.
    pub(super) fn release(&self) {
        self.shared.released.store(true, Ordering::Release);
    }

    /// The draft is durable, and so is everything before `up_to`.
    pub(super) fn done(&self, up_to: Epoch) {
        self.shared.durable.store(up_to, Ordering::Release);
        self.shared.writing.store(false, Ordering::Release);
        self.shared.wake();
    }

    /// The draft was written, but a sink fell behind and does not show it: the next one brings all rows.
    pub(super) fn again(&self) {
        self.shared.again.store(true, Ordering::Release);
        self.shared.writing.store(false, Ordering::Release);
        self.shared.wake();
    }
}

impl Shared {
    fn wake(&self) {
        self.bell.ring();
        if let Some(thread) = self.wake.get() {
            thread.unpark();
        }
    }
}

/// Worker 0's side of the committer.
pub struct CommitGate {
    send: Sender<(Commit, Epoch)>,
    shared: Arc<Shared>,
    keeper: Option<Keeper>,
    /// What the sinks are brought to before reading goes on.
    hold: BTreeMap<PartitionId, u64>,
    interval: Duration,
    last: Option<Instant>,
    clock: Clock,
    wishes: Option<Wishes>,
}

impl CommitGate {
    /// A gate and the desk behind it; a draft is taken each `interval` at most, of a backlog less often. `stop` says that the input did not end
    /// by itself.
    pub fn new(interval: Duration, stop: Arc<AtomicBool>, clock: Clock) -> (Self, Desk) {
        // A draft is made when the last one is written: a draft that waited would only be older than it need be.
        let (send, drafts) = bounded(1);
        let shared = Arc::new(Shared {
            writing: AtomicBool::new(false),
            durable: Arc::default(),
            closed: AtomicI64::new(NOT_OPEN),
            released: AtomicBool::new(false),
            again: AtomicBool::new(false),
            begin: Mutex::default(),
            bell: Bell::default(),
            wake: OnceLock::new(),
        });
        let gate = CommitGate {
            send,
            shared: Arc::clone(&shared),
            keeper: None,
            hold: BTreeMap::new(),
            interval,
            last: None,
            clock: clock.clone(),
            wishes: None,
        };
        let desk = Desk {
            drafts,
            shared,
            stop,
            clock,
        };
        (gate, desk)
    }

    /// Passes on what positions are asked for.
    pub fn hear(&mut self, wishes: &Wishes) {
        let shared = Arc::clone(&self.shared);
        wishes.ring_by(move || shared.wake());
        self.wishes = Some(wishes.clone());
    }
}

impl Gate for CommitGate {
    fn bell(&self) -> Bell {
        self.shared.bell.clone()
    }

    fn is_writing(&self) -> bool {
        self.shared.writing.load(Ordering::Acquire)
    }

    fn start(&mut self) -> Option<(Start, Option<GatherState>)> {
        self.shared.wake.get_or_init(std::thread::current);
        let begin = self
            .shared
            .begin
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        self.keeper = begin.keeper;
        self.hold = begin.hold;
        Some((begin.start, begin.state))
    }

    fn released(&self) -> bool {
        self.shared.released.load(Ordering::Acquire)
    }

    fn snapshot_due(&mut self) -> Option<u64> {
        self.keeper.as_mut()?.due()
    }

    fn snapshot_lost(&mut self) -> bool {
        self.keeper.as_ref().is_some_and(Keeper::lost)
    }

    fn snapshot(&mut self, complete: Option<Complete>) {
        if let (Some(keeper), Some(complete)) = (&self.keeper, complete) {
            keeper.keep(complete);
        }
    }

    fn ready(&mut self, more: bool) -> bool {
        self.shared.wake.get_or_init(std::thread::current);
        let rested = |at| self.clock.now() >= at;
        self.shared.closed.load(Ordering::Acquire) != NOT_OPEN
            && !self.is_writing()
            && self.ready_at(more).is_none_or(rested)
    }

    fn ready_at(&self, more: bool) -> Option<Instant> {
        let least = match more {
            true => self.interval.max(BACKLOG),
            false => self.interval,
        };
        self.last.map(|last| last + least)
    }

    fn wants_whole(&self, offsets: &BTreeMap<PartitionId, u64>, up_to: Epoch) -> bool {
        let at_start = !self.shared.released.load(Ordering::Acquire)
            && (up_to == Epoch::MAX || has_reached(offsets, &self.hold));
        at_start || self.wants_again()
    }

    fn wants_again(&self) -> bool {
        self.shared.again.load(Ordering::Acquire)
    }

    fn offer(&mut self, mut draft: Commit, up_to: Epoch) {
        draft.drafted = Some(self.clock.wall());
        if !draft.changes.is_empty() {
            self.last = Some(self.clock.now());
        }
        if draft.whole.is_some() {
            self.shared.again.store(false, Ordering::Release);
        }
        self.shared.writing.store(true, Ordering::Release);
        // The committer ends only after this gate, or takes the process along.
        let _ = self.send.send((draft, up_to));
    }

    fn closed_before(&self) -> i64 {
        self.shared.closed.load(Ordering::Acquire)
    }

    fn durable(&self) -> Epoch {
        self.shared.durable.load(Ordering::Acquire)
    }

    fn watches(&mut self) -> Option<Vec<Watch>> {
        self.wishes.as_ref()?.take()
    }
}
