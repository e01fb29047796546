//! What becomes of a row that others are joined with, on its way from the reader of its table to the owner of its key.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cells;
use super::versions::earliest;
use crate::combine::combiner::SaleView;
use crate::pack::deltas::bin;
use crate::pack::hash::hash;
use standings_model::block::PartitionId;
use standings_model::plan::Plan;
use standings_model::types::Type;

/// A row of a table that others are joined with: what it is now, or that it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DimensionChange {
    /// Number of the table in the plan.
    pub table: u32,
    /// Where it was read.
    pub partition: PartitionId,
    /// Where it stands there.
    pub offset: u64,
    /// From when on it is so, ms.
    pub time: i64,
    /// Its primary key.
    pub key: Vec<u8>,
    /// What is taken of it; none where it ended.
    pub row: Option<Vec<u8>>,
    /// The record, where it may be that no row is there any more that it concerns, and it was not read before.
    pub record: Option<Vec<u8>>,
    /// It counts as a row that came: it is one that is `retired` if it concerns none.
    pub comes: bool,
}

impl DimensionChange {
    /// The worker that owns its key.
    pub fn owner(&self, workers: usize) -> u64 {
        bin(hash(&self.key)) % workers as u64
    }
}

/// What is taken of a table that others are joined with.
#[derive(Clone, Debug)]
pub struct Side {
    /// The primary key.
    pub(super) key: Vec<(usize, Type)>,
    /// The columns, ascending.
    pub columns: Vec<usize>,
    /// Some join is as it is, some as it was.
    pub joins: (bool, bool),
}

impl Side {
    /// Of each table of a plan; none of those that nothing is joined with.
    pub fn all(plan: &Plan) -> Vec<Option<Side>> {
        let side = |(number, table): (usize, &standings_model::table::Table)| {
            let joins = || plan.joins().filter(|join| join.table == number);
            joins().next()?;
            let mut columns: Vec<usize> = joins()
                .flat_map(|join| join.columns.iter().map(|(there, _)| *there))
                .collect();
            columns.sort_unstable();
            columns.dedup();
            let key = table.primary_key.iter();
            Some(Side {
                key: key.map(|c| (*c, table.columns[*c].kind.clone())).collect(),
                columns,
                joins: (joins().any(|j| !j.as_of), joins().any(|j| j.as_of)),
            })
        };
        plan.tables.iter().enumerate().map(side).collect()
    }
}

/// What readers have to tell the owners of tables that others are joined with, of one epoch.
pub struct Dimensions {
    sides: Vec<Option<Side>>,
    changes: Vec<DimensionChange>,
    /// By table: no row that is joined with it as it was, and may come still, is from before this, ms.
    earliest: BTreeMap<usize, i64>,
    /// Keys that are there of partitions that are read again, as far as they are.
    again: BTreeMap<(usize, PartitionId), BTreeSet<Vec<u8>>>,
}

/// A row that others are joined with: table, partition and offset; from when on it is so, ms; the record.
pub type Place<'a> = ((usize, PartitionId, u64), i64, &'a [u8]);

impl Dimensions {
    /// Nothing yet.
    pub fn new(plan: &Plan) -> Self {
        Dimensions {
            sides: Side::all(plan),
            changes: Vec::new(),
            earliest: BTreeMap::new(),
            again: BTreeMap::new(),
        }
    }

    /// The reader has promised to send nothing more for windows that end at or before a time, ms.
    pub fn promise(&mut self, plan: &Plan, horizon: i64) {
        if self.sides.iter().flatten().any(|side| side.joins.1) {
            self.earliest = earliest(plan, horizon);
        }
    }

    /// Whether something is joined with a table.
    #[inline]
    pub fn wants(&self, table: usize) -> bool {
        self.sides[table].is_some()
    }

    /// Whether all that a table ever was is remembered: something is joined with it as it was.
    pub fn remembers(&self, table: usize) -> bool {
        self.sides[table].as_ref().is_some_and(|side| side.joins.1)
    }

    /// A row of a table is this from a time on, or ended then: then only its key is looked at. One whose key has a NULL is no
    /// partner of anything.
    pub fn put(&mut self, (at, time, record): Place<'_>, row: &impl SaleView, ended: bool) {
        let Some(mut change) = self.change((at, time), row, ended) else {
            return;
        };
        if self
            .earliest
            .get(&at.0)
            .is_some_and(|earliest| time < *earliest)
        {
            change.record = Some(record.to_vec());
            change.comes = !ended;
        }
        self.changes.push(change);
    }

    /// The same of a row that an earlier run has read.
    pub fn put_again(
        &mut self,
        at: (usize, PartitionId, u64),
        time: i64,
        row: &impl SaleView,
        ended: bool,
    ) {
        let Some(change) = self.change((at, time), row, ended) else {
            return;
        };
        let keys = self.again.entry((at.0, at.1)).or_default();
        match ended {
            true => keys.remove(&change.key),
            false => keys.insert(change.key.clone()),
        };
        self.changes.push(change);
    }

    /// All rows of a partition ended, as an earlier run has read.
    pub fn empty_again(
        &mut self,
        (table, partition, offset): (usize, PartitionId, u64),
        time: i64,
    ) {
        let keys = self.again.remove(&(table, partition)).unwrap_or_default();
        self.changes
            .extend(keys.into_iter().map(|key| DimensionChange {
                table: table as u32,
                partition,
                offset,
                time,
                key,
                row: None,
                record: None,
                comes: false,
            }));
    }

    /// All that an earlier run has read of a partition was read again.
    pub fn read_again(&mut self, table: usize, partition: PartitionId) {
        self.again.remove(&(table, partition));
    }

    /// The row that was put last is another of a key that was there: it does not count as one that came.
    pub fn replaces(&mut self) {
        if let Some(change) = self.changes.last_mut() {
            change.comes = false;
        }
    }

    fn change(
        &self,
        ((table, partition, offset), time): ((usize, PartitionId, u64), i64),
        row: &impl SaleView,
        ended: bool,
    ) -> Option<DimensionChange> {
        let side = self.sides[table].as_ref()?;
        let mut key = Vec::new();
        for (column, kind) in &side.key {
            if !cells::push_key(&mut key, kind, row.bytes(*column), row.number(*column)) {
                return None;
            }
        }
        let cells = || {
            let mut cells = Vec::new();
            for column in &side.columns {
                cells::push(&mut cells, row.bytes(*column), row.number(*column));
            }
            cells
        };
        Some(DimensionChange {
            table: table as u32,
            partition,
            offset,
            time,
            key,
            row: (!ended).then(cells),
            record: None,
            comes: false,
        })
    }

    /// Ends the epoch: what there is to tell each worker that is told something.
    pub fn take(&mut self, workers: usize) -> Vec<(u64, Vec<DimensionChange>)> {
        let mut all: Vec<Vec<DimensionChange>> = vec![Vec::new(); workers];
        for change in self.changes.drain(..) {
            all[change.owner(workers) as usize].push(change);
        }
        let all = (0..).zip(all);
        all.filter(|(_, changes)| !changes.is_empty()).collect()
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
