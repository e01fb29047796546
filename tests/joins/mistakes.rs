//! Deliberate mistakes of joins: each is made, and some history must show it. Without the feature `sabotage` there are none.
//!
//! `STANDINGS_TEST_CASES=2000` looks so far for each; the seed that shows one is printed.

use std::cell::Cell;

use standings_model::sabotage::Mistake;

thread_local! {
    static PRESENT: Cell<Option<Mistake>> = const { Cell::new(None) };
}

/// The mistake that runs are to make that this thread begins.
pub fn present() -> Option<Mistake> {
    PRESENT.get()
}

/// Makes it from now on, on this thread.
pub fn make(mistake: Option<Mistake>) {
    #[cfg(feature = "sabotage")]
    standings_model::sabotage::make(mistake);
    #[cfg(not(feature = "sabotage"))]
    let _ = mistake;
}

#[cfg(feature = "sabotage")]
mod made {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::{Mistake, PRESENT};
    use crate::history::History;
    use crate::{cases, pairs, run};

    /// Whether a history shows something.
    fn shows(mistake: Mistake, seed: u64) -> bool {
        let workers = 1 + seed as usize % 3;
        let others = 1 + (workers + seed as usize / 3 % 2) % 3;
        let tried = AssertUnwindSafe(|| {
            if mistake.name().starts_with("pair-") {
                if let Some(kept) = pairs::whole(seed, workers).kept {
                    pairs::from(seed, others, kept);
                }
                return;
            }
            let history = History::new(seed);
            if let Some(kept) = run::whole(&history, seed, workers) {
                run::from(&history, seed, others, kept);
            }
        });
        catch_unwind(tried).is_err()
    }

    #[test]
    fn each_mistake_of_joins_is_noticed() {
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let mut missed = Vec::new();
        for mistake in Mistake::OF_JOINS {
            PRESENT.set(Some(*mistake));
            match (1..=cases(300)).find(|seed| shows(*mistake, *seed)) {
                Some(seed) => println!("{} {seed}", mistake.name()),
                None => missed.push(mistake.name()),
            }
            PRESENT.set(None);
        }
        std::panic::set_hook(quiet);
        assert!(missed.is_empty(), "not noticed: {missed:?}");
    }
}
