//! The committer thread of process 0: numbers drafts, writes them to every sink, and says what is durable.
//!
//! ```text
//!         gate                  committer
//! drafts ──────► rejects ──► every sink, side by side ──► durable: observers, then worker 0 makes the next draft
//!                            (slot: brought to what the others show first)
//! ```
//!
//! 1. A commit's rejects are written before its rows, its rows before it is called durable.
//! 2. A number is used once in a sink; it grows from the greatest that any sink shows. After a restart all sinks are
//!    first brought to the prefix of that greatest commit, whose number a sink that was behind gets too; so what two
//!    sinks show under a number is the same.
//! 3. A commit that changes nothing is not written, except the last of a run, and one with late sales or dead letters: it
//!    records how far the input was read, so that they are not written again at the next start.
//! 4. A sink that shows less than it acknowledged is opened anew and brought to all rows of the next draft; until then
//!    nothing more counts as durable.
//! 5. One commit at a time: what comes meanwhile is the next. When a server is slow, commits become fewer and larger by
//!    themselves; a second one on its way would make more and smaller ones just then (decision 0011).

mod begin;
mod catch_up;
mod gate;
mod open;
mod rejects;
mod slot;
mod wishes;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

pub use self::gate::{CommitGate, Desk};
use self::slot::Slot;
pub use self::wishes::Wishes;
use crate::sink::{Nowhere, RejectWriter, Sink};
use standings_engine::input::Input;
use standings_engine::rank::emit::Emit;
use standings_engine::snapshot::{Manifests, Store};
use standings_model::block::PartitionId;
use standings_model::change::Commit;
use standings_model::clock::Clock;
use standings_model::identity::{DimensionOf, Forget, Opening};
use standings_model::plan::Plan;
use standings_observe::live::Live;
use standings_observe::trace::Tracer;
use standings_process::exit::{self, Failure, NoThread};

/// Watches commits: metrics, the live page, a demo's summary.
pub trait Observer: Send {
    /// Every sink is open.
    fn opened(&mut self);
    /// Every sink shows at least what the one with the last commit showed when they were opened.
    fn caught_up(&mut self) {}
    /// Every sink shows this commit, the last of an earlier run: what is committed next goes on from it.
    fn goes_on(&mut self, _last: u64) {}
    /// A commit is durable; its number is 0 if it changed nothing.
    fn committed(&mut self, plan: &Plan, commit: &Commit);
}

/// What the committer writes to.
#[derive(Default)]
pub struct Outputs {
    /// `--sink`.
    pub sinks: Vec<Box<dyn Sink>>,
    /// `--late`.
    pub late: Option<Box<dyn RejectWriter>>,
    /// `--dead-letter`.
    pub dead: Option<Box<dyn RejectWriter>>,
    /// Who watches.
    pub observers: Vec<Box<dyn Observer>>,
    /// What can be asked of the input before it is read.
    pub input: Option<Box<dyn Input>>,
    /// `--forget`.
    pub forget: Forget,
    /// Of which table that others are joined with a partition is.
    pub dimension_of: Option<DimensionOf>,
    /// `--emit`.
    pub emit: Emit,
    /// Where snapshots go.
    pub state: Option<Keeping>,
    /// Sinks are written one after the other, on the caller's thread (a simulator has only one).
    pub one_by_one: bool,
    /// Where it is told how commits and snapshots go.
    pub live: Arc<Live>,
    /// Who is told of sampled commits.
    pub tracer: Option<Tracer>,
    /// The windows whose positions somebody asks for.
    pub wishes: Option<Wishes>,
}

impl Outputs {
    /// Leaves everything as it is.
    fn write_nothing(&mut self) {
        self.sinks.clear();
        self.late = Some(Box::new(Nowhere));
        self.dead = Some(Box::new(Nowhere));
        self.state = None;
    }
}

/// How snapshots are kept.
pub struct Keeping {
    /// Where.
    pub store: Store,
    /// How often.
    pub interval: Duration,
    /// Unlike that of any other start: who opened the store.
    pub run: String,
}

/// Numbers drafts and has every sink write them.
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, Mutex, atomic::AtomicBool};
/// use std::time::Duration;
/// use standings_commit::committer::{CommitGate, Committer, Outputs};
/// use standings_commit::sink::{Shown, Sink, SinkError};
/// use standings_engine::dataflow::gate::Gate;
/// use standings_model::{change::{Change, Commit}, clock::Clock, identity::Opening, plan::Plan};
///
/// /// A sink that keeps the numbers of its commits.
/// #[derive(Clone, Default)]
/// struct Numbers(Arc<Mutex<Vec<u64>>>);
///
/// impl Sink for Numbers {
///     fn name(&self) -> &str {
///         "numbers"
///     }
///     fn open(&mut self, _: &Plan, _: &Opening) -> Result<Shown, SinkError> {
///         Ok(Shown::default())
///     }
///     fn write(&mut self, _: &Plan, commit: &Commit) -> Result<(), SinkError> {
///         self.0.lock().unwrap().push(commit.number);
///         Ok(())
///     }
/// }
///
/// let (plan, sink) = (Arc::new(standings_query::load_shipped().unwrap()), Numbers::default());
/// let (mut gate, desk) = CommitGate::new(Duration::ZERO, Arc::new(AtomicBool::new(false)), Clock::default());
/// let outputs = Outputs { sinks: vec![Box::new(sink.clone())], ..Outputs::default() };
/// let mut committer = Committer::open(plan, outputs, desk).unwrap();
///
/// # let change = Change { ranking: 0, window_start: 0, window_end: 1, key: Arc::from([]), rank: Some(1), previous_rank: None, measures: Arc::from([]), is_final: false };
/// let draft = Commit { changes: Arc::new(vec![change]), ..Commit::default() };
/// gate.offer(draft.clone(), 1);
/// assert!(!gate.ready(false), "one commit at a time");
/// committer.turn().unwrap();
/// assert_eq!((gate.durable(), gate.ready(false)), (1, true));
///
/// // A draft that changes nothing is durable as well; nobody has to write it, and it has no number.
/// gate.offer(Commit::default(), 2);
/// committer.turn().unwrap();
/// gate.offer(draft, 3);
/// committer.turn().unwrap();
/// assert_eq!((gate.durable(), &sink.0.lock().unwrap()[..]), (3, &[1, 2][..]));
/// ```
pub struct Committer {
    plan: Arc<Plan>,
    desk: Desk,
    slots: Vec<Slot>,
    late: Option<Box<dyn RejectWriter>>,
    dead: Option<Box<dyn RejectWriter>>,
    observers: Vec<Box<dyn Observer>>,
    one_by_one: bool,
    live: Arc<Live>,
    tracer: Option<Tracer>,
    /// The last number used, and the prefix of that commit.
    number: u64,
    offsets: BTreeMap<PartitionId, u64>,
    /// What was committed before this run: its rejects were written then.
    hold: BTreeMap<PartitionId, u64>,
    /// How many records were counted up to there.
    counted: BTreeMap<PartitionId, u64>,
    /// What was there at the start.
    opening: Opening,
    emit: Emit,
    /// Keeps snapshots; for who runs the committer to run.
    pub manifests: Option<Manifests>,
}

/// Whether a draft is the last one of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    No,
    /// The input has ended.
    Ended,
    /// Reading was stopped.
    Stopped,
}

/// Starts the committer: the gate for worker 0, and the thread to join at the end.
pub fn start(
    plan: Arc<Plan>,
    outputs: Outputs,
    interval: Duration,
    stop: Arc<AtomicBool>,
) -> std::io::Result<(CommitGate, JoinHandle<()>)> {
    let (mut gate, desk) = CommitGate::new(interval, stop, Clock::default());
    if let Some(wishes) = &outputs.wishes {
        gate.hear(wishes);
    }
    let thread = std::thread::Builder::new()
        .name("committer".to_owned())
        .spawn(move || {
            if let Err(failure) = work(plan, outputs, desk) {
                exit::now(&failure);
            }
        })?;
    Ok((gate, thread))
}

fn work(plan: Arc<Plan>, outputs: Outputs, desk: Desk) -> Result<(), Failure> {
    let mut committer = Committer::open(plan, outputs, desk)?;
    if let Some(manifests) = committer.manifests.take() {
        let started = manifests.start();
        started.map_err(NoThread)?;
    }
    while let Ok((draft, up_to)) = committer.desk.drafts.recv() {
        committer.commit(draft, up_to)?;
    }
    Ok(())
}
