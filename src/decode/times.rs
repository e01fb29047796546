//! Times, dates and clocks in text.
//!
//! ```text
//! 2026-01-23 T 10:15 :00 .123456 +01:00       strict: RFC 3339
//!            │       │   │       │
//!            space   none, any number of digits, Z +01 +0100 and a space before it, or nothing      otherwise
//! ```

use standings_model::table::format::TimestampStandard;
use standings_model::time::{DAY, MAX_EVENT_TIME, days_of_date};

/// The greatest time of the year 9999, µs.
const MAX: i64 = MAX_EVENT_TIME * 1000 + 999;
/// The first time of the year 1, µs.
const MIN: i64 = -62_135_596_800_000_000;
const DAY_US: i64 = DAY * 1000;

/// Which times a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// Fraction digits of a second that are kept, at most six; more are cut off.
    pub(super) digits: u8,
    /// RFC 3339 alone, and the years 1970 to 9999: what a sale's time is.
    pub(super) strict: bool,
    /// Whether a time without an offset is taken.
    pub(super) local: bool,
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTime {
    /// Not of the form.
    Form,
    /// It has no offset, and nothing says what that means.
    NoOffset,
    /// Of another year.
    Range,
    /// The clocks were put forward over it.
    Gap,
}

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// What the clock shows, µs since 1970-01-01T00:00:00 on it.
    pub(super) clock: i64,
    /// How far the clock is ahead of UTC, minutes.
    pub(super) offset: Option<i64>,
}

impl Times {
    pub(super) fn new(digits: u8, strict: bool, standard: TimestampStandard) -> Self {
        Times {
            digits: digits.min(6),
            strict,
            local: standard.is_local(),
        }
    }

    /// The instant in a text, µs since the Unix epoch; `zone` says which instant a clock without an offset shows.
    pub(super) fn parse(
        self,
        text: &[u8],
        zone: impl FnOnce(i64) -> Option<i64>,
    ) -> Result<i64, NoTime> {
        let written = written(text, self.strict).ok_or(NoTime::Form)?;
        let us = match written.offset {
            Some(minutes) => written.clock - minutes * 60_000_000,
            None if self.local => zone(written.clock).ok_or(NoTime::Gap)?,
            None => return Err(NoTime::NoOffset),
        };
        self.kept(us).ok_or(NoTime::Range)
    }

    /// An instant as the column keeps it; none if it is of a year that the column does not take.
    #[inline]
    pub(super) fn kept(self, us: i64) -> Option<i64> {
        let least = if self.strict { 0 } else { MIN };
        if !(least..=MAX).contains(&us) {
            return None;
        }
        Some(match self.digits {
            6.. => us,
            3 => us - us.rem_euclid(1000),
            digits => us - us.rem_euclid(10i64.pow(6 - u32::from(digits))),
        })
    }
}

/// Reads date, time and offset. `strict`: RFC 3339 in every detail, and an offset there must be.
fn written(text: &[u8], strict: bool) -> Option<Written> {
    let days = date(text.get(..10)?)?;
    let separator = *text.get(10)?;
    if !(matches!(separator, b'T' | b't') || !strict && separator == b' ') {
        return None;
    }
    let mut at = 11;
    let clock = clock_at(text, &mut at, strict)?;
    let offset = offset(text.get(at..)?, strict)?;
    if strict && offset.is_none() {
        return None;
    }
    // A leap second is the instant after it, and there is one at the end of a UTC day alone.
    if clock.leap {
        let utc = days * DAY_US + clock.us - offset.unwrap_or(0) * 60_000_000;
        if utc.div_euclid(1_000_000).rem_euclid(86_400) != 0 {
            return None;
        }
    }
    Some(Written {
        clock: days * DAY_US + clock.us,
        offset,
    })
}

struct Clock {
    us: i64,
    leap: bool,
}

/// `HH:MM[:SS[.f…]]` from a place on, which moves behind it.
fn clock_at(text: &[u8], at: &mut usize, strict: bool) -> Option<Clock> {
    let pair = |from: usize| number(text.get(from..from + 2)?);
    let (h, m) = (pair(*at)?, pair(*at + 3)?);
    if text.get(*at + 2) != Some(&b':') || h > 23 || m > 59 {
        return None;
    }
    *at += 5;
    let mut us = (h * 60 + m) * 60_000_000;
    if text.get(*at) != Some(&b':') {
        return (!strict).then_some(Clock { us, leap: false });
    }
    let s = pair(*at + 1)?;
    if s > 60 {
        return None;
    }
    us += s * 1_000_000;
    *at += 3;
    if text.get(*at) == Some(&b'.') {
        let rest = text.get(*at + 1..)?;
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let six = rest[..digits].iter().chain([b'0'; 6].iter()).take(6);
        us += six.fold(0, |n, b| n * 10 + i64::from(b - b'0'));
        *at += 1 + digits;
    }
    Some(Clock { us, leap: s == 60 })
}

/// Minutes ahead of UTC: all of a text, which may be nothing.
fn offset(text: &[u8], strict: bool) -> Option<Option<i64>> {
    let text = match text {
        [b' ', rest @ ..] if !strict && !rest.is_empty() => rest,
        text => text,
    };
    let (sign, rest) = match text {
        [] => return Some(None),
        [b'Z' | b'z'] => return Some(Some(0)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (h, m) = match rest {
        [_, _, b':', m @ ..] if m.len() == 2 => (number(&rest[..2])?, number(m)?),
        [_, _, m @ ..] if !strict && m.len() == 2 => (number(&rest[..2])?, number(m)?),
        [_, _] if !strict => (number(rest)?, 0),
        _ => return None,
    };
    (h <= 23 && m <= 59).then_some(Some(sign * (h * 60 + m)))
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, all of a text.
pub(super) fn date(text: &[u8]) -> Option<i64> {
    let [y @ .., b'-', m1, m2, b'-', d1, d2] = text else {
        return None;
    };
    if y.len() != 4 {
        return None;
    }
    let (y, m, d) = (number(y)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    days_of_date(y, m, d)
}

/// Microseconds since midnight of `HH:MM[:SS[.f…]]`, all of a text.
pub(super) fn clock(text: &[u8]) -> Option<i64> {
    let mut at = 0;
    let clock = clock_at(text, &mut at, false)?;
    (at == text.len() && !clock.leap).then_some(clock.us)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::time::parse_rfc3339;

    fn times(strict: bool, local: bool) -> Times {
        Times {
            digits: 6,
            strict,
            local,
        }
    }

    #[test]
    fn strict_times_are_those_of_the_model() {
        for text in [
            "2026-01-23T10:15:00Z",
            "2026-01-23t10:15:00.5z",
            "2026-01-23T10:15:00.123456789+05:30",
            "2026-01-23T10:15:00-00:00",
            "2016-12-31T23:59:60Z",
            "2016-12-31T22:59:60-01:00",
            "2016-12-31T23:59:60+01:00",
            "2026-02-29T00:00:00Z",
            "2024-02-29T24:00:00Z",
            "2026-01-23T10:15Z",
            "2026-01-23T10:15:00",
            "2026-01-23 10:15:00Z",
            "2026-01-23T10:15:00+01",
            "2026-01-23T10:15:00 Z",
            "2026-01-23T10:15:00.Z",
            "2026-1-23T10:15:00Z",
            "9999-12-31T23:59:59.999Z",
            "",
        ] {
            let found = times(true, false).parse(text.as_bytes(), |_| None);
            let want = parse_rfc3339(text.as_bytes());
            assert_eq!(found.ok().map(|us| us.div_euclid(1000)), want, "{text}");
        }
    }

    #[test]
    fn forms_that_people_have() {
        const AT: i64 = 1_769_163_300_000_000;
        for text in [
            "2026-01-23 10:15:00Z",
            "2026-01-23 10:15:00 Z",
            "2026-01-23 10:15:00+00",
            "2026-01-23T10:15:00+0000",
            "2026-01-23 11:15:00.000 +01:00",
            "2026-01-23 10:15Z",
        ] {
            assert_eq!(
                times(false, false).parse(text.as_bytes(), |_| None),
                Ok(AT),
                "{text}"
            );
        }
        let bare = b"2026-01-23 10:15:00";
        assert_eq!(times(false, false).parse(bare, Some), Err(NoTime::NoOffset));
        assert_eq!(times(false, true).parse(bare, Some), Ok(AT));
        assert_eq!(
            times(false, true).parse(b"2026-01-23T10:15:00", Some),
            Ok(AT)
        );
        assert_eq!(times(false, true).parse(bare, |_| None), Err(NoTime::Gap));
        for wrong in [
            "2026-01-23",
            "2026-01-23 ",
            "2026-01-23 10:15:00 ",
            "2026-01-23 10:15:00 +1",
            "23/01/2026 10:15",
        ] {
            assert_eq!(
                times(false, true).parse(wrong.as_bytes(), Some),
                Err(NoTime::Form),
                "{wrong}"
            );
        }
    }

    #[test]
    fn digits_are_cut() {
        let of = |digits| Times {
            digits,
            strict: false,
            local: false,
        };
        let text = b"1969-12-31T23:59:59.123456789Z";
        for (digits, want) in [(6, -876_544), (3, -877_000), (1, -900_000), (0, -1_000_000)] {
            assert_eq!(of(digits).parse(text, |_| None), Ok(want));
        }
    }

    #[test]
    fn dates_and_clocks() {
        assert_eq!(date(b"1970-01-02"), Some(1));
        assert_eq!(date(b"2026-02-29"), None);
        assert_eq!(clock(b"10:15:00.5"), Some(36_900_500_000));
        assert_eq!(clock(b"10:15"), Some(36_900_000_000));
        for wrong in ["24:00:00", "10:15:60", "10:15:00 ", "1:15", ""] {
            assert_eq!(clock(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
