//! How what two folds made of a row's words is one, where it is more than a sum: texts, first values, values where another
//! column is greatest; and what lies aside of them, on its way into a snapshot.

use std::cmp::Ordering;

use super::copy::Copy;
use crate::pack::aside::Aside;
use crate::pack::interner::Interner;
use crate::pack::layout::{Arg, NO_TEXT, SlotKind, add_squares, four, wide};
use crate::pack::values;

/// Puts a text in the place of another.
pub(super) fn replace_text(texts: &mut Interner, word: &mut u64, id: u64) {
    if *word == id {
        return;
    }
    if id != NO_TEXT {
        texts.retain(id as u32);
    }
    if *word != NO_TEXT {
        texts.release(*word as u32);
    }
    *word = id;
}

/// Takes a value over from deltas: a text, whose number there is one of `numbers`, or two words.
fn take(
    texts: &mut Interner,
    numbers: &[u32],
    (words, deltas): (&mut [u64], &[u64]),
    place: usize,
    is_text: bool,
) {
    match (is_text, deltas[place]) {
        (false, _) => words[place..place + 2].copy_from_slice(&deltas[place..place + 2]),
        (true, NO_TEXT) => replace_text(texts, &mut words[place], NO_TEXT),
        (true, id) => {
            let id = u64::from(numbers[id as usize]);
            replace_text(texts, &mut words[place], id);
        }
    }
}

/// Whether deltas have a sale that comes before the one that is there.
fn is_earlier(words: &[u64], deltas: &[u64], at: usize) -> bool {
    let (before, now) = (&words[at..at + 3], &deltas[at..at + 3]);
    now[0] != 0 && (before[0] == 0 || now < before)
}

/// Whether deltas have a sale where the other column is greater (or less) than where it is greatest (or least) so far.
fn goes_before(
    texts: &Interner,
    numbers: &[u32],
    arg: Arg,
    (words, deltas): (&[u64], &[u64]),
    at: usize,
) -> bool {
    if deltas[at] == 0 || words[at] == 0 {
        return deltas[at] != 0;
    }
    let by = at + Arg::BY;
    let order = match arg.texts.1 {
        true => {
            let now = texts.get(numbers[deltas[by] as usize]);
            now.cmp(texts.get(words[by] as u32))
        }
        false => wide(deltas, by).cmp(&wide(words, by)),
    };
    match order {
        Ordering::Equal => is_earlier(words, deltas, at),
        order => order.is_gt() == arg.greatest,
    }
}

/// Adds deltas to an accumulator of the less usual kinds.
pub(super) fn add_more<'a>(
    kind: SlotKind,
    (texts, numbers): (&mut Interner, &[u32]),
    (words, deltas): (&mut [u64], &[u64]),
    at: usize,
    aside: &mut Aside,
    distinct: &mut impl Iterator<Item = &'a u32>,
) {
    match kind {
        SlotKind::First(_) | SlotKind::FirstText(_) if is_earlier(words, deltas, at) => {
            let (place, is_text) = (at + 3, matches!(kind, SlotKind::FirstText(_)));
            words[at..place].copy_from_slice(&deltas[at..place]);
            take(texts, numbers, (&mut *words, deltas), place, is_text);
        }
        SlotKind::Only(_) => take(texts, numbers, (words, deltas), at, false),
        SlotKind::OnlyText(_) => take(texts, numbers, (words, deltas), at, true),
        SlotKind::Arg(arg) if goes_before(texts, numbers, arg, (&*words, deltas), at) => {
            let (by, value) = (at + Arg::BY, at + arg.value_at());
            words[at..by].copy_from_slice(&deltas[at..by]);
            take(texts, numbers, (&mut *words, deltas), by, arg.texts.1);
            take(texts, numbers, (&mut *words, deltas), value, arg.texts.0);
        }
        SlotKind::Squares(_) => add_squares(words, at, four(deltas, at)),
        SlotKind::Values(..) => {
            for _ in 0..deltas[at] {
                if let Some((number, times)) = values::next(distinct) {
                    aside.values_mut(&mut words[at]).add(number, times);
                }
            }
        }
        SlotKind::Sketch(_) => {
            for _ in 0..deltas[at] {
                if let Some(code) = values::next_code(distinct) {
                    aside.sketch_mut(&mut words[at]).insert(code);
                }
            }
        }
        // The usual ones are added where rows are.
        _ => {}
    }
}

/// Copies what a slot keeps aside: its word, at `place` in the piece, says then how many there are.
pub(super) fn copy_aside(
    kind: SlotKind,
    aside: &Aside,
    texts: &Interner,
    place: usize,
    into: &mut Copy,
) {
    let word = into.words()[place];
    let many = match kind {
        SlotKind::Distinct(_) => {
            aside.sets.for_each(word, |id| {
                let id = into.text(texts, id);
                into.distinct().push(id);
            });
            aside.sets.len(word)
        }
        SlotKind::Bag(_) => {
            let bag = aside.bag(word);
            if let Some(bag) = bag {
                bag.for_each(|entry, times| into.entry(entry, times));
            }
            bag.map_or(0, |bag| bag.len())
        }
        SlotKind::Values(..) | SlotKind::Multiset(..) => {
            let all = aside.values(word);
            let each = all.iter().flat_map(|all| all.iter());
            each.for_each(|(number, times)| values::push(into.distinct(), number, times));
            all.map_or(0, |all| all.different())
        }
        SlotKind::Sketch(_) => {
            let sketch = aside.sketch(word);
            if let Some(sketch) = sketch {
                sketch.for_each(|code| values::push_code(into.distinct(), code));
            }
            sketch.map_or(0, |sketch| sketch.codes())
        }
        _ => return,
    };
    into.words()[place] = many as u64;
}
