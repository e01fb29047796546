//! Arithmetic of whole numbers and decimals, exact and rounded half away from zero where digits are cut.
//!
//! A number is its digits and a scale: 12.34 is 1234 at scale 2. Nothing here has more than 38 digits; what is between is
//! in 128 bits where it fits, else in 256.

use std::cmp::Ordering;

use super::wide::Wide;

/// What has 39 digits.
const BEYOND: u128 = 10u128.pow(38);

/// Powers of ten that a scale can ask for.
static TENS: [u128; 39] = {
    let mut all = [1u128; 39];
    let mut at = 1;
    while at < 39 {
        all[at] = all[at - 1] * 10;
        at += 1;
    }
    all
};

/// `10^n`, for n up to 38.
#[inline]
pub fn ten(n: u8) -> u128 {
    TENS[usize::from(n.min(38))]
}

/// Whether a number has at most so many digits.
#[inline]
pub fn fits(n: i128, precision: u8) -> bool {
    n.unsigned_abs() < ten(precision)
}

fn signed(negative: bool, size: u128) -> Option<i128> {
    let n = i128::try_from(size).ok()?;
    Some(if negative { -n } else { n })
}

fn half_up(quotient: u128, rest: u128, by: u128) -> Option<u128> {
    // rest · 2 >= by, without overflow; of a division by one there is no rest.
    if by > 1 && rest >= by - rest {
        quotient.checked_add(1)
    } else {
        Some(quotient)
    }
}

/// `n / by` of whole numbers, half away from zero; `by` is not zero.
#[inline]
fn divide_rounded(n: i128, by: i128) -> i128 {
    // Division of 64 bits is one instruction, of 128 a call.
    if let (Ok(a), Ok(b)) = (i64::try_from(n), i64::try_from(by)) {
        let (q, r) = (
            i128::from(a) / i128::from(b),
            a.unsigned_abs() % b.unsigned_abs(),
        );
        let up = r >= b.unsigned_abs() - r;
        let one = if (a < 0) == (b < 0) { 1 } else { -1 };
        return if up { q + one } else { q };
    }
    let (q, r) = (n / by, (n % by).unsigned_abs());
    let up = r >= by.unsigned_abs() - r;
    let one = if (n < 0) == (by < 0) { 1 } else { -1 };
    if up { q + one } else { q }
}

/// The same number at another scale; none beyond 38 digits.
#[inline]
pub fn rescale(n: i128, from: u8, to: u8) -> Option<i128> {
    match to.cmp(&from) {
        Ordering::Equal => Some(n),
        Ordering::Greater => {
            let n = n.checked_mul(ten(to - from) as i128)?;
            (n.unsigned_abs() < BEYOND).then_some(n)
        }
        Ordering::Less => Some(divide_rounded(n, ten(from - to) as i128)),
    }
}

/// The same number at a scale, if it has at most `precision` digits there.
#[inline]
pub fn to_decimal(n: i128, from: u8, precision: u8, scale: u8) -> Option<i128> {
    rescale(n, from, scale).filter(|n| fits(*n, precision))
}

/// The whole part, cut toward zero.
pub fn truncate(n: i128, scale: u8) -> i128 {
    if scale == 0 {
        n
    } else {
        n / ten(scale) as i128
    }
}

/// The greatest whole number that is not greater.
pub fn floor(n: i128, scale: u8) -> i128 {
    n.div_euclid(ten(scale) as i128)
}

/// The least whole number that is not less.
pub fn ceil(n: i128, scale: u8) -> i128 {
    -floor(-n, scale)
}

/// Numbers of different scales, by what they are.
pub fn compare(a: i128, a_scale: u8, b: i128, b_scale: u8) -> Ordering {
    if a_scale == b_scale {
        return a.cmp(&b);
    }
    let (up_a, up_b) = (
        ten(b_scale.saturating_sub(a_scale)),
        ten(a_scale.saturating_sub(b_scale)),
    );
    if let (Some(a), Some(b)) = (a.checked_mul(up_a as i128), b.checked_mul(up_b as i128)) {
        return a.cmp(&b);
    }
    let sizes = || {
        let a = Wide::product(a.unsigned_abs(), up_a);
        a.cmp(&Wide::product(b.unsigned_abs(), up_b))
    };
    match (a < 0, b < 0) {
        (false, false) => sizes(),
        (true, true) => sizes().reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// The type of a decimal that comes out: what has more digits is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Digits in all.
    pub precision: u8,
    /// Fraction digits.
    pub scale: u8,
}

impl Shape {
    /// Digits at a scale, rounded into this.
    fn take(self, negative: bool, size: Wide, scale: u8) -> Option<i128> {
        let size = if self.scale >= scale {
            let size = size.times(ten(self.scale - scale))?;
            size.divide(1)?.0
        } else {
            // What is cut first decides nothing about rounding: half is a digit of what is left.
            let cut = scale - self.scale;
            let (size, cut) = match cut.checked_sub(38) {
                Some(more @ 1..) => (Wide::of(size.divide(ten(38))?.0), more),
                _ => (size, cut),
            };
            let (quotient, rest) = size.divide(ten(cut))?;
            half_up(quotient, rest, ten(cut))?
        };
        signed(negative, size).filter(|n| fits(*n, self.precision))
    }

    /// `a + b`.
    #[inline]
    pub fn sum(self, a: i128, a_scale: u8, b: i128, b_scale: u8) -> Option<i128> {
        let scale = a_scale.max(b_scale);
        let (up_a, up_b) = (ten(scale - a_scale), ten(scale - b_scale));
        let narrow = || {
            let a = a.checked_mul(up_a as i128)?;
            a.checked_add(b.checked_mul(up_b as i128)?)
        };
        if let Some(sum) = narrow() {
            return match scale.cmp(&self.scale) {
                Ordering::Equal => Some(sum).filter(|n| fits(*n, self.precision)),
                _ => to_decimal(sum, scale, self.precision, self.scale),
            };
        }
        let (big_a, big_b) = (
            Wide::product(a.unsigned_abs(), up_a),
            Wide::product(b.unsigned_abs(), up_b),
        );
        if (a < 0) == (b < 0) {
            return self.take(a < 0, big_a.plus(big_b)?, scale);
        }
        match big_a >= big_b {
            true => self.take(a < 0, big_a.minus(big_b), scale),
            false => self.take(b < 0, big_b.minus(big_a), scale),
        }
    }

    /// `a · b`.
    #[inline]
    pub fn product(self, a: i128, a_scale: u8, b: i128, b_scale: u8) -> Option<i128> {
        let scale = a_scale + b_scale;
        match a.checked_mul(b) {
            Some(product) if scale <= self.scale + 38 && self.scale <= scale => {
                to_decimal(product, scale, self.precision, self.scale)
            }
            _ => {
                let size = Wide::product(a.unsigned_abs(), b.unsigned_abs());
                self.take((a < 0) != (b < 0), size, scale)
            }
        }
    }

    /// `a / b`; `b` is not zero.
    #[inline]
    pub fn quotient(self, a: i128, a_scale: u8, b: i128, b_scale: u8) -> Option<i128> {
        // a/10^sa / (b/10^sb) = q/10^s  =>  q = a · 10^(s + sb - sa) / b
        let up = i32::from(self.scale) + i32::from(b_scale) - i32::from(a_scale);
        if (0..=38).contains(&up)
            && let Some(a) = a.checked_mul(ten(up as u8) as i128)
        {
            return Some(divide_rounded(a, b)).filter(|n| fits(*n, self.precision));
        }
        let negative = (a < 0) != (b < 0);
        let (mut size, mut by) = (Wide::of(a.unsigned_abs()), b.unsigned_abs());
        match u8::try_from(up) {
            Ok(up) => {
                size = size.times(ten(up.min(38)))?;
                size = size.times(ten(up.saturating_sub(38)))?;
            }
            Err(_) => match by.checked_mul(ten(up.unsigned_abs() as u8)) {
                Some(larger) => by = larger,
                // More than thrice what is divided.
                None => return Some(0),
            },
        }
        let (quotient, rest) = size.divide(by)?;
        let size = half_up(quotient, rest, by)?;
        signed(negative, size).filter(|n| fits(*n, self.precision))
    }

    /// The remainder of `a / b`, with the sign of `a`; `b` is not zero.
    pub fn remainder(self, a: i128, a_scale: u8, b: i128, b_scale: u8) -> Option<i128> {
        let scale = a_scale.max(b_scale);
        let (up_a, up_b) = (ten(scale - a_scale), ten(scale - b_scale));
        let Some(by) = b.unsigned_abs().checked_mul(up_b) else {
            // Then only b was moved, and is greater than any a.
            return to_decimal(a, scale, self.precision, self.scale);
        };
        // a · 10^k mod b, from the highest digits down, so that no quotient is too large.
        let mut rest = a.unsigned_abs() % by;
        if up_a > 1 {
            let size = Wide::product(rest, up_a);
            rest = match size.divide(by) {
                Some((_, rest)) => rest,
                None => return None,
            };
        }
        to_decimal(signed(a < 0, rest)?, scale, self.precision, self.scale)
    }
}

/// A decimal to a number of fraction digits (before the point where it is negative), half away from zero, at its own
/// scale.
pub fn round(n: i128, scale: u8, digits: i64) -> Option<i128> {
    if digits >= i64::from(scale) {
        return Some(n);
    }
    let cut = i64::from(scale) - digits;
    if cut > 38 {
        return Some(0);
    }
    let unit = ten(cut as u8) as i128;
    divide_rounded(n, unit).checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: i128 = 10i128.pow(38) - 1;

    fn shape(precision: u8, scale: u8) -> Shape {
        Shape { precision, scale }
    }

    #[test]
    fn scales() {
        for (n, from, to, want) in [
            (1234, 2, 2, Some(1234)),
            (1234, 2, 4, Some(123_400)),
            (1235, 2, 1, Some(124)),
            (-1235, 2, 1, Some(-124)),
            (-1234, 2, 1, Some(-123)),
            (5, 1, 0, Some(1)),
            (-5, 1, 0, Some(-1)),
            (MOST, 0, 1, None),
            (MOST, 38, 0, Some(1)),
        ] {
            assert_eq!(rescale(n, from, to), want, "{n} {from} {to}");
        }
        assert_eq!(to_decimal(99_995, 3, 4, 2), None);
        assert_eq!(
            (floor(-15, 1), ceil(-15, 1), truncate(-15, 1)),
            (-2, -1, -1)
        );
        assert_eq!((floor(15, 1), ceil(15, 1), truncate(15, 1)), (1, 2, 1));
        assert_eq!(round(-1250, 0, -2), Some(-1300));
        assert_eq!(round(1250, 2, 1), Some(1250));
        assert_eq!(round(1255, 2, 1), Some(1260));
        assert_eq!(round(MOST, 0, -40), Some(0));
    }

    #[test]
    fn the_extremes() {
        let all = shape(38, 0);
        assert_eq!(all.sum(MOST, 0, 1, 0), None);
        assert_eq!(all.sum(MOST, 0, -MOST, 0), Some(0));
        assert_eq!(all.sum(MOST, 0, MOST, 38), None);
        assert_eq!(shape(38, 6).product(MOST, 38, MOST, 38), Some(1_000_000));
        assert_eq!(all.product(MOST, 0, -1, 0), Some(-MOST));
        assert_eq!(all.product(MOST, 0, 2, 0), None);
        assert_eq!(shape(38, 38).product(1, 38, 1, 38), Some(0));
        assert_eq!(all.quotient(MOST, 0, 1, 38), None);
        assert_eq!(all.quotient(MOST, 0, MOST, 0), Some(1));
        assert_eq!(shape(38, 6).quotient(1, 38, MOST, 0), Some(0));
        assert_eq!(shape(38, 6).quotient(1, 0, -3, 0), Some(-333_333));
        assert_eq!(shape(38, 6).quotient(2, 0, 3, 0), Some(666_667));
        assert_eq!(shape(38, 0).remainder(MOST, 38, MOST, 0), Some(1));
        assert_eq!(shape(38, 0).remainder(-7, 0, 3, 0), Some(-1));
        assert_eq!(compare(MOST, 0, MOST, 38), Ordering::Greater);
        assert_eq!(compare(-MOST, 0, -MOST, 38), Ordering::Less);
        assert_eq!(compare(-MOST, 0, MOST, 38), Ordering::Less);
    }

    proptest! {
        #[test]
        fn wide_and_narrow_agree(a in -1_000_000_000i128..1_000_000_000, b in -1_000_000_000i128..1_000_000_000, sa in 0..9u8, sb in 0..9u8, s in 0..12u8) {
            let narrow = shape(38, s);
            let size = Wide::product(a.unsigned_abs(), b.unsigned_abs());
            prop_assert_eq!(narrow.product(a, sa, b, sb), narrow.take((a < 0) != (b < 0), size, sa + sb));
            // The quotient is the nearest: q·b is within b/2 of a.
            if b != 0 {
                let q = narrow.quotient(a, sa, b, sb).unwrap();
                let up = i32::from(s) + i32::from(sb) - i32::from(sa);
                let (a, b) = if up >= 0 { (a * 10i128.pow(up as u32), b) } else { (a, b * 10i128.pow(-up as u32)) };
                prop_assert!(((q * b - a) * 2).abs() <= b.abs(), "{} {} {}", a, b, q);
            }
            prop_assert_eq!(compare(a, sa, b, sb), (a * ten(9 - sa) as i128).cmp(&(b * ten(9 - sb) as i128)));
        }

        #[test]
        fn a_sum_less_one_part_is_the_other(a in -MOST..MOST, b in -MOST..MOST, s in 0..38u8) {
            let all = shape(38, s);
            if let Some(sum) = all.sum(a, s, b, s) {
                prop_assert_eq!(all.sum(sum, s, -b, s), Some(a));
            } else {
                prop_assert!(a.checked_add(b).is_none_or(|n| !fits(n, 38)));
            }
        }
    }
}
