//! Whole numbers of 512 bits without a sign: what squares and their sums come to before they are divided.
//!
//! Plain and slow: only where 128 bits do not do.

use std::cmp::Ordering;

/// Words of 64 bits.
const WORDS: usize = 8;

/// A number, its lowest word first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Big([u64; WORDS]);

impl Big {
    /// Nothing.
    pub const ZERO: Big = Big([0; WORDS]);

    /// Of a number.
    pub fn of(n: u128) -> Self {
        let mut words = [0; WORDS];
        (words[0], words[1]) = (n as u64, (n >> 64) as u64);
        Big(words)
    }

    /// Of the words of 256 bits, the lowest first.
    pub fn of_words(low: [u64; 4]) -> Self {
        let mut words = [0; WORDS];
        words[..4].copy_from_slice(&low);
        Big(words)
    }

    /// The lowest 128 bits, if there are no others.
    pub fn narrow(self) -> Option<u128> {
        let others = self.0[2..].iter().any(|word| *word != 0);
        (!others).then_some(u128::from(self.0[0]) | u128::from(self.0[1]) << 64)
    }

    /// The lowest 256 bits, if there are no others.
    pub fn half(self) -> Option<[u64; 4]> {
        let (low, high) = self.0.split_at(4);
        let fits = high.iter().all(|word| *word == 0);
        fits.then_some(low.try_into().ok()?)
    }

    /// A sum, unless it has too many bits.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (mut sum, mut carry) = ([0; WORDS], 0);
        for (i, word) in sum.iter_mut().enumerate() {
            let all = u128::from(self.0[i]) + u128::from(other.0[i]) + carry;
            (*word, carry) = (all as u64, all >> 64);
        }
        (carry == 0).then_some(Big(sum))
    }

    /// A difference of a greater and a smaller one.
    pub fn minus(self, other: Self) -> Self {
        let (mut rest, mut borrow) = ([0; WORDS], false);
        for (i, word) in rest.iter_mut().enumerate() {
            let (first, under) = self.0[i].overflowing_sub(other.0[i]);
            let (second, again) = first.overflowing_sub(u64::from(borrow));
            (*word, borrow) = (second, under || again);
        }
        Big(rest)
    }

    /// A product, unless it has too many bits.
    pub fn times(self, n: u64) -> Option<Self> {
        let (mut product, mut carry) = ([0; WORDS], 0);
        for (i, word) in product.iter_mut().enumerate() {
            let all = u128::from(self.0[i]) * u128::from(n) + carry;
            (*word, carry) = (all as u64, all >> 64);
        }
        (carry == 0).then_some(Big(product))
    }

    /// A product with a power of ten, unless it has too many bits.
    pub fn times_ten(self, mut digits: u32) -> Option<Self> {
        let mut product = self;
        while digits > 0 {
            let some = digits.min(19);
            product = product.times(10u64.pow(some))?;
            digits -= some;
        }
        Some(product)
    }

    /// A square, which always fits.
    pub fn square(n: u128) -> Self {
        let (high, low) = ((n >> 64) as u64, n as u64);
        let shifted = |n: u128, words: usize| {
            let mut all = [0; WORDS];
            (all[words], all[words + 1]) = (n as u64, (n >> 64) as u64);
            Big(all)
        };
        let cross = shifted(u128::from(high) * u128::from(low), 1);
        let ends = [
            shifted(u128::from(low) * u128::from(low), 0),
            shifted(u128::from(high) * u128::from(high), 2),
            cross,
            cross,
        ];
        // 256 bits at most.
        ends.into_iter()
            .fold(Big::ZERO, |sum, n| sum.plus(n).unwrap_or(sum))
    }

    fn bits(self) -> usize {
        let highest = self.0.iter().rposition(|word| *word != 0);
        highest.map_or(0, |i| 64 * (i + 1) - self.0[i].leading_zeros() as usize)
    }

    fn bit(self, n: usize) -> u64 {
        self.0[n / 64] >> (n % 64) & 1
    }

    /// Twice as much, and a bit; what is beyond is lost.
    fn shifted(self, bit: u64) -> Self {
        let (mut all, mut carry) = ([0; WORDS], bit);
        for (i, word) in all.iter_mut().enumerate() {
            *word = self.0[i] << 1 | carry;
            carry = self.0[i] >> 63;
        }
        Big(all)
    }

    /// The quotient, cut down. `by` is not zero and less than 2^511.
    pub fn divided(self, by: Self) -> Self {
        let (mut rest, mut quotient) = (Big::ZERO, Big::ZERO);
        for n in (0..self.bits()).rev() {
            rest = rest.shifted(self.bit(n));
            let fits = rest >= by;
            if fits {
                rest = rest.minus(by);
            }
            quotient = quotient.shifted(u64::from(fits));
        }
        quotient
    }

    /// The square root, cut down.
    pub fn root(self) -> Self {
        // Digit by digit in base four: `root` holds what is found, `rest` what its square leaves.
        let (mut root, mut rest) = (Big::ZERO, Big::ZERO);
        for n in (0..self.bits().div_ceil(2)).rev() {
            rest = rest.shifted(self.bit(2 * n + 1)).shifted(self.bit(2 * n));
            let with = root.shifted(0).shifted(1);
            let fits = rest >= with;
            if fits {
                rest = rest.minus(with);
            }
            root = root.shifted(u64::from(fits));
        }
        root
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of every length.
    fn some() -> impl Iterator<Item = u128> {
        let mut n = 0x9e37_79b9_7f4a_7c15_u128;
        (0..400).map(move |i| {
            n = n
                .wrapping_mul(0x2545_f491_4f6c_dd1d_9e37_79b9)
                .wrapping_add(0xb5);
            n >> (i % 128)
        })
    }

    #[test]
    fn what_is_divided_is_the_quotient_times_the_divisor_and_a_rest() {
        for (a, b) in some().zip(some().skip(7)) {
            let (a, b) = (a >> 1, (b >> 70).max(1));
            let squared = Big::square(a);
            let quotient = squared.divided(Big::of(b));
            let back = quotient.times(b as u64).unwrap();
            assert!(back <= squared && squared.minus(back) < Big::of(b));
            assert_eq!(Big::of(a).divided(Big::of(b)), Big::of(a / b));
        }
    }

    #[test]
    fn a_root_squared_is_the_number_or_just_below() {
        for n in some() {
            assert_eq!(Big::square(n).root(), Big::of(n));
            let more = Big::square(n).plus(Big::of(n)).unwrap();
            assert_eq!(more.root(), Big::of(n), "{n}: n² + n has the root n");
            if n > 0 {
                let less = Big::square(n).minus(Big::of(1));
                assert_eq!(less.root(), Big::of(n - 1));
            }
            assert_eq!(Big::of(n).root(), Big::of(n.isqrt()));
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let most = Big([u64::MAX; WORDS]);
        assert_eq!(most.plus(Big::of(1)), None);
        assert_eq!(most.times(2), None);
        assert_eq!(Big::of(1).times_ten(155), None);
        assert_eq!(Big::of(7).times_ten(38).unwrap().narrow(), None);
        assert_eq!(Big::square(u128::MAX).narrow(), None);
        assert!(Big::square(u128::MAX).half().is_some());
    }
}
