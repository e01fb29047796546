//! A partition of a table that others are joined with: how far it is read before they are, what of it is remembered.

use super::super::changes;
use super::{Alone, Partition};
use crate::relate::dimension::Dimensions;
use standings_model::plan::Plan;
use standings_model::table::Table;

impl Partition {
    /// The same of a table that others are joined with, if it is. It is read to the offset
    /// where reading waits before they are, else to its end.
    pub fn joined(mut self, of: &Dimensions, plan: &Plan, hold: Option<u64>) -> Self {
        let alone = plan.is_only_joined(self.table);
        let is_joined = of.wants(self.table);
        self.joined = is_joined.then_some(Alone(alone));
        // Rows that wait for others themselves are waited for by none: two tables could wait for each other.
        self.awaits = is_joined && !plan.waits()[self.table];
        // As they are rows that change are those that are held.
        let is_all = is_joined && (self.changing.is_none() || of.remembers(self.table));
        self.remembers = is_all.then(|| self.back.unwrap_or(self.begin));
        self.hold = hold;
        self
    }

    /// Whether it is read as far as it must be before those that are joined with it are.
    pub(super) fn has_reached(&self) -> bool {
        match self.hold {
            _ if self.back.is_some() => false,
            Some(hold) => self.ended || self.next_offset >= hold,
            None => self.reached || self.ended,
        }
    }

    /// What it lends for a record, where its table changes.
    pub(super) fn lend(&mut self) -> Option<changes::Of<'_>> {
        Some(changes::Of {
            partition: self.id,
            table: self.table,
            decoder: self.decoder.as_mut()?,
            changing: self.changing.as_mut()?,
            clock: &mut self.clock,
            is_timed: !self.timeless,
            counts: &mut self.counts,
            memory: &mut self.memory,
            numbers: &mut self.unnested,
        })
    }

    /// Tells the rows that are held, where others are joined with them as they are: they were kept in a snapshot.
    pub fn tell_held(&mut self, to: &mut Dimensions, tables: &[Table]) {
        if to.wants(self.table)
            && !to.remembers(self.table)
            && let Some(of) = self.lend()
        {
            of.tell_held(to, tables);
        }
    }
}
