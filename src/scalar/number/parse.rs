//! Numbers from text, as Flink's `CAST` takes them: spaces around are cut.

use super::exact::ten;

/// A text that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoNumber;

/// What is cut from both ends before a text is cast: what Java counts as space, and that is up to U+0020.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// A whole number; a fraction must be digits, and is cut. None beyond 128 bits.
pub fn whole(text: &str) -> Result<Option<i128>, NoNumber> {
    let text = trimmed(text);
    let (negative, digits) = sign(text);
    let (digits, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if (digits.is_empty() && fraction.is_empty()) || !is_plain(digits) || !is_plain(fraction) {
        return Err(NoNumber);
    }
    let mut n: i128 = 0;
    for digit in digits.bytes() {
        let next = n
            .checked_mul(10)
            .and_then(|n| n.checked_add(i128::from(digit - b'0')));
        match next {
            Some(next) => n = next,
            None => return Ok(None),
        }
    }
    Ok(Some(if negative { -n } else { n }))
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// The digits of a decimal at a scale, half away from zero; it may have an exponent. None beyond 38 digits.
pub fn decimal(text: &str, scale: u8) -> Result<Option<i128>, NoNumber> {
    let text = trimmed(text);
    let (negative, rest) = sign(text);
    let (digits, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], exponent(&rest[at + 1..])?),
        None => (rest, 0),
    };
    let (head, tail) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if (head.is_empty() && tail.is_empty()) || !is_plain(head) || !is_plain(tail) {
        return Err(NoNumber);
    }
    let all = head.bytes().chain(tail.bytes());
    let zeros = all.clone().take_while(|b| *b == b'0').count();
    let significant = (head.len() + tail.len() - zeros) as i64;
    if significant == 0 {
        return Ok(Some(0));
    }
    // How many of the significant digits are kept: those before the point, and `scale` behind it.
    let kept = significant + exponent - tail.len() as i64 + i64::from(scale);
    if kept > 38 {
        return Ok(None);
    }
    if kept < 0 {
        return Ok(Some(0));
    }
    let mut significant = all.skip(zeros);
    let mut n: i128 = 0;
    let mut taken = 0;
    for digit in significant.by_ref().take(kept as usize) {
        n = n * 10 + i128::from(digit - b'0');
        taken += 1;
    }
    match significant.next() {
        Some(next) if next >= b'5' => n += 1,
        Some(_) => {}
        None => n *= ten((kept - taken) as u8) as i128,
    }
    let n = if negative { -n } else { n };
    Ok(super::exact::fits(n, 38).then_some(n))
}

/// An exponent; beyond a million it is as good as a million.
fn exponent(text: &str) -> Result<i64, NoNumber> {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NoNumber);
    }
    let size = digits
        .bytes()
        .fold(0i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1_000_000));
    Ok(if negative { -size } else { size })
}

/// A double.
pub fn double(text: &str) -> Result<f64, NoNumber> {
    let text = trimmed(text);
    let (negative, rest) = sign(text);
    let size = match rest {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ if rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            rest.parse().map_err(|_| NoNumber)?
        }
        _ => return Err(NoNumber),
    };
    Ok(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (text, want) in [
            ("12", Ok(Some(12))),
            (" 12 ", Ok(Some(12))),
            ("\t-7\n", Ok(Some(-7))),
            ("+7", Ok(Some(7))),
            ("2.9", Ok(Some(2))),
            ("-2.9", Ok(Some(-2))),
            (".5", Ok(Some(0))),
            ("5.", Ok(Some(5))),
            ("007", Ok(Some(7))),
            ("1e3", Err(NoNumber)),
            ("", Err(NoNumber)),
            ("-", Err(NoNumber)),
            (".", Err(NoNumber)),
            ("1.x", Err(NoNumber)),
            ("1 2", Err(NoNumber)),
            ("--1", Err(NoNumber)),
            ("１", Err(NoNumber)),
            ("9999999999999999999999999999999999999999", Ok(None)),
        ] {
            assert_eq!(whole(text), want, "{text:?}");
        }
    }

    #[test]
    fn decimals() {
        for (text, scale, want) in [
            ("2.345", 2, Ok(Some(235))),
            ("-2.345", 2, Ok(Some(-235))),
            ("2.344999", 2, Ok(Some(234))),
            ("1e2", 0, Ok(Some(100))),
            ("1E-2", 2, Ok(Some(1))),
            ("1.5e+1", 1, Ok(Some(150))),
            ("5e-3", 2, Ok(Some(1))),
            ("4e-3", 2, Ok(Some(0))),
            ("5e-4", 2, Ok(Some(0))),
            ("0.0005", 3, Ok(Some(1))),
            ("0.05", 0, Ok(Some(0))),
            ("0.5", 0, Ok(Some(1))),
            ("000.00", 2, Ok(Some(0))),
            (" 12 ", 1, Ok(Some(120))),
            (
                "99999999999999999999999999999999999999",
                0,
                Ok(Some(10i128.pow(38) - 1)),
            ),
            ("99999999999999999999999999999999999999.5", 0, Ok(None)),
            ("1e400", 0, Ok(None)),
            ("0e999999999999", 0, Ok(Some(0))),
            ("1e-99999999999", 9, Ok(Some(0))),
            ("", 0, Err(NoNumber)),
            ("1e", 0, Err(NoNumber)),
            ("e1", 0, Err(NoNumber)),
            ("1,5", 0, Err(NoNumber)),
            ("NaN", 0, Err(NoNumber)),
        ] {
            assert_eq!(decimal(text, scale), want, "{text:?}");
        }
    }

    #[test]
    fn doubles() {
        assert_eq!(double(" 1.5e3 "), Ok(1500.0));
        assert_eq!(double("-Infinity"), Ok(f64::NEG_INFINITY));
        assert!(double("NaN").unwrap().is_nan());
        for text in ["", "inf", "infinity", "1d", "0x1", "nan", "e5"] {
            assert_eq!(double(text), Err(NoNumber), "{text}");
        }
    }
}
