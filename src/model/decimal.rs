//! Decimals as whole numbers of their last digit; no floating point anywhere.

use super::digits;

/// `1234` → `12.34`, `-5` → `-0.05`.
pub fn format_minor(minor: i128) -> String {
    digits::text(|out| digits::push_minor(out, minor))
}

/// `sum / count` of decimals of `from` fraction digits, with `to` of them, which are not fewer; rounded half away from
/// zero. `count` must not be 0. What is beyond 128 bits is the greatest or the least there is.
pub fn average(sum: i128, count: u64, from: u8, to: u8) -> i128 {
    let n = i128::from(count);
    let unit = 10i128.pow(u32::from(to.saturating_sub(from)));
    let (whole, rest) = (sum / n, sum % n);
    // The rest is below 2^64, and a unit has at most 38 digits: rounding is by what is left of a division.
    let (more, left) = match rest.checked_mul(unit) {
        Some(rest) => (rest / n, rest % n),
        None => (rest / n * unit, 0),
    };
    let half_up = i128::from(left.unsigned_abs() * 2 >= n.unsigned_abs()) * sum.signum();
    whole.saturating_mul(unit).saturating_add(more + half_up)
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a number by JSON's grammar.
    #[error("not a number")]
    Syntax,
    /// More fraction digits than the scale, or an exponent form that is no whole number of the last of them.
    #[error("too many fraction digits")]
    Fraction,
    /// More digits than the column holds.
    #[error("out of range")]
    Range,
}

/// Parses JSON's number grammar into minor units, at most `precision` digits in all (1 to 38): [`parse`] of two fraction
/// digits, of which not even zeros may be more.
pub fn parse_minor(text: &[u8], precision: u8) -> Result<i128, DecimalError> {
    parse(text, precision, 2, false)
}

/// Parses JSON's number grammar into a whole number of the last of `scale` fraction digits, at most `precision` digits in
/// all (1 to 38).
///
/// Without an exponent at most `scale` fraction digits may stand there, and behind them zeros if `zeros` says so; with
/// one the value must be exact.
pub fn parse(text: &[u8], precision: u8, scale: u8, zeros: bool) -> Result<i128, DecimalError> {
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let whole = digits(&mut rest);
    if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
        return Err(DecimalError::Syntax);
    }
    let mut fraction: &[u8] = &[];
    if let Some((b'.', after)) = rest.split_first() {
        rest = after;
        fraction = digits(&mut rest);
        if fraction.is_empty() {
            return Err(DecimalError::Syntax);
        }
    }
    let mut exponent = None;
    if let Some((b'e' | b'E', after)) = rest.split_first() {
        let (down, mut after) = match after.split_first() {
            Some((b'-', a)) => (true, a),
            Some((b'+', a)) => (false, a),
            _ => (false, after),
        };
        let e = digits(&mut after);
        if e.is_empty() {
            return Err(DecimalError::Syntax);
        }
        // Anything beyond a million behaves as a million: zero stays zero, the rest is out of range or inexact.
        let e = e
            .iter()
            .fold(0i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1_000_000));
        exponent = Some(if down { -e } else { e });
        rest = after;
    }
    if !rest.is_empty() {
        return Err(DecimalError::Syntax);
    }
    if exponent.is_none() && fraction.len() > usize::from(scale) && !zeros {
        return Err(DecimalError::Fraction);
    }
    // The value is 0.d1d2d3… × 10^point over all digits; `point + scale` of them are kept.
    let mut all = whole
        .iter()
        .chain(fraction)
        .copied()
        .skip_while(|d| *d == b'0')
        .peekable();
    if all.peek().is_none() {
        return Ok(0);
    }
    let leading = whole
        .iter()
        .chain(fraction)
        .take_while(|d| **d == b'0')
        .count();
    let significant: Vec<u8> = all.collect();
    let kept = (whole.len() - leading.min(whole.len())) as i64
        - (leading.saturating_sub(whole.len())) as i64
        + exponent.unwrap_or(0)
        + i64::from(scale);
    if kept > i64::from(precision) {
        return Err(DecimalError::Range);
    }
    let mut minor: i128 = 0;
    let mut taken = 0;
    for d in &significant {
        if taken < kept {
            minor = minor * 10 + i128::from(d - b'0');
            taken += 1;
        } else if *d != b'0' {
            return Err(DecimalError::Fraction);
        }
    }
    if kept <= 0 {
        return Err(DecimalError::Fraction);
    }
    for _ in taken..kept {
        minor *= 10;
    }
    Ok(if negative { -minor } else { minor })
}

fn digits<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let n = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (head, tail) = rest.split_at(n);
    *rest = tail;
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        use DecimalError::*;
        for (text, want) in [
            ("12.34", Ok(1234)),
            ("-12.3", Ok(-1230)),
            ("0", Ok(0)),
            ("-0.00", Ok(0)),
            ("0.05", Ok(5)),
            ("5e-2", Ok(5)),
            ("1.5e3", Ok(150_000)),
            ("1.2340e1", Ok(1234)),
            ("0.0012e2", Ok(12)),
            ("0.0012e1", Err(Fraction)),
            ("123e-2", Ok(123)),
            ("1e-3", Err(Fraction)),
            ("0e-9", Ok(0)),
            ("0e999999999999999999999", Ok(0)),
            ("12.345", Err(Fraction)),
            ("12.340", Err(Fraction)),
            ("1e400", Err(Range)),
            ("1e-400", Err(Fraction)),
            (
                "99999999999999999999999999.99",
                Ok(9_999_999_999_999_999_999_999_999_999),
            ),
            ("100000000000000000000000000", Err(Range)),
            ("", Err(Syntax)),
            ("-", Err(Syntax)),
            ("01", Err(Syntax)),
            (".5", Err(Syntax)),
            ("5.", Err(Syntax)),
            ("+5", Err(Syntax)),
            ("1e", Err(Syntax)),
            ("NaN", Err(Syntax)),
            (" 1", Err(Syntax)),
            ("1 ", Err(Syntax)),
        ] {
            assert_eq!(parse_minor(text.as_bytes(), 28), want, "{text}");
        }
    }

    #[test]
    fn any_scale() {
        use DecimalError::*;
        for (text, precision, scale, zeros, want) in [
            ("13.5075", 28, 4, false, Ok(135_075)),
            ("1.500", 5, 2, true, Ok(150)),
            ("1.500", 5, 2, false, Err(Fraction)),
            ("1.501", 5, 2, true, Err(Fraction)),
            ("0.000", 3, 0, true, Ok(0)),
            ("7.0", 3, 0, true, Ok(7)),
            ("1000", 3, 0, true, Err(Range)),
            ("10.00", 3, 2, true, Err(Range)),
            ("0.5", 1, 1, true, Ok(5)),
            ("1.5", 1, 1, true, Err(Range)),
            (
                "99999999999999999999999999999999999999",
                38,
                0,
                true,
                Ok(10i128.pow(38) - 1),
            ),
            (
                "-0.99999999999999999999999999999999999999",
                38,
                38,
                true,
                Ok(1 - 10i128.pow(38)),
            ),
            (
                "100000000000000000000000000000000000000",
                38,
                0,
                true,
                Err(Range),
            ),
            ("1e-38", 38, 38, true, Ok(1)),
        ] {
            assert_eq!(
                parse(text.as_bytes(), precision, scale, zeros),
                want,
                "{text}"
            );
        }
    }

    #[test]
    fn averages_round_half_away_from_zero() {
        for (sum, count, want) in [
            (5, 2, 3),
            (-5, 2, -3),
            (4, 3, 1),
            (-4, 3, -1),
            (10, 4, 3),
            (0, 7, 0),
        ] {
            assert_eq!(average(sum, count, 2, 2), want);
        }
        assert_eq!(average(-5, 3, 0, 2), -167);
        assert_eq!(average(1, 3, 4, 6), 33);
        assert_eq!(average(6_442_450_940, 3, 0, 2), 214_748_364_667);
        let most = 10i128.pow(38) - 1;
        assert_eq!(average(most, 1, 2, 2), most);
        assert_eq!(average(most, 3, 0, 2), i128::MAX);
    }

    #[test]
    fn formats() {
        assert_eq!(format_minor(-5), "-0.05");
        assert_eq!(format_minor(123_450), "1234.50");
        assert_eq!(format_minor(0), "0.00");
    }
}
