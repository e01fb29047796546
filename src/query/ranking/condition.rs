//! `WHERE` and `QUALIFY`: on rows, on windows, on groups, on the rank, and beside it.

use sqlparser::ast::{Expr as Sql, Spanned};

use super::Shape;
use super::names::Fields;
use crate::error::QueryError;
use crate::expression::{self, Scope};
use crate::flow::{Flow, Groups, Reads, Stage, as_rank, reads, reads_rank};
use crate::row::{Row, both, bounded};
use crate::walk::conjuncts;
use standings_model::expr::{Comparison, Expr, Node};
use standings_model::plan::RankFunction;
use standings_model::value::Value;

/// Least and greatest rank.
type Range = (Option<i128>, Option<i128>);

/// The greatest rank that a query may name.
const GREATEST: u64 = 1_000_000;

impl Shape<'_> {
    /// `WHERE`: as far down as it can go.
    pub(super) fn filter(&self, flow: &mut Flow, sql: &Sql) -> Result<(), QueryError> {
        match &mut flow.stage {
            Stage::Rows(rows) => {
                let branches = std::mem::take(&mut rows.branches);
                let row = Row::new(self.sources, &flow.qualifiers, branches);
                let whole = row.conditions(self.text, sql)?;
                let parts = match reads(&whole[0]) {
                    Reads::Nothing | Reads::Columns => vec![(sql, whole)],
                    _ => {
                        let parts = conjuncts(sql).into_iter();
                        let parts = parts.map(|p| Ok((p, row.conditions(self.text, p)?)));
                        parts.collect::<Result<_, QueryError>>()?
                    }
                };
                rows.branches = row.into_parts().0;
                for (part, exprs) in parts {
                    match reads(&exprs[0]) {
                        Reads::Bounds => {
                            let expr = exprs[0].clone();
                            rows.of_windows = Some(both(rows.of_windows.take(), expr));
                        }
                        Reads::Both => {
                            let found = format!(
                                "`{part}`: bounds of the window and columns of a row in one"
                            );
                            let allowed = "conditions with AND between them, each on the window or on the row";
                            return self.wrong(part, found, allowed);
                        }
                        _ if rows.window.is_some_and(|w| w.is_session()) => {
                            // Sessions are of all rows that they are over.
                            let mut before = rows.of_sessions.take().into_iter().flatten();
                            let all = exprs.into_iter().map(|expr| both(before.next(), expr));
                            rows.of_sessions = Some(all.collect());
                        }
                        _ => {
                            for (branch, expr) in rows.branches.iter_mut().zip(exprs) {
                                branch.filter = Some(both(branch.filter.take(), expr));
                            }
                        }
                    }
                }
                Ok(())
            }
            Stage::Groups(groups) => {
                let columns = groups.columns.clone();
                let scope = Fields::new(&flow.qualifiers, &columns, self.sources.notes);
                self.behind(groups, &scope, sql)
            }
        }
    }

    /// A condition on groups: of those that are ranked, on the rank or beside it.
    pub(super) fn behind(
        &self,
        groups: &mut Groups,
        scope: &dyn Scope,
        sql: &Sql,
    ) -> Result<(), QueryError> {
        if groups.rank.is_none() {
            let expr = expression::bind_condition(self.text, scope, sql)?;
            bounded(self.text, sql, &expr)?;
            groups.having = Some(both(groups.having.take(), expr));
            return Ok(());
        }
        for part in conjuncts(sql) {
            let expr = expression::bind_condition(self.text, scope, part)?;
            bounded(self.text, part, &expr)?;
            if !(reads_rank(&expr) && self.range(groups, part, &expr)?) {
                groups.shown_if = Some(both(groups.shown_if.take(), expr));
            }
        }
        Ok(())
    }

    /// A condition on the rank: whether it is a range of it and nothing else. If not it is asked of each ranked row.
    fn range(&self, groups: &mut Groups, sql: &Sql, expr: &Expr) -> Result<bool, QueryError> {
        let Some(rank) = &mut groups.rank else {
            return Ok(false);
        };
        let Some((function, (least, greatest), is_all)) = range(expr) else {
            return Ok(false);
        };
        // Of several functions one limits what is kept.
        if rank.is_limited && rank.function != function {
            return Ok(false);
        }
        let fits = |n: Option<i128>| n.is_none_or(|n| n <= i128::from(GREATEST));
        if greatest.is_some_and(|g| g < 1) || !fits(least) || !fits(greatest) {
            return self.wrong(sql, format!("`{sql}`"), "a limit from 1 to 1000000");
        }
        let number = |n: i128| u64::try_from(n).unwrap_or(1);
        (rank.function, rank.is_limited) = (function, true);
        rank.from = rank.from.max(least.map_or(1, |n| number(n).max(1)));
        rank.limit = rank.limit.min(greatest.map_or(u64::MAX, number));
        if rank.from > rank.limit {
            let found = format!("`{sql}`, which with the other conditions no rank passes");
            return self.wrong_at(sql.span(), found, "a range with a rank in it");
        }
        Ok(is_all)
    }
}

/// Of which function, between which ranks all lie that a condition lets pass, and whether it lets all of these pass; none of one that
/// says nothing of that.
fn range(expr: &Expr) -> Option<(RankFunction, Range, bool)> {
    let number = |e: &Expr| match &e.node {
        Node::Literal(Value::Integer(n)) => Some(*n),
        Node::Literal(Value::Decimal(d)) if d.scale == 0 => Some(d.unscaled),
        _ => None,
    };
    match &expr.node {
        Node::Between {
            of,
            low,
            high,
            negated: false,
        } => Some((
            as_rank(of)?,
            (Some(number(low)?), Some(number(high)?)),
            true,
        )),
        Node::In {
            of,
            list,
            negated: false,
        } => {
            let all: Option<Vec<i128>> = list.iter().map(number).collect();
            let (function, all) = (as_rank(of)?, all?);
            Some((
                function,
                (all.iter().min().copied(), all.iter().max().copied()),
                false,
            ))
        }
        Node::Or(parts) => {
            let all: Option<Vec<_>> = parts.iter().map(range).collect();
            let whole =
                all?.into_iter()
                    .reduce(|(function, one, _), (other_function, other, _)| {
                        let both =
                            |a: Option<i128>, b| a.zip(b).filter(|_| function == other_function);
                        let least = both(one.0, other.0).map(|(a, b)| a.min(b));
                        let greatest = both(one.1, other.1).map(|(a, b)| a.max(b));
                        (function, (least, greatest), false)
                    });
            whole.filter(|(_, range, _)| *range != (None, None))
        }
        Node::Compare { left, op, right } => {
            let (function, op, n) = match (as_rank(left), as_rank(right)) {
                (Some(function), None) => (function, *op, number(right)?),
                (None, Some(function)) => (function, turned(*op), number(left)?),
                _ => return None,
            };
            let range = match op {
                Comparison::Eq => (Some(n), Some(n)),
                Comparison::Lt => (None, Some(n - 1)),
                Comparison::Le => (None, Some(n)),
                Comparison::Gt => (Some(n + 1), None),
                Comparison::Ge => (Some(n), None),
                Comparison::Ne => return None,
            };
            Some((function, range, true))
        }
        _ => None,
    }
}

/// The comparison with its sides exchanged.
fn turned(op: Comparison) -> Comparison {
    match op {
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
        same => same,
    }
}
