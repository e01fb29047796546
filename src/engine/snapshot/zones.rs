//! By which clocks the windows of a snapshot were cut, and what becomes of them where another version of the database of zones has other rules.
//!
//! ```text
//! snapshot   by 2025b   ──|────────|────────|──────── held ──┐
//! this one   by 2026f   ──|────────|──────|────────|─────    │ moved: rows of the same day would be of two windows, or of none
//! goes on    by both    ──|────────|────────|────|────────|──┘
//!                                           └ the end of the last window that is held: from here on by the new rules
//! ```
//!
//! 1. Each row counts in one window of a family's panes, whatever the rules: what was cut stays cut as it was, and the row of windows has no gap.
//! 2. Where no window moves, the rules of this version hold, and nothing is said.
//! 3. The snapshot says by which clocks it was cut, so a splice is kept for as long as a window that it made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use standings_model::plan::Plan;
use standings_model::time::{DAY, format_rfc3339};
use standings_model::window::{Bounds, LocalTime, Window};
use standings_scalar::Zone;

use crate::rank::state::GatherState;

/// Since when, and how far before UTC, both in ms.
type Changes = Vec<(i64, i64)>;

/// Panes that are looked at; what has more may have moved.
const PANES: usize = 100_000;
/// So far behind what is held clocks are kept too: whether the last day ends there, the next one says.
const AHEAD: i64 = 3 * DAY;

/// The clocks of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zones {
    /// The version of the database of zones.
    pub version: String,
    /// Of each zone that a ranking is cut in: its changes around what is held.
    pub clocks: BTreeMap<String, Changes>,
}

/// A zone that goes on by what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub zone: String,
    /// The version that it was cut by.
    pub version: String,
    /// Up to when, ms.
    pub until: i64,
    /// The clocks, spliced.
    pub changes: Changes,
    /// A ranking whose window would have moved, as it was and as it would be.
    pub moved: (String, Bounds, Bounds),
}

/// What is held of a ranking: from the beginning of its first window to the end of its last.
fn held(window: &Window, state: &GatherState) -> Option<(i64, i64)> {
    let greatest = state.greatest.values().max()?;
    let from = match state.horizon {
        // Nothing was dropped yet.
        i64::MIN => i64::MIN,
        horizon => window.start(window.cover(horizon).first),
    };
    Some((from, window.cover(*greatest).last))
}

impl Zones {
    /// Of what a snapshot holds; none where no ranking is cut in a zone.
    pub fn of(plan: &Plan, state: &GatherState) -> Option<Zones> {
        let mut clocks: BTreeMap<String, (&LocalTime, i64, i64)> = BTreeMap::new();
        for ranking in &plan.rankings {
            let Some((zone, (from, to))) =
                ranking.window.clocks().zip(held(&ranking.window, state))
            else {
                continue;
            };
            let of = clocks
                .entry(zone.name().to_owned())
                .or_insert((zone, from, to));
            (of.1, of.2) = (of.1.min(from), of.2.max(to));
        }
        let all = clocks
            .into_iter()
            .map(|(name, (zone, from, to))| (name, zone.between(from, to.saturating_add(AHEAD))));
        let clocks: BTreeMap<String, Changes> = all.collect();
        (!clocks.is_empty()).then(|| Zones {
            version: Zone::version().to_owned(),
            clocks,
        })
    }

    /// The zones in which a window of what is held would be another one by now.
    pub fn kept(&self, plan: &Plan, state: &GatherState) -> Vec<Kept> {
        let mut all: BTreeMap<&str, Kept> = BTreeMap::new();
        for ranking in &plan.rankings {
            let Some(zone) = ranking.window.clocks() else {
                continue;
            };
            let Some(changes) = self.clocks.get(zone.name()) else {
                continue;
            };
            // There are as many as zones whose rules have changed.
            let was: &'static LocalTime = Box::leak(Box::new(LocalTime::new(
                zone.name(),
                changes.iter().copied(),
            )));
            let before = ranking.window.by(was);
            let Some((from, to)) = held(&before, state) else {
                continue;
            };
            let Some((old, new)) = moved(
                &before,
                &ranking.window,
                (from, to),
                differing(was, zone, (from, to)),
            ) else {
                continue;
            };
            let kept = all.entry(zone.name()).or_insert_with(|| Kept {
                zone: zone.name().to_owned(),
                version: self.version.clone(),
                until: to,
                changes: Vec::new(),
                moved: (ranking.name.clone(), old, new),
            });
            kept.until = kept.until.max(to);
            let first = changes.first().map_or(i64::MIN, |(since, _)| *since);
            // By the old clocks also the instant at which the last window ends: they show that the next day has begun, and where the new ones
            // are behind, they are put back over midnight.
            kept.changes = zone.spliced(changes, (first, kept.until.saturating_add(1)));
        }
        all.into_values().collect()
    }
}

/// From when to when two clocks differ, within bounds.
fn differing(a: &LocalTime, b: &LocalTime, (from, to): (i64, i64)) -> Option<(i64, i64)> {
    let (a, b) = (a.between(from, to), b.between(from, to));
    let at = |all: &Changes, time: i64| {
        let after = all.partition_point(|(since, _)| *since <= time);
        all.get(after.saturating_sub(1)).map(|(_, offset)| *offset)
    };
    let mut times: Vec<i64> = a.iter().chain(&b).map(|(since, _)| *since).collect();
    times.sort_unstable();
    let differ = |time: &i64| at(&a, *time) != at(&b, *time);
    let first = times.iter().copied().find(differ)?;
    let last = times.iter().rposition(differ)?;
    Some((first, times.get(last + 1).copied().unwrap_or(to)))
}

/// The first window that is not the same.
fn moved(
    before: &Window,
    now: &Window,
    held: (i64, i64),
    differing: Option<(i64, i64)>,
) -> Option<(Bounds, Bounds)> {
    let (first, last) = differing?;
    // A pane that begins before the clocks differ may end later.
    let mut at = before
        .cover(first.max(held.0))
        .pane
        .saturating_sub(1)
        .max(held.0);
    let end = last.min(held.1);
    for _ in 0..PANES {
        let (old, new) = (around(before, at), around(now, at));
        if old != new {
            let longest = |[_, _, long]: [Bounds; 3]| long;
            return Some((longest(old), longest(new)));
        }
        let [pane, ..] = old;
        if pane.start > end || pane.end >= held.1 {
            return None;
        }
        at = pane.end;
    }
    let [_, _, longest] = around(before, end);
    Some((longest, longest))
}

/// The pane of a time, and the first and the last window that hold it.
fn around(window: &Window, at: i64) -> [Bounds; 3] {
    let cover = window.cover(at);
    let of = |end: i64| Bounds {
        start: window.start(end),
        end,
    };
    let pane = Bounds {
        start: cover.pane,
        end: cover.first,
    };
    [pane, of(cover.first), of(cover.last)]
}

impl Kept {
    /// Says so in the log.
    pub fn tell(&self) {
        let (ranking, was, now) = &self.moved;
        tracing::warn!(
            event = "zone_rules_changed",
            zone = self.zone,
            was = self.version,
            is = Zone::version(),
            until = %format_rfc3339(self.until),
            ranking,
            window = %format_args!("{} to {}", format_rfc3339(was.start), format_rfc3339(was.end)),
            instead_of = %format_args!("{} to {}", format_rfc3339(now.start), format_rfc3339(now.end)),
            "the clocks of the zone are not what they were when windows that are held were cut: until then windows go on as they were cut, and \
             from there on by the new rules"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::block::PartitionId;
    use standings_model::time::{HOUR, parse_rfc3339};

    fn at(text: &str) -> i64 {
        parse_rfc3339(text.as_bytes()).unwrap()
    }

    fn plan(window: &str) -> Plan {
        let text = format!(
            "SET 'table.local-time-zone' = 'Asia/Beirut';
             CREATE TABLE sales (city STRING, amount BIGINT, at TIMESTAMP_LTZ(3) NOT NULL, WATERMARK FOR at AS at);
             SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS r FROM (
               SELECT window_start, window_end, city, SUM(amount) AS total FROM TABLE({window}) GROUP BY window_start, window_end, city))
             WHERE r <= 3;"
        );
        standings_query::load_texts(&[("totals", &text)])
            .unwrap()
            .plan
    }

    fn state(horizon: i64, greatest: i64) -> GatherState {
        GatherState {
            greatest: [(PartitionId::default(), greatest)].into(),
            horizon,
            ..GatherState::default()
        }
    }

    /// In 2023 Lebanon put summer time off by a month, two days before it was to begin, and took that back five days later.
    #[test]
    fn windows_that_are_held_stay_as_they_were_cut() {
        let summer = at("2023-03-25T22:00:00Z");
        for (window, horizon, is_moved) in [
            (
                "TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' DAY)",
                "2023-03-24T22:00:00Z",
                true,
            ),
            (
                "CUMULATE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' HOUR, INTERVAL '1' DAY)",
                "2023-03-24T22:00:00Z",
                true,
            ),
            (
                "HOP(TABLE sales, DESCRIPTOR(at), INTERVAL '1' DAY, INTERVAL '7' DAY)",
                "2023-03-20T22:00:00Z",
                true,
            ),
            // Its bounds are elsewhere.
            (
                "TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' MONTH)",
                "2023-02-28T22:00:00Z",
                false,
            ),
            (
                "TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' DAY)",
                "2023-03-31T22:00:00Z",
                false,
            ),
        ] {
            let plan = plan(window);
            let state = state(at(horizon), at(horizon) + 60 * HOUR);
            let by_us = Zones::of(&plan, &state).unwrap();
            assert_eq!(by_us.version, Zone::version());
            assert_eq!(by_us.kept(&plan, &state), [], "the same rules");
            // As the rules were for five days: an hour before UTC+3 until the month was over.
            let clocks = vec![
                (at(horizon) - 9 * DAY, 2 * HOUR),
                (summer + 5 * DAY, 3 * HOUR),
            ];
            goes_on(&plan, &state, clocks, usize::from(is_moved), 0);
        }
        // And the other way: their clocks were an hour ahead of ours, so where the new ones are gone over to, the day has begun already.
        let plan = plan("TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' DAY)");
        let horizon = at("2023-03-19T21:00:00Z");
        let clocks = vec![(horizon - 9 * DAY, 3 * HOUR)];
        goes_on(
            &plan,
            &state(horizon, horizon + 60 * HOUR),
            clocks,
            1,
            2 * HOUR,
        );
    }

    /// Held windows go by the old clocks, what comes behind them by the new ones, and there is no gap.
    /// `begun`: how long the first day of the new clocks has been there by then.
    fn goes_on(plan: &Plan, state: &GatherState, clocks: Changes, many: usize, begun: i64) {
        let by_them = Zones {
            version: "2023b".to_owned(),
            clocks: [("Asia/Beirut".to_owned(), clocks.clone())].into(),
        };
        let kept = by_them.kept(plan, state);
        assert_eq!(kept.len(), many, "{kept:?}");
        let Some(kept) = kept.first() else {
            return;
        };
        let by = |changes: &Changes| {
            let clocks = LocalTime::new("Asia/Beirut", changes.iter().copied());
            plan.rankings[0].window.by(Box::leak(Box::new(clocks)))
        };
        let (old, now, new) = (by(&clocks), by(&kept.changes), plan.rankings[0].window);
        let mut time = state.horizon;
        while time < kept.until + 9 * DAY {
            let pane = now.cover(time);
            let want = match time - kept.until {
                ..0 => old.cover(time).first,
                0 => new.cover(time + begun).first,
                _ => new.cover(time).first,
            };
            assert_eq!((pane.pane, pane.first), (time, want), "{}", now.words());
            time = pane.first;
        }
    }
}
