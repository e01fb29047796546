//! Local time: how far a zone's clocks are before UTC, and since when; so, which of its days an instant is in.
//!
//! ```text
//! UTC     ──────────|──────────|─────────|──────────|──►
//! days      23 Oct  |  24 Oct  |  25 Oct (25 hours)  |  26 Oct
//!                   └ the first instant at which the clocks show this day or a later one
//! ```
//!
//! Days are in a row, without a gap and without an instant in two of them, whatever the clocks do: where they are put back
//! over midnight, the day that has begun goes on; a day that the zone left out has no instant.
//!
//! Rules of zones change, now and then for days that have begun. What was cut by the earlier ones stays cut: [`LocalTime::spliced`] goes
//! by them up to an instant, and from there on by the new ones. A splice is one more change of the clocks, so days stay in a row.

use std::fmt;
use std::sync::OnceLock;

use crate::time::DAY;

/// No zone's clocks are as far from UTC.
const FAR: i64 = 26 * 3_600_000;

/// A zone's clocks.
pub struct LocalTime {
    name: String,
    /// Since when, and how far before UTC, both in ms; the first since ever.
    changes: Vec<(i64, i64)>,
    /// Those by which it goes in place of them.
    kept: OnceLock<Vec<(i64, i64)>>,
}

/// UTC.
pub static UTC: LocalTime = LocalTime {
    name: String::new(),
    changes: Vec::new(),
    kept: OnceLock::new(),
};

impl LocalTime {
    /// Of a zone of this name, from its changes in order: the instant, and how far its clocks are before UTC from then on, ms.
    /// Before the first they are as after it.
    pub fn new(name: &str, changes: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut all: Vec<(i64, i64)> = changes.into_iter().collect();
        all.dedup_by_key(|(_, offset)| *offset);
        if let Some(first) = all.first_mut() {
            first.0 = i64::MIN;
        }
        LocalTime {
            name: name.to_owned(),
            changes: all,
            kept: OnceLock::new(),
        }
    }

    /// Goes by these changes from now on. Said once, before anything is cut: whether it goes by them.
    pub fn keep(&self, changes: &[(i64, i64)]) -> bool {
        self.kept.get_or_init(|| changes.to_vec()) == changes
    }

    fn changes(&self) -> &[(i64, i64)] {
        self.kept.get().unwrap_or(&self.changes)
    }

    /// Its changes from an instant on, and before another: the first is how its clocks are at the beginning.
    pub fn between(&self, from: i64, to: i64) -> Vec<(i64, i64)> {
        let first = self.at(from);
        let all = self.changes().iter().enumerate().skip(first);
        all.take_while(|(at, (since, _))| *at == first || *since < to)
            .map(|(_, (since, offset))| ((*since).max(from), *offset))
            .collect()
    }

    /// Its changes, but those of other clocks in between.
    pub fn spliced(&self, other: &[(i64, i64)], (from, to): (i64, i64)) -> Vec<(i64, i64)> {
        let before = self.changes().iter().filter(|(at, _)| *at < from).copied();
        let within = other.iter().filter(|(at, _)| *at < to).copied();
        let after = self.between(to, i64::MAX);
        let mut all: Vec<(i64, i64)> = before.chain(within).chain(after).collect();
        all.dedup_by_key(|(_, offset)| *offset);
        all
    }

    /// The zone's name.
    pub fn name(&self) -> &str {
        match self.name.as_str() {
            "" => "UTC",
            name => name,
        }
    }

    /// The number of the last change at or before an instant.
    fn at(&self, instant: i64) -> usize {
        let after = self.changes().partition_point(|(from, _)| *from <= instant);
        after.saturating_sub(1)
    }

    fn offset(&self, change: usize) -> i64 {
        self.changes().get(change).map_or(0, |(_, offset)| *offset)
    }

    /// What the clocks show at an instant, ms.
    pub(super) fn shown(&self, instant: i64) -> i64 {
        instant.saturating_add(self.offset(self.at(instant)))
    }

    /// The day that has begun last at an instant, by its number since 1970-01-01.
    pub fn day(&self, instant: i64) -> i64 {
        let mut day = self.shown(instant).div_euclid(DAY);
        // The clocks may have been put back over midnight.
        while self.first(day + 1) <= instant {
            day += 1;
        }
        day
    }

    /// The first instant of a day; of one that the zone left out, of the day after it.
    pub fn first(&self, day: i64) -> i64 {
        let midnight = day.saturating_mul(DAY);
        let mut change = self.at(midnight.saturating_sub(FAR));
        loop {
            let next = self.changes().get(change + 1).map(|(from, _)| *from);
            let since = self
                .changes()
                .get(change)
                .map_or(i64::MIN, |(from, _)| *from);
            let at = midnight.saturating_sub(self.offset(change)).max(since);
            match next {
                Some(next) if at >= next => change += 1,
                _ => return at,
            }
        }
    }
}

/// Zones of one name are one.
impl PartialEq for LocalTime {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
