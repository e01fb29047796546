//! Joins as they are planned: what is taken of each table, and what is decided behind them.

use super::column_of;
use crate::expression;
use crate::fingerprint;
use crate::flow::{Branch, BranchJoin, BranchPair, as_joined, is_behind, is_row_id};
use crate::row::both;
use standings_model::expr::{Expr, Node};
use standings_model::plan::{Input, Joined, Paired, Ranking};
use standings_model::table::{Column, Table};

/// What an expression over rows and what they are joined with means.
pub(in crate::ranking) fn meaning(tables: &[Table], branch: &Branch, expr: &Expr) -> String {
    if !is_behind(expr) {
        return fingerprint::of_expression(&tables[branch.table], expr);
    }
    expression::meaning(expr, &|number| {
        let (table, column) = column_of(tables, branch, number);
        let of = fingerprint::of_column(&tables[table], column);
        match as_joined(number) {
            Some((join, _)) => format!("{of} of join {join}"),
            None => of,
        }
    })
}

/// What a ranking's rows are joined with, still without columns; and what of the condition is decided behind the joins, which is
/// taken from it.
pub(in crate::ranking) fn plan(
    tables: &[Table],
    branch: &mut Branch,
) -> (Option<Joined>, Option<Expr>) {
    if branch.joins.is_empty() {
        return (None, None);
    }
    let mut behind = None;
    if let Some(filter) = branch.filter.take() {
        let parts = match filter.node {
            Node::And(parts) => parts,
            _ => vec![filter],
        };
        for part in parts {
            let to = match is_behind(&part) {
                true => &mut behind,
                false => &mut branch.filter,
            };
            *to = Some(both(to.take(), part));
        }
    }
    let joins = branch.joins.iter().map(|join| {
        let on: Vec<String> = join
            .key
            .iter()
            .map(|expr| meaning(tables, branch, expr))
            .collect();
        standings_model::plan::Join {
            table: join.table,
            name: join.name.clone(),
            key: Vec::new(),
            as_of: join.as_of,
            left: join.left,
            columns: Vec::new(),
            meaning: said(&tables[join.table], join, &on.join(", ")),
        }
    });
    let joined = Joined {
        joins: joins.collect(),
        filter: None,
        filter_meaning: behind.as_ref().map(|f| meaning(tables, branch, f)),
    };
    (Some(joined), behind)
}

/// What a join on this means, as one text.
fn said(table: &Table, join: &BranchJoin, on: &str) -> String {
    if let Some(BranchPair { columns, within }) = &join.pair {
        let there = columns.iter().map(|c| fingerprint::of_column(table, *c));
        let (there, (from, to)) = (there.collect::<Vec<_>>().join(", "), within);
        return format!(
            "{:?} within {from} to {to} us on {on} = {there}",
            table.name
        );
    }
    let when = if join.as_of { "as it was" } else { "as it is" };
    let none = if join.left { " or none" } else { "" };
    format!("{:?} {when}{none} on {on}", table.name)
}

/// Pairs, of what was planned as a join.
fn paired(joined: Option<Joined>, pair: BranchPair) -> Option<Paired> {
    let Joined {
        mut joins,
        filter,
        filter_meaning,
    } = joined?;
    let join = joins.pop()?;
    Some(Paired {
        table: join.table,
        name: join.name,
        key: join.key.into_iter().zip(pair.columns).collect(),
        within: pair.within,
        columns: join.columns,
        filter,
        filter_meaning,
        meaning: join.meaning,
    })
}

/// Makes what is joined, and what is computed of it, columns of the table whose rows are joined.
pub(in crate::ranking) fn install(
    ranking: &mut Ranking,
    branch: Branch,
    behind: Option<Expr>,
    tables: &mut [Table],
) {
    let by_place = ranking.measures.iter().any(|m| m.aggregate.is_by_place());
    if by_place && !tables[branch.table].changes() {
        tables[branch.table].row_id();
    }
    let pair = branch.joins.first().and_then(|join| join.pair.clone());
    if let (Some(joined), Some(input)) = (&mut ranking.joined, ranking.inputs.first_mut()) {
        columns_of((input, joined), branch, behind, tables);
    }
    if let Some(pair) = pair {
        ranking.paired = paired(ranking.joined.take(), pair);
    }
}

fn columns_of(
    (input, joined): (&mut Input, &mut Joined),
    mut branch: Branch,
    behind: Option<Expr>,
    tables: &mut [Table],
) {
    let dimensions: Vec<Vec<Column>> = branch
        .joins
        .iter()
        .map(|join| tables[join.table].columns.clone())
        .collect();
    let table = &mut tables[branch.table];
    let mut here = |expr: &mut Expr, joins: &mut [standings_model::plan::Join]| {
        for (number, column) in expr.columns().into_iter().filter_map(as_joined) {
            let join = &mut joins[number];
            if join.columns.iter().all(|(there, _)| *there != column) {
                let own = table.joined((number, &join.name), &dimensions[number][column]);
                join.columns.push((column, own));
            }
        }
        expr.renumber(&|number| match as_joined(number) {
            None => number,
            Some((join, column)) => {
                let mut columns = joins[join].columns.iter();
                columns
                    .find(|(there, _)| *there == column)
                    .map_or(0, |of| of.1)
            }
        });
    };
    let mut place = |name: &str, mut expr: Expr, joins: &mut [standings_model::plan::Join]| {
        let is_behind = is_behind(&expr);
        here(&mut expr, joins);
        (expr, is_behind, name.to_owned())
    };
    // First all names, then the columns of what is computed: a borrow of the table at a time.
    let mut keys = Vec::new();
    for join in &mut branch.joins {
        let key = std::mem::take(&mut join.key).into_iter();
        keys.push(
            key.map(|expr| place("ON", expr, &mut joined.joins))
                .collect::<Vec<_>>(),
        );
    }
    let columns = std::mem::take(&mut branch.columns).into_iter();
    let columns: Vec<_> = columns
        .map(|(name, expr)| place(&name, expr, &mut joined.joins))
        .collect();
    let filter = branch.filter.take();
    let filter = filter.map(|expr| place("WHERE", expr, &mut joined.joins));
    let behind = behind.map(|expr| place("WHERE", expr, &mut joined.joins));
    let mut column = |(expr, is_behind, name): (Expr, bool, String)| match expr.node {
        Node::Column(_) if is_row_id(&expr) => table.row_id(),
        Node::Column(number) => number,
        _ if is_behind => table.derive_behind(&name, expr),
        _ => table.derive(&name, expr),
    };
    input.columns = columns.into_iter().map(&mut column).collect();
    input.filter = filter.map(&mut column);
    joined.filter = behind.map(&mut column);
    for (join, key) in joined.joins.iter_mut().zip(keys) {
        join.key = key.into_iter().map(&mut column).collect();
    }
}
