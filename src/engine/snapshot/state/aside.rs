//! What lies aside of a row's words: distinct and counted values, sketches, bags.

use super::{Input, push_bytes, text};
use crate::pack::deltas::Deltas;
use crate::pack::layout::SlotKind;
use crate::pack::values;
use standings_model::leb128;

/// Appends so many of a slot, each as `distinct` has it.
pub(super) fn encode<'a>(
    kind: SlotKind,
    out: &mut Vec<u8>,
    deltas: &Deltas,
    many: u64,
    distinct: &mut impl Iterator<Item = &'a u32>,
) {
    leb128::push(out, many);
    for _ in 0..many {
        match kind {
            SlotKind::Values(..) | SlotKind::Multiset(..) => {
                let Some((number, times)) = values::next(distinct) else {
                    return;
                };
                out.extend_from_slice(&number.to_le_bytes());
                leb128::push(out, times);
            }
            SlotKind::Sketch(_) => {
                let Some(code) = values::next_code(distinct) else {
                    return;
                };
                out.extend_from_slice(&code.to_le_bytes());
            }
            SlotKind::Bag(_) => {
                let (Some(entry), Some(times)) = (distinct.next(), values::next_code(distinct))
                else {
                    return;
                };
                push_bytes(out, deltas.entries.get(*entry));
                leb128::push(out, times);
            }
            _ => {
                let Some(id) = distinct.next() else {
                    return;
                };
                push_bytes(out, deltas.texts.get(*id));
            }
        }
    }
}

/// Reads what [`encode`] wrote; how many there are.
pub(super) fn decode(kind: SlotKind, input: &mut Input<'_>, deltas: &mut Deltas) -> Option<u64> {
    let many = input.length()?;
    for _ in 0..many {
        match kind {
            SlotKind::Values(..) | SlotKind::Multiset(..) => {
                let number = i128::from_le_bytes(input.take(16)?.try_into().ok()?);
                values::push(&mut deltas.distinct, number, input.length()?);
            }
            SlotKind::Sketch(_) => values::push_code(&mut deltas.distinct, input.word()?),
            SlotKind::Bag(_) => {
                let number = deltas.entries.push(input.bytes()?, 0);
                deltas.distinct.push(number);
                values::push_code(&mut deltas.distinct, input.length()?);
            }
            _ => {
                let id = text(deltas, input.bytes()?);
                deltas.distinct.push(id);
            }
        }
    }
    Some(many)
}
