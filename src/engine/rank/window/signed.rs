//! Deltas that also take away: added to what a row of a window has.

use super::WindowState;
use crate::pack::layout::{SlotKind, four, put_wide, wide, wrap_squares};
use crate::pack::texts::TextTable;
use crate::pack::values;
use crate::rank::order::Reader;

impl WindowState {
    /// Adds a row's deltas to its words; whether nothing of what is left is less than nothing.
    pub(super) fn change<'a>(
        &mut self,
        reader: &Reader,
        words: &mut [u64],
        (deltas, entries): (&[u64], &TextTable),
        distinct: &mut impl Iterator<Item = &'a u32>,
    ) -> bool {
        let mut fits = true;
        for slot in &reader.layout.slots {
            let at = slot.at;
            match slot.kind {
                SlotKind::CountAll | SlotKind::Count(_) => {
                    let left = words[at].checked_add_signed(deltas[at] as i64);
                    fits &= left.is_some();
                    words[at] = left.unwrap_or_default();
                }
                SlotKind::Sum(_) | SlotKind::Upper(_) | SlotKind::High(_) => {
                    put_wide(words, at, wide(words, at).wrapping_add(wide(deltas, at)));
                }
                SlotKind::Squares(_) => wrap_squares(words, at, four(deltas, at)),
                SlotKind::Multiset(..) => {
                    for _ in 0..deltas[at] {
                        if let Some((number, times)) = values::next(distinct) {
                            let all = self.aside.multiset_mut(&mut words[at]);
                            fits &= all.change(number, times as i64);
                        }
                    }
                    if self
                        .aside
                        .values(words[at])
                        .is_some_and(|all| all.is_empty())
                    {
                        self.aside.let_go_of_multiset(words[at]);
                        words[at] = 0;
                    }
                }
                SlotKind::Bag(_) => {
                    for _ in 0..deltas[at] {
                        let (entry, times) = (distinct.next(), values::next_code(distinct));
                        if let (Some(entry), Some(times)) = (entry, times) {
                            let bag = self.aside.bag_mut(&mut words[at]);
                            fits &= bag.change(entries.get(*entry), times as i64);
                        }
                    }
                    if self.aside.bag(words[at]).is_some_and(|bag| bag.is_empty()) {
                        self.aside.let_go_of_bag(words[at]);
                        words[at] = 0;
                    }
                }
                // No other is laid out where rows are taken back.
                _ => {}
            }
        }
        fits
    }
}
