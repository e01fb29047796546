//! Rows that workers hold of tables that change, and of joins.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

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

    /// A worker holds so much of joins. `worker` is its number in the cluster.
    pub fn set_joined(&self, worker: usize, joined: Joined) {
        lock(&self.joined).insert(worker, joined);
    }

    /// What this process holds of joins; none where nothing is joined.
    pub fn joined(&self) -> Option<Joined> {
        let all = lock(&self.joined);
        all.values().copied().reduce(|a, b| Joined {
            rows: a.rows + b.rows,
            keys: a.keys + b.keys,
            versions: a.versions + b.versions,
            bytes: a.bytes + b.bytes,
        })
    }

    /// So many more rows are in no group, since what is computed of them behind a join has an error.
    pub fn count_failed_behind(&self, rows: u64) {
        self.failed_behind.fetch_add(rows, Ordering::Relaxed);
    }

    /// How many such rows there were since the process began.
    pub fn failed_behind(&self) -> u64 {
        self.failed_behind.load(Ordering::Relaxed)
    }
}

/// What is held of joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// Rows alike in a window, before they are joined.
    pub rows: u64,
    /// Keys of the tables that they are joined with.
    pub keys: u64,
    /// Versions of these: one a key as it is, and of as it was those that rows may still be joined with.
    pub versions: u64,
    /// About how many bytes the arrangements of both take.
    pub bytes: u64,
}
