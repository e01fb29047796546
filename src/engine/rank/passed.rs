//! Rows that others are joined with as they were, and that came when no row was there any more that they concern: they go to the
//! late output, and are counted.

use standings_model::plan::Plan;
use standings_model::reject::{Half, MissedWindow, Reject, RejectKind};

use super::gather::Gather;
use super::messages::Passed;

impl Gather {
    /// Takes over what owners of keys say of such rows.
    pub fn passed(&mut self, passed: Vec<Passed>) {
        for passed in passed {
            if passed.comes && self.plan.is_only_joined(passed.table as usize) {
                let counts = self.counts.entry(passed.partition).or_default();
                counts.ranked = counts.ranked.saturating_sub(1);
                counts.retired += 1;
            }
            let reject = late(&self.plan, passed);
            self.next.rejects.extend(reject);
        }
    }
}

/// Years 1 to 9999, ms.
const YEARS: std::ops::Range<i64> = -62_135_596_800_000..253_402_300_800_000;

/// What the late output is told: of each ranking the windows that hold the time from which on the row is so.
fn late(plan: &Plan, passed: Passed) -> Option<Reject> {
    let table = passed.table as usize;
    let mut missed = Vec::new();
    // What has no time is of no window.
    let rankings = plan.rankings.iter().enumerate();
    let rankings = rankings.filter(|_| YEARS.contains(&passed.time));
    for (number, ranking) in rankings {
        let mut joins = ranking.joined.iter().flat_map(|joined| &joined.joins);
        if !joins.any(|join| join.as_of && join.table == table) || ranking.window.is_always() {
            continue;
        }
        let window = &ranking.window;
        let cover = window.cover(passed.time);
        let mut end = cover.last;
        missed.extend((0..cover.windows).map(|_| {
            let of = MissedWindow {
                ranking: number,
                start: window.start(end),
                end,
                retired: true,
            };
            end = window.before(end);
            of
        }));
    }
    let half = match passed.ends {
        true => Half::Retract,
        false => Half::Insert,
    };
    (!missed.is_empty()).then_some(Reject {
        table,
        partition: passed.partition,
        offset: passed.offset,
        kind: RejectKind::Late {
            missed,
            event_time: passed.time,
            half: plan.tables[table].changes().then_some(half),
        },
        bytes: passed.record,
    })
}
