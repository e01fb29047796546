//! What of a plan is of pairs of rows of two tables.

use super::plan::Plan;

impl Plan {
    /// Whether some ranking is of pairs of rows of two tables.
    pub fn has_pairs(&self) -> bool {
        self.rankings.iter().any(|r| r.paired.is_some())
    }

    /// Whether some ranking is of pairs with rows of a table.
    pub fn is_paired(&self, table: usize) -> bool {
        let mut pairs = self.rankings.iter().filter(|r| r.paired.is_some());
        pairs.any(|r| {
            let other = r.paired.iter().map(|p| p.table);
            other
                .chain(r.inputs.iter().map(|i| i.table))
                .any(|t| t == table)
        })
    }
}
