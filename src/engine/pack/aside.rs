//! What the rows of a window keep beside their words, because it has no fixed size: distinct values, counted values,
//! sketches. A word says which is a row's.

use super::bag::Bag;
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
    /// Of what is also taken back; counted values are among `values`.
    bags: Vec<Bag>,
    /// Words of counted values and of bags that rows no longer need.
    free: (Vec<u64>, Vec<u64>),
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

/// The one of a word; where there is none, one that is free, else a new one.
fn reused<'a, T: Default>(all: &'a mut Vec<T>, free: &mut Vec<u64>, word: &mut u64) -> &'a mut T {
    if *word == 0 {
        *word = free.pop().unwrap_or(0);
    }
    made(all, word)
}

/// Lets go of the one of a word.
fn let_go<T: Default>(all: &mut [T], free: &mut Vec<u64>, word: u64) {
    let place = word.checked_sub(1).and_then(|at| all.get_mut(at as usize));
    if let Some(place) = place {
        *place = T::default();
        free.push(word);
    }
}

impl Aside {
    /// The bag of a word.
    pub fn bag(&self, word: u64) -> Option<&Bag> {
        of(&self.bags, word)
    }

    /// The same, made where there is none.
    pub fn bag_mut(&mut self, word: &mut u64) -> &mut Bag {
        reused(&mut self.bags, &mut self.free.1, word)
    }

    /// The counted values of a word, from which values are also taken back; made where there are none.
    pub fn multiset_mut(&mut self, word: &mut u64) -> &mut Values {
        reused(&mut self.values, &mut self.free.0, word)
    }

    /// A row no longer needs the counted values of a word.
    pub fn let_go_of_multiset(&mut self, word: u64) {
        let_go(&mut self.values, &mut self.free.0, word);
    }

    /// A row no longer needs the bag of a word.
    pub fn let_go_of_bag(&mut self, word: u64) {
        let_go(&mut self.bags, &mut self.free.1, word);
    }

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
