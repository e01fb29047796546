//! Whole numbers of 256 bits without a sign: what is between two decimals of 38 digits and their product or quotient.
//! Only where 128 bits do not do.

use std::cmp::Ordering;

/// `high · 2^128 + low`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wide {
    high: u128,
    low: u128,
}

const HALF: u128 = u64::MAX as u128;

impl Wide {
    /// A product, which always fits.
    pub fn product(a: u128, b: u128) -> Self {
        let (a1, a0) = (a >> 64, a & HALF);
        let (b1, b0) = (b >> 64, b & HALF);
        let low = a0 * b0;
        // Each at most 2^128 - 2^65 + 1, and what is carried in less than 2^64.
        let (cross, over) = (a1 * b0).overflowing_add(a0 * b1);
        let carried = if over { 1u128 << 64 } else { 0 };
        let (low, carry) = low.overflowing_add(cross << 64);
        Wide {
            high: a1 * b1 + (cross >> 64) + carried + u128::from(carry),
            low,
        }
    }

    /// Of a number.
    pub fn of(n: u128) -> Self {
        Wide { high: 0, low: n }
    }

    /// A sum, unless it has more than 256 bits.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (low, carry) = self.low.overflowing_add(other.low);
        let high = self.high.checked_add(other.high)?;
        let high = high.checked_add(u128::from(carry))?;
        Some(Wide { high, low })
    }

    /// A difference of a greater and a smaller one.
    pub fn minus(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Wide {
            high: self.high - other.high - u128::from(borrow),
            low,
        }
    }

    /// A product, unless it has more than 256 bits.
    pub fn times(self, n: u128) -> Option<Self> {
        let low = Wide::product(self.low, n);
        let high = Wide::product(self.high, n);
        if high.high != 0 {
            return None;
        }
        Some(Wide {
            high: low.high.checked_add(high.low)?,
            low: low.low,
        })
    }

    /// The quotient and the remainder; none where the quotient has more than 128 bits. `by` is not zero.
    pub fn divide(self, by: u128) -> Option<(u128, u128)> {
        if self.high == 0 {
            return Some((self.low / by, self.low % by));
        }
        if self.high >= by {
            return None;
        }
        // Bit by bit, from the highest: the rest is always below `by`.
        let (mut rest, mut quotient) = (self.high, 0u128);
        for bit in (0..128).rev() {
            let over = rest >> 127 == 1;
            rest = rest << 1 | (self.low >> bit & 1);
            quotient <<= 1;
            if over || rest.cmp(&by) != Ordering::Less {
                rest = rest.wrapping_sub(by);
                quotient |= 1;
            }
        }
        Some((quotient, rest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_greatest() {
        let all = Wide::product(u128::MAX, u128::MAX);
        assert_eq!(
            all,
            Wide {
                high: u128::MAX - 1,
                low: 1
            }
        );
        assert_eq!(all.divide(u128::MAX), Some((u128::MAX, 0)));
        assert_eq!(all.divide(u128::MAX - 1), None);
        assert_eq!(all.times(2), None);
        assert_eq!(all.plus(all), None);
    }

    proptest! {
        #[test]
        fn a_quotient_times_the_divisor_and_the_rest_is_what_was_divided(a: u128, b in 1..u128::MAX, shift in 0..128u32, c: u128) {
            let b = (b >> shift).max(1);
            let rest = c % b;
            let whole = Wide::product(a, b).plus(Wide::of(rest)).unwrap();
            prop_assert_eq!(whole.divide(b), Some((a, rest)));
            prop_assert_eq!(whole.minus(Wide::of(rest)), Wide::product(a, b));
        }

        #[test]
        fn products_of_small_ones_are_those_of_the_machine(a: u64, b: u64, c: u64) {
            let two = u128::from(a) * u128::from(b);
            prop_assert_eq!(Wide::product(a.into(), b.into()), Wide::of(two));
            prop_assert_eq!(Wide::of(two).times(c.into()), Some(Wide::product(two, c.into())));
        }
    }
}
