//! All values of a key, counted: what percentiles are read from. In order, in pieces, so that adding one moves few of the
//! others, and finding the one at a place passes over most.

use standings_model::sabotage::{self, Mistake};

/// Values of a piece: with more it is cut in two.
const MOST: usize = 512;

/// Numbers in order, each with how many times it came.
///
/// # Examples
///
/// ```
/// use standings_engine::pack::values::Values;
///
/// let mut values = Values::default();
/// for n in [7, -2, 7, 100] {
///     values.add(n, 1);
/// }
/// assert_eq!((values.len(), values.at(0), values.at(2), values.at(3)), (4, -2, 7, 100));
/// ```
#[derive(Debug, Default)]
pub struct Values {
    pieces: Vec<Piece>,
    len: u64,
}

#[derive(Debug, Default)]
struct Piece {
    len: u64,
    numbers: Vec<i128>,
    times: Vec<u64>,
}

impl Piece {
    /// Adds a value; whether it is too large now.
    fn add(&mut self, number: i128, times: u64) -> bool {
        self.len += times;
        match self.numbers.binary_search(&number) {
            Ok(at) => self.times[at] += times,
            Err(at) => {
                self.numbers.insert(at, number);
                self.times.insert(at, times);
            }
        }
        self.numbers.len() > MOST
    }

    /// Its upper half, taken out.
    fn cut(&mut self) -> Piece {
        let half = self.numbers.len() / 2;
        let (numbers, times) = (self.numbers.split_off(half), self.times.split_off(half));
        let len = times.iter().sum();
        self.len -= len;
        Piece {
            len,
            numbers,
            times,
        }
    }
}

impl Values {
    /// How many values there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many of them are different.
    pub fn different(&self) -> usize {
        self.pieces.iter().map(|p| p.numbers.len()).sum()
    }

    /// Adds a value so many times.
    pub fn add(&mut self, number: i128, times: u64) {
        self.len += times;
        if self.pieces.is_empty() {
            self.pieces.push(Piece::default());
        }
        // The last piece that begins at or before it; before all of them, the first.
        let first = |p: &Piece| p.numbers.first().is_some_and(|first| *first <= number);
        let at = self.pieces.partition_point(first).saturating_sub(1);
        if self.pieces[at].add(number, times) {
            let upper = self.pieces[at].cut();
            self.pieces.insert(at + 1, upper);
        }
    }

    /// Adds a value so many times, or takes it back so many; whether there are not fewer than none of it now.
    pub fn change(&mut self, number: i128, times: i64) -> bool {
        let first = |p: &Piece| p.numbers.first().is_some_and(|first| *first <= number);
        let at = self.pieces.partition_point(first).saturating_sub(1);
        let known = self.pieces.get_mut(at).and_then(|piece| {
            let place = piece.numbers.binary_search(&number).ok()?;
            Some((piece, place))
        });
        let Some((piece, place)) = known else {
            let is_new = times >= 0;
            if times > 0 {
                self.add(number, times as u64);
            }
            return is_new;
        };
        let had = piece.times[place];
        let times = match sabotage::is(Mistake::EqualValuesGo) && times < 0 {
            true => -(had as i64),
            false => times,
        };
        let Some(left) = had.checked_add_signed(times) else {
            return false;
        };
        piece.len = piece.len.wrapping_add_signed(times);
        self.len = self.len.wrapping_add_signed(times);
        piece.times[place] = left;
        if left == 0 {
            piece.numbers.remove(place);
            piece.times.remove(place);
            if piece.numbers.is_empty() {
                self.pieces.remove(at);
            }
        }
        true
    }

    /// The least value.
    pub fn least(&self) -> Option<i128> {
        self.pieces.first()?.numbers.first().copied()
    }

    /// The greatest value.
    pub fn greatest(&self) -> Option<i128> {
        self.pieces.last()?.numbers.last().copied()
    }

    /// The value at a place in order, from 0; the last for a place behind it, 0 where there is none.
    pub fn at(&self, mut place: u64) -> i128 {
        let mut last = 0;
        for piece in &self.pieces {
            if place >= piece.len {
                place -= piece.len;
                last = piece.numbers.last().copied().unwrap_or(last);
                continue;
            }
            for (number, times) in piece.numbers.iter().zip(&piece.times) {
                if place < *times {
                    return *number;
                }
                place -= times;
            }
        }
        last
    }

    /// Each different value, in order, with how many times it came.
    pub fn iter(&self) -> impl Iterator<Item = (i128, u64)> + '_ {
        let pieces = self.pieces.iter();
        pieces.flat_map(|p| p.numbers.iter().copied().zip(p.times.iter().copied()))
    }
}

/// Words of 32 bits that a value with its count takes in a batch.
pub const WORDS: usize = 6;

/// A value with its count, as a batch has it.
pub fn push(out: &mut Vec<u32>, number: i128, times: u64) {
    let number = number as u128;
    out.extend([0, 32, 64, 96].map(|shift| (number >> shift) as u32));
    push_code(out, times);
}

/// The next value with its count.
pub fn next<'a>(words: &mut impl Iterator<Item = &'a u32>) -> Option<(i128, u64)> {
    let mut number = 0;
    for shift in [0, 32, 64, 96] {
        number |= u128::from(*words.next()?) << shift;
    }
    Some((number as i128, next_code(words)?))
}

/// A code of a sketch, as a batch has it: two words.
pub fn push_code(out: &mut Vec<u32>, code: u64) {
    out.extend([code as u32, (code >> 32) as u32]);
}

/// The next code of a sketch.
pub fn next_code<'a>(words: &mut impl Iterator<Item = &'a u32>) -> Option<u64> {
    Some(u64::from(*words.next()?) | u64::from(*words.next()?) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn they_are_in_order_however_they_came() {
        let mut dice = 12_345u64;
        for range in [3, 100, 5_000] {
            let (mut values, mut want) = (Values::default(), Vec::new());
            for _ in 0..20_000 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let number = i128::from(dice >> 40) % range - range / 2;
                values.add(number, 1);
                want.push(number);
            }
            want.sort_unstable();
            assert_eq!(values.len(), 20_000);
            for place in [0, 1, 77, 9_999, 10_000, 19_999, 20_000, u64::MAX] {
                let last = (place as usize).min(want.len() - 1);
                assert_eq!(values.at(place), want[last], "place {place}");
            }
            let all: Vec<i128> = values
                .iter()
                .flat_map(|(n, times)| std::iter::repeat_n(n, times as usize))
                .collect();
            assert_eq!(all, want);
            want.dedup();
            assert_eq!(values.different(), want.len());
        }
        assert_eq!(Values::default().at(0), 0);
    }

    #[test]
    fn what_is_taken_back_is_gone() {
        let mut dice = 99u64;
        for range in [3, 40, 4_000] {
            let (mut values, mut want) = (Values::default(), BTreeMap::<i128, u64>::new());
            for step in 0..30_000u64 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let number = i128::from(dice >> 40) % range;
                let there = want.get(&number).copied().unwrap_or(0);
                // Grows, and then shrinks to nothing.
                let times = match (dice >> 20) % 4 < (1 + 2 * u64::from(step < 15_000)) {
                    true => 1 + (dice >> 30) as i64 % 2,
                    false => -(there.min(2) as i64),
                };
                assert!(values.change(number, times));
                match there.checked_add_signed(times) {
                    Some(0) => want.remove(&number),
                    left => want.insert(number, left.unwrap()),
                };
                if step % 97 == 0 {
                    assert_eq!(
                        values.iter().collect::<Vec<_>>(),
                        Vec::from_iter(want.clone())
                    );
                    assert_eq!(values.len(), want.values().sum::<u64>());
                    assert_eq!(values.different(), want.len());
                    assert_eq!(values.least(), want.keys().next().copied());
                    assert_eq!(values.greatest(), want.keys().last().copied());
                }
            }
            // More than is there is refused, and nothing is taken.
            values.change(5, 2);
            let before: Vec<_> = values.iter().collect();
            assert!(!values.change(-1, -1));
            let (first, times) = before[0];
            assert!(!values.change(first, -1 - times as i64));
            assert_eq!(values.iter().collect::<Vec<_>>(), before);
            for (number, times) in before {
                assert!(values.change(number, -(times as i64)));
            }
            assert!(values.is_empty() && values.pieces.is_empty());
        }
    }

    #[test]
    fn what_travels_comes_back() {
        let mut words = Vec::new();
        let all = [(0, 1), (-1, u64::MAX), (i128::MAX, 7), (i128::MIN, 1 << 40)];
        for (number, times) in all {
            push(&mut words, number, times);
        }
        assert_eq!(words.len(), all.len() * WORDS);
        let mut words = words.iter();
        assert_eq!(all.map(|_| next(&mut words).unwrap()), all);
        assert_eq!(next(&mut words), None);
    }
}
