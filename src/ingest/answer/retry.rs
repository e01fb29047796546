//! `Retry-After`, in both of its forms: seconds, or a date of HTTP.

use std::time::{Duration, SystemTime};

/// What is asked for beyond this is not believed.
const MOST: Duration = Duration::from_secs(3_600);

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How long to wait; none for a text that is neither.
pub fn after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(MOST));
    }
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(date_of(text)?);
    Some(at.duration_since(now).unwrap_or_default().min(MOST))
}

/// A date of HTTP, such as `Sun, 06 Nov 1994 08:49:37 GMT`, as seconds since the Unix epoch; none for what is none.
pub fn date_of(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, clock, "GMT"] = parts[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|m| *m == month)? + 1;
    let (day, year): (i64, i64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<u64> = clock
        .split(':')
        .map(|n| n.parse().ok())
        .collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock[..] else {
        return None;
    };
    if !(1970..=9999).contains(&year)
        || !(1..=31).contains(&day)
        || hours > 23
        || minutes > 59
        || seconds > 60
    {
        return None;
    }
    // Howard Hinnant's days_from_civil.
    let month = i64::try_from(month).ok()?;
    let of_year = year - i64::from(month <= 2);
    let era = of_year.div_euclid(400);
    let yoe = of_year.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    Some(u64::try_from(days).ok()? * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 90);
        let of = |text: &str| after(text, now).map(|d| d.as_secs());
        assert_eq!(of("120"), Some(120));
        assert_eq!(of(" 0 "), Some(0));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(90));
        assert_eq!(of("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(of("Wed, 06 Nov 2030 08:00:00 GMT"), Some(3_600));
        for wrong in [
            "",
            "soon",
            "-1",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
