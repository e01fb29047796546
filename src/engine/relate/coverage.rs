//! The versions of one key, as the rows of a worker see them: from the beginning of time to its end, with none where there is none.
//!
//! ```text
//! told     ──────┬── a ──┬────────┬── b ──►
//! covers   none ─┴── a ──┴─ none ─┴── b ──►      a gap is told only while some row asks for the key
//! ```

use super::joins::{Holds, NONE};
use super::versions::EVER;

/// What is known of a key.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// What was told, from the earliest.
    versions: Vec<Holds>,
    /// How many rows ask for it.
    pub(super) rows: u32,
}

impl Coverage {
    /// Whether nothing is.
    pub(super) fn is_nothing(&self) -> bool {
        self.rows == 0 && self.versions.is_empty()
    }

    /// A version is there now, or is there no more.
    pub(super) fn change(&mut self, version: Holds, comes: bool) {
        let at = self.versions.partition_point(|known| *known < version);
        if comes {
            self.versions.insert(at, version);
        } else if self.versions.get(at) == Some(&version) {
            self.versions.remove(at);
        }
    }

    /// All of it: versions, and the gaps that rows ask for.
    pub(super) fn all(&self) -> Vec<Holds> {
        let mut all = Vec::with_capacity(2 * self.versions.len() + 1);
        let mut from = EVER.0;
        for version in &self.versions {
            if version.0 > from && self.rows > 0 {
                all.push((from, version.0, NONE));
            }
            all.push(*version);
            from = from.max(version.1);
        }
        if from < EVER.1 && self.rows > 0 {
            all.push((from, EVER.1, NONE));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_covered_once_while_a_row_asks() {
        let mut key = Coverage::default();
        assert!(key.all().is_empty() && key.is_nothing());
        key.rows = 1;
        assert_eq!(key.all(), [(EVER.0, EVER.1, NONE)]);
        key.change((20, EVER.1, 2), true);
        key.change((5, 10, 1), true);
        let gaps = [(EVER.0, 5, NONE), (5, 10, 1), (10, 20, NONE), (20, EVER.1, 2)];
        assert_eq!(key.all(), gaps);
        key.rows = 0;
        assert_eq!(key.all(), [(5, 10, 1), (20, EVER.1, 2)]);
        key.change((5, 10, 1), false);
        key.change((20, EVER.1, 2), false);
        // What was never told is no version that could go.
        key.change((20, EVER.1, 2), false);
        assert!(key.is_nothing());
        key.change((EVER.0, EVER.1, 3), true);
        key.rows = 2;
        assert_eq!(key.all(), [(EVER.0, EVER.1, 3)]);
    }
}
