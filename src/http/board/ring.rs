//! The last commits, with what each replaced: to go on after a gap, and to look back.
//!
//! 1. The entries follow each other without a gap, from `base` on.
//! 2. At most [`MAX_CHANGES`] changes and [`MAX_COMMITS`] commits are kept; the newest commit always is.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use super::window::Row;
use crate::as_of::{AsOf, Offsets};
use standings_model::change::Change;

/// Changes kept.
pub const MAX_CHANGES: usize = 100_000;
/// Commits kept.
pub const MAX_COMMITS: usize = 20_000;

/// What was there before a change.
#[derive(Clone, Debug)]
pub(super) enum Replaced {
    /// The board does not keep the change's window.
    NotKept,
    /// No such row.
    Nothing,
    /// This row.
    Row(Row),
}

/// One commit.
#[derive(Debug)]
pub struct Entry {
    /// When it was durable, ms since the Unix epoch.
    pub at: i64,
    /// The prefix before it.
    pub from: Offsets,
    /// Its number, prefix and watermark.
    pub as_of: AsOf,
    /// Its changes, in order, and what each replaced.
    pub(super) changes: Arc<Vec<Change>>,
    pub(super) before: Vec<Replaced>,
    /// Its text for those who follow all rankings (the last) or one of them; written once, by the first who asks.
    pub(crate) texts: Vec<OnceLock<Arc<str>>>,
}

impl Entry {
    /// Its changes, in order, each with the row that it replaced; without those of windows that were not kept.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = (&Change, Option<&Row>)> {
        let all = self.changes.iter().zip(&self.before);
        all.filter_map(|(change, before)| match before {
            Replaced::NotKept => None,
            Replaced::Nothing => Some((change, None)),
            Replaced::Row(row) => Some((change, Some(row))),
        })
    }
}

/// The last commits.
#[derive(Debug)]
pub(super) struct Ring {
    base: AsOf,
    entries: VecDeque<Arc<Entry>>,
    changes: usize,
    max_changes: usize,
}

impl Ring {
    pub(super) fn new(max_changes: usize) -> Self {
        Ring {
            base: AsOf::default(),
            entries: VecDeque::new(),
            changes: 0,
            max_changes,
        }
    }

    /// Forgets everything: what comes goes on from here.
    pub(super) fn restart(&mut self, base: AsOf) {
        self.base = base;
        self.entries.clear();
        self.changes = 0;
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.changes += entry.changes.len();
        self.entries.push_back(Arc::new(entry));
        while (self.changes > self.max_changes || self.entries.len() > MAX_COMMITS)
            && self.entries.len() > 1
            && let Some(old) = self.entries.pop_front()
        {
            self.changes -= old.changes.len();
            self.base = old.as_of.clone();
        }
    }

    /// The oldest commit whose rows are still known.
    pub(super) fn oldest(&self) -> u64 {
        self.base.commit
    }

    /// The commit of a number.
    pub(super) fn entry(&self, number: u64) -> Option<&Arc<Entry>> {
        let i = self
            .entries
            .binary_search_by_key(&number, |e| e.as_of.commit)
            .ok()?;
        self.entries.get(i)
    }

    /// The commits after `commit`, at most `most`; `None` if it is older than what is kept.
    pub(super) fn after(&self, commit: u64, most: usize) -> Option<Vec<Arc<Entry>>> {
        if commit < self.base.commit {
            return None;
        }
        let from = self.entries.partition_point(|e| e.as_of.commit <= commit);
        Some(self.entries.iter().skip(from).take(most).cloned().collect())
    }

    /// The commits after `commit`, newest first, and what held at `commit`; `None` if it is older than what is kept.
    pub(super) fn back_to(&self, commit: u64) -> Option<(AsOf, impl Iterator<Item = &Arc<Entry>>)> {
        if commit < self.base.commit {
            return None;
        }
        let from = self.entries.partition_point(|e| e.as_of.commit <= commit);
        let held = match from.checked_sub(1).and_then(|i| self.entries.get(i)) {
            Some(entry) => &entry.as_of,
            None => &self.base,
        };
        Some((held.clone(), self.entries.iter().skip(from).rev()))
    }
}
