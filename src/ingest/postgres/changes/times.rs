//! Dates and times, from ISO texts of Postgres to what Debezium writes of them.

use standings_model::time::{civil_from_days, days_from_civil};

/// What Debezium writes of a TIMESTAMP that is behind or before all time, in µs.
const INFINITE: (i64, i64) = (9_223_372_036_825_200_000, -9_223_372_036_832_400_000);
const DAY: i64 = 86_400_000_000;
/// A month has 30.4375 days of seconds.
const MONTH: i64 = 2_629_800_000_000;

/// `2026-01-23`, with ` BC` behind all of it or not, as days since 1970.
pub(super) fn days(text: &str) -> Option<i64> {
    let (text, is_before) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // There is no year 0: the one before 1 is 1 BC.
    let year = if is_before { 1 - year } else { year };
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| days_from_civil(year, month, day))
}

/// `10:15:00.123456` as µs; 24:00:00 is a day.
pub(super) fn micros(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (parts.next()?, parts.next()?);
    let (seconds, fraction) = {
        let rest = parts.next().unwrap_or("0");
        rest.split_once('.').unwrap_or((rest, ""))
    };
    let number = |text: &str| -> Option<i64> {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let fraction = match fraction {
        "" => 0,
        digits if digits.len() <= 6 => number(&format!("{digits:0<6}"))?,
        _ => return None,
    };
    Some(((number(hours)? * 60 + number(minutes)?) * 60 + number(seconds)?) * 1_000_000 + fraction)
}

/// `2026-01-23 10:15:00.5` as µs since 1970.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    match text {
        "infinity" => return Some(INFINITE.0),
        "-infinity" => return Some(INFINITE.1),
        _ => {}
    }
    let (text, era) = match text.strip_suffix(" BC") {
        Some(text) => (text, " BC"),
        None => (text, ""),
    };
    let (date, time) = text.split_once(' ')?;
    days(&format!("{date}{era}"))?
        .checked_mul(DAY)?
        .checked_add(micros(time)?)
}

/// An offset such as `+05:30`, behind a time: what is before it, and µs.
fn zone(text: &str) -> Option<(&str, i64)> {
    let at = text.rfind(['+', '-'])?;
    let (time, offset) = text.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let of = match offset.get(1..)? {
        hours if hours.len() == 2 => format!("{hours}:00"),
        other => other.to_owned(),
    };
    Some((time, sign * micros(&of)?))
}

/// `2026-01-23 10:15:00.123+00` as `2026-01-23T10:15:00.123000Z`, with so many digits; what is behind or before all time by its name.
pub(super) fn zoned_timestamp(text: &str, digits: usize) -> Option<String> {
    if text.ends_with("infinity") {
        return Some(text.to_owned());
    }
    let (text, era) = match text.strip_suffix(" BC") {
        Some(text) => (text, " BC"),
        None => (text, ""),
    };
    let (date, time) = text.split_once(' ')?;
    let (time, offset) = zone(time)?;
    let at = days(&format!("{date}{era}"))?
        .checked_mul(DAY)?
        .checked_add(micros(time)? - offset)?;
    let (year, month, day) = civil_from_days(at.div_euclid(DAY));
    let year = match year {
        0..=9_999 => format!("{year:04}"),
        10_000.. => format!("+{year}"),
        _ => format!("-{:04}", -year),
    };
    let clock = clock(at.rem_euclid(DAY), digits);
    Some(format!("{year}-{month:02}-{day:02}T{clock}Z"))
}

/// `10:15:00+02` as `08:15:00Z`.
pub(super) fn zoned_time(text: &str) -> Option<String> {
    let (time, offset) = zone(text)?;
    let at = (micros(time)? - offset).rem_euclid(DAY);
    let digits = match at % 1_000_000 {
        0 => 0,
        us if us % 1_000 == 0 => 3,
        _ => 6,
    };
    Some(format!("{}Z", clock(at, digits)))
}

/// µs of a day as a time.
fn clock(at: i64, digits: usize) -> String {
    let (seconds, us) = (at / 1_000_000, at % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = format!("{us:06}");
    match digits {
        0 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        digits => format!(
            "{hours:02}:{minutes:02}:{seconds:02}.{}",
            &fraction[..digits]
        ),
    }
}

/// `P1Y2M3DT4H5M6.7S` as µs, a month as 30.4375 days.
pub(super) fn interval(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (mut total, mut number, mut is_time) = (0i64, String::new(), false);
    for c in rest.chars() {
        let of = match (c, is_time) {
            ('T', false) => {
                is_time = true;
                continue;
            }
            ('Y', false) => 12 * MONTH,
            ('M', false) => MONTH,
            ('W', false) => 7 * DAY,
            ('D', false) => DAY,
            ('H', true) => 3_600_000_000,
            ('M', true) => 60_000_000,
            ('S', true) => 1_000_000,
            ('0'..='9' | '-' | '+' | '.', _) => {
                number.push(c);
                continue;
            }
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        let us: i64 = match fraction {
            "" => 0,
            digits => format!("{digits:0<6}").get(..6)?.parse().ok()?,
        };
        let sign = if number.starts_with('-') { -1 } else { 1 };
        let whole: i64 = whole.parse().ok()?;
        total = total
            .checked_add(whole.checked_mul(of)?)?
            .checked_add(sign * us)?;
        number.clear();
    }
    number.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times() {
        assert_eq!(days("1970-01-02"), Some(1));
        assert_eq!(days("0001-01-01 BC"), Some(-719_528));
        assert_eq!(days("10000-01-01"), Some(2_932_897));
        assert_eq!(days("2026-13-01"), None);
        assert_eq!(micros("10:15:00.5"), Some(36_900_500_000));
        assert_eq!(micros("24:00:00"), Some(DAY));
        assert_eq!(timestamp("1970-01-01 00:00:01"), Some(1_000_000));
        assert_eq!(timestamp("1969-12-31 23:59:59.999999"), Some(-1));
        assert_eq!(timestamp("infinity"), Some(INFINITE.0));
        assert_eq!(timestamp("now"), None);
    }

    #[test]
    fn zones() {
        for (text, want) in [
            ("2026-01-23 10:15:00+00", "2026-01-23T10:15:00.000000Z"),
            (
                "2026-01-23 10:15:00.12+05:30",
                "2026-01-23T04:45:00.120000Z",
            ),
            ("2026-01-01 00:15:00-01", "2026-01-01T01:15:00.000000Z"),
            ("0044-03-15 12:00:00+00 BC", "-0043-03-15T12:00:00.000000Z"),
            ("12026-01-01 00:00:00+00", "+12026-01-01T00:00:00.000000Z"),
            ("-infinity", "-infinity"),
        ] {
            assert_eq!(zoned_timestamp(text, 6).as_deref(), Some(want));
        }
        let three = zoned_timestamp("2026-01-23 10:15:00+00", 3);
        assert_eq!(three.as_deref(), Some("2026-01-23T10:15:00.000Z"));
        assert_eq!(zoned_time("10:15:00+02").as_deref(), Some("08:15:00Z"));
        assert_eq!(
            zoned_time("00:15:00.5-00:30").as_deref(),
            Some("00:45:00.500Z")
        );
    }

    #[test]
    fn intervals() {
        for (text, want) in [
            ("PT0S", 0),
            ("P1DT2H", DAY + 7_200_000_000),
            ("P1Y2M", 14 * MONTH),
            ("P-1DT-0.5S", -DAY - 500_000),
            ("PT1M1.000001S", 61_000_001),
        ] {
            assert_eq!(interval(text), Some(want), "{text}");
        }
        for text in ["", "P1", "1D", "PT1D"] {
            assert_eq!(interval(text), None, "{text}");
        }
    }
}
