//! `WHERE` and `QUALIFY`: on rows, on windows, on groups, on the rank, and beside it.

use sqlparser::ast::{Expr as Sql, Spanned};

use super::Shape;
use super::names::Fields;
use crate::error::QueryError;
use crate::expression::{self, Scope};
use crate::flow::{Flow, Groups, RANK, Reads, Stage, is_rank, reads};
use crate::row::{Row, both, bounded};
use crate::walk::conjuncts;
use standings_model::expr::{Comparison, Expr, Node};
use standings_model::value::Value;

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
            if expr.columns().contains(&RANK) {
                self.range(groups, part, &expr)?;
            } else {
                groups.shown_if = Some(both(groups.shown_if.take(), expr));
            }
        }
        Ok(())
    }

    /// A condition on the rank.
    fn range(&self, groups: &mut Groups, sql: &Sql, expr: &Expr) -> Result<(), QueryError> {
        let Some(rank) = &mut groups.rank else {
            return Ok(());
        };
        let Some((least, greatest)) = range(expr) else {
            let allowed = "a condition on the rank is rank <= 10, < 11, = 1, > 3 AND <= 10, BETWEEN 1 AND 10, alone or with AND \
                           beside others";
            return self.wrong(sql, format!("`{sql}`"), allowed);
        };
        let fits = |n: Option<i128>| n.is_none_or(|n| n <= i128::from(GREATEST));
        if greatest.is_some_and(|g| g < 1) || !fits(least) || !fits(greatest) {
            return self.wrong(sql, format!("`{sql}`"), "a limit from 1 to 1000000");
        }
        let number = |n: i128| u64::try_from(n).unwrap_or(1);
        rank.from = rank.from.max(least.map_or(1, |n| number(n).max(1)));
        rank.limit = rank.limit.min(greatest.map_or(u64::MAX, number));
        if rank.from > rank.limit {
            let found = format!("`{sql}`, which with the other conditions no rank passes");
            return self.wrong_at(sql.span(), found, "a range with a rank in it");
        }
        Ok(())
    }
}

/// Least and greatest rank that a condition lets pass; none of one in another form.
fn range(expr: &Expr) -> Option<(Option<i128>, Option<i128>)> {
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
        } if is_rank(of) => Some((Some(number(low)?), Some(number(high)?))),
        Node::Compare { left, op, right } => {
            let (op, n) = match (is_rank(left), is_rank(right)) {
                (true, false) => (*op, number(right)?),
                (false, true) => (turned(*op), number(left)?),
                _ => return None,
            };
            Some(match op {
                Comparison::Eq => (Some(n), Some(n)),
                Comparison::Lt => (None, Some(n - 1)),
                Comparison::Le => (None, Some(n)),
                Comparison::Gt => (Some(n + 1), None),
                Comparison::Ge => (Some(n), None),
                Comparison::Ne => return None,
            })
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
