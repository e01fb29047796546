//! What rows alike add up to, as something that can be added to others, and taken from them: the accumulators of a
//! [first level](super::level), each a number, or the four words of a sum of squares.

use serde::{Deserialize, Serialize};

use super::layout::{Layout, SlotKind, four, negated, put_wide, wide, wrap_squares};

/// What rows alike add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Portion {
    /// Counts and sums, in the order of the layout; first the number of rows.
    numbers: Vec<i128>,
    /// Sums of squares, in their order.
    squares: Vec<[u64; 4]>,
}

/// Which part of a portion an accumulator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A count: of one word.
    Count(usize),
    /// A sum: of two words.
    Sum(usize),
    /// A sum of squares: of four.
    Squares(usize),
}

/// Where the accumulators of a first level lie in its portions, in their order.
pub fn places(layout: &Layout) -> Vec<Place> {
    let (mut numbers, mut squares) = (0, 0);
    let next = |count: &mut usize| {
        *count += 1;
        *count - 1
    };
    let slots = layout.slots.iter();
    slots
        .map(|slot| match slot.kind {
            SlotKind::Squares(_) => Place::Squares(next(&mut squares)),
            SlotKind::Sum(_) | SlotKind::Upper(_) | SlotKind::High(_) => {
                Place::Sum(next(&mut numbers))
            }
            _ => Place::Count(next(&mut numbers)),
        })
        .collect()
}

impl Portion {
    /// The bytes that it takes beside itself.
    pub fn held(&self) -> usize {
        size_of_val(&self.numbers[..]) + size_of_val(&self.squares[..])
    }

    /// What the words of a row of a first level are.
    pub fn read(layout: &Layout, words: &[u64]) -> Self {
        let mut portion = Portion::default();
        for slot in &layout.slots {
            match slot.kind {
                SlotKind::Squares(_) => portion.squares.push(four(words, slot.at)),
                SlotKind::Sum(_) | SlotKind::Upper(_) | SlotKind::High(_) => {
                    portion.numbers.push(wide(words, slot.at));
                }
                _ => portion.numbers.push(i128::from(words[slot.at] as i64)),
            }
        }
        portion
    }

    /// How many rows.
    pub fn rows(&self) -> i64 {
        self.numbers.first().map_or(0, |n| *n as i64)
    }

    /// Adds a part of it to the words of an accumulator of the same kind.
    pub fn add_to(&self, place: Place, words: &mut [u64], at: usize) {
        match place {
            Place::Count(n) => words[at] = words[at].wrapping_add(self.numbers[n] as u64),
            Place::Sum(n) => {
                put_wide(words, at, wide(words, at).wrapping_add(self.numbers[n]));
            }
            Place::Squares(n) => wrap_squares(words, at, self.squares[n]),
        }
    }

    /// Whether nothing is in it.
    pub fn is_nothing(&self) -> bool {
        self.numbers.iter().all(|n| *n == 0) && self.squares.iter().all(|s| *s == [0; 4])
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        if self.numbers.is_empty() {
            *self = other.clone();
            return;
        }
        for (own, n) in self.numbers.iter_mut().zip(&other.numbers) {
            *own = own.wrapping_add(*n);
        }
        for (own, n) in self.squares.iter_mut().zip(&other.squares) {
            wrap_squares(own, 0, *n);
        }
    }

    /// What takes it back.
    pub fn negate(&mut self) {
        self.numbers.iter_mut().for_each(|n| *n = n.wrapping_neg());
        self.squares.iter_mut().for_each(|n| *n = negated(*n));
    }
}
