//! What rows alike add up to, as something that can be added to others, and taken from them: the accumulators of a
//! [first level](super::level), each a number, or the four words of a sum of squares.

use serde::{Deserialize, Serialize};

use super::layout::{Layout, SlotKind, four, negated, put_wide, wide, wrap_squares};

/// What rows alike add up to. Most are a count and a sum: these lie in it, so that what is moved and added by the million is one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Portion {
    /// The first counts and sums, in the order of the layout; first of all the number of rows.
    first: [i128; INLINE],
    /// Those behind them, and sums of squares.
    more: Option<Box<More>>,
}

/// How many counts and sums lie in a portion.
const INLINE: usize = 2;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct More {
    numbers: Vec<i128>,
    /// In their order.
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
        self.more.as_ref().map_or(0, |more| {
            size_of::<More>() + size_of_val(&more.numbers[..]) + size_of_val(&more.squares[..])
        })
    }

    /// What the words of a row of a first level are.
    pub fn read(layout: &Layout, words: &[u64]) -> Self {
        let mut portion = Portion::default();
        let mut numbers = 0;
        let mut more = None;
        for slot in &layout.slots {
            let number = match slot.kind {
                SlotKind::Squares(_) => {
                    let more: &mut More = more.get_or_insert_default();
                    more.squares.push(four(words, slot.at));
                    continue;
                }
                SlotKind::Sum(_) | SlotKind::Upper(_) | SlotKind::High(_) => wide(words, slot.at),
                _ => i128::from(words[slot.at] as i64),
            };
            match portion.first.get_mut(numbers) {
                Some(place) => *place = number,
                None => more.get_or_insert_default().numbers.push(number),
            }
            numbers += 1;
        }
        portion.more = more.map(Box::new);
        portion
    }

    /// How many rows.
    pub fn rows(&self) -> i64 {
        self.first[0] as i64
    }

    fn number(&self, n: usize) -> i128 {
        match (self.first.get(n), &self.more) {
            (Some(number), _) => *number,
            (None, Some(more)) => more.numbers[n - INLINE],
            (None, None) => 0,
        }
    }

    /// Adds a part of it to the words of an accumulator of the same kind.
    pub fn add_to(&self, place: Place, words: &mut [u64], at: usize) {
        match place {
            Place::Count(n) => words[at] = words[at].wrapping_add(self.number(n) as u64),
            Place::Sum(n) => {
                put_wide(words, at, wide(words, at).wrapping_add(self.number(n)));
            }
            Place::Squares(n) => {
                if let Some(more) = &self.more {
                    wrap_squares(words, at, more.squares[n]);
                }
            }
        }
    }

    /// Whether nothing is in it.
    pub fn is_nothing(&self) -> bool {
        let is_more = |more: &More| {
            more.numbers.iter().any(|n| *n != 0) || more.squares.iter().any(|s| *s != [0; 4])
        };
        self.first == [0; INLINE] && !self.more.as_deref().is_some_and(is_more)
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        let add = |own: &mut [i128], others: &[i128]| {
            for (own, n) in own.iter_mut().zip(others) {
                *own = own.wrapping_add(*n);
            }
        };
        add(&mut self.first, &other.first);
        match (&mut self.more, &other.more) {
            (_, None) => {}
            (None, Some(more)) => self.more = Some(more.clone()),
            (Some(own), Some(more)) => {
                add(&mut own.numbers, &more.numbers);
                for (own, n) in own.squares.iter_mut().zip(&more.squares) {
                    wrap_squares(own, 0, *n);
                }
            }
        }
    }

    /// What takes it back.
    pub fn negate(&mut self) {
        self.first = self.first.map(i128::wrapping_neg);
        if let Some(more) = &mut self.more {
            more.numbers.iter_mut().for_each(|n| *n = n.wrapping_neg());
            more.squares.iter_mut().for_each(|n| *n = negated(*n));
        }
    }
}
