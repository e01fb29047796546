//! Numbers of the fast path.
//!
//! Each function reads as far as the number goes. What follows it is not looked at: the caller compares it with the
//! layout, and no layout has a digit, a dot or an exponent there.

use standings_model::decimal as exact;

/// Where the integer (JSON's grammar, no fraction, no exponent) that begins at `at` ends.
#[inline]
pub(super) fn integer_end(record: &[u8], at: usize) -> Option<usize> {
    let first = at + usize::from(record.get(at) == Some(&b'-'));
    let end = digits_end(record, first);
    if end == first || (end > first + 1 && record.get(first) == Some(&b'0')) {
        return None;
    }
    Some(end)
}

/// An integer of 64 bits and its end.
#[inline]
pub(super) fn integer(record: &[u8], at: usize) -> Option<(i64, usize)> {
    let end = integer_end(record, at)?;
    let negative = record.get(at) == Some(&b'-');
    let digits = record.get(at + usize::from(negative)..end)?;
    // 19 digits always fit 64 bits without sign; no 64-bit integer has more.
    if digits.len() > 19 {
        return None;
    }
    let magnitude = digits
        .iter()
        .fold(0u64, |n, d| n * 10 + u64::from(d - b'0'));
    let value = if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    };
    Some((value?, end))
}

/// Where the number, any by JSON's grammar, that begins at `at` ends.
pub(super) fn number_end(record: &[u8], at: usize) -> Option<usize> {
    let mut end = integer_end(record, at)?;
    if record.get(end) == Some(&b'.') {
        let fraction = end + 1;
        end = digits_end(record, fraction);
        if end == fraction {
            return None;
        }
    }
    if matches!(record.get(end), Some(b'e' | b'E')) {
        let exponent = end + 1 + usize::from(matches!(record.get(end + 1), Some(b'+' | b'-')));
        end = digits_end(record, exponent);
        if end == exponent {
            return None;
        }
    }
    Some(end)
}

/// The number that begins at `at`, at `scale` fraction digits and of at most `precision` digits in all, and its end.
#[inline]
pub(super) fn decimal(record: &[u8], at: usize, precision: u8, scale: u8) -> Option<(i128, usize)> {
    let short = match scale {
        2 => short_decimal(record, at),
        _ => short_of_any_scale(record, at, scale),
    };
    if let Some((unscaled, end)) = short
        && !matches!(record.get(end), Some(b'0'..=b'9' | b'.' | b'e' | b'E'))
    {
        // There are as many digits as the number has in all.
        let fits = precision >= 19 || unscaled.unsigned_abs() < 10u64.pow(u32::from(precision));
        return fits.then_some((i128::from(unscaled), end));
    }
    let end = number_end(record, at)?;
    let text = record.get(at..end)?;
    // Zeros behind the scale are for the full path.
    Some((exact::parse(text, precision, scale, false).ok()?, end))
}

/// At most 18 digits in all, of which at most `scale` are a fraction.
#[inline]
fn short_of_any_scale(record: &[u8], at: usize, scale: u8) -> Option<(i64, usize)> {
    const MOST: usize = 18;
    let negative = record.get(at) == Some(&b'-');
    let first = at + usize::from(negative);
    let mut end = first;
    let mut unscaled = 0i64;
    while let Some(digit) = digit(record, end)
        && end < first + MOST
    {
        unscaled = unscaled * 10 + digit;
        end += 1;
    }
    let whole = end - first;
    if whole == 0 || (whole > 1 && record.get(first) == Some(&b'0')) {
        return None;
    }
    let scale = usize::from(scale);
    if whole + scale > MOST {
        return None;
    }
    let mut fraction = 0;
    if record.get(end) == Some(&b'.') {
        end += 1;
        while let Some(digit) = digit(record, end)
            && fraction < scale
        {
            unscaled = unscaled * 10 + digit;
            end += 1;
            fraction += 1;
        }
        if fraction == 0 {
            return None;
        }
    }
    unscaled *= 10i64.pow((scale - fraction) as u32);
    Some((if negative { -unscaled } else { unscaled }, end))
}

/// At most 16 digits, and one or two fraction digits.
#[inline]
fn short_decimal(record: &[u8], at: usize) -> Option<(i64, usize)> {
    let negative = record.get(at) == Some(&b'-');
    let first = at + usize::from(negative);
    let mut end = first;
    let mut minor = 0i64;
    while let Some(digit) = digit(record, end)
        && end < first + 16
    {
        minor = minor * 10 + digit;
        end += 1;
    }
    if end == first || (end > first + 1 && record.get(first) == Some(&b'0')) {
        return None;
    }
    minor *= 100;
    if record.get(end) == Some(&b'.') {
        minor += digit(record, end + 1)? * 10;
        end += 2;
        if let Some(hundredths) = digit(record, end) {
            minor += hundredths;
            end += 1;
        }
    }
    Some((if negative { -minor } else { minor }, end))
}

#[inline(always)]
fn digit(record: &[u8], at: usize) -> Option<i64> {
    let digit = record.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(i64::from(digit))
}

#[inline]
fn digits_end(record: &[u8], at: usize) -> usize {
    let mut end = at;
    while record.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_agree_with_the_model() {
        for text in [
            "0",
            "-0",
            "12.34",
            "-12.3",
            "0.05",
            "1.5e3",
            "12.345",
            "12.",
            "-",
            "01",
            "00",
            "999999999999999999.99",
            "9999999999999999.99",
            "9999999999999999",
            "99999999999999999",
            "-9999999999999999.99",
            "5e-2",
            "1e400",
            "99999999999999999999999999.99",
            "100000000000000000000000000",
            "1E0",
            "1.50e1",
            "0.00",
            "12.3.4",
        ] {
            let precisions = [1, 2, 3, 4, 17, 18, 19, 28, 38];
            let scales = [0, 1, 2, 3, 4, 6, 17, 18, 19, 38];
            let forms = precisions
                .iter()
                .flat_map(|p| scales.map(|s| (*p, s.min(*p))));
            for (precision, scale) in forms {
                for tail in ["", "}", ",\"x\":1}"] {
                    let record = format!("{text}{tail}");
                    // A number that ends early is told by what follows it, as the layout does.
                    let found = decimal(record.as_bytes(), 0, precision, scale)
                        .filter(|(_, end)| *end == text.len());
                    let want = exact::parse(text.as_bytes(), precision, scale, false)
                        .ok()
                        .map(|unscaled| (unscaled, text.len()));
                    assert_eq!(found, want, "{record} {precision} {scale}");
                }
            }
        }
    }

    #[test]
    fn integers() {
        for (text, want) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775809", None),
            ("99999999999999999999", None),
            ("01", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(
                integer(text.as_bytes(), 0),
                want.map(|n: i64| (n, text.len())),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers_agree_with_serde_json() {
        for text in [
            "0", "-0.0", "1e5", "1E+5", "1e-5", "1.", "1.e5", "e5", "1e", "1e+", "-", "01", "0.10",
            "--1", "1-",
        ] {
            let want = serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
            assert_eq!(
                number_end(text.as_bytes(), 0) == Some(text.len()),
                want,
                "{text}"
            );
        }
    }
}
