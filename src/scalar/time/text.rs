//! Dates and times as Flink's `CAST` writes and takes them.

use standings_model::digits;
use standings_model::time::parse_rfc3339;

use super::{DAY, SECOND, calendar};

/// Appends `2026-03-01 17:30:00`, and so many digits of a second.
pub fn push_timestamp(out: &mut Vec<u8>, us: i64, precision: u8) {
    digits::push_date(out, us.div_euclid(DAY));
    out.push(b' ');
    push_clock(out, us, precision);
}

/// Appends `17:30:00`, and so many digits of a second.
pub fn push_clock(out: &mut Vec<u8>, us: i64, precision: u8) {
    digits::push_clock(out, us - us.rem_euclid(SECOND));
    if precision > 0 {
        out.push(b'.');
        let fraction = format!("{:06}", us.rem_euclid(SECOND));
        out.extend_from_slice(&fraction.as_bytes()[..usize::from(precision.min(6))]);
    }
}

/// How many digits of a second a time of day needs: none, three or six.
pub fn clock_digits(us: i64) -> u8 {
    match us.rem_euclid(SECOND) {
        0 => 0,
        fraction if fraction % 1000 == 0 => 3,
        _ => 6,
    }
}

/// A number of at most so many digits at the begin of a text, and what is behind it.
fn number(text: &str, most: usize) -> Option<(i64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > most {
        return None;
    }
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// Year, month and day with `-` between them; month and day may have one digit, and be left out. What is behind a space
/// or a `T` is passed over.
pub fn date(text: &str) -> Option<i32> {
    let text = text.trim_matches(' ');
    let text = text.split([' ', 'T']).next()?;
    let (year, rest) = number(text, 4)?;
    let part = |rest: &str| -> Option<(i64, usize)> {
        if rest.is_empty() {
            return Some((1, 0));
        }
        let (n, after) = number(rest.strip_prefix('-')?, 2)?;
        Some((n, rest.len() - after.len()))
    };
    let (month, used) = part(rest)?;
    let (of_month, last) = part(&rest[used..])?;
    if used + last != rest.len() {
        return None;
    }
    i32::try_from(calendar::date(year, month, of_month)?).ok()
}

/// `17:30`, `17:30:05`, `17:30:05.678`; an hour alone too. Each part may have one digit.
pub fn clock(text: &str) -> Option<i64> {
    let text = text.trim_matches(' ');
    let (hour, mut rest) = number(text, 2)?;
    let mut parts = [hour, 0, 0];
    for part in &mut parts[1..] {
        if let Some(after) = rest.strip_prefix(':') {
            (*part, rest) = number(after, 2)?;
        }
    }
    let mut fraction = 0;
    if let Some(digits) = rest.strip_prefix('.') {
        fraction = micros(digits)?;
        rest = "";
    }
    let [hour, minute, second] = parts;
    if !rest.is_empty() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((hour * 3600 + minute * 60 + second) * SECOND + fraction)
}

/// Microseconds of the digits behind the point of a second, of which there are one to nine.
fn micros(digits: &str) -> Option<i64> {
    let is_plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_plain {
        return None;
    }
    let mut all = digits.bytes().chain(std::iter::repeat(b'0'));
    Some(
        all.by_ref()
            .take(6)
            .fold(0, |n, d| n * 10 + i64::from(d - b'0')),
    )
}

/// A date, or a date and a time with a space between them: `2026-03-01 17:30:05.678`.
pub fn timestamp(text: &str) -> Option<i64> {
    let text = text.trim_matches(' ');
    let (date_part, clock_part) = match text.split_once(' ') {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    if date_part.contains('T') || date_part.matches('-').count() != 2 {
        return None;
    }
    let days = date(date_part)?;
    let in_day = match clock_part {
        Some(text) if text.contains(':') => clock(text)?,
        Some(_) => return None,
        None => 0,
    };
    Some(i64::from(days) * DAY + in_day)
}

/// RFC 3339 with its offset: microseconds since the Unix epoch; what is finer is cut.
pub fn instant(text: &str) -> Option<i64> {
    let text = text.trim_matches(' ');
    let ms = parse_rfc3339(text.as_bytes())?;
    let fraction = text.get(19..)?.strip_prefix('.');
    let fraction = fraction.map_or(0, |f| {
        let digits = f.bytes().take_while(u8::is_ascii_digit);
        let mut digits = digits.chain(std::iter::repeat(b'0'));
        digits
            .by_ref()
            .take(6)
            .fold(0, |n, d| n * 10 + i64::from(d - b'0'))
    });
    // Milliseconds are in both.
    Some(ms * 1000 + fraction % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, want) in [
            ("2026-03-02", Some(20_514)),
            ("2026-3-2", Some(20_514)),
            (" 2026-03-02 ", Some(20_514)),
            ("2026-03-02 10:00:00", Some(20_514)),
            ("2026-03", Some(20_513)),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("nonsense", None),
            ("", None),
            ("2026-03-02x", None),
            ("02026-03-02", None),
        ] {
            assert_eq!(date(text), want, "{text:?}");
        }
    }

    #[test]
    fn times() {
        let t = 20_514 * DAY;
        for (text, want) in [
            ("2026-03-02", Some(t)),
            ("2026-03-02 10:15:00", Some(t + 36_900 * SECOND)),
            ("2026-03-02 10:15", Some(t + 36_900 * SECOND)),
            (
                "2026-03-02 10:15:00.12",
                Some(t + 36_900 * SECOND + 120_000),
            ),
            (
                "2026-03-02 10:15:00.123456789",
                Some(t + 36_900 * SECOND + 123_456),
            ),
            ("2026-03-02T10:15:00", None),
            ("2026-03-02 24:00:00", None),
            ("2026-03-02 10:15:00Z", None),
            ("2026-03-02 ", Some(t)),
            ("2026-03", None),
        ] {
            assert_eq!(timestamp(text), want, "{text:?}");
        }
        assert_eq!(
            instant("2026-03-02T10:15:00.123456Z"),
            Some(t + 36_900 * SECOND + 123_456)
        );
        assert_eq!(
            instant("2026-03-02T10:15:00+02:00"),
            Some(t + 29_700 * SECOND)
        );
        assert_eq!(instant("2026-03-02T10:15:00"), None);
        assert_eq!(clock("10:15:00.5"), Some(36_900 * SECOND + 500_000));
        assert_eq!(clock("7"), Some(7 * 3600 * SECOND));
        assert_eq!(clock("25:00"), None);
    }

    #[test]
    fn written() {
        let text = |us, p| digits::text(|out| push_timestamp(out, us, p));
        assert_eq!(text(20_514 * DAY + 500_000, 3), "2026-03-02 00:00:00.500");
        assert_eq!(text(-1, 0), "1969-12-31 23:59:59");
        assert_eq!(text(-1, 6), "1969-12-31 23:59:59.999999");
    }
}
