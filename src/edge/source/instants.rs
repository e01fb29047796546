//! Times as the decoder reads them in what is written for it: nothing of their digits is lost.

use standings_model::digits;
use standings_model::time::civil_from_days;

/// From 1990 to 2100, ms: what is written as a number there, nobody takes for another unit.
const PLAIN: std::ops::Range<i64> = 631_152_000_000..4_102_444_800_000;

/// Appends an instant, µs since the Unix epoch: whole milliseconds as a number, else RFC 3339.
pub fn push_instant(out: &mut Vec<u8>, us: i64) {
    let (ms, rest) = (us.div_euclid(1000), us.rem_euclid(1000));
    if rest == 0 && PLAIN.contains(&ms) {
        digits::push_integer(out, i128::from(ms));
        return;
    }
    out.push(b'"');
    push_date(out, us.div_euclid(86_400_000_000));
    out.push(b'T');
    push_clock(out, us.rem_euclid(86_400_000_000));
    out.extend_from_slice(b"Z\"");
}

/// Appends `2026-01-23`, of days since 1970-01-01. A year beyond 9999 has five digits, which nothing takes.
pub fn push_date(out: &mut Vec<u8>, days: i64) {
    let (y, m, d) = civil_from_days(days);
    out.extend_from_slice(format!("{y:04}-{m:02}-{d:02}").as_bytes());
}

/// Appends `10:15:00.123456`, of µs since midnight.
pub fn push_clock(out: &mut Vec<u8>, us: i64) {
    let seconds = us / 1_000_000;
    let (h, m, s, f) = (
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        us % 1_000_000,
    );
    out.extend_from_slice(format!("{h:02}:{m:02}:{s:02}.{f:06}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_is_lost() {
        let text = |us| {
            let mut out = Vec::new();
            push_instant(&mut out, us);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(1_769_163_300_123_000), "1769163300123");
        assert_eq!(
            text(1_769_163_300_123_456),
            "\"2026-01-23T10:15:00.123456Z\""
        );
        assert_eq!(text(-1), "\"1969-12-31T23:59:59.999999Z\"");
        assert_eq!(text(0), "\"1970-01-01T00:00:00.000000Z\"");
    }
}
