//! The board against plain folds of the same commits.

use std::collections::HashMap;
use std::sync::Arc;

use super::shown::SPARE_SERIES;
use super::*;
use crate::as_of::offsets;
use standings_model::change::Change;
use standings_model::time::DAY;
use standings_model::window::Bounds;

fn plan() -> Plan {
    standings_query::load_shipped().unwrap()
}

fn city_ranking(plan: &Plan) -> usize {
    plan.rankings
        .iter()
        .position(|r| r.name == "top_sales_per_city")
        .unwrap()
}

/// Dice of a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

fn key(city: u64) -> Key {
    Key::from([Value::text(format!("city {city}"))])
}

fn change(
    ranking: usize,
    day: i64,
    city: u64,
    rank: Option<u64>,
    total: i128,
    is_final: bool,
) -> Change {
    let measures = match rank {
        Some(_) => Arc::from([
            Value::cents(total),
            Value::Integer(1),
            Value::cents(total),
            Value::cents(total),
        ]),
        None => Arc::from([]),
    };
    Change {
        ranking,
        window_start: day * DAY,
        window_end: (day + 1) * DAY,
        key: key(city),
        rank,
        previous_rank: None,
        measures,
        is_final,
    }
}

fn told(number: u64, changes: Vec<Change>) -> Told {
    Told {
        number,
        at: 1_000 + number as i64,
        changes: Arc::new(changes),
        offsets: Some(offsets(&BTreeMap::from([(0, number * 10)]))),
        watermark: Some(number as i64),
        watermarks: vec![(0, Some(number as i64))],
        ..Told::default()
    }
}

type Folded = HashMap<(i64, Key), (u64, Arc<[Value]>)>;

fn fold(rows: &mut Folded, changes: &[Change]) {
    for c in changes {
        let at = (c.window_start, c.key.clone());
        match c.rank {
            Some(rank) => drop(rows.insert(at, (rank, c.measures.clone()))),
            None => drop(rows.remove(&at)),
        }
    }
}

fn window(day: i64) -> Bounds {
    Bounds {
        start: day * DAY,
        end: (day + 1) * DAY,
    }
}

fn shown_at(board: &Board, plan: &Plan, at: (usize, Bounds), commit: u64) -> AsItWas {
    board.view(|view| view.rows_at(plan, at, commit, usize::MAX))
}

#[test]
fn every_kept_commit_is_the_fold_up_to_it() {
    let plan = plan();
    let ranking = city_ranking(&plan);
    for seed in 1..20 {
        let mut dice = Dice(seed * 7919);
        let board = Board::bounded(&plan, &Policy::default(), 1_000, 60);
        let mut folds = vec![(0, Folded::new())];
        let mut number = 0;
        for _ in 0..40 {
            number += 1 + dice.roll(2);
            let mut cities: Vec<u64> = (0..8).collect();
            let mut changes = Vec::new();
            for _ in 0..dice.roll(6) {
                let city = cities.swap_remove(dice.roll(cities.len() as u64) as usize);
                let day = dice.roll(3) as i64;
                let there = folds
                    .last()
                    .unwrap()
                    .1
                    .contains_key(&(day * DAY, key(city)));
                let rank = (!there || dice.roll(3) > 0).then(|| 1 + dice.roll(9));
                changes.push(change(
                    ranking,
                    day,
                    city,
                    rank,
                    i128::from(dice.roll(1000)),
                    false,
                ));
            }
            if changes.is_empty() {
                board.apply(&plan, told(0, Vec::new()));
                continue;
            }
            let mut rows = folds.last().unwrap().1.clone();
            fold(&mut rows, &changes);
            folds.push((number, rows));
            board.apply(&plan, told(number, changes));
        }
        let mut kept = 0;
        for commit in 0..=number {
            let (of, rows) = folds.iter().rev().find(|(n, _)| *n <= commit).unwrap();
            for day in 0..3 {
                match shown_at(&board, &plan, (ranking, window(day)), commit) {
                    AsItWas::TooOld(oldest) => assert!(commit < oldest),
                    AsItWas::NoWindow => assert!(!rows.keys().any(|k| k.0 == day * DAY)),
                    AsItWas::NotYet(last) => assert!(commit > last),
                    AsItWas::Rows(as_of, info, shown) => {
                        kept += 1;
                        assert_eq!(as_of.commit, *of);
                        let want = rows.iter().filter(|(k, _)| k.0 == info.bounds.start);
                        let want: HashMap<_, _> =
                            want.map(|((_, k), v)| (k.clone(), v.clone())).collect();
                        assert!(shown.windows(2).all(|w| w[0].rank <= w[1].rank));
                        let shown: HashMap<_, _> = shown
                            .into_iter()
                            .map(|r| (r.key, (r.rank, r.measures)))
                            .collect();
                        assert_eq!(shown, want, "seed {seed} commit {commit}");
                    }
                }
            }
        }
        assert!(kept > 10, "seed {seed}: {kept}");
    }
}

#[test]
fn resuming_gives_what_came_after_or_says_that_it_cannot() {
    let plan = plan();
    let ranking = city_ranking(&plan);
    let board = Board::bounded(&plan, &Policy::default(), 1_000, 10);
    for number in 1..=20 {
        board.apply(
            &plan,
            told(
                number,
                vec![change(
                    ranking,
                    1,
                    number % 5,
                    Some(1),
                    number.into(),
                    false,
                )],
            ),
        );
    }
    board.view(|view| {
        let numbers = |after| -> Option<Vec<u64>> {
            Some(
                view.after(after, 99)?
                    .iter()
                    .map(|e| e.as_of.commit)
                    .collect(),
            )
        };
        assert_eq!(numbers(20), Some(vec![]));
        assert_eq!(numbers(17), Some(vec![18, 19, 20]));
        assert_eq!(numbers(10).map(|n| n.len()), Some(10));
        assert_eq!(numbers(9), None);
        assert_eq!(numbers(21), None);
        let entry = view.entry(18).unwrap();
        assert_eq!((entry.from[0].1, entry.as_of.offsets[0].1), (170, 180));
    });
}

#[test]
fn nobody_goes_on_from_within_what_an_earlier_run_left() {
    let plan = plan();
    let ranking = city_ranking(&plan);
    let board = Board::new(&plan, &Policy::default(), 1_000);
    // Read again after a restart: rows without a number, and one commit that completes them.
    board.apply(
        &plan,
        told(0, vec![change(ranking, 1, 1, Some(1), 5, false)]),
    );
    board.goes_on(500);
    let mut last = told(501, vec![change(ranking, 1, 2, Some(2), 4, false)]);
    last.at = 9;
    board.apply(&plan, last);
    board.view(|view| {
        assert_eq!(view.as_of().commit, 501);
        assert!(
            view.after(500, 9).is_none(),
            "a client at 500 has other rows than the board had"
        );
        assert!(view.after(501, 9).is_some());
    });
    board.apply(
        &plan,
        told(502, vec![change(ranking, 1, 2, Some(2), 6, false)]),
    );
    board.view(|view| assert_eq!(view.after(501, 9).map(|e| e.len()), Some(1)));
}

#[test]
fn series_of_keys_that_were_ranked_once_are_bounded() {
    let plan = plan();
    let ranking = city_ranking(&plan);
    let board = Board::new(&plan, &Policy::default(), 1_000);
    let mut number = 0;
    let mut apply = |changes| {
        number += 1;
        board.apply(&plan, told(number, changes));
    };
    apply(vec![change(ranking, 1, 0, Some(1), 9, false)]);
    for city in 1..10_000 {
        apply(vec![change(ranking, 1, city, Some(2), 5, false)]);
        apply(vec![change(ranking, 1, city, None, 0, false)]);
    }
    let state = board.state.read().unwrap();
    let shown = &state.rankings[ranking];
    let series = &shown.windows[&window(1)].series;
    assert!(series.keys() <= 2 + SPARE_SERIES + 1, "{}", series.keys());
    assert_eq!(shown.points, series.len());
    let first = series.values(&key(0), 39);
    assert!(
        first.iter().any(Option::is_some),
        "a ranked key keeps its own"
    );
}

#[test]
fn corrections_are_changes_of_what_was_final() {
    let plan = plan();
    let ranking = city_ranking(&plan);
    let board = Board::new(&plan, &Policy::default(), 1_000);
    let row = |number| board.view(|v| v.rows(ranking, window(1), 9).unwrap().1.swap_remove(number));
    board.apply(
        &plan,
        told(1, vec![change(ranking, 1, 1, Some(1), 5, false)]),
    );
    board.apply(
        &plan,
        told(2, vec![change(ranking, 1, 1, Some(1), 5, true)]),
    );
    assert_eq!(
        (row(0).corrected, row(0).corrections),
        (false, (0, 0)),
        "closing is none"
    );
    board.apply(
        &plan,
        told(3, vec![change(ranking, 1, 1, Some(1), 7, true)]),
    );
    let corrected = row(0);
    assert_eq!((corrected.corrected, corrected.corrections), (true, (1, 3)));
    assert_eq!(corrected.before.map(|b| b.0), Some(1));
}

#[test]
fn a_commit_of_a_hundred_changes_is_told_in_microseconds() {
    use standings_model::change::Commit;
    let plan = plan();
    let ranking = city_ranking(&plan);
    let mut commit = Commit {
        number: 1,
        offsets: (0..12).map(|p| (p, 1_000)).collect(),
        watermarks: (0..12).map(|p| (p, Some(1_000))).collect(),
        ..Commit::default()
    };
    let changes = (0..100).map(|i| change(ranking, 1, i, Some(i + 1), i.into(), false));
    commit.changes = Arc::new(changes.collect());
    let began = std::time::Instant::now();
    let rounds: u32 = 2_000;
    for _ in 0..rounds {
        std::hint::black_box(Told::of(&commit));
    }
    let told_us = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    let board = Board::new(&plan, &Policy::default(), 1_000);
    let began = std::time::Instant::now();
    for number in 1..=u64::from(rounds) {
        commit.number = number;
        board.apply(&plan, Told::of(&commit));
    }
    let folded_us = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    println!(
        "100 changes: told in {told_us:.1} us on the commit path, folded in {folded_us:.1} us on the board's thread"
    );
    // Far above what it takes (see docs/http.md), and far below what a commit to a sink takes.
    assert!(told_us < 1_000.0, "{told_us}");
}
