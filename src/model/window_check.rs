//! Checks that are judged by windows of event time: the share of an hour's sales that may fail a check, and how many
//! sales a window has beside an earlier one.
//!
//! ```text
//! readers ──► counts by check and window ──► add ──► the global watermark passes a window's end ──► judge
//! ```
//!
//! 1. Counts belong to the prefix of the input that a commit stands for; a snapshot keeps them as of its own.
//! 2. They are an observation: no ranking depends on them. What comes for a window after it was judged is not counted in
//!    a share any more; a volume counts it as long as a later window can be held against it.
//! 3. What is kept is bounded: open windows, and for a volume those within `against`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::check::{Check, Condition, Share, Volume};

/// What a reader counted of one window of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCount {
    /// The check's number in the plan.
    pub check: u32,
    /// Window start, ms since the Unix epoch.
    pub start: i64,
    /// Sales that were asked.
    pub judged: u64,
    /// Of these, sales that failed.
    pub failed: u64,
}

/// How a window did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// As it was asked.
    Passed,
    /// Not so.
    Failed,
    /// There is no earlier window to hold it against, or one with too few sales.
    Unknown,
}

impl Outcome {
    /// As metrics name it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }
}

/// What became of one window of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The check's number in the plan.
    pub check: usize,
    /// Window start, ms since the Unix epoch.
    pub start: i64,
    /// Window end (exclusive), ms since the Unix epoch.
    pub end: i64,
    /// How it did.
    pub outcome: Outcome,
    /// Sales that were asked; of a volume: that the window has.
    pub judged: u64,
    /// Sales that failed; 0 for a volume.
    pub failed: u64,
    /// For a volume: how many sales the earlier window has, if it is known.
    pub earlier: Option<u64>,
}

/// The counts of one check, for a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckWindows {
    /// The check's name.
    pub check: String,
    /// The windows' length, ms.
    pub size: i64,
    /// Windows that start at or before this were not counted whole, and are not judged.
    pub since: i64,
    /// Start, sales that were asked, sales that failed.
    pub windows: Vec<(i64, u64, u64)>,
}

/// All of it, for a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowState {
    /// Windows that end at or before this were judged, ms.
    pub judged_to: Option<i64>,
    /// By check.
    pub checks: Vec<CheckWindows>,
}

/// A check that has windows.
struct Windowed {
    number: u32,
    name: String,
    size: i64,
    rule: Rule,
    since: i64,
    /// By start: sales that were asked, sales that failed.
    counts: BTreeMap<i64, (u64, u64)>,
}

enum Rule {
    Share(Share),
    Volume(Volume),
}

/// Counts of all windows that can still be judged, or that another can be held against.
pub struct WindowChecks {
    checks: Vec<Windowed>,
    judged_to: i64,
}

impl WindowChecks {
    /// Nothing counted yet.
    pub fn new(checks: &[Check]) -> Self {
        let windowed = |(number, check): (usize, &Check)| {
            let size = check.window()?;
            let rule = match &check.condition {
                Condition::Volume(volume) => Rule::Volume(volume.clone()),
                _ => Rule::Share(check.fail_share?),
            };
            Some(Windowed {
                number: number as u32,
                name: check.name.clone(),
                size,
                rule,
                since: i64::MIN,
                counts: BTreeMap::new(),
            })
        };
        WindowChecks {
            checks: checks.iter().enumerate().filter_map(windowed).collect(),
            judged_to: i64::MIN,
        }
    }

    /// Goes on from a snapshot. `greatest`: the greatest event time of its input; a check that it does not know is
    /// judged from the first window after it.
    pub fn restore(&mut self, state: WindowState, greatest: Option<i64>) {
        self.judged_to = state.judged_to.unwrap_or(i64::MIN);
        for check in &mut self.checks {
            let mut known = state.checks.iter();
            match known.find(|k| k.check == check.name && k.size == check.size) {
                Some(known) => {
                    check.since = known.since;
                    let windows = known.windows.iter();
                    check.counts = windows.map(|(at, all, bad)| (*at, (*all, *bad))).collect();
                }
                None => check.since = greatest.unwrap_or(i64::MIN),
            }
        }
    }

    /// What a snapshot keeps.
    pub fn state(&self) -> WindowState {
        let kept = |check: &Windowed| CheckWindows {
            check: check.name.clone(),
            size: check.size,
            since: check.since,
            windows: check
                .counts
                .iter()
                .map(|(start, (judged, failed))| (*start, *judged, *failed))
                .collect(),
        };
        WindowState {
            judged_to: (self.judged_to > i64::MIN).then_some(self.judged_to),
            checks: self.checks.iter().map(kept).collect(),
        }
    }

    /// Takes over what a reader counted.
    pub fn add(&mut self, counts: Vec<WindowCount>) {
        for count in counts {
            let mut checks = self.checks.iter_mut();
            let Some(check) = checks.find(|c| c.number == count.check) else {
                continue;
            };
            let needed = check.rule.matters_until(count.start, check.size);
            if count.start > check.since && needed > self.judged_to {
                let (judged, failed) = check.counts.entry(count.start).or_default();
                *judged += count.judged;
                *failed += count.failed;
            }
        }
    }

    /// The end of the last window that has a sale.
    fn last_end(&self) -> i64 {
        let end = |c: &Windowed| Some(c.counts.last_key_value()?.0.saturating_add(c.size));
        self.checks.iter().filter_map(end).max().unwrap_or(i64::MIN)
    }

    /// Judges the windows that the watermark has passed since the last call, oldest first. Those that end at or before
    /// `known` were judged by an earlier run, and are not told again. `ended`: nothing more comes, so that a window after
    /// the last sale is not an empty one, and another run may go on after it.
    pub fn judge(&mut self, watermark: i64, known: i64, ended: bool) -> Vec<Judgement> {
        if self.checks.is_empty() || watermark <= self.judged_to {
            return Vec::new();
        }
        let from = self.judged_to;
        self.judged_to = match ended {
            true => self.last_end().max(from),
            false => watermark,
        };
        let judged_to = self.judged_to;
        let mut found = Vec::new();
        for check in &mut self.checks {
            let mut starts: BTreeSet<i64> = check.counts.keys().copied().collect();
            let last = starts.last().copied().unwrap_or(i64::MIN);
            if let Rule::Volume(volume) = &check.rule {
                // A window without a sale is seen by the one that it is held against.
                let later = check
                    .counts
                    .keys()
                    .map(|s| s.saturating_add(volume.against));
                starts.extend(later.filter(|s| !ended || *s <= last));
            }
            let passed = |start: &i64| {
                let end = start.saturating_add(check.size);
                end > from && end <= watermark && end > known && *start > check.since
            };
            found.extend(starts.into_iter().filter(passed).map(|s| check.judge(s)));
            while let Some(first) = check.counts.first_entry() {
                let start = *first.key();
                if check.rule.matters_until(start, check.size) > judged_to {
                    break;
                }
                first.remove();
            }
        }
        found.sort_by_key(|j| (j.end, j.check));
        found
    }
}

impl Rule {
    /// Until which watermark the counts of a window of this start and size are needed.
    fn matters_until(&self, start: i64, size: i64) -> i64 {
        let end = start.saturating_add(size);
        match self {
            Rule::Share(_) => end,
            Rule::Volume(volume) => end.saturating_add(volume.against),
        }
    }
}

impl Windowed {
    fn judge(&self, start: i64) -> Judgement {
        let (judged, failed) = self.counts.get(&start).copied().unwrap_or_default();
        let mut earlier = None;
        let outcome = match &self.rule {
            Rule::Share(share) if share.is_exceeded(failed, judged) => Outcome::Failed,
            Rule::Share(_) => Outcome::Passed,
            Rule::Volume(volume) => {
                let before = start.saturating_sub(volume.against);
                earlier = self.counts.get(&before).map(|(sales, _)| *sales);
                match earlier.filter(|n| *n > 0 && *n >= volume.min_sales) {
                    None => Outcome::Unknown,
                    Some(n)
                        if volume.min.is_some_and(|min| min.is_missed(judged, n))
                            || volume.max.is_some_and(|max| max.is_exceeded(judged, n)) =>
                    {
                        Outcome::Failed
                    }
                    Some(_) => Outcome::Passed,
                }
            }
        };
        Judgement {
            check: self.number as usize,
            start,
            end: start.saturating_add(self.size),
            outcome,
            judged,
            failed,
            earlier,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Action;
    use crate::time::HOUR;

    fn check(name: &str, condition: Condition, fail_share: Option<Share>) -> Check {
        Check {
            name: name.to_owned(),
            table: 0,
            column: 0,
            also: Vec::new(),
            condition,
            action: Action::Count,
            fail_share,
            fail_on: None,
        }
    }

    fn both() -> Vec<Check> {
        let volume = Volume {
            size: HOUR,
            against: 24 * HOUR,
            min: Share::parse("50%"),
            max: Share::parse("300%"),
            min_sales: 10,
        };
        vec![
            check("plain", Condition::NotNull, None),
            check("volume", Condition::Volume(volume), None),
            check("share", Condition::NotNull, Share::parse("1%")),
        ]
    }

    fn count(check: u32, hour: i64, judged: u64, failed: u64) -> WindowCount {
        WindowCount {
            check,
            start: hour * HOUR,
            judged,
            failed,
        }
    }

    fn told(found: Vec<Judgement>) -> Vec<(usize, i64, Outcome)> {
        let one = |j: Judgement| (j.check, j.start / HOUR, j.outcome);
        found.into_iter().map(one).collect()
    }

    #[test]
    fn an_hour_fails_by_more_than_its_share() {
        let mut windows = WindowChecks::new(&both());
        windows.add(vec![count(2, 0, 100, 1), count(2, 1, 60, 0)]);
        windows.add(vec![count(2, 1, 40, 2), count(2, 2, 1, 1)]);
        assert_eq!(told(windows.judge(HOUR - 1, i64::MIN, false)), []);
        assert_eq!(
            told(windows.judge(2 * HOUR, i64::MIN, false)),
            [(2, 0, Outcome::Passed), (2, 1, Outcome::Failed)]
        );
        // Too late for the hour that was judged; the open one is told at the end.
        windows.add(vec![count(2, 1, 50, 50)]);
        assert_eq!(
            told(windows.judge(i64::MAX, i64::MIN, true)),
            [(2, 2, Outcome::Failed)]
        );
        assert!(windows.state().checks[1].windows.is_empty());
    }

    #[test]
    fn a_volume_is_held_against_the_window_before_it() {
        use Outcome::{Failed, Passed, Unknown};
        let mut windows = WindowChecks::new(&both());
        windows.add(vec![
            count(1, 0, 10, 0),
            count(1, 1, 10, 0),
            count(1, 2, 9, 0),
            count(1, 3, 10, 0),
        ]);
        let first = told(windows.judge(4 * HOUR, i64::MIN, false));
        assert_eq!(first, [0, 1, 2, 3].map(|hour| (1, hour, Unknown)));
        windows.add(vec![
            count(1, 24, 5, 0),
            count(1, 25, 31, 0),
            count(1, 26, 1, 0),
        ]);
        // The last hour has no sale at all.
        assert_eq!(
            told(windows.judge(28 * HOUR, i64::MIN, false)),
            [
                (1, 24, Passed),
                (1, 25, Failed),
                (1, 26, Unknown),
                (1, 27, Failed)
            ]
        );
        // At the end of all input nothing is missed.
        assert_eq!(told(windows.judge(i64::MAX, i64::MIN, true)), []);
        // Another run goes on after the end.
        windows.add(vec![count(1, 48, 2, 0), count(1, 49, 31, 0)]);
        assert_eq!(
            told(windows.judge(i64::MAX, i64::MIN, true)),
            [(1, 48, Unknown), (1, 49, Passed)]
        );
    }

    #[test]
    fn a_restart_goes_on_with_the_same_counts() {
        let mut windows = WindowChecks::new(&both());
        windows.add(vec![
            count(1, 0, 10, 0),
            count(2, 0, 10, 1),
            count(1, 24, 1, 0),
            count(2, 24, 99, 1),
        ]);
        windows.judge(HOUR, i64::MIN, false);
        let kept = serde_json::to_string(&windows.state()).unwrap();
        let mut other = WindowChecks::new(&both());
        other.restore(serde_json::from_str(&kept).unwrap(), Some(24 * HOUR));
        assert_eq!(other.state(), windows.state());
        for windows in [&mut windows, &mut other] {
            windows.add(vec![count(2, 24, 1, 0)]);
            let found = windows.judge(25 * HOUR, i64::MIN, false);
            assert_eq!(
                told(found),
                [(1, 24, Outcome::Failed), (2, 24, Outcome::Passed)]
            );
        }
        // What an earlier run has told is not told again.
        let mut again = WindowChecks::new(&both());
        again.add(vec![count(2, 0, 10, 1), count(2, 1, 10, 1)]);
        assert_eq!(
            told(again.judge(3 * HOUR, HOUR, false)),
            [(2, 1, Outcome::Failed)]
        );
    }

    #[test]
    fn a_check_that_a_snapshot_does_not_know_begins_with_a_whole_window() {
        let mut windows = WindowChecks::new(&both());
        windows.restore(WindowState::default(), Some(HOUR + 5));
        windows.add(vec![count(2, 1, 9, 9), count(2, 2, 9, 9)]);
        assert_eq!(
            told(windows.judge(3 * HOUR, i64::MIN, false)),
            [(2, 2, Outcome::Failed)]
        );
    }
}
