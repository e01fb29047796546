//! Joins against a plain model (`model.rs`), which shares no code with the engine: hostile histories of three tables in three forms,
//! read by one to three workers in any order, each commit held against the prefixes that it names; and the same from a snapshot in
//! the middle, by another number of workers.
//!
//! `STANDINGS_TEST_CASES=5000` tries so many histories.

mod engine;
mod history;
mod mistakes;
mod model;
mod pairs;
mod run;
mod written;

use history::History;

/// How many histories are tried.
fn cases(few: u64) -> u64 {
    let asked = std::env::var("STANDINGS_TEST_CASES");
    asked.ok().and_then(|n| n.parse().ok()).unwrap_or(few)
}

fn first() -> u64 {
    let asked = std::env::var("STANDINGS_TEST_SEED");
    asked.ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Whole, and from a snapshot on.
#[test]
fn every_commit_is_what_the_model_says() {
    let mut restarts = 0;
    for seed in first()..first() + cases(60) {
        let history = History::new(seed);
        let workers = 1 + seed as usize % 3;
        let kept = run::whole(&history, seed, workers);
        if let Some(kept) = kept {
            restarts += 1;
            let others = 1 + (workers + seed as usize / 3 % 2) % 3;
            run::from(&history, seed, others, kept);
        }
    }
    // Many histories are long enough for one.
    let few = cases(60);
    assert!(few < 20 || restarts * 4 > few, "{restarts} restarts");
}

/// Two tables of events, whole and from a snapshot on.
#[test]
fn pairs_are_those_of_a_plain_model_at_every_commit() {
    let (mut restarts, mut late, mut told) = (0, 0, 0);
    for seed in first()..first() + cases(200) {
        let workers = 1 + seed as usize % 3;
        let run = pairs::whole(seed, workers);
        (late, told) = (late + run.late, told + run.pairs);
        if let Some(kept) = run.kept {
            restarts += 1;
            let others = 1 + (workers + seed as usize / 3 % 2) % 3;
            pairs::from(seed, others, kept);
        }
    }
    let few = cases(200);
    assert!(few < 20 || restarts * 20 > few, "{restarts} restarts");
    assert!(
        few < 20 || (late > few && told > few),
        "{late} late rows, {told} pairs"
    );
}
