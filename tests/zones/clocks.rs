//! What the clocks of a zone show, and which of its days has begun, by definition: jiff is asked for an offset at an instant, and for when
//! clocks are changed; of days, panes and grids it knows nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use standings_model::time::{DAY, days_from_civil};
use standings_model::window::LocalTime;
use standings_scalar::Zone;

/// Of these years.
pub const YEARS: std::ops::Range<i64> = 1970..2101;

/// A zone as its definition has it.
pub struct Clocks {
    zone: TimeZone,
    /// When they are changed, and the last day that they had shown before, of all changes until then.
    changes: Vec<(i64, i64)>,
}

impl Clocks {
    /// Of a name that there is.
    pub fn named(name: &str) -> Self {
        let mut clocks = Clocks {
            zone: TimeZoneDatabase::bundled().get(name).unwrap(),
            changes: Vec::new(),
        };
        let all = clocks.zone.following(Timestamp::MIN);
        let all: Vec<i64> = all.map(|t| t.timestamp().as_millisecond()).collect();
        let mut greatest = i64::MIN;
        for at in all {
            greatest = greatest.max(clocks.shown(at - 1).div_euclid(DAY));
            clocks.changes.push((at, greatest));
        }
        clocks
    }

    fn shown(&self, at: i64) -> i64 {
        let instant = Timestamp::from_millisecond(at).unwrap();
        at + i64::from(self.zone.to_offset(instant).seconds()) * 1000
    }

    /// The day that has begun last.
    pub fn day(&self, at: i64) -> i64 {
        let passed = self.changes.partition_point(|(since, _)| *since <= at);
        let before = passed.checked_sub(1).map(|last| self.changes[last].1);
        let now = self.shown(at).div_euclid(DAY);
        before.map_or(now, |before| before.max(now))
    }

    /// Its changes of those years.
    pub fn of_years(&self) -> Vec<i64> {
        let from = days_from_civil(YEARS.start, 1, 1) * DAY;
        let to = days_from_civil(YEARS.end, 1, 1) * DAY;
        let all = self.changes.iter().map(|(at, _)| *at);
        all.filter(|at| (from..to).contains(at)).collect()
    }
}

/// Each zone, once of those that are the same by other names: by its changes.
pub fn distinct() -> Vec<(String, Zone)> {
    let mut all: BTreeMap<Vec<(i64, i64)>, (String, Zone)> = BTreeMap::new();
    let mut names: Vec<String> = Zone::names().collect();
    names.sort();
    assert!(names.len() > 500, "{}", names.len());
    for name in names {
        let zone = Zone::named(&name).unwrap_or_else(|| panic!("no zone {name}"));
        all.entry(zone.changes()).or_insert((name, zone));
    }
    all.into_values()
        .filter(|(_, zone)| !zone.is_utc())
        .collect()
}

/// As the engine has it.
pub fn local(name: &str, zone: &Zone) -> &'static LocalTime {
    Box::leak(Box::new(LocalTime::new(name, zone.changes())))
}
