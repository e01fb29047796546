//! A cluster of workers on one thread: the engine as it is, a step of one of its parts at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use standings_commit::committer::{CommitGate, Committer, Desk, Keeping, Observer, Outputs};
use standings_commit::database::DatabaseSink;
use standings_commit::sink::Sink;
use standings_commit::transactions::TransactionalSink;
use standings_engine::dataflow::gate::Gate;
use standings_engine::dataflow::graph;
use standings_engine::driver::{Driver, Settings, Snapshots, Turn};
use standings_engine::fold;
use standings_engine::input::Input;
use standings_engine::snapshot::{Parts, Store, Writer};
use standings_model::change::Commit;
use standings_model::plan::Plan;
use standings_observe::live::Live;
use standings_process::exit::{FAILED, Failure, USAGE};
use timely::communication::Allocator;
use timely::worker::Worker;

use crate::feed::SimFeed;
use crate::objects::{NO_STORE, SimObjects};
use crate::order;
use crate::places::Places;
use crate::sinks::{SimDatabase, SimLog, SimRejects};
use crate::topic::SimInput;
use crate::world::{self, Shared, World};

/// Within this time a file that was changed is read again.
const RENEWED: Duration = Duration::from_secs(6);

/// Counts of every commit are balanced, and stand for all that was read.
struct Balance(Shared);

impl Observer for Balance {
    fn opened(&mut self) {}

    fn committed(&mut self, _: &Plan, commit: &Commit) {
        for (p, counts) in &commit.counts {
            assert!(counts.balanced(), "I6: partition {p}: {counts:?}");
            let (begin, end) = (commit.begins[p], commit.offsets[p]);
            let world = self.0.lock();
            world.check_kinds(*p, begin..end, counts);
            let gone = world.topic.gone.range((*p, begin)..(*p, end)).count() as u64;
            let read = end - begin - gone;
            drop(world);
            let short = counts.read >= read && counts.read <= read + gone;
            assert!(
                short,
                "I6: records read of partition {p}: {} of {read}",
                counts.read
            );
        }
    }
}

/// What a step of a cluster came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Going,
    /// It was asked to stop, and everything is durable.
    Ended,
    /// It was killed, or refused.
    Dead,
}

struct Seat {
    // Before the worker, whose dataflow it is an end of.
    driver: Driver<SimFeed>,
    worker: Worker,
    done: bool,
}

enum Office {
    Closed(Arc<Plan>, Box<Outputs>, Desk),
    Open(Box<Committer>),
    Opening,
}

pub struct Cluster {
    pub id: u64,
    seats: Vec<Seat>,
    office: Office,
    parts: Parts,
    manifests: Option<standings_engine::snapshot::Manifests>,
    /// How far its workers have read.
    read: Rc<RefCell<BTreeMap<u32, u64>>>,
    /// The worker that was asked to stop between two steps, and has closed its input.
    closed: Option<usize>,
    /// Nobody had asked it to stop when its sinks were open.
    in_peace: bool,
    /// What its worker failed by then.
    failed: Option<Failure>,
    world: Shared,
}

/// Allocators of timely are made together, each on a thread of its own; then all are used on this one.
struct Moved(Allocator);

// SAFETY: an allocator is moved as a whole, with all of the reference counts in it, and the thread that made it has
// ended before it is used.
unsafe impl Send for Moved {}

fn allocators(workers: usize) -> Vec<Allocator> {
    let config = timely::CommunicationConfig::Process(workers);
    let made = timely::communication::initialize(config, Moved).expect("threads only");
    made.join()
        .into_iter()
        .map(|m| m.expect("it builds").0)
        .collect()
}

impl Cluster {
    /// The next cluster, of one to three workers.
    pub fn start(shared: &Shared) -> Self {
        let mut world = shared.lock();
        world.corrupt();
        world.newest += 1;
        let id = world.newest;
        let workers = 1 + world.dice.roll(3) as usize;
        let plan = Arc::clone(&world.plan);
        let clock = world.clock.clone();
        let (commit_ms, snapshot_ms) = {
            let longest = world.weather.snapshots;
            (world.dice.roll(30), 20 + world.dice.roll(longest))
        };
        let epoch_bytes = 1 << (6 + world.dice.roll(8));
        let in_flight_bytes = 1 << (9 + world.dice.roll(8));
        let (files, emit, policy) = (world.files, world.emit, world.policy());
        drop(world);

        tracing::info!(cluster = id, workers, "starts");
        let live = Arc::new(Live::new(workers));
        let store = Store::of(
            "sim".to_owned(),
            Arc::new(SimObjects {
                world: shared.clone(),
                cluster: id,
            }),
            clock.clone(),
        );
        let run = format!("cluster {id}");
        let (writer, parts) = Writer::new(store.clone(), Arc::clone(&plan), &run);
        // Each worker is as if it were a process of its own; the first one's is the committer's too.
        let stops: Vec<_> = (0..workers)
            .map(|_| Arc::new(AtomicBool::new(false)))
            .collect();
        let settings = Settings {
            fold: fold::Settings {
                plan: Arc::clone(&plan),
                policies: vec![policy; plan.tables.len()],
                summary_window: Some(1_000),
                max_record_bytes: 1 << 20,
            },
            idle_timeout: Duration::from_millis(500),
            until_end: files,
            ends_are_final: files,
            in_flight_bytes,
            epoch_bytes: (epoch_bytes, 1 << 14),
            stop: Arc::clone(&stops[0]),
            snapshots: Some(Snapshots {
                store: store.clone(),
                writer,
            }),
            live: Arc::clone(&live),
            clock: clock.clone(),
        };
        let (mut gate, desk) = CommitGate::new(
            Duration::from_millis(commit_ms),
            Arc::clone(&stops[0]),
            clock.clone(),
        );
        let places = Places::new(shared, id, workers);
        gate.hear(&places.wishes());
        let mut gate = Some(Box::new(gate) as Box<dyn Gate>);
        let read: Rc<RefCell<BTreeMap<u32, u64>>> = Rc::default();
        let seats = allocators(workers)
            .into_iter()
            .map(|allocator| {
                let config = timely::WorkerConfig::default();
                let mut worker = Worker::new(config, allocator, None);
                let gate = gate.take_if(|_| worker.index() == 0);
                let wiring = graph::build(&mut worker, &plan, policy, emit, gate, |_| {});
                let (index, peers) = (worker.index(), worker.peers());
                let (world, read) = (shared.clone(), Rc::clone(&read));
                let open = move |start: &_| SimFeed::new(&world, (index, peers), start, read);
                let settings = Settings {
                    stop: Arc::clone(&stops[index]),
                    ..settings.clone()
                };
                let driver = Driver::new(index, peers, wiring, settings, open);
                Seat {
                    driver,
                    worker,
                    done: false,
                }
            })
            .collect();
        let rejects = |dead| SimRejects {
            world: shared.clone(),
            cluster: id,
            dead,
        };
        let input = SimInput {
            world: shared.clone(),
            cluster: id,
            stop: Arc::clone(&stops[0]),
        };
        shared.lock().started(id, &live, &stops);
        let database = SimDatabase::new(shared, id);
        let log = SimLog::new(shared, id);
        let sinks: [Box<dyn Sink>; 2] = [
            Box::new(
                DatabaseSink::over(database, Arc::clone(&live), clock.clone())
                    // Whoever supervises it starts it again.
                    .started_before(id > 1),
            ),
            Box::new(TransactionalSink::over(log, false, live, clock).started_before(id > 1)),
        ];
        let outputs = Outputs {
            sinks: order::rolled(shared, sinks),
            late: Some(Box::new(rejects(false))),
            dead: Some(Box::new(rejects(true))),
            wishes: Some(places.wishes()),
            observers: vec![Box::new(Balance(shared.clone())), Box::new(places)],
            input: (!files).then(|| Box::new(input) as Box<dyn Input>),
            forget: Default::default(),
            dimension_of: None,
            emit,
            state: Some(Keeping {
                store,
                interval: Duration::from_millis(snapshot_ms),
                run,
            }),
            one_by_one: true,
            tracer: None,
            live: Arc::default(),
        };
        Cluster {
            id,
            seats,
            office: Office::Closed(plan, Box::new(outputs), desk),
            parts,
            manifests: None,
            read,
            closed: None,
            in_peace: false,
            failed: None,
            world: shared.clone(),
        }
    }

    /// Asks one of its processes to stop, if none was asked yet. Its worker hears it, whatever the committer waits for.
    pub fn stop(&mut self) {
        let one = self.world.lock().ask_to_stop(self.id);
        if let Some(one) = one {
            let seat = &mut self.seats[one];
            if !seat.done {
                self.failed = seat.driver.turn().err();
                self.closed = Some(one);
            }
        }
    }

    /// Whether its workers have read all that is there, and its sinks have caught up: who is asked to stop before
    /// leaves a sink as it was.
    pub fn has_read_all(&self) -> bool {
        let Office::Open(committer) = &self.office else {
            return false;
        };
        if !committer.is_caught_up() {
            return false;
        }
        let read = self.read.borrow();
        let world = self.world.lock();
        (0u32..)
            .zip(&world.visible)
            .all(|(p, end)| read.get(&p) == Some(end))
    }

    /// One of its parts goes on a step.
    pub fn step(&mut self) -> Step {
        let choice = self.world.lock().dice.roll(8);
        self.world.lock().ends(self.id, "a step");
        if let Some(failure) = self.failed.take() {
            return self.judge(Err(failure));
        }
        let done = match choice {
            0 => self.commit(),
            1 => {
                self.parts.turn();
                Ok(())
            }
            2 => {
                if let Some(manifests) = &mut self.manifests {
                    manifests.turn().map(drop)
                } else {
                    Ok(())
                }
            }
            _ => self.turn(),
        };
        self.judge(done)
    }

    /// A failure is only what killing or fencing brings about.
    fn judge(&self, done: Result<(), Failure>) -> Step {
        let mut world = self.world.lock();
        if world.is_gone(self.id) {
            let said = world.said(self.id).filter(|_| self.in_peace);
            let is_none = said.is_some_and(|s| s.contains("nothing that was read is lost"));
            if let Some(one) = self.closed.filter(|_| is_none) {
                // Of the others nobody knows how far they have come.
                let closed = |p: u32| p as usize % self.seats.len() == one;
                self.check_committed(&mut world, "it says that nothing is lost", closed);
            }
            return Step::Dead;
        }
        if self.id == 1 && world.outages.login.is_wrong() && done.is_ok() {
            panic!("I13: the first start is not let in, and goes on");
        }
        match done {
            // A login that was never taken is wrong usage; one that was is waited for, and the file is read again.
            Err(failure) if failure.to_string().contains("28P01") => {
                let renewed = RENEWED + world.outages.slow;
                let right_for = world.outages.login.right_for(world.clock.now());
                let is_first = self.id == 1 && world.outages.login.is_wrong();
                let (code, wanted) = (failure.exit(), if is_first { USAGE } else { FAILED });
                // One that stood still meanwhile had no time to look.
                let looks = self.id == world.newest && !is_first;
                assert!(
                    code == wanted && (!looks || right_for < renewed),
                    "I13: cluster {} ends with {code}, the file being right for {right_for:?}: {}",
                    self.id,
                    failure
                );
                Step::Dead
            }
            // The one that opened last goes on, which may be an older one that stood still while it opened.
            Err(failure) if failure.to_string().contains("taken over") => Step::Dead,
            // A store that does not answer at the start ends the process; its supervisor starts it again.
            Err(failure) if failure.to_string().contains(NO_STORE) => Step::Dead,
            // So does a database that was put back to before windows that nobody keeps any more.
            Err(failure) if failure.to_string().contains("may be among what it lost") => Step::Dead,
            // So does one that is put back while it is being opened.
            Err(failure) if failure.to_string().contains("had acknowledged commit") => Step::Dead,
            // So does a part that is lost or damaged after it was looked at.
            Err(failure) if failure.to_string().contains("loading the snapshot failed") => {
                Step::Dead
            }
            // The topic is not the one any more that was committed, or is gone: it says so, and what can be done.
            Err(failure)
                if world.topic.struck
                    && ["--forget source", "does not exist"]
                        .iter()
                        .any(|words| failure.to_string().contains(words)) =>
            {
                world.topic.refused = Some(failure.to_string());
                Step::Dead
            }
            Err(failure) => panic!("cluster {} ends with: {}", self.id, failure),
            Ok(()) if self.seats.iter().all(|s| s.done) => {
                let is_open = matches!(&self.office, Office::Open(c) if c.is_caught_up());
                if is_open && self.in_peace {
                    self.check_committed(&mut world, "it has ended", |_| true);
                }
                Step::Ended
            }
            Ok(()) => Step::Going,
        }
    }

    /// What was read of these partitions is what both sinks show: further records change nothing.
    fn check_committed(&self, world: &mut World, why: &str, of: impl Fn(u32) -> bool) {
        let is_newest = self.id == world.newest;
        if !is_newest || world.topic.struck || world.seen.put_back > 0 {
            return;
        }
        for sink in [world::Sink::Database, world::Sink::Log] {
            let shown = world.shown(sink).offsets.clone();
            let mut ends = shown.clone();
            for (p, read) in self.read.borrow().iter().filter(|(p, _)| of(**p)) {
                let end = ends.entry(*p).or_default();
                *end = (*end).max(*read);
            }
            let same = world.reference(&shown).rows == world.reference(&ends).rows;
            assert!(
                same,
                "I11: cluster {}: {why}, and {} shows {shown:?} of {ends:?}",
                self.id,
                sink.name()
            );
        }
    }

    fn turn(&mut self) -> Result<(), Failure> {
        let n = self.world.lock().dice.roll(self.seats.len() as u64) as usize;
        let seat = &mut self.seats[n];
        // The dataflow goes on even where the driver has ended, until all have.
        if !seat.done {
            seat.done = seat.driver.turn()? == Turn::Done;
        }
        seat.worker.step();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Failure> {
        match std::mem::replace(&mut self.office, Office::Opening) {
            Office::Closed(plan, outputs, desk) => {
                let opened = Committer::open(plan, *outputs, desk);
                // Asked to stop meanwhile, it may have left its sinks as they were.
                self.in_peace = !self.world.lock().is_asked(self.id);
                let mut committer = opened?;
                self.manifests = committer.manifests.take();
                self.office = Office::Open(Box::new(committer));
            }
            Office::Open(mut committer) => {
                committer.turn()?;
                self.office = Office::Open(committer);
            }
            Office::Opening => {}
        }
        Ok(())
    }
}

thread_local! {
    /// The cluster that took over while another stood still in the midst of a call.
    static SUCCESSOR: RefCell<Option<Cluster>> = const { RefCell::new(None) };
}

/// Starts the next cluster, and lets it run for a while.
pub fn take_over(world: &Shared) {
    world.lock().seen.takeovers += 1;
    world.lock().frozen += 1;
    let mut next = Cluster::start(world);
    // Many have only opened their sinks when the other goes on; others have committed.
    let steps = {
        let dice = &mut world.lock().dice;
        let most = [60, 60, 1500][dice.roll(3) as usize];
        dice.roll(most)
    };
    for _ in 0..steps {
        world.lock().pass();
        if next.step() == Step::Dead {
            next = Cluster::start(world);
        }
        // It may have been taken over itself.
        if let Some(newer) = successor() {
            next = newer;
        }
    }
    world.lock().frozen -= 1;
    SUCCESSOR.set(Some(next));
}

/// The cluster that has taken over since this was last asked.
pub fn successor() -> Option<Cluster> {
    SUCCESSOR.take()
}
