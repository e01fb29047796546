//! Times in milliseconds since the Unix epoch, UTC, from RFC 3339 and back.
//!
//! The civil calendar arithmetic is Howard Hinnant's `days_from_civil` and `civil_from_days`
//! (<https://howardhinnant.github.io/date_algorithms.html>).

use std::time::{SystemTime, UNIX_EPOCH};

use super::digits;

/// One hour in milliseconds.
pub const HOUR: i64 = 3_600_000;
/// One day in milliseconds.
pub const DAY: i64 = 86_400_000;
/// The greatest event time: 9999-12-31T23:59:59.999Z.
pub const MAX_EVENT_TIME: i64 = 253_402_300_799_999;

/// Days since 1970-01-01 of a proleptic Gregorian date.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Year, month, day of a day number.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// RFC 3339 in UTC: no fraction when it is whole seconds, else three digits.
pub fn format_rfc3339(ms: i64) -> String {
    digits::text(|out| digits::push_rfc3339(out, ms))
}

/// Times that clocks of today show: from 1990 up to 2100, ms.
pub const USUAL: (i64, i64) = (631_152_000_000, 4_102_444_800_000);

/// `YYYY-MM-DD` of a time.
pub fn format_date(ms: i64) -> String {
    let (y, m, d) = civil_from_days(ms.div_euclid(DAY));
    format!("{y:04}-{m:02}-{d:02}")
}

/// Midnight UTC of `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
        return None;
    }
    days_of_date(number(&b[..4])?, number(&b[5..7])?, number(&b[8..10])?).map(|d| d * DAY)
}

/// Parses a time as [`format_rfc3339`] writes it: RFC 3339, and years beyond 9999, in which windows end that begin
/// before.
pub fn parse_written(text: &str) -> Option<i64> {
    /// The calendar is the same again after so many years, and days.
    const CYCLE: (i64, i64) = (400, 146_097);
    let (year, rest) = text.split_once('-')?;
    if year.len() != 5 || year.starts_with('0') {
        return parse_rfc3339(text.as_bytes());
    }
    let year = number(year.as_bytes())?;
    let cycles = (year - 9600) / CYCLE.0 + 1;
    let same = format!("{:04}-{rest}", year - cycles * CYCLE.0);
    parse_rfc3339(same.as_bytes())?.checked_add(cycles * CYCLE.1 * DAY)
}

/// Parses an instant as [`digits::push_instant`] writes it, to microseconds.
pub fn parse_written_us(text: &str) -> Option<i64> {
    let ms = parse_written(text)?;
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit);
    let below = digits.chain(std::iter::repeat(b'0')).skip(3).take(3);
    let below = below.fold(0, |n, digit| n * 10 + i64::from(digit - b'0'));
    ms.checked_mul(1000)?.checked_add(below)
}

/// Parses RFC 3339 (`T` and `Z` in either case, any offset). Fractions beyond milliseconds are cut off. A leap second
/// (`23:59:60` UTC) is the instant after it, as in POSIX time. Any year 0000 to 9999; see [`MAX_EVENT_TIME`] for
/// the range of event times.
pub fn parse_rfc3339(text: &[u8]) -> Option<i64> {
    if text.len() < 20 || text[4] != b'-' || text[7] != b'-' || !matches!(text[10], b'T' | b't') {
        return None;
    }
    if text[13] != b':' || text[16] != b':' {
        return None;
    }
    let days = days_of_date(
        number(&text[..4])?,
        number(&text[5..7])?,
        number(&text[8..10])?,
    )?;
    let (h, m, s) = (
        number(&text[11..13])?,
        number(&text[14..16])?,
        number(&text[17..19])?,
    );
    if h > 23 || m > 59 || s > 60 {
        return None;
    }
    let mut at = 19;
    let mut frac = 0;
    if text[at] == b'.' {
        let digits = text[at + 1..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits == 0 {
            return None;
        }
        for i in 0..3 {
            frac = frac * 10
                + if i < digits {
                    i64::from(text[at + 1 + i] - b'0')
                } else {
                    0
                };
        }
        at += 1 + digits;
    }
    let offset = match text.get(at)? {
        b'Z' | b'z' => {
            at += 1;
            0
        }
        sign @ (b'+' | b'-') => {
            let rest = text.get(at + 1..at + 6)?;
            let (oh, om) = (number(&rest[..2])?, number(&rest[3..])?);
            if rest[2] != b':' || oh > 23 || om > 59 {
                return None;
            }
            at += 6;
            let minutes = oh * 60 + om;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    if at != text.len() {
        return None;
    }
    let seconds = days * 86_400 + h * 3600 + m * 60 + s - offset * 60;
    if s == 60 && (seconds.rem_euclid(86_400)) != 0 {
        return None;
    }
    Some(seconds * 1000 + frac)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar; `None` where there is no such day.
pub fn days_of_date(y: i64, m: i64, d: i64) -> Option<i64> {
    let leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let last = match m {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    (1..=last).contains(&d).then(|| days_from_civil(y, m, d))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0'))
    })
}

/// Milliseconds since the Unix epoch.
pub fn unix_ms(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-23T10:15:00.123Z", Some(1_769_163_300_123)),
            ("2026-01-23T12:15:00.1239+02:00", Some(1_769_163_300_123)),
            ("2026-01-23t10:15:00.1z", Some(1_769_163_300_100)),
            ("9999-12-31T23:59:59.999Z", Some(MAX_EVENT_TIME)),
            ("2016-12-31T23:59:60Z", Some(1_483_228_800_000)),
            ("2016-12-31T23:58:60Z", None),
            ("2024-02-29T00:00:00-00:30", Some(1_709_166_600_000)),
            ("2023-02-29T00:00:00Z", None),
            ("2023-01-01T24:00:00Z", None),
            ("2023-01-01 00:00:00Z", None),
            ("2023-01-01T00:00:00", None),
            ("2023-01-01T00:00:00.Z", None),
            ("2023-01-01T00:00:00+0100", None),
            ("2023-01-01T00:00:00Z ", None),
            ("", None),
        ] {
            assert_eq!(parse_rfc3339(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn formats_and_parses_every_day_of_a_cycle() {
        for day in (-800..150_000).step_by(7) {
            let text = format_rfc3339(day * DAY + 1);
            assert_eq!(parse_rfc3339(text.as_bytes()), Some(day * DAY + 1));
            assert_eq!(parse_date(&format_date(day * DAY)), Some(day * DAY));
        }
        assert_eq!(format_rfc3339(MAX_EVENT_TIME + 1), "10000-01-01T00:00:00Z");
    }
}
