//! A cluster of workers on one thread: the engine as it is, a step of one of its parts at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use standings_commit::committer::{CommitGate, Committer, Desk, Keeping, Observer, Outputs};
use standings_commit::database::DatabaseSink;
use standings_commit::sink::Sink;
use standings_commit::transactions::TransactionalSink;
use standings_engine::dataflow::gate::Gate;
use standings_engine::dataflow::graph;
use standings_engine::driver::{Driver, Settings, Snapshots, Turn};
use standings_engine::event_time::partition::Policy;
use standings_engine::input::Input;
use standings_engine::snapshot::{Parts, Store, Writer};
use standings_model::change::Commit;
use standings_model::plan::Plan;
use standings_observe::live::Live;
use standings_process::exit::Failure;
use timely::communication::Allocator;
use timely::worker::Worker;

use crate::feed::SimFeed;
use crate::objects::{NO_STORE, SimObjects};
use crate::order;
use crate::sinks::{SimDatabase, SimLog, SimRejects};
use crate::support::HOUR;
use crate::topic::SimInput;
use crate::world::{OUT_OF_ORDERNESS, Shared};

/// Counts of every commit are balanced, and stand for all that was read.
struct Balance(Shared);

impl Observer for Balance {
    fn opened(&mut self) {}

    fn committed(&mut self, _: &Plan, commit: &Commit) {
        for (p, counts) in &commit.counts {
            assert!(counts.balanced(), "I6: partition {p}: {counts:?}");
            let (begin, end) = (commit.begins[p], commit.offsets[p]);
            let world = self.0.lock();
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
    /// Each worker is as if it were a process of its own; the first one's is the committer's too.
    stops: Vec<Arc<AtomicBool>>,
    /// How far its workers have read.
    read: Rc<RefCell<BTreeMap<u32, u64>>>,
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
        let (files, emit) = (world.files, world.emit);
        drop(world);

        tracing::info!(cluster = id, workers, "starts");
        let policy = Policy {
            out_of_orderness: OUT_OF_ORDERNESS,
            allowed_lateness: HOUR,
            max_ahead: HOUR,
            // Nothing is dropped because of pace, which the reference does not know.
            retain: i64::MAX / 4,
        };
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
        let stops: Vec<_> = (0..workers)
            .map(|_| Arc::new(AtomicBool::new(false)))
            .collect();
        let settings = Settings {
            plan: Arc::clone(&plan),
            policy,
            summary_window: Some(1_000),
            idle_timeout: Duration::from_millis(500),
            until_end: files,
            ends_are_final: files,
            max_record_bytes: 1 << 20,
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
        let (gate, desk) = CommitGate::new(
            Duration::from_millis(commit_ms),
            Arc::clone(&stops[0]),
            clock.clone(),
        );
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
        let database = SimDatabase::new(shared, id);
        let log = SimLog::new(shared, id);
        let sinks: [Box<dyn Sink>; 2] = [
            Box::new(DatabaseSink::over(
                database,
                Arc::clone(&live),
                clock.clone(),
            )),
            Box::new(TransactionalSink::over(log, false, live, clock)),
        ];
        let outputs = Outputs {
            sinks: order::rolled(shared, sinks),
            late: Some(Box::new(rejects(false))),
            dead: Some(Box::new(rejects(true))),
            observers: vec![Box::new(Balance(shared.clone()))],
            input: (!files).then(|| Box::new(SimInput(shared.clone())) as Box<dyn Input>),
            forget: Default::default(),
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
            stops,
            read,
            world: shared.clone(),
        }
    }

    /// Asks one of its processes to stop, if none was asked yet.
    pub fn stop(&self) {
        if self.stops.iter().any(|stop| stop.load(Ordering::Relaxed)) {
            return;
        }
        let one = self.world.lock().dice.roll(self.stops.len() as u64) as usize;
        self.stops[one].store(true, Ordering::Relaxed);
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
            return Step::Dead;
        }
        match done {
            // The one that opened last goes on, which may be an older one that stood still while it opened.
            Err(failure) if failure.message.contains("taken over") => Step::Dead,
            // A store that does not answer at the start ends the process; its supervisor starts it again.
            Err(failure) if failure.message.contains(NO_STORE) => Step::Dead,
            // So does a database that was put back to before windows that nobody keeps any more.
            Err(failure) if failure.message.contains("may be among what it lost") => Step::Dead,
            // So does one that is put back while it is being opened.
            Err(failure) if failure.message.contains("had acknowledged commit") => Step::Dead,
            // So does a part that is lost or damaged after it was looked at.
            Err(failure) if failure.message.contains("loading the snapshot failed") => Step::Dead,
            // The topic is not the one any more that was committed: it says so, and what can be done.
            Err(failure) if world.topic.struck && failure.message.contains("--forget source") => {
                world.topic.refused = Some(failure.message);
                Step::Dead
            }
            Err(failure) => panic!("cluster {} ends with: {}", self.id, failure.message),
            Ok(()) if self.seats.iter().all(|s| s.done) => Step::Ended,
            Ok(()) => Step::Going,
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
                let mut committer = Committer::open(plan, *outputs, desk)?;
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
