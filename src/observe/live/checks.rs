//! What the threads tell of data quality: sales that fail checks, windows that are judged, and whether a run ends by it.

use std::collections::BTreeMap;

use super::{Live, lock};
use standings_model::check::{Check, Condition, FailOn};
use standings_model::time::format_rfc3339;
use standings_model::window_check::{Judgement, Outcome};

/// The windows of a check, as the first process judges them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WindowsSeen {
    outcomes: [u64; 3],
    /// The share of the newest finished hour's sales that failed.
    pub failed_share: Option<f64>,
    /// The newest finished window's sales, by those of the one that it is held against.
    pub volume_share: Option<f64>,
}

impl WindowsSeen {
    const ALL: [Outcome; 3] = [Outcome::Passed, Outcome::Failed, Outcome::Unknown];

    /// How many windows did how, since the start.
    pub fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Self::ALL.into_iter().zip(self.outcomes)
    }
}

/// Data quality as this process sees it.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// By check.
    windows: BTreeMap<String, WindowsSeen>,
    /// Per check: its action, and how many sales failed it.
    failed: BTreeMap<String, (&'static str, u64)>,
    /// Why the run ends, if one failed too often.
    broken: Option<String>,
}

impl Live {
    /// So many more sales failed these checks; the numbers are taken. Whether one has failed more often than its
    /// `fail-on` allows.
    pub fn checks_failed(&self, checks: &[Check], failed: &mut [u64]) -> bool {
        let mut state = lock(&self.checks);
        for (check, failed) in checks.iter().zip(failed) {
            if matches!(check.condition, Condition::Volume(_)) {
                continue;
            }
            let (_, sum) = match state.failed.get_mut(&check.name) {
                Some(known) => known,
                None => state
                    .failed
                    .entry(check.name.clone())
                    .or_insert((check.action.word(), 0)),
            };
            let before = *sum;
            *sum += std::mem::take(failed);
            let now = *sum;
            // The first, the tenth, the hundredth: a log that a broken producer cannot fill.
            if now > before && now.checked_ilog10() != before.checked_ilog10() {
                tracing::warn!(
                    event = "check_failed",
                    check = check.name,
                    action = check.action.word(),
                    failed = now,
                    "sales fail a check"
                );
            }
            if let Some(FailOn::Failures(most)) = check.fail_on
                && now > most
            {
                let name = &check.name;
                state.broken.get_or_insert_with(|| {
                    format!(
                        "check `{name}` failed {now} times, and its fail-on allows {most}; what was read until then is \
                         committed, and another start goes on after it"
                    )
                });
            }
        }
        state.broken.is_some()
    }

    /// A check has windows: they are counted from nothing, so that the first that fails is seen as a rise.
    pub fn has_windows(&self, check: &Check) {
        let mut state = lock(&self.checks);
        state.windows.entry(check.name.clone()).or_default();
    }

    /// The watermark has passed a window of a check. Whether the check's `fail-on` ends the run by it.
    pub fn window_judged(&self, check: &Check, judged: &Judgement) -> bool {
        let mut state = lock(&self.checks);
        let seen = state.windows.entry(check.name.clone()).or_default();
        seen.outcomes[judged.outcome as usize] += 1;
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        match &check.condition {
            Condition::Volume(_) => {
                seen.volume_share = share(judged.judged, judged.earlier.unwrap_or(0));
            }
            _ => seen.failed_share = share(judged.failed, judged.judged),
        }
        if judged.outcome != Outcome::Failed {
            return false;
        }
        tracing::warn!(
            event = "window_check_failed",
            check = check.name,
            window_start = format_rfc3339(judged.start),
            window_end = format_rfc3339(judged.end),
            sales = judged.judged,
            failed = judged.failed,
            earlier = judged.earlier,
            "a window fails a check"
        );
        let ends = check.fail_on == Some(FailOn::Window);
        if ends {
            let (name, start) = (&check.name, format_rfc3339(judged.start));
            let found = match judged.earlier {
                Some(earlier) => format!(
                    "it has {} sales, and the one before it had {earlier}",
                    judged.judged
                ),
                None => format!("{} of its {} sales failed", judged.failed, judged.judged),
            };
            state.broken.get_or_insert_with(|| {
                format!(
                    "check `{name}` failed in the window that starts at {start}: {found}; what was read until then is \
                     committed, and another start goes on after it"
                )
            });
        }
        ends
    }

    /// Every check that has windows, and what is known of them.
    pub fn window_checks(&self) -> Vec<(String, WindowsSeen)> {
        let state = lock(&self.checks);
        let all = state.windows.iter();
        all.map(|(name, seen)| (name.clone(), *seen)).collect()
    }

    /// Why the run ends, if a check failed too often.
    pub fn broken_check(&self) -> Option<String> {
        lock(&self.checks).broken.clone()
    }

    /// Every check: its name, its action, how many sales failed it.
    pub fn checks(&self) -> Vec<(String, &'static str, u64)> {
        let state = lock(&self.checks);
        let one = |(name, (action, failed)): (&String, &(&'static str, u64))| {
            (name.clone(), *action, *failed)
        };
        state.failed.iter().map(one).collect()
    }
}
