//! The engine over partitions of records: what is given to it in which order, the snapshot that it is asked for, what it commits.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use standings_engine::dataflow::control::Start;
use standings_engine::dataflow::gate::{Bell, Gate};
use standings_engine::dataflow::graph;
use standings_engine::driver::{self, Feed, Settings, Snapshots};
use standings_engine::event_time::partition::Policy;
use standings_engine::fold;
use standings_engine::rank::emit::Emit;
use standings_engine::rank::state::GatherState;
use standings_engine::snapshot::order::Complete;
use standings_engine::snapshot::{Store, Writer};
use standings_model::block::{Home, PartitionId, SourceEvent};
use standings_model::change::Commit;
use standings_model::clock::Clock;
use standings_model::plan::Plan;

use crate::history::Dice;
use crate::mistakes;
use crate::written::{Record, block};

/// A snapshot, and where its parts are.
pub struct Keeps {
    store: Store,
    complete: Complete,
}

/// A partition: its number, its table's, its records.
pub struct Part {
    pub id: PartitionId,
    pub table: usize,
    pub is_fact: bool,
    pub records: Vec<Record>,
}

/// Events in an order made up: those of facts once what they are joined with is there.
struct Given {
    first: RefCell<VecDeque<SourceEvent>>,
    then: RefCell<VecDeque<SourceEvent>>,
    partners: Cell<bool>,
    dice: RefCell<Dice>,
}

impl Feed for Given {
    fn try_next(&self) -> Option<SourceEvent> {
        // Now and then there is nothing yet: an epoch ends.
        if self.dice.borrow_mut().roll(3) == 0 {
            return None;
        }
        let next = self.first.borrow_mut().pop_front();
        match self.partners.get() {
            true => next.or_else(|| self.then.borrow_mut().pop_front()),
            false => next,
        }
    }

    fn durable(&self, _: &[(PartitionId, u64)]) {}

    fn partners(&self) {
        self.partners.set(true);
    }
}

/// What one worker is given.
fn given(parts: &[Part], start: &Start, seed: u64, (worker, workers): (usize, usize)) -> Given {
    let mut dice = Dice::new(seed * 31 + worker as u64);
    let (mut first, mut then) = (VecDeque::new(), VecDeque::new());
    let mut own: Vec<(&Part, usize)> = Vec::new();
    for part in parts.iter().filter(|p| p.id as usize % workers == worker) {
        let offset = start.resume.get(&part.id).copied().unwrap_or(0);
        first.push_back(SourceEvent::Assigned {
            partition: part.id,
            home: Arc::new(Home {
                table: part.table,
                partition: part.id,
                ..Home::default()
            }),
            offset,
            end: part.records.len() as u64,
        });
        own.push((part, offset as usize));
    }
    first.push_back(SourceEvent::Ready);
    for (part, offset) in own.iter_mut().filter(|(part, _)| !part.is_fact) {
        let back = start.ids_from.get(&part.id).copied();
        let mut at = back.unwrap_or(*offset as u64) as usize;
        // Its end as it is seen now, or where an earlier run was.
        let end = match start.resume.is_empty() {
            true => dice.roll(part.records.len() as u64 + 1) as usize,
            false => *offset,
        };
        while at < end {
            let to = (at + 1 + dice.roll(5) as usize).min(end);
            first.push_back(SourceEvent::Block(block(part.id, &part.records, at, to)));
            at = to;
        }
        first.push_back(SourceEvent::CaughtUp { partition: part.id });
        *offset = end;
    }
    while !own.is_empty() {
        let i = dice.roll(own.len() as u64) as usize;
        let (part, at) = own[i];
        let end = part.records.len();
        let to = (at + 1 + dice.roll(5) as usize).min(end);
        if to > at {
            then.push_back(SourceEvent::Block(block(part.id, &part.records, at, to)));
        }
        own[i].1 = to;
        if to == end {
            then.push_back(SourceEvent::Ended { partition: part.id });
            own.swap_remove(i);
        }
    }
    Given {
        first: RefCell::new(first),
        then: RefCell::new(then),
        // Where nothing is joined with, nobody waits for it.
        partners: Cell::new(parts.iter().all(|part| part.is_fact)),
        dice: RefCell::new(dice),
    }
}

/// Takes every draft, and asks for one snapshot.
struct Gatekeeper {
    start: Option<(Start, Option<GatherState>)>,
    commits: Arc<Mutex<Vec<Commit>>>,
    kept: Arc<Mutex<Option<Complete>>>,
    durable: AtomicU64,
    /// After so many drafts a snapshot is due.
    after: Option<usize>,
}

impl Gate for Gatekeeper {
    fn bell(&self) -> Bell {
        Bell::default()
    }

    fn is_writing(&self) -> bool {
        false
    }

    fn start(&mut self) -> Option<(Start, Option<GatherState>)> {
        self.start.take()
    }

    fn released(&self) -> bool {
        true
    }

    fn snapshot_due(&mut self) -> Option<u64> {
        let after = self.after?;
        let is_due = self.commits.lock().unwrap().len() >= after;
        is_due.then(|| self.after.take()).flatten().map(|_| 1)
    }

    fn snapshot(&mut self, complete: Option<Complete>) {
        *self.kept.lock().unwrap() = complete;
    }

    fn ready(&mut self, _: bool) -> bool {
        true
    }

    fn offer(&mut self, draft: Commit, up_to: u64) {
        self.commits.lock().unwrap().push(draft);
        self.durable.store(up_to, Ordering::Relaxed);
    }

    fn closed_before(&self) -> i64 {
        i64::MIN
    }

    fn durable(&self) -> u64 {
        self.durable.load(Ordering::Relaxed)
    }
}

/// The commits of a run, and the snapshot that was made on the way.
pub fn run(
    parts: Vec<Part>,
    (plan, policies): (&Arc<Plan>, Vec<Policy>),
    (seed, workers): (u64, usize),
    kept: Option<Keeps>,
) -> (Vec<Commit>, Option<Keeps>) {
    let policy = Policy::widest(&policies);
    let store = kept
        .as_ref()
        .map_or_else(Store::in_memory, |kept| kept.store.clone());
    let live = Arc::default();
    let writer = Writer::start(store.clone(), Arc::clone(plan), Arc::clone(&live), "run").unwrap();
    let settings = Settings {
        fold: fold::Settings {
            plan: Arc::clone(plan),
            policies,
            summary_window: None,
            max_record_bytes: 1 << 20,
        },
        idle_timeout: Duration::from_secs(3600),
        until_end: true,
        ends_are_final: false,
        in_flight_bytes: 1 << (10 + seed % 10),
        epoch_bytes: (1 << (5 + seed % 6), 1 << 12),
        stop: Arc::new(AtomicBool::new(false)),
        snapshots: Some(Snapshots {
            store: store.clone(),
            writer,
        }),
        live,
        clock: Clock::default(),
    };
    let start = match &kept {
        None => (Start::default(), None),
        Some(Keeps { complete, .. }) => {
            let state = &complete.state;
            let start = Start {
                resume: state.offsets.clone(),
                horizon: state.horizon,
                parts: complete.parts.clone(),
                greatest: state.greatest.clone(),
                found: state.found.clone(),
                bootstrap: state.bootstrap.clone(),
                ids_from: state.ids_from.clone(),
                ..Start::default()
            };
            (start, Some(state.clone()))
        }
    };
    let parts = Arc::new(parts);
    let (commits, complete) = (Arc::default(), Arc::new(Mutex::new(None)));
    let (own, made) = (Arc::clone(&commits), Arc::clone(&complete));
    let after = kept.is_none().then_some(1 + seed as usize % 3);
    let config = match workers {
        1 => timely::Config::thread(),
        _ => timely::Config::process(workers),
    };
    let mistake = mistakes::present();
    let guards = timely::execute(config, move |worker| {
        mistakes::make(mistake);
        let gate = Gatekeeper {
            start: Some(start.clone()),
            commits: Arc::clone(&own),
            kept: Arc::clone(&made),
            durable: AtomicU64::new(0),
            after,
        };
        let index = worker.index();
        let gate = (index == 0).then_some(Box::new(gate) as Box<dyn Gate>);
        let plan = &settings.fold.plan;
        let wiring = graph::build(worker, plan, policy, Emit::Rows, gate, |_| {});
        let parts = Arc::clone(&parts);
        let feed = move |start: &Start| given(&parts, start, seed, (index, workers));
        driver::run(worker, wiring, settings.clone(), feed).unwrap();
    });
    guards.unwrap().join().into_iter().for_each(|r| r.unwrap());
    let commits = std::mem::take(&mut *commits.lock().unwrap());
    let complete = complete.lock().unwrap().take();
    (commits, complete.map(|complete| Keeps { store, complete }))
}
