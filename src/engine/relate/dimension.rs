//! What becomes of a row that others are joined with, on its way from the reader of its table to the owner of its key.

use serde::{Deserialize, Serialize};

use super::cells;
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
}

impl Dimensions {
    /// Nothing yet.
    pub fn new(plan: &Plan) -> Self {
        Dimensions {
            sides: Side::all(plan),
            changes: Vec::new(),
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
    pub fn put(
        &mut self,
        (table, partition, offset): (usize, PartitionId, u64),
        time: i64,
        row: &impl SaleView,
        ended: bool,
    ) {
        let Some(side) = &self.sides[table] else {
            return;
        };
        let mut key = Vec::new();
        for (column, kind) in &side.key {
            if !cells::push_key(&mut key, kind, row.bytes(*column), row.number(*column)) {
                return;
            }
        }
        let cells = || {
            let mut cells = Vec::new();
            for column in &side.columns {
                cells::push(&mut cells, row.bytes(*column), row.number(*column));
            }
            cells
        };
        let row = (!ended).then(cells);
        self.changes.push(DimensionChange {
            table: table as u32,
            partition,
            offset,
            time,
            key,
            row,
        });
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
