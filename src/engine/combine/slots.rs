//! What slots that are more than words have seen in an epoch: nothing yet.

use hashbrown::{HashMap, HashTable};

use super::rows::{Counted, Distinct};
use crate::pack::layout::{Layout, SlotKind};

/// Of distinct values.
pub(super) fn distinct(layout: &Layout) -> Vec<Distinct> {
    let slots = layout.slots.iter();
    slots
        .filter(|slot| matches!(slot.kind, SlotKind::Distinct(_)))
        .map(|slot| Distinct {
            at: slot.at,
            seen: HashTable::new(),
            pairs: Vec::new(),
        })
        .collect()
}

/// Of values that are counted, of sketches and of what is taken from.
pub(super) fn counted(layout: &Layout) -> Vec<Counted> {
    let slots = layout.slots.iter();
    slots
        .filter(|slot| {
            matches!(
                slot.kind,
                SlotKind::Values(..)
                    | SlotKind::Sketch(_)
                    | SlotKind::Multiset(..)
                    | SlotKind::Bag(_)
            )
        })
        .map(|slot| Counted {
            at: slot.at,
            seen: HashMap::new(),
            pairs: Vec::new(),
        })
        .collect()
}
