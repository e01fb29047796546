//! One worker and the committer, a turn at a time: what `standings run` has threads for.
//!
//! 1. Time stands still but where the engine would wait: then the clock is turned on by as much. So nothing here waits, and
//!    what comes out is a function of what came in.
//! 2. What was given is settled when the driver has heard that all of it is durable, and a commit says which partitions have
//!    ended.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use standings_commit::committer::{CommitGate, Committer, Outputs};
use standings_commit::sink::{Nowhere, RejectWriter};
use standings_engine::dataflow::gate::Gate;
use standings_engine::dataflow::graph;
use standings_engine::driver::{Driver, Feed, Settings, Turn};
use standings_engine::event_time::partition::Policy;
use standings_engine::fold;
use standings_engine::rank::emit::Emit;
use standings_model::block::{PartitionId, SourceEvent};
use standings_model::clock::Clock;
use standings_model::plan::Plan;
use standings_observe::live::Live;
use standings_process::exit::Failure;
use timely::WorkerConfig;
use timely::communication::Allocator;
use timely::communication::allocator::Thread;
use timely::worker::Worker;

use super::ledger::{Ledger, Watching};
use super::queries::Told;

/// A commit is made each so often, by the engine's own clock: what lies between is one commit.
const INTERVAL: Duration = Duration::from_millis(10);
/// As `--in-flight-bytes`, `--epoch-bytes` and `--max-record-bytes` have them.
const IN_FLIGHT: usize = 256 << 20;
const EPOCH: (usize, usize) = (128 << 10, 16 << 20);
const RECORD: usize = 1 << 20;
/// Nobody says that a partition has nothing new, so none ever falls idle.
const IDLE: Duration = Duration::from_secs(1 << 32);

/// Next offsets, by partition.
pub(super) type Offsets = BTreeMap<PartitionId, u64>;

/// What waits for the driver, and what it has said is durable.
#[derive(Clone, Default)]
struct Inbox(Rc<RefCell<(VecDeque<SourceEvent>, Offsets)>>);

impl Feed for Inbox {
    fn try_next(&self) -> Option<SourceEvent> {
        self.0.borrow_mut().0.pop_front()
    }

    fn durable(&self, offsets: &[(PartitionId, u64)]) {
        self.0.borrow_mut().1.extend(offsets.iter().copied());
    }
}

/// One worker, and who commits what it ranks.
pub(super) struct Engine {
    // Before the worker, whose dataflow it is an end of.
    driver: Driver<Inbox>,
    worker: Worker,
    committer: Committer,
    inbox: Inbox,
    clock: Clock,
    /// The driver was told that its first partitions are known.
    ready: bool,
    /// Partitions that were said to have ended.
    ended: usize,
    ledger: Arc<Mutex<Ledger>>,
}

impl Engine {
    pub(super) fn start(
        plan: &Arc<Plan>,
        policies: Vec<Policy>,
        rejects: Option<Told>,
    ) -> Result<Self, Failure> {
        let (clock, stop) = (Clock::by_hand(), Arc::new(AtomicBool::new(false)));
        let settings = Settings {
            fold: fold::Settings {
                plan: Arc::clone(plan),
                policies: policies.clone(),
                summary_window: None,
                max_record_bytes: RECORD,
            },
            idle_timeout: IDLE,
            until_end: true,
            ends_are_final: true,
            in_flight_bytes: IN_FLIGHT,
            epoch_bytes: EPOCH,
            stop: Arc::clone(&stop),
            snapshots: None,
            live: Arc::new(Live::new(1)),
            clock: clock.clone(),
        };
        let (gate, desk) = CommitGate::new(INTERVAL, stop, clock.clone());
        let gate = Some(Box::new(gate) as Box<dyn Gate>);
        let ledger = Arc::default();
        let writer = || match &rejects {
            Some(told) => Some(Box::new(told.clone()) as Box<dyn RejectWriter>),
            None => Some(Box::new(Nowhere) as Box<dyn RejectWriter>),
        };
        let outputs = Outputs {
            late: writer(),
            dead: writer(),
            observers: vec![Box::new(Watching(Arc::clone(&ledger)))],
            one_by_one: true,
            ..Outputs::default()
        };
        let committer = Committer::open(Arc::clone(plan), outputs, desk)?;
        let allocator = Allocator::Thread(Thread::default());
        let mut worker = Worker::new(WorkerConfig::default(), allocator, None);
        let wiring = {
            let policy = Policy::widest(&policies);
            graph::build(&mut worker, plan, policy, Emit::Rows, gate, |_| {})
        };
        let inbox = Inbox::default();
        let feed = inbox.clone();
        let driver = Driver::new(0, 1, wiring, settings, move |_| feed);
        Ok(Engine {
            driver,
            worker,
            committer,
            inbox,
            clock,
            ready: false,
            ended: 0,
            ledger,
        })
    }

    /// What was committed.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in for the driver.
    pub(super) fn give(&mut self, event: SourceEvent) {
        self.ended += usize::from(matches!(event, SourceEvent::Ended { .. }));
        self.inbox.0.borrow_mut().0.push_back(event);
    }

    /// Goes on until the driver has taken all that was given.
    pub(super) fn take(&mut self) -> Result<(), Failure> {
        self.say_ready();
        while !self.inbox.0.borrow().0.is_empty() {
            self.turn()?;
        }
        Ok(())
    }

    /// Goes on until everything before these offsets is durable, and the ends that were given count.
    pub(super) fn settle(&mut self, ends: &Offsets) -> Result<(), Failure> {
        if ends.is_empty() {
            return Ok(());
        }
        self.take()?;
        while !self.is_settled(ends) {
            self.turn()?;
        }
        Ok(())
    }

    fn is_settled(&self, ends: &Offsets) -> bool {
        let durable = &self.inbox.0.borrow().1;
        let mut all = ends.iter();
        all.all(|(p, end)| durable.get(p).is_some_and(|d| d >= end))
            && self.ledger().finished >= self.ended
    }

    /// Goes on until the input's end is durable.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.say_ready();
        while self.turn()? != Turn::Done {}
        Ok(())
    }

    fn say_ready(&mut self) {
        if !std::mem::replace(&mut self.ready, true) {
            self.give(SourceEvent::Ready);
        }
    }

    fn turn(&mut self) -> Result<Turn, Failure> {
        let turn = self.driver.turn()?;
        let wrote = self.committer.turn()?;
        if let Turn::Park(wait) = turn
            && !wrote
        {
            self.clock.sleep(wait);
        }
        self.worker.step();
        Ok(turn)
    }
}
