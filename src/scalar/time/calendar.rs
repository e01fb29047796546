//! Parts of a time, times cut to a part, and months further.
//!
//! All of local times: microseconds on a clock on a wall since 1970-01-01T00:00:00.

use standings_model::expr::TimeUnit;
use standings_model::time::{civil_from_days, days_from_civil};

use super::{DAY, SECOND, in_range};

/// The day of a time.
pub fn day(us: i64) -> i64 {
    us.div_euclid(DAY)
}

/// 1 is Monday, 7 is Sunday.
fn iso_weekday(day: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (day + 3).rem_euclid(7) + 1
}

/// Year and week of ISO 8601: a week is of the year that its Thursday is in.
fn iso_week(day: i64) -> (i64, i64) {
    let thursday = day - iso_weekday(day) + 4;
    let (year, _, _) = civil_from_days(thursday);
    (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
}

/// `EXTRACT(unit FROM t)`. Of a second the whole part; milliseconds and microseconds are those of the minute, as in
/// Postgres, seconds included.
pub fn extract(unit: TimeUnit, us: i64) -> i64 {
    let day = day(us);
    let in_day = us.rem_euclid(DAY);
    let (year, month, of_month) = civil_from_days(day);
    // The years 1 to 100 are the first century.
    let since_one = |size: i64| (year - 1).div_euclid(size) + 1;
    match unit {
        TimeUnit::Millennium => since_one(1000),
        TimeUnit::Century => since_one(100),
        TimeUnit::Decade => year.div_euclid(10),
        TimeUnit::Year => year,
        TimeUnit::Quarter => (month - 1) / 3 + 1,
        TimeUnit::Month => month,
        TimeUnit::Week => iso_week(day).1,
        TimeUnit::Day => of_month,
        TimeUnit::DayOfWeek => iso_weekday(day) % 7 + 1,
        TimeUnit::IsoDayOfWeek => iso_weekday(day),
        TimeUnit::IsoYear => iso_week(day).0,
        TimeUnit::DayOfYear => day - days_from_civil(year, 1, 1) + 1,
        TimeUnit::Hour => in_day / (3600 * SECOND),
        TimeUnit::Minute => in_day / (60 * SECOND) % 60,
        TimeUnit::Second => in_day / SECOND % 60,
        TimeUnit::Millisecond => in_day / 1000 % 60_000,
        TimeUnit::Microsecond => in_day % (60 * SECOND),
        TimeUnit::Epoch => us.div_euclid(SECOND),
    }
}

/// How long a unit is, where it is always as long and no longer than an hour.
pub fn length(unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Hour => Some(3600 * SECOND),
        TimeUnit::Minute => Some(60 * SECOND),
        TimeUnit::Second => Some(SECOND),
        TimeUnit::Millisecond => Some(1000),
        TimeUnit::Microsecond => Some(1),
        _ => None,
    }
}

/// The first instant of the unit that a time is in; of a week its Monday.
pub fn floor(unit: TimeUnit, us: i64) -> i64 {
    if let Some(length) = length(unit) {
        return us - us.rem_euclid(length);
    }
    let day = day(us);
    let (year, month, _) = civil_from_days(day);
    let first = match unit {
        TimeUnit::Millennium => days_from_civil((year - 1).div_euclid(1000) * 1000 + 1, 1, 1),
        TimeUnit::Century => days_from_civil((year - 1).div_euclid(100) * 100 + 1, 1, 1),
        TimeUnit::Decade => days_from_civil(year.div_euclid(10) * 10, 1, 1),
        TimeUnit::Year => days_from_civil(year, 1, 1),
        TimeUnit::Quarter => days_from_civil(year, (month - 1) / 3 * 3 + 1, 1),
        TimeUnit::Month => days_from_civil(year, month, 1),
        TimeUnit::Week => day - iso_weekday(day) + 1,
        TimeUnit::IsoYear => {
            let (year, _) = iso_week(day);
            let fourth = days_from_civil(year, 1, 4);
            fourth - iso_weekday(fourth) + 1
        }
        _ => day,
    };
    first * DAY
}

/// The first instant of the next unit, or the time itself where it is the first of one.
pub fn ceil(unit: TimeUnit, us: i64) -> i64 {
    let low = floor(unit, us);
    if low == us {
        return us;
    }
    if let Some(length) = length(unit) {
        return low + length;
    }
    // Anywhere in the next unit, and its first instant.
    let beyond = match unit {
        TimeUnit::Millennium => 366_000,
        TimeUnit::Century => 36_600,
        TimeUnit::Decade => 3_660,
        TimeUnit::Year | TimeUnit::IsoYear => 372,
        TimeUnit::Quarter => 93,
        TimeUnit::Month => 31,
        TimeUnit::Week => 7,
        _ => 1,
    };
    floor(unit, low + beyond * DAY)
}

/// So many months further, on the last day of a month that has no such day; none beyond the years 0000 to 9999.
pub fn plus_months(us: i64, months: i64) -> Option<i64> {
    let (year, month, of_month) = civil_from_days(day(us));
    let count = (year * 12 + month - 1).checked_add(months)?;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let days = days_from_civil(year, month, of_month.min(last_day(year, month)));
    Some(days * DAY + us.rem_euclid(DAY)).filter(|us| in_range(*us))
}

/// The number of the last day of a month.
pub fn last_day(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day of a date; none where there is no such date, or beyond the years 0000 to 9999.
pub fn date(year: i64, month: i64, of_month: i64) -> Option<i64> {
    let is_date = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=last_day(year, month)).contains(&of_month);
    is_date.then(|| days_from_civil(year, month, of_month))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use TimeUnit::*;

    fn at(text: &str) -> i64 {
        standings_model::time::parse_rfc3339(text.as_bytes()).unwrap() * 1000
    }

    #[test]
    fn parts() {
        let t = at("2026-03-01T17:30:05.678Z");
        for (unit, want) in [
            (Millennium, 3),
            (Century, 21),
            (Decade, 202),
            (Year, 2026),
            (Quarter, 1),
            (Month, 3),
            (Week, 9),
            (Day, 1),
            (DayOfWeek, 1),
            (IsoDayOfWeek, 7),
            (IsoYear, 2026),
            (DayOfYear, 60),
            (Hour, 17),
            (Minute, 30),
            (Second, 5),
            (Millisecond, 5678),
            (Microsecond, 5_678_000),
            (Epoch, 1_772_386_205),
        ] {
            assert_eq!(extract(unit, t), want, "{unit:?}");
        }
        assert_eq!(extract(Week, at("2027-01-01T00:00:00Z")), 53);
        assert_eq!(extract(IsoYear, at("2027-01-01T00:00:00Z")), 2026);
        assert_eq!(extract(Century, at("2000-12-31T00:00:00Z")), 20);
        assert_eq!(extract(Epoch, -1), -1);
    }

    #[test]
    fn cut() {
        let t = at("2026-03-05T17:30:05.678Z");
        for (unit, low, high) in [
            (Millennium, "2001-01-01T00:00:00Z", "3001-01-01T00:00:00Z"),
            (Century, "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"),
            (Decade, "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
            (Year, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Quarter, "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            (Month, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            (Week, "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"),
            (Day, "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"),
            (Hour, "2026-03-05T17:00:00Z", "2026-03-05T18:00:00Z"),
            (Minute, "2026-03-05T17:30:00Z", "2026-03-05T17:31:00Z"),
            (Second, "2026-03-05T17:30:05Z", "2026-03-05T17:30:06Z"),
        ] {
            assert_eq!(
                (floor(unit, t), ceil(unit, t)),
                (at(low), at(high)),
                "{unit:?}"
            );
            assert_eq!(ceil(unit, at(low)), at(low), "{unit:?}");
        }
    }

    #[test]
    fn months() {
        for (from, months, to) in [
            ("2026-01-31T01:02:03Z", 1, Some("2026-02-28T01:02:03Z")),
            ("2024-01-31T00:00:00Z", 1, Some("2024-02-29T00:00:00Z")),
            ("2026-03-31T00:00:00Z", -1, Some("2026-02-28T00:00:00Z")),
            ("2026-12-15T00:00:00Z", 1, Some("2027-01-15T00:00:00Z")),
            ("2026-01-15T00:00:00Z", -13, Some("2024-12-15T00:00:00Z")),
            ("9999-12-15T00:00:00Z", 1, None),
        ] {
            assert_eq!(plus_months(at(from), months), to.map(at), "{from} {months}");
        }
        assert_eq!(plus_months(0, i64::MAX), None);
    }

    proptest! {
        #[test]
        fn what_is_cut_is_cut_once(us in -719_000 * DAY..2_900_000 * DAY) {
            for unit in [Millennium, Century, Decade, Year, IsoYear, Quarter, Month, Week, Day, Hour, Minute, Second, Millisecond] {
                let (low, high) = (floor(unit, us), ceil(unit, us));
                prop_assert!(low <= us && us <= high);
                prop_assert_eq!(floor(unit, low), low);
                prop_assert_eq!(floor(unit, high), high);
                prop_assert!(high == us || floor(unit, high - 1) == low);
            }
        }
    }
}
