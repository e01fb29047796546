//! What the rows of a window keep beside their words, because it has no fixed size: distinct values, counted values,
//! sketches. A word says which is a row's.

use super::chunks::make_room;
use super::distinct::Sets;
use super::values::Values;
use standings_model::sketch::Sketch;

/// What is kept for the rows of a window.
#[derive(Debug, Default)]
pub struct Aside {
    /// Of `COUNT(DISTINCT …)`.
    pub sets: Sets,
    /// Of percentiles.
    values: Vec<Values>,
    /// Of `APPROX_COUNT_DISTINCT`.
    sketches: Vec<Sketch>,
}

/// The one of a word; none of 0.
fn of<T>(all: &[T], word: u64) -> Option<&T> {
    all.get(usize::try_from(word.checked_sub(1)?).ok()?)
}

/// The one of a word, made where there is none.
fn made<'a, T: Default>(all: &'a mut Vec<T>, word: &mut u64) -> &'a mut T {
    if *word == 0 || *word > all.len() as u64 {
        make_room(all);
        all.push(T::default());
        *word = all.len() as u64;
    }
    &mut all[*word as usize - 1]
}

impl Aside {
    /// The counted values of a word.
    pub fn values(&self, word: u64) -> Option<&Values> {
        of(&self.values, word)
    }

    /// The same, made where there are none.
    pub fn values_mut(&mut self, word: &mut u64) -> &mut Values {
        made(&mut self.values, word)
    }

    /// The sketch of a word.
    pub fn sketch(&self, word: u64) -> Option<&Sketch> {
        of(&self.sketches, word)
    }

    /// The same, made where there is none.
    pub fn sketch_mut(&mut self, word: &mut u64) -> &mut Sketch {
        made(&mut self.sketches, word)
    }
}
