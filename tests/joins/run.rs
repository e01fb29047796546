//! The engine over a history: what is given to it in which order, what it keeps, and each of its commits held against the model.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use standings_engine::dataflow::control::Start;
use standings_engine::dataflow::gate::{Bell, Gate};
use standings_engine::dataflow::graph;
use standings_engine::driver::{self, Feed, Settings, Snapshots};
use standings_engine::event_time::partition;
use standings_engine::fold;
use standings_engine::rank::emit::Emit;
use standings_engine::rank::state::GatherState;
use standings_engine::snapshot::order::Complete;
use standings_engine::snapshot::{Store, Writer};
use standings_model::block::{Home, PartitionId, SourceEvent};
use standings_model::change::Commit;
use standings_model::clock::Clock;
use standings_model::json::push_change;
use standings_model::plan::Plan;

use crate::history::{Dice, History};
use crate::model::{Cut, Model, Ranking, Rows, Window, rankings};
use crate::written::{Record, block, fact, plan, row};

/// A snapshot, and where its parts are.
pub struct Keeps {
    store: Store,
    complete: Complete,
}

/// A partition: its number, its table's, its records.
struct Part {
    id: PartitionId,
    table: usize,
    is_fact: bool,
    records: Vec<Record>,
}

fn parts(history: &History, plan: &Plan) -> Vec<Part> {
    let table = |name: &str| plan.tables.iter().position(|t| t.name == name).unwrap();
    let mut all: Vec<(usize, bool, Vec<Record>)> = Vec::new();
    for records in &history.facts {
        let records = records.iter().map(|does| fact(history.form, does));
        all.push((table("orders"), true, records.collect()));
    }
    for (name, partitions) in [("cities", &history.cities), ("zones", &history.zones)] {
        for records in partitions {
            let records = records.iter();
            let records = records.map(|does| row(history.dimensions, name == "cities", does));
            all.push((table(name), false, records.collect()));
        }
    }
    let all = (0..).zip(all);
    let part = |(id, (table, is_fact, records))| Part {
        id,
        table,
        is_fact,
        records,
    };
    all.map(part).collect()
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
        partners: Cell::new(false),
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
fn run(
    history: &History,
    plan: &Arc<Plan>,
    (seed, workers): (u64, usize),
    kept: Option<Keeps>,
) -> (Vec<Commit>, Option<Keeps>) {
    let policy = partition::Policy {
        out_of_orderness: history.out_of_orderness,
        allowed_lateness: history.lateness,
        ..partition::Policy::default()
    };
    let store = kept
        .as_ref()
        .map_or_else(Store::in_memory, |kept| kept.store.clone());
    let live = Arc::default();
    let writer = Writer::start(store.clone(), Arc::clone(plan), Arc::clone(&live), "run").unwrap();
    let settings = Settings {
        fold: fold::Settings {
            plan: Arc::clone(plan),
            policies: vec![policy; plan.tables.len()],
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
    let parts = Arc::new(parts(history, plan));
    let (commits, complete) = (Arc::default(), Arc::new(Mutex::new(None)));
    let (own, made) = (Arc::clone(&commits), Arc::clone(&complete));
    let after = kept.is_none().then_some(1 + seed as usize % 3);
    let config = match workers {
        1 => timely::Config::thread(),
        _ => timely::Config::process(workers),
    };
    let guards = timely::execute(config, move |worker| {
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

/// What is shown: by ranking and window.
type Shown = BTreeMap<(String, Window), Rows>;

fn bound(value: &Value) -> i64 {
    // As the model's times: in January 2026 or the day before, whole seconds.
    let text = value.as_str().unwrap();
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let day = if text.starts_with("2025") {
        -1
    } else {
        number(8..10) - 1
    };
    let seconds = number(11..13) * 3600 + number(14..16) * 60 + number(17..19);
    1_767_225_600_000 + day * 86_400_000 + seconds * 1000
}

fn take(shown: &mut Shown, line: &[u8]) {
    let change: Value = serde_json::from_slice(line).unwrap();
    let name = change["ranking"].as_str().unwrap().to_owned();
    let window = (bound(&change["window_start"]), bound(&change["window_end"]));
    let row = &change["row"];
    let key = row["k"].as_str().map(str::to_owned);
    let rows = shown.entry((name, window)).or_default();
    if change["op"] == "delete" {
        assert!(rows.remove(&key).is_some(), "a delete of nothing: {change}");
        return;
    }
    let measures = ["total", "n", "most", "d"].map(|name| (name.to_owned(), row[name].clone()));
    rows.insert(key, Value::Object(measures.into_iter().collect()));
}

/// Holds the commits of a run against the model.
struct Check<'a> {
    about: String,
    history: &'a History,
    model: Model<'a>,
    rankings: &'a [Ranking],
    /// Windows that were over at an earlier commit, as they were shown then.
    over: BTreeMap<(usize, Window), Rows>,
    before: Option<Cut>,
    /// Windows that were over before the run are not told again.
    goes_on: bool,
}

impl Check<'_> {
    fn commit(&mut self, shown: &Shown, commit: &Commit) {
        let cut = self.cut(commit);
        for (number, ranking) in self.rankings.iter().enumerate() {
            let want = self.model.shown(ranking, &cut, None);
            let own = shown
                .iter()
                .filter(|((name, _), rows)| name == ranking.name && !rows.is_empty());
            let found: BTreeMap<Window, &Rows> =
                own.map(|((_, window), rows)| (*window, rows)).collect();
            let mut windows: Vec<Window> = want.keys().chain(found.keys()).copied().collect();
            windows.sort_unstable();
            windows.dedup();
            for window in windows {
                let nothing = Rows::new();
                let want = want.get(&window).unwrap_or(&nothing);
                let found = found.get(&window).copied().unwrap_or(&nothing);
                let is_right = match self.model.is_over(window, &cut) {
                    false => want == found,
                    true => self.stays((number, window), (want, found), &cut),
                };
                assert!(
                    is_right,
                    "{}, {}, {window:?} after {cut:?}: expected {want:#?}, found {found:#?}",
                    self.about, ranking.name
                );
            }
        }
        self.before = Some(cut);
    }

    /// Whether a window that can change no more shows what it may: what it showed at the first commit of which that is so, and
    /// then what there was to join with at some moment since the commit before.
    fn stays(&mut self, at: (usize, Window), (want, found): (&Rows, &Rows), cut: &Cut) -> bool {
        let is_known = match (self.over.get(&at), &self.before) {
            (Some(before), _) => before == found,
            (None, None) if self.goes_on => true,
            (None, before) => want == found || self.some(at, found, before.as_ref(), cut),
        };
        self.over.insert(at, found.clone());
        is_known
    }

    fn some(
        &self,
        (ranking, window): (usize, Window),
        found: &Rows,
        before: Option<&Cut>,
        cut: &Cut,
    ) -> bool {
        let from = |table: usize, p: usize| before.map_or(0, |before| before[table][p]);
        let mut all = vec![cut.clone()];
        for table in [1, 2] {
            for p in 0..cut[table].len() {
                let more = all.iter().flat_map(|of| {
                    (from(table, p)..cut[table][p]).map(|upto| {
                        let mut of = of.clone();
                        of[table][p] = upto;
                        of
                    })
                });
                let more: Vec<Cut> = more.collect();
                all.extend(more);
            }
        }
        all.iter().any(|cut| {
            let rows = self.model.shown(&self.rankings[ranking], cut, Some(window));
            rows.get(&window).unwrap_or(&Rows::new()) == found
        })
    }

    fn cut(&self, commit: &Commit) -> Cut {
        let mut ids = 0..;
        let mut of = |partitions: usize| -> Vec<usize> {
            let ids = ids.by_ref().take(partitions);
            ids.map(|id: PartitionId| commit.offsets.get(&id).copied().unwrap_or(0) as usize)
                .collect()
        };
        let history = self.history;
        [
            of(history.facts.len()),
            of(history.cities.len()),
            of(history.zones.len()),
        ]
    }
}

fn checked(history: &History, seed: u64, workers: usize, kept: Option<Keeps>) -> Option<Keeps> {
    let rankings = rankings();
    let plan = plan(history, &rankings);
    let mut check = Check {
        about: format!(
            "seed {seed}, {:?} with {:?}, {workers} workers{}",
            history.form,
            history.dimensions,
            if kept.is_some() {
                ", from a snapshot"
            } else {
                ""
            }
        ),
        history,
        model: Model::new(history),
        rankings: &rankings,
        over: BTreeMap::new(),
        before: None,
        goes_on: kept.is_some(),
    };
    let (commits, kept) = run(history, &plan, (seed, workers), kept);
    let (mut shown, mut line, mut told) = (Shown::new(), Vec::new(), false);
    for (number, commit) in commits.iter().enumerate() {
        for change in commit.changes.iter() {
            line.clear();
            push_change(&mut line, &plan, change, number as u64 + 1);
            take(&mut shown, &line);
        }
        // Before anything of a snapshot is shown, only offsets are told.
        told |= !commit.changes.is_empty();
        if told || !check.goes_on {
            check.commit(&shown, commit);
        }
    }
    kept
}

/// Reads all of a history; the snapshot that was made on the way, if it was long enough.
pub fn whole(history: &History, seed: u64, workers: usize) -> Option<Keeps> {
    checked(history, seed, workers, None)
}

/// Goes on from a snapshot.
pub fn from(history: &History, seed: u64, workers: usize, kept: Keeps) {
    checked(history, seed + 1_000_000, workers, Some(kept));
}
