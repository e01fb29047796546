//! All windows that one worker holds: applies deltas, ends epochs, drops windows.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::interner::Interner;
use super::messages::Candidate;
use super::order::Reader;
use super::window::{CopyInto, Resolve, WindowState};
use crate::combine::deltas::{Deltas, Group};
use crate::combine::texts::TextTable;
use crate::model::plan::Plan;

/// One worker's totals.
pub struct Totals {
    plan: Arc<Plan>,
    readers: Vec<Reader>,
    windows: BTreeMap<(u32, i64), WindowState>,
    texts: Interner,
    touched: Vec<(u32, i64)>,
}

impl Totals {
    /// Nothing yet.
    pub fn new(plan: Arc<Plan>) -> Self {
        let readers = plan
            .rankings
            .iter()
            .map(|r| Reader::new(r, &plan.schema))
            .collect();
        Totals {
            plan,
            readers,
            windows: BTreeMap::new(),
            texts: Interner::default(),
            touched: Vec::new(),
        }
    }

    /// Adds one batch.
    pub fn apply(&mut self, deltas: &Deltas) {
        let mut from = Numbers {
            table: &deltas.texts,
            numbers: vec![u32::MAX; deltas.texts.len()],
        };
        let mut words = &deltas.words[..];
        let mut distinct = deltas.distinct.iter();
        for group in &deltas.groups {
            let ranking = &self.plan.rankings[group.ranking as usize];
            let reader = &self.readers[group.ranking as usize];
            let stride = reader.layout.width + 1;
            let at = (group.ranking, group.window_start);
            let window = self.windows.entry(at).or_default();
            let (rows, rest) = words.split_at(stride * group.rows as usize);
            words = rest;
            for row in rows.chunks_exact(stride) {
                window.merge(
                    ranking,
                    reader,
                    &mut self.texts,
                    &mut from,
                    row,
                    &mut distinct,
                );
            }
            self.touched.push(at);
        }
        self.texts.sweep();
    }

    /// Ends an epoch: what changed among this worker's best rows.
    pub fn settle(&mut self) -> Vec<Candidate> {
        self.touched.sort_unstable();
        self.touched.dedup();
        let mut out = Vec::new();
        for (number, start) in self.touched.drain(..) {
            if let Some(window) = self.windows.get_mut(&(number, start)) {
                let ranking = &self.plan.rankings[number as usize];
                window.settle(
                    number,
                    start,
                    ranking,
                    &self.readers[number as usize],
                    &self.texts,
                    &mut out,
                );
            }
        }
        out
    }

    /// Copies rows as deltas from nothing: those that changed since the last copy, or all.
    pub fn copy(&mut self, full: bool) -> Deltas {
        let mut deltas = Deltas::default();
        let mut numbers = HashMap::new();
        for ((ranking, start), window) in &mut self.windows {
            let mut into = CopyInto {
                deltas: &mut deltas,
                numbers: &mut numbers,
            };
            let reader = &self.readers[*ranking as usize];
            let rows = window.copy(full, reader, &self.texts, &mut into);
            if rows > 0 {
                deltas.groups.push(Group {
                    ranking: *ranking,
                    rows,
                    window_start: *start,
                });
            }
        }
        deltas
    }

    /// What was applied is in the last snapshot already.
    pub fn forget_changes(&mut self) {
        self.windows.values_mut().for_each(WindowState::forget);
    }

    /// Drops every window that ends at or before `horizon`.
    pub fn retire(&mut self, horizon: i64) {
        let gone: Vec<(u32, i64)> = self
            .windows
            .keys()
            .filter(|(r, start)| {
                start.saturating_add(self.plan.rankings[*r as usize].window.size) <= horizon
            })
            .copied()
            .collect();
        for at in gone {
            if let Some(window) = self.windows.remove(&at) {
                window.release(&self.readers[at.0 as usize], &mut self.texts);
            }
        }
        self.texts.sweep();
    }

    /// Live (window, key) pairs, for metrics.
    pub fn live_keys(&self) -> usize {
        self.windows.values().map(WindowState::keys).sum()
    }

    /// Texts held, for metrics.
    pub fn live_texts(&self) -> usize {
        self.texts.len()
    }
}

/// A batch's texts, numbered by the worker when first met.
struct Numbers<'a> {
    table: &'a TextTable,
    numbers: Vec<u32>,
}

impl Resolve for Numbers<'_> {
    fn resolve(&mut self, texts: &mut Interner, id: u32) -> u32 {
        let known = &mut self.numbers[id as usize];
        if *known == u32::MAX {
            *known = texts.intern(self.table.get(id), self.table.hash(id));
        }
        *known
    }
}
