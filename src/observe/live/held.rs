//! Rows that workers hold of tables that change.

use std::collections::BTreeMap;

use super::{Live, lock};

impl Live {
    /// A worker holds so many rows of a table that changes, in so many bytes. `worker` is its number in the cluster.
    pub fn set_held(&self, worker: usize, table: &str, (rows, bytes): (usize, usize)) {
        let mut held = lock(&self.held);
        let now = (rows as u64, bytes as u64);
        match held
            .iter_mut()
            .find(|((t, w), _)| t == table && *w == worker)
        {
            Some((_, of)) => *of = now,
            None => drop(held.insert((table.to_owned(), worker), now)),
        }
    }

    /// The rows that this process holds of tables that change, and their bytes, by table.
    pub fn held(&self) -> BTreeMap<String, (u64, u64)> {
        let mut all: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for ((table, _), (rows, bytes)) in lock(&self.held).iter() {
            let of = all.entry(table.clone()).or_default();
            (of.0, of.1) = (of.0 + rows, of.1 + bytes);
        }
        all
    }
}
