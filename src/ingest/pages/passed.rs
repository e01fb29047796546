//! Pages that were asked for: a cursor that comes back is a circle, and a page that comes again under other numbers is none.
//!
//! 1. The last of them are in the cursor: who was killed knows them too.
//! 2. A page that is the one before it once more may be so because rows came in front: it is asked for again, then passed over; three
//!    in a row are an endpoint that does not look at the number.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

/// Cursors that are known in memory, and those that are in the cursor.
const MOST: usize = 100_000;
const KEPT: usize = 16;

/// What is known of the pages before.
#[derive(Debug, Default)]
pub(super) struct Passed {
    cursors: BTreeSet<u64>,
    last: VecDeque<u64>,
    /// The text of the counted page before.
    before: Option<u64>,
    /// The present page was asked for again, because it is that one.
    asked_again: bool,
    /// So many pages in a row were.
    alike: u64,
}

/// What a counted page is, held against the one before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Another, or the same for good reason.
    Fine,
    /// The same: it should be asked for again.
    AskAgain,
    /// The same too often.
    Never,
}

impl Passed {
    /// A cursor is left behind.
    pub(super) fn add(&mut self, cursor: &str) {
        let hash = xxh3_64(cursor.as_bytes());
        if self.cursors.len() < MOST {
            self.cursors.insert(hash);
        }
        self.last.push_back(hash);
        if self.last.len() > KEPT {
            self.last.pop_front();
        }
    }

    /// Whether a cursor was left behind.
    pub(super) fn has(&self, cursor: &str) -> bool {
        self.cursors.contains(&xxh3_64(cursor.as_bytes()))
    }

    /// A new pass begins.
    pub(super) fn clear(&mut self) {
        *self = Passed::default();
    }

    /// Looks at a counted page with rows, which is not the first.
    pub(super) fn counted(&mut self, text: &str) -> Counted {
        let hash = xxh3_64(text.as_bytes());
        if self.before != Some(hash) {
            (self.before, self.asked_again, self.alike) = (Some(hash), false, 0);
            return Counted::Fine;
        }
        if !std::mem::replace(&mut self.asked_again, true) {
            return Counted::AskAgain;
        }
        self.asked_again = false;
        self.alike += 1;
        match self.alike {
            1 => Counted::Fine,
            _ => Counted::Never,
        }
    }

    /// The first page of a pass.
    pub(super) fn first(&mut self, text: &str) {
        let hash = xxh3_64(text.as_bytes());
        (self.before, self.asked_again, self.alike) = (Some(hash), false, 0);
    }

    /// For the cursor.
    pub(super) fn json(&self) -> Value {
        let hex = |hash: &u64| format!("{hash:016x}");
        json!({
            "cursors": self.last.iter().map(hex).collect::<Vec<_>>(),
            "before": self.before.as_ref().map(hex),
            "alike": self.alike,
        })
    }

    /// From the cursor.
    pub(super) fn of(value: &Value) -> Self {
        let hash = |text: &Value| u64::from_str_radix(text.as_str()?, 16).ok();
        let last = value.get("cursors").and_then(Value::as_array);
        let last: VecDeque<u64> = last.into_iter().flatten().filter_map(hash).collect();
        Passed {
            cursors: last.iter().copied().collect(),
            last,
            before: value.get("before").and_then(hash),
            asked_again: false,
            alike: value.get("alike").and_then(Value::as_u64).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_is_known_after_a_kill() {
        let mut passed = Passed::default();
        (0..200).for_each(|n| passed.add(&n.to_string()));
        assert!(passed.has("0") && passed.has("199") && !passed.has("200"));
        let again = Passed::of(&passed.json());
        assert!(again.has("199") && again.has("184") && !again.has("183"));
        passed.clear();
        assert!(!passed.has("199"));
        assert!(!Passed::of(&Value::Null).has(""));
    }

    #[test]
    fn pages_that_come_again() {
        let mut passed = Passed::default();
        passed.first("a");
        assert_eq!(passed.counted("a"), Counted::AskAgain);
        // It was a slip.
        assert_eq!(passed.counted("b"), Counted::Fine);
        // Rows came in front: it is passed over.
        assert_eq!(passed.counted("b"), Counted::AskAgain);
        assert_eq!(passed.counted("b"), Counted::Fine);
        let mut passed = Passed::of(&passed.json());
        assert_eq!(passed.counted("b"), Counted::AskAgain);
        assert_eq!(passed.counted("b"), Counted::Never);
    }
}
