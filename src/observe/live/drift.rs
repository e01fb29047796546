//! Schemas that say otherwise of a table's columns than they did.

use std::collections::BTreeMap;

use super::{Live, lock};

impl Live {
    /// Schemas of a table may say otherwise of its columns: each kind begins at nothing, so that the first is seen as a rise.
    pub fn schemas_of(&self, table: &str, kinds: [&'static str; 3]) {
        for kind in kinds {
            lock(&self.drifts)
                .entry((table.to_owned(), kind))
                .or_default();
        }
    }

    /// A schema that appeared says otherwise of a table's column.
    pub fn schema_drift(&self, table: &str, kind: &'static str) {
        *lock(&self.drifts)
            .entry((table.to_owned(), kind))
            .or_default() += 1;
    }

    /// Columns that schemas said otherwise of, by table and kind.
    pub fn schema_drifts(&self) -> BTreeMap<(String, &'static str), u64> {
        lock(&self.drifts).clone()
    }
}
