//! Joins against a plain model (`model.rs`), which shares no code with the engine: hostile histories of three tables in three forms,
//! read by one to three workers in any order, each commit held against the prefixes that it names; and the same from a snapshot in
//! the middle, by another number of workers.
//!
//! `STANDINGS_TEST_CASES=5000` tries so many histories.

mod history;
mod model;
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
