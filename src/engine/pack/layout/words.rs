//! Numbers in the words of a row.

use super::kind::NO_SQUARES;
use standings_model::big::Big;

/// The word of a text slot that holds nothing.
pub const NO_TEXT: u64 = u64::MAX;
/// The value of a [`SlotKind::Last`](super::SlotKind::Last) slot whose last sale had NULL.
pub const NULL_NUMBER: i128 = i128::MIN;

/// Reads a number of 256 bits from four words.
#[inline]
pub fn four(row: &[u64], at: usize) -> [u64; 4] {
    [row[at], row[at + 1], row[at + 2], row[at + 3]]
}

/// Adds to a sum of squares.
pub fn add_squares(row: &mut [u64], at: usize, more: [u64; 4]) {
    let so_far = four(row, at);
    let sum = match so_far == NO_SQUARES || more == NO_SQUARES {
        true => None,
        false => Big::of_words(so_far).plus(Big::of_words(more)),
    };
    row[at..at + 4].copy_from_slice(&sum.and_then(Big::half).unwrap_or(NO_SQUARES));
}

/// Reads a 128-bit number from two words.
#[inline]
pub fn wide(row: &[u64], at: usize) -> i128 {
    (u128::from(row[at]) | u128::from(row[at + 1]) << 64) as i128
}

/// Writes a 128-bit number into two words.
#[inline]
pub fn put_wide(row: &mut [u64], at: usize, value: i128) {
    row[at] = value as u64;
    row[at + 1] = (value as u128 >> 64) as u64;
}

/// Adds to a sum of squares that is also taken from: modulo 2 to the 256th.
pub fn wrap_squares(row: &mut [u64], at: usize, more: [u64; 4]) {
    let mut carry = 0;
    for (word, more) in row[at..at + 4].iter_mut().zip(more) {
        let all = u128::from(*word) + u128::from(more) + carry;
        (*word, carry) = (all as u64, all >> 64);
    }
}

/// What takes as much away as a sum of squares adds.
pub fn negated(words: [u64; 4]) -> [u64; 4] {
    let mut out = words.map(|word| !word);
    wrap_squares(&mut out, 0, [1, 0, 0, 0]);
    out
}
