//! One row's accumulators as bytes that stand for themselves: the `state` column of a part.
//!
//! Key, then the slots of the ranking's layout in order: numbers as 64-bit words (little-endian), texts with their
//! length plus one (0 for none), distinct values as their count and each with its length. Lengths are LEB128.

use crate::pack::deltas::Deltas;
use crate::pack::hash::hash;
use crate::pack::layout::{Layout, NO_TEXT, SlotKind};
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
            SlotKind::Sum(_) | SlotKind::Min(_) | SlotKind::Max(_) => push_words(out, slot.at, 2),
            SlotKind::Last(_) => push_words(out, slot.at, 5),
            SlotKind::MinText(_) | SlotKind::MaxText(_) => push_text(out, slot.at),
            SlotKind::LastText(_) => {
                push_words(out, slot.at, 3);
                push_text(out, slot.at + 3);
            }
            SlotKind::Distinct(_) => {
                leb128::push(out, words[slot.at]);
                for id in distinct.take(words[slot.at] as usize) {
                    push_bytes(out, deltas.texts.get(*id));
                }
            }
        }
    }
}

/// Reads what [`encode`] wrote.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    fn length(&mut self) -> Option<u64> {
        leb128::read(&mut self.0).ok().flatten()
    }

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

/// Appends an encoded row to `deltas`, as deltas from nothing; `None` if the bytes make no sense.
pub fn decode(state: &[u8], layout: &Layout, deltas: &mut Deltas) -> Option<()> {
    let mut input = Input(state);
    let text = |deltas: &mut Deltas, bytes: &[u8]| deltas.texts.push(bytes, hash(bytes));
    let key = text(deltas, input.bytes()?);
    let at = deltas.words.len() + 1;
    deltas.words.push(u64::from(key));
    deltas.words.resize(at + layout.width, 0);
    for slot in &layout.slots {
        let to = at + slot.at;
        let words = match slot.kind {
            SlotKind::CountAll | SlotKind::Count(_) => 1,
            SlotKind::Sum(_) | SlotKind::Min(_) | SlotKind::Max(_) => 2,
            SlotKind::Last(_) => 5,
            SlotKind::LastText(_) => 3,
            SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::Distinct(_) => 0,
        };
        for i in 0..words {
            deltas.words[to + i] = input.word()?;
        }
        match slot.kind {
            SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::LastText(_) => {
                deltas.words[to + words] = match input.length()? {
                    0 => NO_TEXT,
                    n => {
                        let bytes = input.take(usize::try_from(n - 1).ok()?)?;
                        u64::from(text(deltas, bytes))
                    }
                };
            }
            SlotKind::Distinct(_) => {
                let n = input.length()?;
                deltas.words[to] = n;
                for _ in 0..n {
                    let id = text(deltas, input.bytes()?);
                    deltas.distinct.push(id);
                }
            }
            _ => {}
        }
    }
    input.0.is_empty().then_some(())
}
