//! Where reading waits after a restart, until every sink shows the same prefix.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::block::PartitionId;
use super::sabotage::{self, Mistake};

/// A prefix that must not be passed. A partition that it does not name was not there then, and waits where it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    prefix: BTreeMap<PartitionId, u64>,
    /// Whether anything is held: of some partitions of a prefix, that may be those that it does not name.
    holds: bool,
}

impl Hold {
    /// Waits at this prefix; an empty one holds nothing.
    pub fn at(prefix: BTreeMap<PartitionId, u64>) -> Self {
        Hold {
            holds: !prefix.is_empty(),
            prefix,
        }
    }

    /// Whether nothing is held.
    pub fn is_nothing(&self) -> bool {
        !self.holds
    }

    /// The same for some partitions, by other numbers.
    pub fn renamed(&self, name: impl Fn(PartitionId) -> Option<PartitionId>) -> Self {
        let prefix = self.prefix.iter();
        Hold {
            prefix: prefix
                .filter_map(|(p, offset)| Some((name(*p)?, *offset)))
                .collect(),
            holds: self.holds,
        }
    }

    /// The first offset that waits, of a partition whose reading begins at `begin`.
    pub fn of(&self, partition: PartitionId, begin: u64) -> Option<u64> {
        let named = self.prefix.get(&partition).copied();
        let held = (!self.is_nothing()).then(|| named.unwrap_or(begin).max(begin));
        held.filter(|h| *h > begin || !sabotage::is(Mistake::BeginningNotHeld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_waits_where_it_begins() {
        let hold = Hold::at(BTreeMap::from([(0, 5), (1, 0)]));
        assert_eq!(hold.of(0, 0), Some(5));
        assert_eq!(hold.of(0, 9), Some(9));
        assert_eq!(hold.of(1, 0), Some(0));
        assert_eq!(hold.of(2, 7), Some(7));
        assert_eq!(Hold::default().of(2, 7), None);
    }
}
