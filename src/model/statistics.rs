//! Measures of many values that are exact: spread, and values between values. All by whole numbers.
//!
//! What has more digits than 128 bits hold is told as the greatest number there is, which is no decimal.

use super::big::Big;

/// Digits behind the point of a spread.
pub const SPREAD_DIGITS: u8 = 6;
/// Parts of one, by which percentiles are counted.
pub const PARTS: u64 = 1_000_000_000;

/// Which measure of spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Of a sample (`…_SAMP`: by n − 1), not of all there is (`…_POP`: by n).
    pub sample: bool,
    /// The deviation (`STDDEV_…`): the square root of the variance.
    pub root: bool,
}

/// The variance or deviation of `count` numbers of so many digits behind the point, by their sum and that of their squares:
/// six digits, half away from zero; none of too few numbers.
///
/// # Examples
///
/// ```
/// use standings_model::big::Big;
/// use standings_model::statistics::{Spread, spread};
///
/// // Of 2, 4, 4, 4, 5, 5, 7, 9: the mean is 5, the deviation 2.
/// let squares = Big::of(232);
/// let of = |sample, root| spread(8, 40, squares, 0, Spread { sample, root });
/// assert_eq!((of(false, false), of(false, true)), (Some(4_000_000), Some(2_000_000)));
/// assert_eq!((of(true, false), of(true, true)), (Some(4_571_429), Some(2_138_090)));
/// ```
pub fn spread(count: u64, sum: i128, squares: Big, scale: u8, of: Spread) -> Option<i128> {
    let least = if of.sample { 2 } else { 1 };
    if count < least {
        return None;
    }
    Some(exactly(count, sum, squares, scale, of).unwrap_or(i128::MAX))
}

/// None where something on the way has too many bits.
fn exactly(count: u64, sum: i128, squares: Big, scale: u8, of: Spread) -> Option<i128> {
    if sum == i128::MAX || sum == i128::MIN {
        return None;
    }
    // n·Σx² − (Σx)² is never negative.
    let above = squares.times(count)?;
    let above = above.minus(Big::square(sum.unsigned_abs()));
    let below = Big::of(u128::from(count)).times(if of.sample { count - 1 } else { count })?;
    let below = below.times_ten(2 * u32::from(scale))?;
    let digits = u32::from(SPREAD_DIGITS);
    let found = match of.root {
        // ⌊(⌊√4q⌋ + 1) / 2⌋ is √q, half up.
        true => {
            let four = quotient(above.times_ten(2 * digits)?.times(4)?, below);
            let twice = root(four).plus(Big::of(1))?;
            twice.narrow()? / 2
        }
        false => {
            let twice = quotient(above.times_ten(digits)?.times(2)?, below);
            twice.plus(Big::of(1))?.narrow()? / 2
        }
    };
    i128::try_from(found).ok()
}

fn quotient(above: Big, below: Big) -> Big {
    match (above.narrow(), below.narrow()) {
        (Some(above), Some(below)) => Big::of(above / below),
        _ => above.divided(below),
    }
}

fn root(of: Big) -> Big {
    match of.narrow() {
        Some(narrow) => Big::of(narrow.isqrt()),
        None => of.root(),
    }
}

/// Where a percentile lies among `count` values in order: the number of the value before it, from 0, and how many
/// [`PARTS`] of the way to the next one.
pub fn position(count: u64, at: u32) -> (u64, u64) {
    let place = u128::from(count.saturating_sub(1)) * u128::from(at);
    let parts = u128::from(PARTS);
    ((place / parts) as u64, (place % parts) as u64)
}

/// So many [`PARTS`] of the way from one number to another, both with `from` digits behind the point, as a number with
/// `to` of them: half away from zero.
///
/// # Examples
///
/// ```
/// use standings_model::statistics::{PARTS, between};
///
/// assert_eq!(between(1, 2, PARTS / 2, 0, 6), 1_500_000);
/// assert_eq!(between(-1, 2, PARTS / 3, 0, 0), 0);
/// assert_eq!(between(-2, -1, PARTS / 2, 0, 0), -2);
/// ```
pub fn between(low: i128, high: i128, parts: u64, from: u8, to: u8) -> i128 {
    let digits = u32::from(to.saturating_sub(from));
    if parts == 0 {
        let scaled = 10i128
            .checked_pow(digits)
            .and_then(|ten| low.checked_mul(ten));
        return scaled.unwrap_or(i128::MAX);
    }
    exactly_between(low, high, parts, digits).unwrap_or(i128::MAX)
}

fn exactly_between(low: i128, high: i128, parts: u64, digits: u32) -> Option<i128> {
    let part = |n: i128, parts: u64| Some((n < 0, Big::of(n.unsigned_abs()).times(parts)?));
    let (one, other) = (part(low, PARTS - parts)?, part(high, parts)?);
    let (negative, sum) = match one.0 == other.0 {
        true => (one.0, one.1.plus(other.1)?),
        false if one.1 >= other.1 => (one.0, one.1.minus(other.1)),
        false => (other.0, other.1.minus(one.1)),
    };
    let twice = quotient(sum.times_ten(digits)?.times(2)?, Big::of(u128::from(PARTS)));
    let found = i128::try_from(twice.plus(Big::of(1))?.narrow()? / 2).ok()?;
    Some(if negative { -found } else { found })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same of small numbers, by fractions of 128 bits.
    fn plainly(all: &[i64], scale: u8, of: Spread) -> Option<i128> {
        let n = all.len() as i128;
        let below = if of.sample { n * (n - 1) } else { n * n };
        if below <= 0 {
            return None;
        }
        let sum: i128 = all.iter().map(|x| i128::from(*x)).sum();
        let above: i128 = all
            .iter()
            .map(|x| (n * i128::from(*x) - sum).pow(2))
            .sum::<i128>()
            / n;
        let below = below * 100i128.pow(scale.into());
        if !of.root {
            return Some((2 * above * 1_000_000 + below) / (2 * below));
        }
        let mut root = ((above * 1_000_000_000_000 / below) as u128).isqrt() as i128;
        // Half or more above it is the next.
        if (2 * root + 1).pow(2) * below <= 4 * above * 1_000_000_000_000 {
            root += 1;
        }
        Some(root)
    }

    proptest! {
        #[test]
        fn spread_is_what_fractions_say(
            all in proptest::collection::vec(-500i64..500, 0..20), scale in 0u8..3, sample: bool, root: bool,
        ) {
            let sum = all.iter().map(|x| i128::from(*x)).sum();
            let squares = all.iter().map(|x| u128::from(x.unsigned_abs()).pow(2)).sum();
            let of = Spread { sample, root };
            let found = spread(all.len() as u64, sum, Big::of(squares), scale, of);
            prop_assert_eq!(found, plainly(&all, scale, of));
        }

        #[test]
        fn between_is_what_fractions_say(low in -1_000_000i64..1_000_000, high in -1_000_000i64..1_000_000, parts in 0..PARTS, to in 0u8..7) {
            let (a, b) = (i128::from(low), i128::from(high));
            let all = i128::from(PARTS);
            let sum = (a * (all - i128::from(parts)) + b * i128::from(parts)) * 10i128.pow(to.into());
            let half = (2 * sum.abs() + all) / (2 * all);
            prop_assert_eq!(between(a, b, parts, 0, to), half * sum.signum());
        }
    }

    #[test]
    fn of_many_digits() {
        let most = 10i128.pow(38) - 1;
        let of = Spread {
            sample: false,
            root: true,
        };
        // One is above the mean and one below: the deviation is the number itself, here 0.99….
        let square = Big::square(most as u128);
        let squares = square.plus(square).unwrap();
        assert_eq!(spread(2, 0, squares, 38, of), Some(1_000_000));
        assert_eq!(spread(2, 0, squares, 6, of), Some(most));
        // Without a fraction it has 44 digits.
        assert_eq!(spread(2, 0, squares, 0, of), Some(i128::MAX));
        assert_eq!(spread(2, i128::MAX, squares, 0, of), Some(i128::MAX));
        assert_eq!(between(most, -most, PARTS / 2, 0, 0), 0);
        assert_eq!(between(most, most, PARTS / 2, 6, 6), most);
        assert_eq!(between(most, most, PARTS / 2, 0, 6), i128::MAX);
        assert_eq!(position(5, 500_000_000), (2, 0));
        assert_eq!(position(4, 500_000_000), (1, PARTS / 2));
        assert_eq!(position(0, 500_000_000), (0, 0));
        assert_eq!(position(u64::MAX, 1_000_000_000), (u64::MAX - 1, 0));
    }
}
