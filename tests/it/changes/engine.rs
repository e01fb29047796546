//! The engine itself, over a history that is cut into blocks at random.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use standings_engine::dataflow::gate::Gate;
use standings_engine::dataflow::graph;
use standings_engine::driver::{self, Settings};
use standings_engine::event_time::partition;
use standings_engine::fold;
use standings_engine::rank::emit::Emit;
use standings_model::block::{Beside, Block, Home, NO_TIMESTAMP, SourceEvent};
use standings_model::change::Commit;
use standings_model::clock::Clock;
use standings_model::json::push_change;
use standings_model::plan::Plan;
use standings_model::reject::{Half as ModelHalf, RejectKind};

use super::Case;
use crate::support::Dice;
use crate::support::changes::forms::write;
use crate::support::changes::model::{Counts, Half};
use crate::support::changes::rankings::{Shown, shown};
use crate::support::changes::shown::Fold;
use crate::support::changes::{Form, What};
use crate::support::inside::{Given, Kept};

/// What a run came to.
pub struct Came {
    pub rows: Shown,
    pub halves: Vec<Half>,
    pub counts: Vec<Counts>,
    /// Keys that were seen in a second partition.
    pub moved: u64,
}

fn plan(case: &Case) -> Arc<Plan> {
    let queries = case.queries();
    let texts: Vec<(&str, &str)> = queries.iter().map(|(n, t)| (&n[..], &t[..])).collect();
    let loaded = standings_query::load_texts(&texts);
    Arc::new(loaded.unwrap_or_else(|e| panic!("{}", e.render())).plan)
}

/// A block of some records of a partition.
fn block(form: Form, p: usize, records: &[What], from: usize, to: usize) -> Block {
    let mut block = Block::new(p as u32);
    for (offset, what) in records.iter().enumerate().take(to).skip(from) {
        let written = write(form, what, offset);
        let value = written.value.unwrap_or_default();
        block.push(value.as_bytes(), offset as u64, NO_TIMESTAMP);
        let key = written.key.map(|key| block.keep(key.as_bytes()));
        block.beside.push(Beside {
            key,
            timestamp: NO_TIMESTAMP,
            ..Beside::default()
        });
    }
    block.next_offset = to as u64;
    block
}

fn events(dice: &mut Dice, case: &Case, worker: usize, workers: usize) -> VecDeque<SourceEvent> {
    let all = &case.records;
    let mut events = VecDeque::new();
    let mut own: Vec<(usize, usize)> = Vec::new();
    for p in (0..all.len()).filter(|p| p % workers == worker) {
        events.push_back(SourceEvent::Assigned {
            partition: p as u32,
            home: Arc::new(Home {
                partition: p as u32,
                ..Home::default()
            }),
            offset: 0,
            end: 0,
        });
        own.push((p, 0));
    }
    events.push_back(SourceEvent::Ready);
    while !own.is_empty() {
        let i = dice.roll(own.len() as u64) as usize;
        let (p, at) = own[i];
        let to = (at + 1 + dice.roll(9) as usize).min(all[p].len());
        if to > at {
            let block = block(case.form, p, &all[p], at, to);
            events.push_back(SourceEvent::Block(block));
        }
        own[i].1 = to;
        if to == all[p].len() {
            let partition = p as u32;
            events.push_back(SourceEvent::Ended { partition });
            own.swap_remove(i);
        }
    }
    events
}

/// The commits of a run over all of a history.
fn commits(case: &Case, plan: &Arc<Plan>, seed: u64, workers: usize) -> Vec<Commit> {
    let policy = partition::Policy {
        out_of_orderness: case.policy.out_of_orderness,
        allowed_lateness: case.policy.allowed_lateness,
        ..partition::Policy::default()
    };
    let settings = Settings {
        fold: fold::Settings {
            plan: Arc::clone(plan),
            policies: vec![policy; plan.tables.len()],
            summary_window: None,
            max_record_bytes: 1 << 20,
        },
        idle_timeout: Duration::from_secs(3600),
        until_end: true,
        ends_are_final: true,
        in_flight_bytes: 1 << (10 + seed % 10),
        epoch_bytes: (1 << (5 + seed % 6), 1 << 12),
        stop: Arc::new(AtomicBool::new(false)),
        snapshots: None,
        live: Arc::default(),
        clock: Clock::default(),
    };
    let each: Vec<_> = (0..workers)
        .map(|worker| {
            events(
                &mut Dice::new(seed * 31 + worker as u64),
                case,
                worker,
                workers,
            )
        })
        .collect();
    let config = match workers {
        1 => timely::Config::thread(),
        _ => timely::Config::process(workers),
    };
    let commits = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&commits);
    let guards = timely::execute(config, move |worker| {
        let gate = Kept {
            commits: Arc::clone(&sink),
            ..Kept::default()
        };
        let gate = (worker.index() == 0).then_some(Box::new(gate) as Box<dyn Gate>);
        let wiring = graph::build(
            worker,
            &settings.fold.plan,
            policy,
            Emit::Rows,
            gate,
            |_| {},
        );
        let feed = Given::new(each[worker.index()].clone());
        driver::run(worker, wiring, settings.clone(), |_| feed).unwrap();
    });
    guards.unwrap().join().into_iter().for_each(|r| r.unwrap());
    let mut commits = commits.lock().unwrap();
    std::mem::take(&mut *commits)
}

/// The late halves of a commit.
fn halves<'a>(case: &'a Case, plan: &'a Plan, commit: &'a Commit) -> impl Iterator<Item = Half> {
    commit.rejects.iter().filter_map(|reject| {
        let RejectKind::Late { missed, half, .. } = &reject.kind else {
            return None;
        };
        let of = |name: &str| case.rankings.iter().find(|r| r.name == name).unwrap().name;
        let mut windows: Vec<_> = missed
            .iter()
            .map(|m| (of(&plan.rankings[m.ranking].name), m.start, m.end))
            .collect();
        windows.sort();
        let half = half.map_or("none", ModelHalf::word);
        Some((
            reject.partition as usize,
            reject.offset as usize,
            half,
            windows,
        ))
    })
}

/// Runs a history, and holds every commit against `check`.
fn each_commit(
    case: &Case,
    seed: u64,
    workers: usize,
    mut check: impl FnMut(&Shown, &Commit),
) -> Came {
    let plan = plan(case);
    let all = commits(case, &plan, seed, workers);
    let mut fold = Fold::default();
    let mut late: Vec<Half> = Vec::new();
    let mut line = Vec::new();
    for (number, commit) in all.iter().enumerate() {
        for change in commit.changes.iter() {
            line.clear();
            push_change(&mut line, &plan, change, number as u64 + 1);
            fold.change(&case.rankings, std::str::from_utf8(&line).unwrap());
        }
        late.extend(halves(case, &plan, commit));
        check(&fold.rows, commit);
    }
    late.sort();
    for at in fold.rows.keys() {
        // What has a window is final at the end of the input.
        assert_eq!(
            fold.finals.contains(at),
            at.1.is_some(),
            "seed {seed}: {at:?}"
        );
    }
    let last = all.last().unwrap();
    let counts = last.counts.values().map(|c| {
        assert!(c.balanced(), "seed {seed}: {c:?}");
        Counts::from([
            ("read", c.read),
            ("ranked", c.ranked),
            ("updated", c.updated),
            ("deleted", c.deleted),
            ("unchanged", c.unchanged),
            ("late", c.late),
            ("filtered", c.filtered),
            ("skipped", c.skipped),
            ("dead_lettered", c.dead),
            ("contradicted", c.contradicted),
        ])
    });
    Came {
        moved: last.counts.values().map(|c| c.keys_moved).sum(),
        counts: counts.collect(),
        halves: late,
        rows: fold.rows,
    }
}

/// Runs a history to its end.
pub fn run(case: &Case, seed: u64, workers: usize) -> Came {
    each_commit(case, seed, workers, |_, _| {})
}

/// Runs a history, and compares each commit and what became of all records with the model.
pub fn compare(case: &Case, seed: u64, workers: usize) {
    let model = case.model();
    let came = each_commit(case, seed, workers, |rows, commit| {
        let upto: Vec<usize> = (0..case.records.len() as u32)
            .map(|p| commit.offsets.get(&p).copied().unwrap_or(0) as usize)
            .collect();
        let want = shown(&model, &case.rankings, &upto);
        differs(
            rows,
            &want,
            &format!(
                "seed {seed}, {:?}, {workers} workers, the cut {upto:?}",
                case.form
            ),
        );
    });
    let (counts, halves) = case.became();
    let about = format!("seed {seed}, {:?}, {workers} workers", case.form);
    assert_eq!(came.counts, counts, "{about}: what became of records");
    assert_eq!(came.halves, halves, "{about}: late halves");
    if case.rankings.iter().any(|r| r.name == "ever") {
        // Of all time no row is let go, so each key is known.
        assert_eq!(came.moved, case.moved(), "{about}: keys of two partitions");
    }
}

/// Says what is missing and what is too many, if anything is.
pub fn differs(found: &Shown, want: &Shown, about: &str) {
    if found == want {
        return;
    }
    let missing = want.iter().filter(|(at, row)| found.get(*at) != Some(row));
    let wrong = found.iter().filter(|(at, row)| want.get(*at) != Some(row));
    let few = |all: Vec<_>| format!("{:#?}", &all[..all.len().min(3)]);
    panic!(
        "{about}: expected {}, found {}",
        few(missing.collect()),
        few(wrong.collect())
    );
}
