//! A worker's counts of the windows that checks are judged by.

use std::collections::BTreeMap;

use standings_model::check::Check;
use standings_model::window_check::WindowCount;

/// Counts of one check, since they were last taken.
#[derive(Clone, Debug)]
struct Tally {
    check: u32,
    size: i64,
    /// The window that the last sale was in: its start, sales that were asked, sales that failed.
    open: (i64, u64, u64),
    /// The others.
    rest: BTreeMap<i64, (u64, u64)>,
}

/// Counts of all checks that have windows.
#[derive(Clone, Debug)]
pub(super) struct Tallies {
    all: Vec<Option<Tally>>,
}

impl Tallies {
    pub(super) fn new(checks: &[Check]) -> Self {
        let tally = |(number, check): (usize, &Check)| {
            check.window().map(|size| Tally {
                check: number as u32,
                size,
                open: (0, 0, 0),
                rest: BTreeMap::new(),
            })
        };
        Tallies {
            all: checks.iter().enumerate().map(tally).collect(),
        }
    }

    /// A sale was held against a check.
    #[inline]
    pub(super) fn note(&mut self, check: usize, time: i64, failed: bool) {
        let Some(Some(tally)) = self.all.get_mut(check) else {
            return;
        };
        let inside = time.wrapping_sub(tally.open.0);
        if !(0..tally.size).contains(&inside) {
            tally.close();
            tally.open.0 = time.div_euclid(tally.size) * tally.size;
        }
        tally.open.1 += 1;
        tally.open.2 += u64::from(failed);
    }

    /// What was counted since the last call.
    pub(super) fn take(&mut self) -> Vec<WindowCount> {
        let mut counts = Vec::new();
        for tally in self.all.iter_mut().flatten() {
            tally.close();
            let check = tally.check;
            let rest = std::mem::take(&mut tally.rest).into_iter();
            counts.extend(rest.map(|(start, (judged, failed))| WindowCount {
                check,
                start,
                judged,
                failed,
            }));
        }
        counts
    }
}

impl Tally {
    fn close(&mut self) {
        let (start, judged, failed) = self.open;
        if judged > 0 {
            let sum = self.rest.entry(start).or_default();
            sum.0 += judged;
            sum.1 += failed;
            self.open = (start, 0, 0);
        }
    }
}
