//! Deliveries that came: what is remembered of them, and for how long.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use standings_model::clock::Clock;

use crate::batch::Note;

/// How long a delivery is known again: senders try for three days.
const REMEMBERED: Duration = Duration::from_secs(7 * 86_400);
/// How many are.
const MOST: usize = 200_000;
/// How many are forgotten in one transaction.
const AT_ONCE: usize = 1_000;

/// By their marks.
pub(super) struct Remembered {
    clock: Clock,
    /// Milliseconds since the Unix epoch.
    at: BTreeMap<String, i64>,
    /// The oldest first.
    order: VecDeque<(i64, String)>,
}

impl Remembered {
    pub(super) fn new(clock: Clock) -> Self {
        Remembered {
            clock,
            at: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// From the ledger.
    pub(super) fn read(&mut self, notes: &BTreeMap<String, String>) {
        let all = notes
            .iter()
            .map(|(mark, at)| (mark.clone(), at.parse().unwrap_or(0)));
        self.at = all.collect();
        let mut order: Vec<(i64, String)> = self
            .at
            .iter()
            .map(|(mark, at)| (*at, mark.clone()))
            .collect();
        order.sort();
        self.order = order.into();
    }

    pub(super) fn has(&self, mark: &str) -> bool {
        self.at.contains_key(mark)
    }

    /// One that came now.
    pub(super) fn note(&mut self, mark: &str) -> Note {
        let now = ms(self.clock.wall());
        self.at.insert(mark.to_owned(), now);
        self.order.push_back((now, mark.to_owned()));
        Note {
            key: mark.to_owned(),
            value: Some(now.to_string()),
        }
    }

    /// Forgets those that are too old, or too many.
    pub(super) fn forget(&mut self) -> Vec<Note> {
        let since =
            ms(self.clock.wall()) - i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
        let mut gone = Vec::new();
        while gone.len() < AT_ONCE
            && let Some((at, _)) = self.order.front()
            && (*at < since || self.order.len() > MOST)
            && let Some((at, mark)) = self.order.pop_front()
        {
            // One that was noted once more is younger.
            if self.at.get(&mark) == Some(&at) {
                self.at.remove(&mark);
                gone.push(Note {
                    key: mark,
                    value: None,
                });
            }
        }
        gone
    }
}

fn ms(at: SystemTime) -> i64 {
    let passed = at.duration_since(SystemTime::UNIX_EPOCH);
    passed.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_is_forgotten_and_nothing_else() {
        let clock = Clock::by_hand();
        let mut seen = Remembered::new(clock.clone());
        seen.note("a");
        clock.sleep(REMEMBERED);
        seen.note("b");
        assert!(seen.forget().is_empty());
        clock.sleep(Duration::from_secs(1));
        let gone: Vec<String> = seen.forget().into_iter().map(|n| n.key).collect();
        assert_eq!(gone, ["a"]);
        assert!(!seen.has("a") && seen.has("b"));
        let mut again = Remembered::new(clock);
        again.read(&[("b".to_owned(), ms(seen.clock.wall()).to_string())].into());
        assert!(again.has("b") && again.forget().is_empty());
    }
}
