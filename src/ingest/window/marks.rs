//! From where on the next look at a table must begin, so that no row of a slow transaction is lost.
//!
//! ```text
//! looks:                 1 ─── 2 ─── 3 ─── 4                each notes when it was, and the greatest cursor that was there
//! a transaction:               ├ runs ─────── commits       it began after look 1: what it writes is not before what 1 saw
//! ```
//!
//! 1. A cursor is given out in order: what is given out after a moment is not before what was there at it. That holds of AUTO_INCREMENT,
//!    and of times that the server writes; what the overlap is for is where it holds by and large only.
//! 2. So the window begins at what the last look saw that was before everything that runs began.
//! 3. A mark that is left out makes the window longer, never shorter.

use serde::{Deserialize, Serialize};

/// Marks that are kept.
const MOST: usize = 512;

/// What a look at the database saw before it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// When it was, by the database's clock, ms.
    pub at: i64,
    /// The greatest first column of the cursor that was there; none: no row had one.
    pub greatest: Option<i64>,
    /// When the oldest began of what has written and goes on, or is being run, ms; none where that could not be asked.
    pub oldest: Option<i64>,
}

/// When looks were, and what they saw, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks(Vec<(i64, i64)>);

impl Marks {
    /// From where on the next look must begin; none: nothing is noted yet from before what runs began.
    pub(super) fn since(&mut self, looked: &Looked) -> Option<i64> {
        let greatest = looked.greatest.unwrap_or(i64::MIN);
        let Some(oldest) = looked.oldest else {
            return Some(greatest);
        };
        // A clock that was put back: what was noted of times to come says nothing any more.
        self.0.retain(|(at, _)| *at < looked.at);
        self.0.push((looked.at, greatest));
        if self.0.len() > MOST {
            let last = self.0.len() - 1;
            let mut place = 0;
            self.0.retain(|_| {
                place += 1;
                place == 1 || place > last || place % 2 == 0
            });
        }
        let before = self.0.iter().rposition(|(at, _)| *at <= oldest)?;
        self.0.drain(..before);
        self.0.first().map(|(_, greatest)| *greatest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(at: i64, greatest: i64, oldest: i64) -> Looked {
        Looked {
            at,
            greatest: Some(greatest),
            oldest: Some(oldest),
        }
    }

    #[test]
    fn the_window_begins_before_what_runs() {
        let mut marks = Marks::default();
        assert_eq!(marks.since(&looked(100, 7, 90)), None);
        assert_eq!(marks.since(&looked(110, 9, 90)), None, "it still runs");
        assert_eq!(marks.since(&looked(120, 12, 105)), Some(7));
        assert_eq!(marks.since(&looked(130, 20, 125)), Some(12));
        for at in 0..5_000 {
            assert_eq!(marks.since(&looked(140 + at, 30 + at, 125)), Some(12));
        }
        assert!(marks.0.len() <= MOST + 1, "{}", marks.0.len());
        let since = marks.since(&looked(6_000, 5_000, 4_000)).unwrap();
        // Of a look before 4,000, though not of each.
        assert!((3_800..=3_890).contains(&since), "{since}");
    }

    #[test]
    fn where_nothing_can_be_asked_the_overlap_is_all_there_is() {
        let looked = Looked {
            at: 5,
            greatest: Some(3),
            oldest: None,
        };
        assert_eq!(Marks::default().since(&looked), Some(3));
    }
}
