//! Which columns of a table somebody reads: of a file of columns the others need not be.
//!
//! 1. A column that is not needed may be NULL in every row for all that is counted, ranked or told. What refuses a record may still
//!    be in it: whether that can be is for the reader to know.

use super::plan::Plan;
use super::table::{Origin, Table};

impl Plan {
    /// By column of a table, whether somebody reads it.
    pub fn needed(&self, table: usize) -> Vec<bool> {
        let of = &self.tables[table];
        if self.reads_whole(table, of) {
            return vec![true; of.columns.len()];
        }
        let mut needed = vec![false; of.columns.len()];
        let mut need = |number: usize| {
            if let Some(column) = needed.get_mut(number) {
                *column = true;
            }
        };
        of.event_time.into_iter().for_each(&mut need);
        of.primary_key.iter().copied().for_each(&mut need);
        // What is computed is so of every record, and may refuse it.
        for column in &of.columns {
            match &column.origin {
                Origin::Computed(expr) | Origin::Derived(expr) | Origin::Behind(expr) => {
                    expr.columns().into_iter().for_each(&mut need);
                }
                Origin::Element(array) | Origin::Ordinal(array) => need(*array),
                _ => {}
            }
        }
        let rankings = self.rankings.iter().chain(&self.hidden);
        let inputs = rankings.flat_map(|ranking| &ranking.inputs);
        for input in inputs.filter(|input| input.table == table) {
            let beside = input.filter.into_iter().chain(input.unnest);
            beside
                .chain(input.columns.iter().copied())
                .for_each(&mut need);
        }
        if let Some((_, column)) = self.amounts().filter(|(first, _)| *first == table) {
            need(column);
        }
        needed
    }

    /// Whether a row of a table is kept, or looked at as a whole.
    fn reads_whole(&self, table: usize, of: &Table) -> bool {
        let mut rankings = self.rankings.iter().chain(&self.hidden);
        let is_met = rankings.any(|ranking| {
            let reads = ranking.inputs.iter().any(|input| input.table == table);
            let joins = ranking.joined.iter().flat_map(|joined| &joined.joins);
            let mut others = joins.map(|join| join.table);
            let mut others = others
                .by_ref()
                .chain(ranking.paired.as_ref().map(|paired| paired.table));
            others.any(|other| other == table)
                || reads && (ranking.joined.is_some() || ranking.paired.is_some())
        });
        is_met
            || of.changes()
            || of.dedup_within.is_some()
            || !of.masking.is_empty()
            || self.checks.iter().any(|check| check.table == table)
    }
}
