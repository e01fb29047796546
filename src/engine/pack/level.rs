//! The first level of a ranking whose rows are joined: what rows add up to before they are.
//!
//! ```text
//! rows ──► first level: by what is read behind the join ──► join ──► the ranking: by its own keys
//!          counts and sums of the rows alike                        counts and sums of those, added again
//! ```
//!
//! So a change of what is joined costs what it moves, not the rows behind it. What cannot be added again (a least, a greatest, a
//! number of different values, a value by time) is of what is read behind: its column is a key of the first level, and rows alike
//! are counted.
//!
//! It is a ranking like any other, under the number of the one it is for: read, folded, exchanged and kept as all are, and shown to
//! nobody.

use std::sync::Arc;

use standings_model::plan::{
    Aggregate, Field, Input, Joined, Key, Measure, Plan, Provisional, Ranking, RowColumn,
};
use standings_model::statistics::Spread;
use standings_model::table::{Metadata, Origin, Table};

use super::layout::{Layout, Slot, SlotKind};

/// What keeps a sum of squares, whatever is shown of it.
const VARIANCE: Spread = Spread {
    sample: false,
    root: false,
};

/// The first level of a ranking.
#[derive(Clone, Debug)]
pub struct Level {
    /// As a ranking.
    pub ranking: Ranking,
    /// For each of its keys the column of the table that it is.
    pub columns: Vec<usize>,
    /// Accumulators of the ranking it is for that are added up from it: where there, and the one here; with columns of the table.
    pub added: Vec<(Slot, Slot)>,
    /// The other accumulators: of each row alike.
    pub of_rows: Vec<Slot>,
}

/// The rankings of a plan as they are folded and kept: of those that are joined the first level.
pub fn folded(plan: &Arc<Plan>) -> Arc<Plan> {
    if plan.rankings.iter().all(|r| r.joined.is_none()) {
        return Arc::clone(plan);
    }
    let mut folded = Plan::clone(plan);
    for ranking in &mut folded.rankings {
        if let Some(level) = Level::new(ranking, &plan.tables) {
            *ranking = level.ranking;
        }
    }
    Arc::new(folded)
}

impl Level {
    /// Of a ranking; none of one that is not joined.
    pub fn new(ranking: &Ranking, tables: &[Table]) -> Option<Self> {
        let joined = ranking.joined.as_ref()?;
        let input = ranking.inputs.first()?;
        let table = &tables[input.table];
        let slots = Layout::new(ranking).of_input(&input.columns);
        let (sums, of_rows): (Vec<Slot>, Vec<Slot>) =
            slots.into_iter().partition(|slot| is_added(slot, table));
        let columns = behind(ranking, joined, input, table, (&sums, &of_rows));
        let first = first(ranking, input, table, &columns, &sums);
        let own = Layout::new(&first).of_input(&first.inputs[0].columns);
        let added = sums.into_iter().filter_map(|slot| {
            let filter = slot.filter.filter(|c| !is_behind(table, *c));
            let mut alike = own.iter();
            let alike = alike.find(|o| o.kind == slot.kind && o.filter == filter)?;
            Some((slot, alike.clone()))
        });
        Some(Level {
            added: added.collect(),
            of_rows,
            columns,
            ranking: first,
        })
    }
}

fn is_behind(table: &Table, column: usize) -> bool {
    table.columns[column].origin.is_behind()
}

/// Whether an accumulator of sums is one of sums of what the table alone has. Whatever filters it may be behind.
fn is_added(slot: &Slot, table: &Table) -> bool {
    let is_sum = matches!(
        slot.kind,
        SlotKind::CountAll
            | SlotKind::Count(_)
            | SlotKind::Sum(_)
            | SlotKind::Upper(_)
            | SlotKind::High(_)
            | SlotKind::Squares(_)
    );
    is_sum && slot.kind.columns().all(|c| !is_behind(table, c))
}

/// The columns of the table that are read behind the join.
fn behind(
    ranking: &Ranking,
    joined: &Joined,
    input: &Input,
    table: &Table,
    (sums, of_rows): (&[Slot], &[Slot]),
) -> Vec<usize> {
    let mut all: Vec<usize> = joined.joins.iter().flat_map(|j| j.key.clone()).collect();
    all.extend(ranking.key_columns().map(|c| input.columns[c]));
    all.extend(joined.filter);
    all.extend(
        sums.iter()
            .filter_map(|s| s.filter.filter(|c| is_behind(table, *c))),
    );
    let mut by_time = joined.joins.iter().any(|join| join.as_of);
    for slot in of_rows {
        all.extend(slot.filter);
        all.extend(slot.kind.columns());
        by_time |= matches!(slot.kind, SlotKind::Bag(entry) if entry.is_by_place());
    }
    if by_time {
        all.extend(table.event_time);
    }
    if of_rows
        .iter()
        .any(|s| matches!(s.kind, SlotKind::Bag(entry) if entry.is_by_place()))
    {
        all.extend(place(table));
    }
    let mut needed: Vec<usize> = Vec::new();
    for column in all {
        let own = match &table.columns[column].origin {
            Origin::Joined { .. } => Vec::new(),
            Origin::Behind(expr) => {
                let mut reads = expr.columns();
                reads.retain(|c| !is_behind(table, *c));
                reads
            }
            _ => vec![column],
        };
        for column in own {
            if !needed.contains(&column) {
                needed.push(column);
            }
        }
    }
    needed
}

/// What says where a row stands among those of one time: its primary key where rows change, else where it came from.
fn place(table: &Table) -> Vec<usize> {
    if table.changes() {
        return table.primary_key.clone();
    }
    let is_it = |origin: &Origin| *origin == Origin::Metadata(Metadata::RowId);
    let row_id = table.columns.iter().position(|c| is_it(&c.origin));
    row_id.into_iter().collect()
}

fn row_column(table: &Table, column: usize) -> RowColumn {
    let of = &table.columns[column];
    RowColumn {
        kind: of.kind.clone(),
        nullable: of.nullable,
        meaning: String::new(),
        is_row_id: of.origin == Origin::Metadata(Metadata::RowId),
    }
}

fn first(of: &Ranking, input: &Input, table: &Table, columns: &[usize], sums: &[Slot]) -> Ranking {
    let row = |column: usize| row_column(table, column);
    let keys = columns.iter().enumerate().map(|(n, column)| Key {
        name: table.columns[*column].name.clone(),
        column: n,
    });
    let keys: Vec<Key> = keys.collect();
    let mut first = Ranking {
        name: format!("{}.first", of.name),
        inputs: Vec::new(),
        row: columns.iter().map(|c| row(*c)).collect(),
        placed: Vec::new(),
        partition: Vec::new(),
        is_rows: false,
        retracts: true,
        as_they_are: false,
        joined: None,
        paired: None,
        session_by: Vec::new(),
        measures: Vec::new(),
        computed: Vec::new(),
        having: None,
        order: Vec::new(),
        rank: None,
        from: 1,
        limit: u64::MAX,
        shows_rank: false,
        shown_if: None,
        provisional: Provisional::All,
        fields: (0..keys.len()).map(Field::Key).collect(),
        window: of.window,
        keeps_windows: false,
        lets_go: false,
        waits: 0,
        is_hidden: false,
        keys,
    };
    let mut columns = columns.to_vec();
    let mut place = |column: usize, nullable: Option<bool>| {
        columns.push(column);
        let mut own = row(column);
        own.nullable = nullable.unwrap_or(own.nullable);
        first.row.push(own);
        columns.len() - 1
    };
    // What is NULL in the ranking's own row is so here.
    let nullable = |column: usize| {
        let at = input.columns.iter().position(|c| *c == column);
        at.map(|at| of.row[at].nullable)
    };
    let mut measures = vec![(Aggregate::CountAll, None)];
    for slot in sums {
        let filter = slot.filter.filter(|c| !is_behind(table, *c));
        let filter = filter.map(|c| place(c, None));
        let aggregate = match slot.kind {
            SlotKind::Count(c) => Aggregate::Count(place(c, nullable(c))),
            SlotKind::Sum(c) => Aggregate::Sum(place(c, nullable(c))),
            SlotKind::Squares(c) => Aggregate::Spread(place(c, nullable(c)), VARIANCE),
            // Those come with their sums.
            SlotKind::Upper(_) | SlotKind::High(_) => continue,
            _ => Aggregate::CountAll,
        };
        measures.push((aggregate, filter));
    }
    let measures = measures.into_iter().enumerate();
    first.measures = measures
        .map(|(n, (aggregate, filter))| Measure {
            name: format!("m{n}"),
            aggregate,
            filter,
        })
        .collect();
    first.inputs.push(Input {
        table: input.table,
        filter: input.filter,
        filter_meaning: input.filter_meaning.clone(),
        columns,
        unnest: input.unnest,
    });
    first
}
