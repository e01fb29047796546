//! Numbers and times as text, straight into the bytes that are being written: each change of each commit has a dozen.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::time::{DAY, civil_from_days};

/// `00` to `99`, one after the other.
const PAIRS: &[u8; 200] = b"\
00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263\
646566676869707172737475767778798081828384858687888990919293949596979899";

/// The digits of a number below 100.
#[inline]
fn pair(n: u64) -> [u8; 2] {
    let at = n as usize * 2;
    [PAIRS[at], PAIRS[at + 1]]
}

/// Appends a whole number.
pub fn push_integer(out: &mut Vec<u8>, n: i128) {
    let Ok(mut rest) = u64::try_from(n.unsigned_abs()) else {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{n}");
        return;
    };
    if n < 0 {
        out.push(b'-');
    }
    // The greatest has 20 digits.
    let (mut digits, mut at) = ([0; 20], 20);
    while rest >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(rest % 100));
        rest /= 100;
    }
    if rest >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(rest));
    } else {
        at -= 1;
        digits[at] = b'0' + rest as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends minor units with two fraction digits: `1234` as `12.34`, `-5` as `-0.05`.
pub fn push_minor(out: &mut Vec<u8>, minor: i128) {
    if minor < 0 {
        out.push(b'-');
    }
    let size = minor.unsigned_abs();
    // Division of 128 bits is a call.
    let (whole, cents) = match u64::try_from(size) {
        Ok(size) => (i128::from(size / 100), size % 100),
        // At most 1.7 * 10^36.
        Err(_) => ((size / 100) as i128, (size % 100) as u64),
    };
    push_integer(out, whole);
    out.push(b'.');
    out.extend_from_slice(&pair(cents));
}

/// Appends a decimal: its digits, with a point before the last `scale` of them. `(-5, 2)` is `-0.05`, `(5, 0)` is `5`.
pub fn push_decimal(out: &mut Vec<u8>, unscaled: i128, scale: u8) {
    match scale {
        0 => return push_integer(out, unscaled),
        2 => return push_minor(out, unscaled),
        _ => {}
    }
    if unscaled < 0 {
        out.push(b'-');
    }
    let size = unscaled.unsigned_abs();
    let (whole, mut fraction) = match 10u128.checked_pow(u32::from(scale)) {
        Some(unit) => (size / unit, size % unit),
        None => (0, size),
    };
    // A quotient by at least ten is below 2^127.
    push_integer(out, whole as i128);
    out.push(b'.');
    let from = out.len();
    out.resize(from + usize::from(scale), b'0');
    for place in out[from..].iter_mut().rev() {
        *place = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
}

/// Appends a double by the shortest text that reads as the same number; what is no number of JSON is a word in quotes'
/// stead: `NaN`, `Infinity`, `-Infinity`.
pub fn push_double(out: &mut Vec<u8>, n: f64) {
    if n.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if n.is_infinite() {
        out.extend_from_slice(if n < 0.0 { b"-Infinity" } else { b"Infinity" });
    } else {
        let size = n.abs();
        // Writing to a Vec cannot fail.
        let _ = if size == 0.0 || (1e-5..1e16).contains(&size) {
            write!(out, "{n}")
        } else {
            write!(out, "{n:e}")
        };
    }
}

/// Appends a day (since 1970-01-01) as `2026-01-23`.
pub fn push_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    push_year(out, year);
    for n in [month, day] {
        out.push(b'-');
        out.extend_from_slice(&pair(n as u64));
    }
}

/// Appends a time of day (microseconds since midnight) as `10:15:00`, with three or six digits of a second where there are
/// any.
pub fn push_clock(out: &mut Vec<u8>, us: i64) {
    let us = us.rem_euclid(DAY * 1000) as u64;
    let parts = [
        us / 3_600_000_000,
        us / 60_000_000 % 60,
        us / 1_000_000 % 60,
    ];
    for (i, n) in parts.into_iter().enumerate() {
        if i > 0 {
            out.push(b':');
        }
        out.extend_from_slice(&pair(n));
    }
    let fraction = us % 1_000_000;
    if fraction > 0 {
        let (ms, rest) = (fraction / 1000, fraction % 1000);
        out.push(b'.');
        for n in [Some(ms), (rest > 0).then_some(rest)].into_iter().flatten() {
            out.push(b'0' + (n / 100) as u8);
            out.extend_from_slice(&pair(n % 100));
        }
    }
}

/// Appends what a clock on a wall shows (microseconds since 1970-01-01T00:00:00 on it) as `2026-01-23T10:15:00`.
pub fn push_timestamp(out: &mut Vec<u8>, us: i64) {
    push_date(out, us.div_euclid(DAY * 1000));
    out.push(b'T');
    push_clock(out, us);
}

/// Appends an instant (microseconds since the Unix epoch) as RFC 3339 in UTC.
pub fn push_instant(out: &mut Vec<u8>, us: i64) {
    push_timestamp(out, us);
    out.push(b'Z');
}

/// Appends bytes as base64, with padding.
pub fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

fn push_year(out: &mut Vec<u8>, year: i64) {
    match u64::try_from(year) {
        Ok(year @ 0..=9999) => {
            out.extend_from_slice(&pair(year / 100));
            out.extend_from_slice(&pair(year % 100));
        }
        // No sale is there, but the end of its window may be.
        _ => drop(write!(out, "{year:04}")),
    }
}

/// Appends a time (ms since the Unix epoch) as RFC 3339 in UTC: no fraction when it is whole seconds, else three digits.
pub fn push_rfc3339(out: &mut Vec<u8>, ms: i64) {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY));
    let in_day = ms.rem_euclid(DAY) as u64;
    push_year(out, year);
    let parts = [
        (b'-', month as u64),
        (b'-', day as u64),
        (b'T', in_day / 3_600_000),
        (b':', in_day / 60_000 % 60),
        (b':', in_day / 1000 % 60),
    ];
    for (before, n) in parts {
        let [tens, ones] = pair(n);
        out.extend_from_slice(&[before, tens, ones]);
    }
    let fraction = in_day % 1000;
    if fraction > 0 {
        let [tens, ones] = pair(fraction % 100);
        out.extend_from_slice(&[b'.', b'0' + (fraction / 100) as u8, tens, ones]);
    }
    out.push(b'Z');
}

/// What a pusher appends, as text.
pub fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(24);
    push(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edges() {
        let integer = |n| text(|out| push_integer(out, n));
        for n in [
            0,
            9,
            10,
            99,
            100,
            -1,
            -100,
            i128::from(u64::MAX),
            i128::from(u64::MAX) + 1,
            i128::MAX,
            i128::MIN,
        ] {
            assert_eq!(integer(n), n.to_string());
        }
        let minor = |n| text(|out| push_minor(out, n));
        assert_eq!(minor(1234), "12.34");
        assert_eq!(minor(-5), "-0.05");
        assert_eq!(minor(0), "0.00");
        assert_eq!(
            minor(i128::MIN),
            "-1701411834604692317316873037158841057.28"
        );
        let time = |ms| text(|out| push_rfc3339(out, ms));
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(time(1_769_163_300_007), "2026-01-23T10:15:00.007Z");
        assert_eq!(time(253_402_300_800_000), "10000-01-01T00:00:00Z");
        assert_eq!(time(-62_167_219_200_001), "-001-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn as_the_formatter_writes_them(n: i128, small in -100_000..100_000i128, ms in 0..253_402_300_800_000i64) {
            for n in [n, small] {
                prop_assert_eq!(text(|out| push_integer(out, n)), n.to_string());
                let (sign, size) = (if n < 0 { "-" } else { "" }, n.unsigned_abs());
                let plain = format!("{sign}{}.{:02}", size / 100, size % 100);
                prop_assert_eq!(text(|out| push_minor(out, n)), plain);
            }
            let written = text(|out| push_rfc3339(out, ms));
            prop_assert_eq!(crate::time::parse_rfc3339(written.as_bytes()), Some(ms));
            prop_assert_eq!(crate::time::parse_written(&written), Some(ms));
        }

        #[test]
        fn ends_of_windows_beyond_the_year_9999_are_read_as_they_are_written(ms in 253_402_214_400_000..3_000_000_000_000_000i64) {
            let written = text(|out| push_rfc3339(out, ms));
            prop_assert_eq!(crate::time::parse_written(&written), Some(ms), "{}", written);
        }
    }
}
