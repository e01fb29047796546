//! Strings and times of the fast path, eight bytes at a time.
//!
//! Each function takes the record and a place in it, and gives `None` for anything that the full path should judge.

use super::times::Times;
use standings_model::time::parse_date;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Eight bytes from `at`, the first one lowest.
#[inline(always)]
fn word(record: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*record.get(at..)?.first_chunk()?))
}

/// The high bit of each byte that is zero. A borrow can set bits above the first zero byte, never below it, so the
/// lowest set bit is right.
#[inline(always)]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

/// Where the string whose content begins at `at` ends: the place of its closing quote. `None` when it holds an
/// escape, a control character or invalid UTF-8, or does not end.
#[inline]
pub(super) fn string_end(record: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    let mut beyond_ascii = 0;
    loop {
        let Some(word) = word(record, end) else {
            // Fewer than eight bytes are left.
            loop {
                match *record.get(end)? {
                    b'"' => break,
                    b'\\' | ..0x20 => return None,
                    byte => beyond_ascii |= u64::from(byte) & HIGH,
                }
                end += 1;
            }
            break;
        };
        let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        let stop = zeros(word ^ (LOW * u64::from(b'"')))
            | zeros(word ^ (LOW * u64::from(b'\\')))
            | control;
        if stop == 0 {
            beyond_ascii |= word & HIGH;
            end += 8;
            continue;
        }
        let before = (stop & stop.wrapping_neg()) - 1;
        beyond_ascii |= word & HIGH & before;
        end += (stop.trailing_zeros() / 8) as usize;
        if *record.get(end)? != b'"' {
            return None;
        }
        break;
    }
    if beyond_ascii != 0 {
        std::str::from_utf8(record.get(at..end)?).ok()?;
    }
    Some(end)
}

/// The last date seen and its midnight: records of one day share the calendar arithmetic.
#[derive(Debug)]
pub(super) struct DayCache {
    date: [u8; 10],
    start: i64,
}

impl Default for DayCache {
    fn default() -> Self {
        DayCache {
            date: *b"1970-01-01",
            start: 0,
        }
    }
}

/// The time in a string whose content begins at `at`, µs, and the place after its closing quote.
#[inline]
pub(super) fn time(
    record: &[u8],
    at: usize,
    times: Times,
    days: &mut DayCache,
) -> Option<(i64, usize)> {
    if let Some((ms, end)) = fixed_time(record, at, days) {
        // Of the years 1970 to 9999, which every column takes, and mostly with as many digits as it has.
        let us = ms * 1000;
        let kept = if times.digits < 3 {
            times.kept(us)?
        } else {
            us
        };
        return Some((kept, end));
    }
    let end = string_end(record, at)?;
    // What a zone says of a time is for the full path.
    let us = times.parse(record.get(at..end)?, |_| None).ok()?;
    Some((us, end + 1))
}

/// `YYYY-MM-DDTHH:MM:SSZ"` or `YYYY-MM-DDTHH:MM:SS.mmmZ"`.
#[inline]
fn fixed_time(record: &[u8], at: usize, days: &mut DayCache) -> Option<(i64, usize)> {
    let text: &[u8; 21] = record.get(at..)?.first_chunk()?;
    if text[10] != b'T' {
        return None;
    }
    let clock = clock(u64::from_le_bytes(*text[11..].first_chunk()?))?;
    let (fraction, end) = if text[19] == b'Z' && text[20] == b'"' {
        (0, at + 21)
    } else {
        let &[b'.', a, b, c, b'Z', b'"'] = record.get(at + 19..)?.first_chunk()? else {
            return None;
        };
        let (a, b, c) = (
            a.wrapping_sub(b'0'),
            b.wrapping_sub(b'0'),
            c.wrapping_sub(b'0'),
        );
        if a > 9 || b > 9 || c > 9 {
            return None;
        }
        (
            i64::from(a) * 100 + i64::from(b) * 10 + i64::from(c),
            at + 25,
        )
    };
    let date: &[u8; 10] = text.first_chunk()?;
    if *date != days.date {
        let start = parse_date(std::str::from_utf8(date).ok()?)?;
        if start < 0 {
            return None;
        }
        *days = DayCache { date: *date, start };
    }
    // At most 9999-12-31T23:59:59.999Z, the end of the range.
    Some((days.start + clock * 1000 + fraction, end))
}

/// Seconds of the day of `HH:MM:SS`, the first byte lowest.
#[inline(always)]
fn clock(text: u64) -> Option<i64> {
    // Digits become 0 to 9 and colons 0. The addition then carries into the high bit of each byte that is too
    // great; where it would carry into the next byte, the byte's own high bit is set already.
    let digits = text ^ u64::from_le_bytes(*b"00:00:00");
    let too_great = digits
        | digits.wrapping_add(u64::from_le_bytes([
            0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76,
        ]));
    if too_great & HIGH != 0 {
        return None;
    }
    let pair = |shift: u32| (digits >> shift & 0xf) * 10 + (digits >> (shift + 8) & 0xf);
    let (hour, minute, second) = (pair(0), pair(24), pair(48));
    (hour < 24 && minute < 60 && second < 60).then_some((hour * 3600 + minute * 60 + second) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::table::format::TimestampStandard;
    use standings_model::time::{MAX_EVENT_TIME, parse_rfc3339};

    #[test]
    fn strings_end_where_a_byte_loop_says() {
        // Every byte value at every place of a string of every small length, with a tail or without.
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=255u8 {
                    for tail in [&b""[..], b",\"after\":1234567}"] {
                        let mut record = vec![b'x'; length];
                        record[place] = byte;
                        record.push(b'"');
                        record.extend_from_slice(tail);
                        let want = match byte {
                            b'"' => Some(place),
                            b'\\' | ..0x20 | 0x80.. => None,
                            _ => Some(length),
                        };
                        assert_eq!(
                            string_end(&record, 0),
                            want,
                            "{byte} at {place} of {length}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn strings_beyond_ascii() {
        for text in [
            "São Paulo",
            "ł",
            "東京都渋谷区",
            "aaaaaaaé",
            "aaaaaaaaé",
            "\u{10ffff}",
        ] {
            let record = format!("{text}\"é");
            assert_eq!(string_end(record.as_bytes(), 0), Some(text.len()));
            for cut in 1..text.len() {
                let mut broken = text.as_bytes()[..cut].to_vec();
                let valid = std::str::from_utf8(&broken).is_ok();
                broken.extend_from_slice(b"\"........");
                assert_eq!(string_end(&broken, 0), valid.then_some(cut));
            }
        }
        assert_eq!(string_end(b"no end", 0), None);
        assert_eq!(string_end(b"no end, longer", 0), None);
    }

    #[test]
    fn clocks() {
        for (text, want) in [
            (b"00:00:00", Some(0)),
            (b"23:59:59", Some(86_399)),
            (b"10:15:07", Some(36_907)),
            (b"24:00:00", None),
            (b"00:60:00", None),
            (b"00:00:60", None),
            (b"00:0:000", None),
            (b"0a:00:00", None),
            (b"00;00:00", None),
            (b"00:00:0/", None),
            (b"0\xb0:00:00", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(clock(u64::from_le_bytes(*text)), want, "{text:?}");
        }
    }

    #[test]
    fn times_agree_with_the_model() {
        let mut days = DayCache::default();
        for text in [
            "2026-01-23T10:15:00.123Z",
            "2026-01-23T10:15:00Z",
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1969-12-31T23:59:59-01:00",
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59.999-00:01",
            "2026-02-29T00:00:00Z",
            "2024-02-29T00:00:00Z",
            "2024-02-29t00:00:00z",
            "2016-12-31T23:59:60Z",
            "2026-01-23T10:15:00.1Z",
            "2026-01-23T10:15:00.1234Z",
            "2026-01-23T10:15:00.12aZ",
            "2026-01-23T12:15:00.123+02:00",
            "2026-01-23",
            "+026-01-23T10:15:00Z",
            "",
        ] {
            for record in [format!("{text}\""), format!("{text}\",\"amount\":12}}")] {
                let of = |digits| Times::new(digits, true, TimestampStandard::Offset);
                let want = parse_rfc3339(text.as_bytes())
                    .filter(|ms| (0..=MAX_EVENT_TIME).contains(ms))
                    .map(|ms| (ms * 1000, text.len() + 1));
                assert_eq!(time(record.as_bytes(), 0, of(3), &mut days), want, "{text}");
                let seconds = want.map(|(us, end)| (us / 1_000_000 * 1_000_000, end));
                assert_eq!(
                    time(record.as_bytes(), 0, of(0), &mut days),
                    seconds,
                    "{text}"
                );
            }
        }
    }
}
