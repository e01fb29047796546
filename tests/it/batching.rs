//! The same input gives the same rankings, whatever the batching and the number of workers (DESIGN 2.1), and every
//! commit on the way is a consistent cut (DESIGN 2.2). Drives the library's engine with a feed and a gate of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use standings_engine::dataflow::gate::Gate;
use standings_engine::dataflow::graph;
use standings_engine::driver::{self, Settings};
use standings_engine::event_time::partition::Policy;
use standings_engine::fold;
use standings_engine::rank::emit::Emit;
use standings_model::block::{Block, NO_TIMESTAMP, RecordRef, SourceEvent};
use standings_model::clock::Clock;
use standings_model::plan::{
    Aggregate, Field, Input, Key, Measure, OrderTerm, Plan, Provisional, RankFunction, Ranking,
    RowColumn,
};
use standings_model::reject::Reject;
use standings_model::table::Table;
use standings_model::value::Value;
use standings_model::window::{Cut, Length, Window};

use crate::support::inside::{Given, Kept};

/// A small generator (xorshift), so that a seed names a case.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

/// Rankings of cities in windows of 100 ms: some ranks of those that pass HAVING, beside a condition, with what is computed of
/// measures; all groups that pass it, unranked; the first three without their rank.
const MORE: [(&str, &str); 3] = [
    (
        "ranged",
        "SELECT window_start, window_end, city, total * 2 AS doubled, sales - 1 AS less, r FROM (
           SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY total * 2 - sales DESC) AS r FROM (
             SELECT window_start, window_end, city, SUM(amount) AS total, COUNT(*) AS sales
             FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '0.1' SECOND))
             GROUP BY window_start, window_end, city HAVING COUNT(*) >= 2 AND MIN(amount) < 3))
         WHERE r BETWEEN 2 AND 4 AND city <> 'k03'",
    ),
    (
        "unranked",
        "SELECT window_start, window_end, city, COUNT(*) AS sales, MAX(amount) - MIN(amount) AS spread
         FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '0.1' SECOND))
         GROUP BY window_start, window_end, city HAVING SUM(amount) > 2",
    ),
    (
        "unsaid",
        "SELECT window_start, window_end, city, SUM(amount) AS total
         FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '0.1' SECOND))
         GROUP BY window_start, window_end, city
         QUALIFY ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY SUM(amount) DESC) <= 3",
    ),
];

/// What the rankings beyond the first three show of a window: city, total, number of sales, least and greatest.
fn more(rows: &mut Rows, window: (i64, i64), cities: &[(u64, i128, i128, (i128, i128))]) {
    let text = |n: u64| show(&Value::text(format!("k{n:02}")));
    let (null, cents) = (
        || show(&Value::Null),
        |n: i128| show(&Value::cents(n * 100)),
    );
    let whole = |n: i128| show(&Value::Integer(n));
    let passing = cities.iter().filter(|c| c.2 >= 2 && c.3.0 < 3);
    let passing: Vec<_> = passing.collect();
    for (city, total, sales, _) in &passing {
        let order = |total: &i128, sales: &i128| total * 2 - sales;
        let own = order(total, sales);
        let better = passing.iter().filter(|c| order(&c.1, &c.2) > own).count();
        let rank = better as u64 + 1;
        if (2..=4).contains(&rank) && *city != 3 {
            // Total, sales, least: not shown; two that are; HAVING, WHERE, ORDER BY.
            let shown = show(&Value::Boolean(true));
            let measures = vec![
                null(),
                null(),
                null(),
                cents(total * 2),
                whole(sales - 1),
                null(),
                shown,
                null(),
            ];
            rows.insert((4, window, vec![text(*city)]), (rank, measures));
        }
    }
    for (city, total, sales, (least, greatest)) in cities {
        if *total > 2 {
            let measures = vec![
                whole(*sales),
                null(),
                null(),
                null(),
                cents(greatest - least),
                null(),
            ];
            rows.insert((5, window, vec![text(*city)]), (0, measures));
        }
    }
    let mut all: Vec<_> = cities.iter().collect();
    all.sort_by_key(|(city, total, ..)| (-total, *city));
    for (city, total, ..) in all.into_iter().take(3) {
        rows.insert((6, window, vec![text(*city)]), (0, vec![cents(*total)]));
    }
}

fn plan() -> Arc<Plan> {
    let table = Table::sales();
    // The row is the table's columns.
    let (city, salesman, amount) = (2, 3, 5);
    let row = table.columns.iter().map(|c| RowColumn {
        kind: c.kind.clone(),
        // A key is never NULL here.
        nullable: false,
        meaning: c.name.clone(),
        is_row_id: false,
    });
    let input = Input {
        table: 0,
        filter: None,
        filter_meaning: None,
        columns: (0..table.columns.len()).collect(),
        unnest: None,
    };
    let measure = |name: &str, aggregate| Measure {
        name: name.to_owned(),
        aggregate,
        filter: None,
    };
    let total = measure("total", Aggregate::Sum(amount));
    let first = |descending| OrderTerm {
        field: Field::Measure(0),
        descending,
        nulls_first: !descending,
    };
    let shown = |keys: usize, measures: usize| {
        let keys = (0..keys).map(Field::Key);
        keys.chain((0..measures).map(Field::Measure)).collect()
    };
    let cities = Ranking {
        name: "cities".to_owned(),
        window: Window::tumbling(100),
        keeps_windows: false,
        lets_go: false,
        waits: 0,
        is_hidden: false,
        inputs: vec![input],
        row: row.collect(),
        keys: vec![Key {
            name: "city".to_owned(),
            column: city,
        }],
        placed: vec![],
        session_by: vec![],
        partition: vec![],
        is_rows: false,
        retracts: false,
        joined: None,
        paired: None,
        as_they_are: false,
        measures: vec![
            total.clone(),
            measure("sales", Aggregate::CountAll),
            measure("least", Aggregate::Min(amount)),
            measure("salesmen", Aggregate::CountDistinct(salesman)),
            measure("last", Aggregate::LastValue(salesman)),
        ],
        computed: Vec::new(),
        having: None,
        order: vec![first(true)],
        rank: Some(RankFunction::RowNumber),
        from: 1,
        limit: 3,
        shows_rank: true,
        shown_if: None,
        provisional: Provisional::All,
        fields: shown(1, 5),
    };
    let salesmen = Ranking {
        name: "salesmen".to_owned(),
        window: Window::hopping(50, 200),
        keys: vec![
            Key {
                name: "city".to_owned(),
                column: city,
            },
            Key {
                name: "salesman".to_owned(),
                column: salesman,
            },
        ],
        session_by: vec![],
        partition: vec![0],
        measures: vec![total.clone()],
        order: vec![first(false)],
        rank: Some(RankFunction::DenseRank),
        limit: 2,
        fields: shown(2, 1),
        ..cities.clone()
    };
    let cumulated = Ranking {
        name: "cumulated".to_owned(),
        window: Window::new(
            Window::family("CUMULATE").unwrap(),
            &[25, 100].map(Length::Time),
            Cut::default(),
        )
        .unwrap(),
        measures: vec![total.clone(), measure("sales", Aggregate::CountAll)],
        limit: 2,
        fields: shown(1, 2),
        ..cities.clone()
    };
    let always = Ranking {
        name: "always".to_owned(),
        window: Window::ALWAYS,
        ..cumulated.clone()
    };
    let session = Window::family("SESSION").unwrap();
    let sessions = Ranking {
        name: "sessions".to_owned(),
        window: Window::new(session, &[Length::Time(GAP)], Cut::default()).unwrap(),
        session_by: vec![0],
        measures: vec![
            total,
            measure("sales", Aggregate::CountAll),
            measure("salesmen", Aggregate::CountDistinct(salesman)),
        ],
        fields: [Field::Key(0)]
            .into_iter()
            .chain((0..3).map(Field::Measure))
            .collect(),
        ..cumulated.clone()
    };
    let mut tables = [Table::sales()];
    let more = MORE.map(|(name, sql)| {
        let parsed = standings_query::parse_ranking(name, name, sql, &mut tables);
        parsed.unwrap_or_else(|e| panic!("{e:?}"))
    });
    Arc::new(Plan {
        tables: vec![table],
        rankings: [cities, salesmen, cumulated, always]
            .into_iter()
            .chain(more)
            .chain([sessions])
            .collect(),
        hidden: Vec::new(),
        checks: Vec::new(),
        max_key_bytes: usize::MAX,
        zone: None,
    })
}

type Sale = (i64, u64, u64, i128);

/// Sales per partition.
fn sales(dice: &mut Dice, partitions: u64, number: u64) -> Vec<Vec<Sale>> {
    let mut all = vec![Vec::new(); partitions as usize];
    for i in 0..number {
        let time = (i * 2 + dice.roll(120)) as i64;
        let amount = dice.roll(9) as i128 - 3;
        all[dice.roll(partitions) as usize].push((time, dice.roll(12), dice.roll(40), amount));
    }
    all
}

type Rows = BTreeMap<(usize, (i64, i64), Vec<String>), (u64, Vec<String>)>;

fn show(value: &Value) -> String {
    format!("{value:?}")
}

/// Of sessions.
const GAP: i64 = 20;
/// The number of their ranking: the last.
const SESSIONS: usize = 4 + MORE.len();

/// What a batch query over a prefix per partition returns.
fn expected(all: &[Vec<Sale>], upto: &BTreeMap<u32, u64>, policy: &Policy) -> Rows {
    let mut rows = Rows::new();
    #[derive(Default)]
    struct City {
        total: i128,
        count: i128,
        least: Option<i128>,
        greatest: Option<i128>,
        salesmen: std::collections::BTreeSet<u64>,
        last: (i64, u32, u64, u64),
    }
    let mut cities: BTreeMap<(i64, u64), City> = BTreeMap::new();
    let mut salesmen: BTreeMap<(i64, u64, u64), i128> = BTreeMap::new();
    let mut cumulated: BTreeMap<(i64, i64), BTreeMap<u64, (i128, i128)>> = BTreeMap::new();
    let mut always: BTreeMap<u64, (i128, i128)> = BTreeMap::new();
    let mut alone: BTreeMap<u64, Vec<(i64, i128, u64)>> = BTreeMap::new();
    for (p, offset) in upto {
        let mut greatest = None;
        for (o, (time, city, salesman, amount)) in
            all[*p as usize][..*offset as usize].iter().enumerate()
        {
            let counts = |end: i64| {
                greatest.is_none_or(|g: i64| {
                    g - policy.out_of_orderness < end + policy.allowed_lateness
                })
            };
            // Of all time nothing is late.
            let c = always.entry(*city).or_default();
            *c = (c.0 + amount, c.1 + 1);
            if counts(time + GAP) {
                let of = alone.entry(*city).or_default();
                of.push((*time, *amount, *salesman));
            }
            let start = time / 100 * 100;
            if counts(start + 100) {
                let c = cities.entry((start, *city)).or_default();
                c.total += amount;
                c.count += 1;
                c.least = Some(c.least.map_or(*amount, |l| l.min(*amount)));
                c.greatest = c.greatest.max(Some(*amount));
                c.salesmen.insert(*salesman);
                c.last = c.last.max((*time, *p, o as u64 + 1, *salesman));
            }
            for end in (start + 25..=start + 100).step_by(25) {
                if *time < end && counts(end) {
                    let window = cumulated.entry((start, end)).or_default();
                    let c = window.entry(*city).or_default();
                    *c = (c.0 + amount, c.1 + 1);
                }
            }
            for start in (-150..=*time).step_by(50).filter(|s| s + 200 > *time) {
                if counts(start + 200) {
                    *salesmen.entry((start, *city, *salesman)).or_default() += amount;
                }
            }
            greatest = greatest.max(Some(*time));
        }
    }
    let text = |n: u64| show(&Value::text(format!("k{n:02}")));
    let mut windows: BTreeMap<i64, Vec<_>> = BTreeMap::new();
    for ((start, city), c) in &cities {
        windows
            .entry(*start)
            .or_default()
            .push((-c.total, *city, c));
    }
    for (start, mut all) in windows {
        let of = |(_, city, c): &(i128, u64, &City)| {
            let ends = (c.least.unwrap(), c.greatest.unwrap());
            (*city, c.total, c.count, ends)
        };
        let of_all: Vec<_> = all.iter().map(of).collect();
        more(&mut rows, (start, start + 100), &of_all);
        all.sort_by_key(|(total, city, _)| (*total, *city));
        for (i, (_, city, c)) in all.iter().take(3).enumerate() {
            let measures = vec![
                show(&Value::cents(c.total * 100)),
                show(&Value::Integer(c.count)),
                show(&Value::cents(c.least.unwrap() * 100)),
                show(&Value::Integer(c.salesmen.len() as i128)),
                text(c.last.3),
            ];
            let at = (0, (start, start + 100), vec![text(*city)]);
            rows.insert(at, (i as u64 + 1, measures));
        }
    }
    let of_all_time = ((i64::MIN, i64::MAX), always);
    let cumulated = cumulated.into_iter().map(|of| (2, of));
    let both = cumulated.chain(
        [(3, of_all_time)]
            .into_iter()
            .filter(|(_, (_, all))| !all.is_empty()),
    );
    for (ranking, (window, cities)) in both {
        let mut all: Vec<_> = cities.into_iter().collect();
        all.sort_by_key(|(city, (total, _))| (-total, *city));
        for (i, (city, (total, count))) in all.into_iter().take(2).enumerate() {
            let measures = vec![
                show(&Value::cents(total * 100)),
                show(&Value::Integer(count)),
            ];
            rows.insert(
                (ranking, window, vec![text(city)]),
                (i as u64 + 1, measures),
            );
        }
    }
    // Rows of a city that follow each other within a gap are one session.
    // Total, sales, key.
    type Row = (i128, u64, Vec<String>);
    let mut sessions: BTreeMap<(i64, i64), Vec<Row>> = BTreeMap::new();
    for (city, mut all) in alone {
        all.sort();
        let mut rest = &all[..];
        while let Some((start, ..)) = rest.first() {
            let mut end = *start;
            let one = rest.iter().take_while(|(time, ..)| {
                let is_next = *time <= end;
                end = if is_next { time + GAP } else { end };
                is_next
            });
            let (one, others) = rest.split_at(one.count());
            let total: i128 = one.iter().map(|(_, amount, _)| amount).sum();
            let men: std::collections::BTreeSet<u64> = one.iter().map(|(.., man)| *man).collect();
            let measures = vec![
                show(&Value::cents(total * 100)),
                show(&Value::Integer(one.len() as i128)),
                show(&Value::Integer(men.len() as i128)),
            ];
            let window = sessions.entry((*start, end)).or_default();
            window.push((-total, city, measures));
            rest = others;
        }
    }
    for (window, mut all) in sessions {
        all.sort();
        for (i, (_, city, measures)) in all.into_iter().take(2).enumerate() {
            rows.insert(
                (SESSIONS, window, vec![text(city)]),
                (i as u64 + 1, measures),
            );
        }
    }
    let mut groups: BTreeMap<(i64, u64), Vec<(i128, u64)>> = BTreeMap::new();
    for ((start, city, salesman), total) in &salesmen {
        groups
            .entry((*start, *city))
            .or_default()
            .push((*total, *salesman));
    }
    for ((start, city), mut all) in groups {
        all.sort();
        let mut totals: Vec<i128> = all.iter().map(|(t, _)| *t).collect();
        totals.dedup();
        for (total, salesman) in all {
            let rank = totals.iter().position(|t| *t == total).unwrap() as u64 + 1;
            if rank <= 2 {
                rows.insert(
                    (1, (start, start + 200), vec![text(city), text(salesman)]),
                    (rank, vec![show(&Value::cents(total * 100))]),
                );
            }
        }
    }
    rows
}

fn events(
    dice: &mut Dice,
    all: &[Vec<Sale>],
    worker: usize,
    workers: usize,
) -> VecDeque<SourceEvent> {
    let mut events = VecDeque::new();
    let mut own: Vec<(usize, usize)> = Vec::new();
    for p in (0..all.len()).filter(|p| p % workers == worker) {
        events.push_back(SourceEvent::Assigned {
            partition: p as u32,
            home: Arc::default(),
            offset: 0,
            end: 0,
        });
        own.push((p, 0));
    }
    events.push_back(SourceEvent::Ready);
    while !own.is_empty() {
        let i = dice.roll(own.len() as u64) as usize;
        let (p, at) = own[i];
        let to = (at + 1 + dice.roll(60) as usize).min(all[p].len());
        let mut block = Block {
            next_offset: to as u64,
            ..Block::new(p as u32)
        };
        for (o, (time, city, salesman, amount)) in all[p].iter().enumerate().take(to).skip(at) {
            let start = block.bytes.len() as u32;
            let line = format!(
                r#"{{"sale_id":{o},"event_time":{time},"city":"k{city:02}","salesman_id":"k{salesman:02}","amount":{amount}}}"#
            );
            block.bytes.extend_from_slice(line.as_bytes());
            let end = block.bytes.len() as u32;
            block.records.push(RecordRef {
                start,
                end,
                offset: o as u64,
                timestamp: NO_TIMESTAMP,
            });
        }
        events.push_back(SourceEvent::Block(block));
        own[i].1 = to;
        if to == all[p].len() {
            events.push_back(SourceEvent::Ended {
                partition: p as u32,
            });
            own.swap_remove(i);
        }
    }
    events
}

const POLICY: Policy = Policy {
    out_of_orderness: 60,
    allowed_lateness: 30,
    max_ahead: 1000,
    retain: 1_000_000,
};

/// All but the sizes, which each test has its own of.
fn settings(plan: &Arc<Plan>) -> Settings {
    Settings {
        fold: fold::Settings {
            plan: Arc::clone(plan),
            policies: vec![POLICY],
            summary_window: Some(50),
            max_record_bytes: 1 << 20,
        },
        idle_timeout: Duration::from_secs(3600),
        until_end: true,
        ends_are_final: true,
        in_flight_bytes: 0,
        epoch_bytes: (0, 0),
        stop: Arc::new(AtomicBool::new(false)),
        snapshots: None,
        live: Arc::default(),
        clock: Clock::default(),
    }
}

fn run(seed: u64, workers: usize) {
    let mut dice = Dice(seed * 7919 + 1);
    let plan = plan();
    let all = sales(&mut dice, 1 + seed % 5, 1500);
    let commits = Arc::new(Mutex::new(Vec::new()));
    let settings = Settings {
        in_flight_bytes: 1 << (10 + seed % 10),
        epoch_bytes: (1 << (7 + seed % 6), 1 << 14),
        ..settings(&plan)
    };
    let config = if workers == 1 {
        timely::Config::thread()
    } else {
        timely::Config::process(workers)
    };
    let (input, sink) = (all.clone(), Arc::clone(&commits));
    let guards = timely::execute(config, move |worker| {
        let gate = Kept {
            commits: Arc::clone(&sink),
            ..Kept::default()
        };
        let gate = (worker.index() == 0).then_some(Box::new(gate) as Box<dyn Gate>);
        let wiring = graph::build(
            worker,
            &settings.fold.plan,
            POLICY,
            Emit::Rows,
            gate,
            |_| {},
        );
        let mut dice = Dice(seed + 100 * worker.index() as u64 + 3);
        let events = events(&mut dice, &input, worker.index(), worker.peers());
        let feed = Given::new(events);
        driver::run(worker, wiring, settings.clone(), |_| feed).unwrap();
    });
    guards.unwrap().join().into_iter().for_each(|r| r.unwrap());

    let mut rows = Rows::new();
    let mut finals = BTreeMap::new();
    let commits = commits.lock().unwrap();
    assert!(!commits.is_empty());
    for commit in commits.iter() {
        let mut seen = std::collections::BTreeSet::new();
        for change in commit.changes.iter() {
            let key = (
                change.ranking,
                (change.window_start, change.window_end),
                change.key.iter().map(show).collect::<Vec<_>>(),
            );
            assert!(
                seen.insert(key.clone()),
                "seed {seed}: a key changed twice in one commit"
            );
            let before = rows.get(&key).map(|r| r.0);
            assert_eq!(
                before, change.previous_rank,
                "seed {seed}: previous rank of {key:?}"
            );
            match change.rank {
                Some(rank) => {
                    let row = (rank, change.measures.iter().map(show).collect());
                    let was_final =
                        finals.insert(key.clone(), change.is_final) == Some(change.is_final);
                    assert!(
                        rows.insert(key, row.clone()).as_ref() != Some(&row) || !was_final,
                        "seed {seed}: no change"
                    );
                }
                None => {
                    rows.remove(&key);
                    finals.remove(&key);
                }
            }
        }
        let want = expected(&all, &commit.offsets, &POLICY);
        assert_eq!(
            rows, want,
            "seed {seed}, {workers} workers: the cut {:?}",
            commit.offsets
        );
        assert!(commit.counts.values().all(|c| c.balanced()));
    }
    assert!(
        finals
            .iter()
            .all(|((ranking, ..), f)| *f == (*ranking != 3)),
        "seed {seed}: every window is final at the end, but that of all time"
    );
    let read: u64 = commits
        .last()
        .unwrap()
        .counts
        .values()
        .map(|c| c.read)
        .sum();
    assert_eq!(read, 1500);
}

/// What a gate sees of so many sales: how often it was asked to wait, how many drafts it took, and how many sales the last one
/// stands for. `waits`: it takes no draft of a backlog.
fn seen_by_a_gate(
    number: u64,
    epoch_bytes: (usize, usize),
    waits: bool,
    late_after: u64,
) -> (u64, usize, u64) {
    let mut dice = Dice(77);
    let plan = plan();
    let settings = Settings {
        in_flight_bytes: 8 << 20,
        epoch_bytes,
        ..settings(&plan)
    };
    let input = sales(&mut dice, 2, number);
    let commits = Arc::new(Mutex::new(Vec::new()));
    let waited = Arc::new(AtomicU64::new(0));
    let (sink, count) = (Arc::clone(&commits), Arc::clone(&waited));
    let work = move |worker: &mut timely::worker::Worker| {
        let gate = Kept {
            commits: Arc::clone(&sink),
            waits,
            waited: Arc::clone(&count),
            ..Kept::default()
        };
        let gate = Some(Box::new(gate) as Box<dyn Gate>);
        let wiring = graph::build(
            worker,
            &settings.fold.plan,
            POLICY,
            Emit::Rows,
            gate,
            |_| {},
        );
        let mut feed = Given::new(events(&mut Dice(9), &input, 0, 1));
        feed.late_after = late_after;
        driver::run(worker, wiring, settings.clone(), |_| feed).unwrap();
    };
    let guards = timely::execute(timely::Config::thread(), work).unwrap();
    guards.join().into_iter().for_each(|r| r.unwrap());
    let commits = commits.lock().unwrap();
    let read = commits.last().unwrap().counts.values().map(|c| c.read);
    (
        waited.load(Ordering::Relaxed),
        commits.len(),
        read.sum::<u64>(),
    )
}

#[test]
fn a_backlog_waits_for_room_and_its_end_for_nothing() {
    let (waited, drafts, read) = seen_by_a_gate(300_000, (1 << 17, 1 << 20), true, 0);
    assert!(waited > 2, "asked to wait {waited} times");
    // It cannot wait for ever: what is read and not durable is bounded by a third of the input.
    assert!((3..60).contains(&drafts), "{drafts} drafts");
    assert_eq!(read, 300_000);
}

#[test]
fn what_is_no_backlog_does_not_wait() {
    assert_eq!(seen_by_a_gate(1_500, (1 << 17, 1 << 20), true, 0).0, 0);
    // Epochs that cannot grow say nothing of how much there is.
    let same = 1 << 20;
    assert_eq!(seen_by_a_gate(100_000, (same, same), true, 0).0, 0);
}

#[test]
fn a_reader_that_is_late_now_and_then_makes_no_small_epochs() {
    // Some 24 MB; nothing to read after each 1.5.
    let (_, drafts, read) = seen_by_a_gate(300_000, (1 << 17, 4 << 20), false, 500);
    assert!((6..45).contains(&drafts), "{drafts} drafts");
    assert_eq!(read, 300_000);
}

/// What is kept until it is written bounds what is read, not the few bytes that it came with.
#[test]
fn records_that_are_no_sales_count_with_what_they_hold() {
    const RECORDS: u64 = 200_000;
    const BOUND: usize = 4 << 20;
    let plan = plan();
    let settings = Settings {
        in_flight_bytes: BOUND,
        epoch_bytes: (1 << 17, 1 << 20),
        ..settings(&plan)
    };
    let commits = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&commits);
    let work = move |worker: &mut timely::worker::Worker| {
        let gate = Kept {
            commits: Arc::clone(&sink),
            waits: true,
            ..Kept::default()
        };
        let gate = Some(Box::new(gate) as Box<dyn Gate>);
        let wiring = graph::build(
            worker,
            &settings.fold.plan,
            POLICY,
            Emit::Rows,
            gate,
            |_| {},
        );
        let mut events = VecDeque::from([
            SourceEvent::Assigned {
                partition: 0,
                home: Arc::default(),
                offset: 0,
                end: 0,
            },
            SourceEvent::Ready,
        ]);
        for from in (0..RECORDS).step_by(1000) {
            let records = (0..1000).map(|n| RecordRef {
                start: n,
                end: n + 1,
                offset: from + u64::from(n),
                timestamp: NO_TIMESTAMP,
            });
            events.push_back(SourceEvent::Block(Block {
                bytes: vec![b'x'; 1000],
                records: records.collect(),
                next_offset: from + 1000,
                ..Block::new(0)
            }));
        }
        events.push_back(SourceEvent::Ended { partition: 0 });
        let feed = Given::new(events);
        driver::run(worker, wiring, settings.clone(), |_| feed).unwrap();
    };
    let guards = timely::execute(timely::Config::thread(), work).unwrap();
    guards.join().into_iter().for_each(|r| r.unwrap());
    let commits = commits.lock().unwrap();
    let most = commits.iter().map(|c| c.rejects.len()).max().unwrap();
    // The bound, and one block.
    let allowed = BOUND / (2 * size_of::<Reject>()) + 1000;
    assert!(most <= allowed, "{most} of at most {allowed} are held");
    let all: usize = commits.iter().map(|c| c.rejects.len()).sum();
    assert_eq!(all as u64, RECORDS);
}

#[test]
fn one_worker() {
    (1..=12).for_each(|seed| run(seed, 1));
}

#[test]
fn two_workers() {
    (20..=28).for_each(|seed| run(seed, 2));
}

#[test]
fn three_workers() {
    (40..=46).for_each(|seed| run(seed, 3));
}
