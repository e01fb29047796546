//! `emit.provisional`: which windows that have not closed are shown.
//!
//! ```text
//! ends:    watermark          greatest event time
//!   ────────────┼──────────────────────┼──────●─────────●─────►
//!     closed    │ next: shown up to here ─────┘         │
//!               └ none: up to here        all: everything
//! ```
//!
//! 1. What is shown of a prefix depends on it alone: windows up to an end that never goes back. A window that is shown stays so, and
//!    is kept current.
//! 2. Closed windows and rankings of all time are shown whatever is said.

use std::sync::Arc;

use standings_model::plan::{Plan, Provisional, Ranking};

use crate::event_time::BEGINNING;

/// Which windows are shown.
pub(super) struct Shown {
    /// By ranking: those that end at or before this, ms.
    to: Vec<i64>,
    /// By ranking: the end of the window that is next, as of when it was asked for last.
    next: Vec<i64>,
}

impl Shown {
    /// Of a plan of which nothing is read.
    pub(super) fn new(plan: &Arc<Plan>) -> Self {
        Shown {
            to: vec![BEGINNING; plan.rankings.len()],
            next: vec![BEGINNING; plan.rankings.len()],
        }
    }

    /// Whether a window is shown.
    pub(super) fn has(&self, ranking: usize, end: i64) -> bool {
        end <= self.to[ranking]
    }

    /// Goes on to a watermark and a greatest event time; the windows that are shown from now on, as the ends before the first and of
    /// the last. `first_after`: the least end of the ranking's windows after a time.
    pub(super) fn advance(
        &mut self,
        (number, ranking): (usize, &Ranking),
        watermark: i64,
        greatest: Option<i64>,
        first_after: impl FnOnce(i64) -> Option<i64>,
    ) -> Option<(i64, i64)> {
        let to = match ranking.provisional {
            _ if ranking.window.is_always() => i64::MAX,
            Provisional::All => i64::MAX,
            Provisional::None => watermark,
            Provisional::Next => match greatest {
                None => watermark,
                Some(time) => {
                    let next = &mut self.next[number];
                    if ranking.window.is_session() {
                        *next = first_after(time).unwrap_or(*next);
                    } else if time >= *next {
                        *next = ranking.window.ends(time).last().unwrap_or(*next);
                    }
                    watermark.max(*next)
                }
            },
        };
        let before = self.to[number];
        self.to[number] = to.max(before);
        (to > before).then_some((before, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::window::Window;

    const HOUR: i64 = 3_600_000;

    fn shown(provisional: Provisional, window: Window) -> impl FnMut(i64, i64) -> i64 {
        let mut plan = standings_query::load_shipped().unwrap();
        plan.rankings.truncate(1);
        (plan.rankings[0].provisional, plan.rankings[0].window) = (provisional, window);
        let plan = Arc::new(plan);
        let mut shown = Shown::new(&plan);
        move |watermark, greatest| {
            let greatest = (greatest > 0).then_some(greatest);
            shown.advance((0, &plan.rankings[0]), watermark, greatest, |_| None);
            shown.to[0]
        }
    }

    #[test]
    fn of_the_windows_that_hold_the_greatest_time_the_first_to_end() {
        // Three hours, each hour: at 05:30 the one that ends at 06:00.
        let mut next = shown(Provisional::Next, Window::hopping(HOUR, 3 * HOUR));
        assert_eq!(next(BEGINNING, 0), BEGINNING);
        assert_eq!(next(0, 5 * HOUR + HOUR / 2), 6 * HOUR);
        assert_eq!(next(5 * HOUR, 6 * HOUR - 1), 6 * HOUR);
        assert_eq!(next(5 * HOUR, 6 * HOUR), 7 * HOUR);
        // What is shown is not hidden again; what has closed is shown.
        assert_eq!(next(5 * HOUR, 5 * HOUR), 7 * HOUR);
        assert_eq!(next(9 * HOUR, 6 * HOUR), 9 * HOUR);
        let mut none = shown(Provisional::None, Window::tumbling(HOUR));
        assert_eq!((none(0, 9 * HOUR), none(HOUR, 9 * HOUR)), (0, HOUR));
        let mut all = shown(Provisional::All, Window::tumbling(HOUR));
        assert_eq!(all(0, 1), i64::MAX);
        let mut always = shown(Provisional::None, Window::ALWAYS);
        assert_eq!(always(0, 1), i64::MAX);
    }
}
