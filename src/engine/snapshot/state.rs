//! One row's accumulators as bytes that stand for themselves: the `state` column of a part.
//!
//! Key, then the slots of the ranking's layout in order: numbers as 64-bit words (little-endian), texts with their
//! length plus one (0 for none), distinct values as their count and each with its length, counted values as their count and
//! each as 128 bits and how many times it came, sketches as their count and their codes, entries of bags as their count and each
//! with its length and how many times it is there. Lengths and counts are LEB128.

mod aside;

use crate::pack::deltas::Deltas;
use crate::pack::hash::hash;
use crate::pack::layout::{Arg, Layout, NO_TEXT, SlotKind};
use standings_model::leb128;

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    leb128::push(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a row: its words as in `deltas`, whose distinct values come from `distinct`.
pub fn encode<'a>(
    out: &mut Vec<u8>,
    layout: &Layout,
    deltas: &Deltas,
    row: &[u64],
    distinct: &mut impl Iterator<Item = &'a u32>,
) {
    push_bytes(out, deltas.texts.get(row[0] as u32));
    let words = &row[1..];
    let push_words = |out: &mut Vec<u8>, at: usize, n: usize| {
        for word in &words[at..at + n] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    };
    let push_text = |out: &mut Vec<u8>, at: usize| match words[at] {
        NO_TEXT => leb128::push(out, 0),
        id => {
            let text = deltas.texts.get(id as u32);
            leb128::push(out, text.len() as u64 + 1);
            out.extend_from_slice(text);
        }
    };
    for slot in &layout.slots {
        match slot.kind {
            SlotKind::CountAll | SlotKind::Count(_) => push_words(out, slot.at, 1),
            SlotKind::Only(_)
            | SlotKind::Sum(_)
            | SlotKind::Upper(_)
            | SlotKind::High(_)
            | SlotKind::Min(_)
            | SlotKind::Max(_) => push_words(out, slot.at, 2),
            SlotKind::Last(_) | SlotKind::First(_) => push_words(out, slot.at, 5),
            SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::OnlyText(_) => {
                push_text(out, slot.at);
            }
            SlotKind::LastText(_) | SlotKind::FirstText(_) => {
                push_words(out, slot.at, 3);
                push_text(out, slot.at + 3);
            }
            SlotKind::Squares(_) => push_words(out, slot.at, 4),
            SlotKind::Arg(arg) => {
                push_words(out, slot.at, 3);
                let places = [(Arg::BY, arg.texts.1), (arg.value_at(), arg.texts.0)];
                for (place, is_text) in places {
                    match is_text {
                        true => push_text(out, slot.at + place),
                        false => push_words(out, slot.at + place, 2),
                    }
                }
            }
            kind => aside::encode(kind, out, deltas, words[slot.at], distinct),
        }
    }
}

/// The number that a text has in `deltas`.
fn text(deltas: &mut Deltas, bytes: &[u8]) -> u32 {
    deltas.texts.push(bytes, hash(bytes))
}

/// No part of a slot.
const NONE: (usize, bool) = (0, false);

/// Reads what [`encode`] wrote.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// A length or a count.
    fn length(&mut self) -> Option<u64> {
        leb128::read(&mut self.0).ok().flatten()
    }

    /// Bytes behind their length.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.length()?).ok()?;
        self.take(length)
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn word(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// The key of an encoded row.
pub fn key(state: &[u8]) -> Option<&[u8]> {
    Input(state).bytes()
}

/// Whether an encoded row is of a group that has no rows: of a layout that counts them they come first.
pub fn is_gone(state: &[u8], layout: &Layout) -> Option<bool> {
    let mut input = Input(state);
    input.bytes()?;
    Some(layout.rows.is_some() && input.word()? == 0)
}

/// Appends an encoded row to `deltas`, as deltas from nothing; `None` if the bytes make no sense.
pub fn decode(state: &[u8], layout: &Layout, deltas: &mut Deltas) -> Option<()> {
    let mut input = Input(state);
    let key = text(deltas, input.bytes()?);
    let at = deltas.words.len() + 1;
    deltas.words.push(u64::from(key));
    deltas.words.resize(at + layout.width, 0);
    for slot in &layout.slots {
        let to = at + slot.at;
        // Words and texts, in order.
        let parts: [(usize, bool); 3] = match slot.kind {
            SlotKind::CountAll | SlotKind::Count(_) => [(1, false), NONE, NONE],
            SlotKind::Only(_)
            | SlotKind::Sum(_)
            | SlotKind::Upper(_)
            | SlotKind::High(_)
            | SlotKind::Min(_)
            | SlotKind::Max(_) => [(2, false), NONE, NONE],
            SlotKind::Last(_) | SlotKind::First(_) => [(5, false), NONE, NONE],
            SlotKind::Squares(_) => [(4, false), NONE, NONE],
            SlotKind::LastText(_) | SlotKind::FirstText(_) => [(3, false), (1, true), NONE],
            SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::OnlyText(_) => {
                [(1, true), NONE, NONE]
            }
            SlotKind::Arg(arg) => {
                let of = |is_text| if is_text { (1, true) } else { (2, false) };
                [(3, false), of(arg.texts.1), of(arg.texts.0)]
            }
            SlotKind::Distinct(_) | SlotKind::Values(..) | SlotKind::Sketch(_) => [NONE; 3],
            SlotKind::Multiset(..) | SlotKind::Bag(_) => [NONE; 3],
        };
        let mut place = to;
        for (words, is_text) in parts {
            for _ in 0..words {
                deltas.words[place] = match is_text {
                    false => input.word()?,
                    true => match input.length()? {
                        0 => NO_TEXT,
                        n => {
                            let bytes = input.take(usize::try_from(n - 1).ok()?)?;
                            u64::from(text(deltas, bytes))
                        }
                    },
                };
                place += 1;
            }
        }
        if parts == [NONE; 3] {
            deltas.words[to] = aside::decode(slot.kind, &mut input, deltas)?;
        }
    }
    input.0.is_empty().then_some(())
}

#[cfg(test)]
#[path = "state/rows/tests.rs"]
mod rows;
#[cfg(test)]
#[path = "state/signed/tests.rs"]
mod signed;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "state/tops/tests.rs"]
mod tops;
