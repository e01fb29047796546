//! The dead letters of this process since its start, for who asks why records are none: how many by reason, and the last of them.
//!
//! 1. It is a view, not a store: where the records themselves are kept says `--dead-letter`.
//! 2. Bounded: [`REASONS`] reasons with a count each, the rest together; [`LAST`] letters, of each [`DETAIL`] characters of what was found.
//! 3. A commit is not held: what is noted of a letter is a count, and of the last few a copy.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use standings_model::block::PartitionId;
use standings_model::printable::printable;
use standings_model::reject::{Reject, RejectKind};

/// Reasons that are told apart: those that there are, and each check by its name.
const REASONS: usize = 64;
/// Letters that are told of.
const LAST: usize = 5;
/// Characters of what was found.
const DETAIL: usize = 300;

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// The number of its table in the plan.
    pub(super) table: usize,
    pub(super) partition: PartitionId,
    pub(super) offset: u64,
    pub(super) reason: String,
    /// The check that it failed.
    pub(super) check: Option<String>,
    /// What was found, printable.
    pub(super) detail: String,
}

/// Reason and check.
type Why = (String, Option<String>);

#[derive(Debug, Default)]
struct Noted {
    by_reason: BTreeMap<Why, u64>,
    /// Of reasons beyond [`REASONS`].
    others: u64,
    last: VecDeque<Letter>,
}

/// What was noted.
#[derive(Debug, Default)]
pub(super) struct Letters(Mutex<Noted>);

/// What is told: counts by reason and check, most first; how many of other reasons; the last letters, newest first.
pub(super) type Told = (Vec<(Why, u64)>, u64, Vec<Letter>);

impl Letters {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the rejects of a commit.
    pub(super) fn note(&self, rejects: &[Reject]) {
        if rejects.is_empty() {
            return;
        }
        let mut noted = self.noted();
        let dead = |r: &Reject| matches!(r.kind, RejectKind::Dead { .. });
        let all = rejects.iter().filter(|r| dead(r)).count();
        for (i, reject) in rejects.iter().filter(|r| dead(r)).enumerate() {
            let RejectKind::Dead {
                reason,
                check,
                detail,
                ..
            } = &reject.kind
            else {
                continue;
            };
            let why = (reason.clone(), check.clone());
            let is_full = noted.by_reason.len() >= REASONS;
            match noted.by_reason.get_mut(&why) {
                Some(count) => *count += 1,
                None if is_full => noted.others += 1,
                None => drop(noted.by_reason.insert(why, 1)),
            }
            // Only the last of a commit are copied.
            if i + LAST >= all {
                if noted.last.len() >= LAST {
                    noted.last.pop_front();
                }
                noted.last.push_back(Letter {
                    table: reject.table,
                    partition: reject.partition,
                    offset: reject.offset,
                    reason: reason.clone(),
                    check: check.clone(),
                    detail: printable(detail).chars().take(DETAIL).collect(),
                });
            }
        }
    }

    /// What was noted so far.
    pub(super) fn told(&self) -> Told {
        let noted = self.noted();
        let counts = noted.by_reason.iter().map(|(why, n)| (why.clone(), *n));
        let mut counts: Vec<_> = counts.collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let last = noted.last.iter().rev().cloned().collect();
        (counts, noted.others, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(offset: u64, reason: &str, check: Option<&str>, detail: &str) -> Reject {
        Reject {
            table: 0,
            partition: 1,
            offset,
            kind: RejectKind::Dead {
                reason: reason.to_owned(),
                check: check.map(str::to_owned),
                detail: detail.to_owned(),
            },
            bytes: Vec::new(),
        }
    }

    #[test]
    fn reasons_are_counted_and_the_last_are_kept_newest_first() {
        let letters = Letters::default();
        letters.note(&[]);
        assert_eq!(letters.told(), (Vec::new(), 0, Vec::new()));
        let first: Vec<Reject> = (0..7).map(|n| dead(n, "malformed", None, "x")).collect();
        letters.note(&first);
        letters.note(&[
            dead(7, "check", Some("small"), "99"),
            dead(8, "malformed", None, "\u{1b}[31m"),
        ]);
        let (counts, others, last) = letters.told();
        let counts: Vec<_> = counts
            .iter()
            .map(|((r, c), n)| (r.as_str(), c.as_deref(), *n))
            .collect();
        assert_eq!(
            counts,
            [("malformed", None, 8), ("check", Some("small"), 1)]
        );
        assert_eq!(others, 0);
        let offsets: Vec<u64> = last.iter().map(|l| l.offset).collect();
        assert_eq!(offsets, [8, 7, 6, 5, 4]);
        assert!(!last[0].detail.contains('\u{1b}'), "{:?}", last[0].detail);
    }

    #[test]
    fn what_is_noted_is_bounded() {
        let letters = Letters::default();
        let many: Vec<Reject> = (0..1_000)
            .map(|n| dead(n, &format!("reason-{n:04}"), None, &"é".repeat(10_000)))
            .collect();
        letters.note(&many);
        let (counts, others, last) = letters.told();
        assert_eq!((counts.len(), others, last.len()), (REASONS, 936, LAST));
        assert!(last.iter().all(|l| l.detail.chars().count() == DETAIL));
    }
}
