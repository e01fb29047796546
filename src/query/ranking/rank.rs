//! The rank: `ROW_NUMBER() OVER (PARTITION BY … ORDER BY …)`, and `ORDER BY … LIMIT`, which is the same without a column.

use sqlparser::ast::{
    Expr as Sql, FunctionArguments, LimitClause, OrderByExpr, OrderByKind, OrderBySort, Query,
    Spanned, Value as Literal, WindowSpec, WindowType,
};

use super::Shape;
use super::group::is_told;
use super::names::rank_function;
use crate::error::QueryError;
use crate::expression::{self, Scope};
use crate::flow::{Draft, Groups, MEASURES, Rank, Reads, as_bound, reads, reads_rank};
use crate::row::bounded;
use standings_model::expr::{Expr, Node};
use standings_model::plan::{Bound, RankFunction};

/// `ORDER BY … LIMIT`.
pub(super) struct Top<'q> {
    pub(super) order: &'q [OrderByExpr],
    function: RankFunction,
    from: u64,
    limit: u64,
}

/// What a rank is counted within, still by its expressions.
pub(super) struct Over {
    function: RankFunction,
    partition: Vec<(Expr, String, sqlparser::tokenizer::Span)>,
    order: Vec<(Expr, String, bool, bool)>,
}

impl Over {
    /// The bounds of the window that are among what it is counted within.
    pub(super) fn bounds(&self) -> Vec<Bound> {
        let all = self.partition.iter();
        all.filter_map(|(expr, _, _)| as_bound(expr)).collect()
    }

    /// The rank, so far without a limit and without what it is counted within.
    pub(super) fn unlimited(&self) -> Rank {
        Rank {
            function: self.function,
            is_limited: false,
            partition: Vec::new(),
            order: Vec::new(),
            from: 1,
            limit: u64::MAX,
        }
    }
}

const ALLOWED: &str = "ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY …) AS rownum; also RANK() and \
                       DENSE_RANK()";

impl Shape<'_> {
    /// A call with `OVER`.
    pub(super) fn over(&self, sql: &Sql, scope: &dyn Scope) -> Result<Over, QueryError> {
        let Sql::Function(f) = sql else {
            return self.wrong(sql, format!("`{sql}`"), ALLOWED);
        };
        let Some(function) = rank_function(f) else {
            let found = format!("the function {} with OVER", f.name);
            return self.wrong(sql, found, ALLOWED);
        };
        let empty = matches!(&f.args, FunctionArguments::List(l) if l.args.is_empty() && l.clauses.is_empty());
        let spec = match &f.over {
            Some(WindowType::WindowSpec(spec)) if empty && f.filter.is_none() => spec,
            _ => return self.wrong(sql, format!("`{sql}`"), ALLOWED),
        };
        self.spec(sql, function, spec, scope)
    }

    fn spec(
        &self,
        sql: &Sql,
        function: RankFunction,
        spec: &WindowSpec,
        scope: &dyn Scope,
    ) -> Result<Over, QueryError> {
        if spec.window_name.is_some() || spec.window_frame.is_some() {
            let found = "a frame or a named window in OVER (…)";
            return self.wrong(sql, found, "OVER (PARTITION BY … ORDER BY …)");
        }
        if spec.order_by.is_empty() {
            let allowed = "ORDER BY a measure or a group key, such as total_sales DESC";
            return self.wrong(sql, "OVER (…) without ORDER BY", allowed);
        }
        let mut partition = Vec::new();
        for by in &spec.partition_by {
            let expr = expression::bind(self.text, scope, by)?;
            bounded(self.text, by, &expr)?;
            if reads_rank(&expr) || expr.kind.is_nested() {
                return self.wrong(
                    by,
                    format!("PARTITION BY `{by}`"),
                    "keys, and what is computed of them",
                );
            }
            partition.push((expr, by.to_string(), by.span()));
        }
        let order = self.terms(&spec.order_by, scope)?;
        Ok(Over {
            function,
            partition,
            order,
        })
    }

    /// The terms of an order.
    fn terms(
        &self,
        order: &[OrderByExpr],
        scope: &dyn Scope,
    ) -> Result<Vec<(Expr, String, bool, bool)>, QueryError> {
        order.iter().map(|term| self.term(term, scope)).collect()
    }

    fn term(
        &self,
        term: &OrderByExpr,
        scope: &dyn Scope,
    ) -> Result<(Expr, String, bool, bool), QueryError> {
        let sql = &term.expr;
        if term.with_fill.is_some() {
            let allowed = "ORDER BY column [ASC | DESC] [NULLS FIRST | NULLS LAST]";
            return self.wrong(sql, "WITH FILL", allowed);
        }
        let descending = match &term.options.sort {
            None | Some(OrderBySort::Asc) => false,
            Some(OrderBySort::Desc) => true,
            Some(_) => {
                return self.wrong(sql, "ORDER BY … USING", "ORDER BY column [ASC | DESC]");
            }
        };
        let number = match sql {
            Sql::Value(value) => match &value.value {
                Literal::Number(digits, _) => digits.parse().ok(),
                _ => None,
            },
            _ => None,
        };
        let expr = match number.and_then(|n| scope.nth(n)) {
            Some(column) => column,
            None => expression::bind(self.text, scope, sql)?,
        };
        bounded(self.text, sql, &expr)?;
        if reads_rank(&expr) || expr.kind.is_nested() || reads(&expr) == Reads::Nothing {
            let allowed =
                "order by keys, measures and what is computed of them; a number is no column";
            return self.wrong(sql, format!("ORDER BY `{sql}`"), allowed);
        }
        // As in Flink: NULL is the least value.
        let nulls_first = term.options.nulls_first.unwrap_or(!descending);
        Ok((expr, sql.to_string(), descending, nulls_first))
    }

    /// Ranks groups.
    pub(super) fn rank(
        &self,
        groups: &mut Groups,
        over: Over,
        sql: &Sql,
    ) -> Result<(), QueryError> {
        if groups.rank.is_some() {
            let found = "a rank over ranked rows, which is not computed yet";
            return self.wrong(sql, found, "one rank; a second is a ranking of its own");
        }
        let mut partition = Vec::new();
        let mut bounds = Vec::new();
        for (expr, written, at) in over.partition.clone() {
            match (&expr.node, as_bound(&expr)) {
                (_, Some(bound)) => bounds.push(bound),
                (Node::Column(key), None) if *key < MEASURES => {
                    if !partition.contains(key) {
                        partition.push(*key);
                    }
                }
                _ if reads(&expr) == Reads::Nothing || reads(&expr) == Reads::Bounds => {}
                _ => {
                    let Some(exprs) = of_rows(groups, &expr) else {
                        let found = format!("PARTITION BY `{written}`");
                        let allowed = "keys and what is computed of them: a measure changes, and a row cannot change its place";
                        return self.wrong_at(at, found, allowed);
                    };
                    let known = groups.row.iter().position(|draft| draft.exprs == exprs);
                    let column = known.unwrap_or_else(|| {
                        groups.row.push(Draft {
                            name: written,
                            exprs,
                        });
                        groups.row.len() - 1
                    });
                    let place = groups.placed.iter().position(|p| *p == column);
                    let place = place.unwrap_or_else(|| {
                        groups.placed.push(column);
                        groups.placed.len() - 1
                    });
                    partition.push(groups.keys.len() + place);
                }
            }
        }
        let window = groups.rows.window;
        if window.is_some_and(|window| !is_told(&window, &bounds)) {
            let found = "PARTITION BY without window_start and window_end";
            return self.wrong(
                sql,
                found,
                "PARTITION BY window_start, window_end[, group key …]",
            );
        }
        groups.rank = Some(Rank {
            partition,
            ..over.unlimited()
        });
        if let Some(rank) = &mut groups.rank {
            rank.order = over.order;
        }
        Ok(())
    }

    /// `ORDER BY … LIMIT n OFFSET m`, `FETCH FIRST n ROWS`.
    pub(super) fn top<'q>(&self, query: &'q Query) -> Result<Option<Top<'q>>, QueryError> {
        let (mut from, mut limit, mut function) = (1, None, RankFunction::RowNumber);
        let at = &*query.body;
        match &query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset {
                limit: most,
                offset,
                limit_by,
            }) if limit_by.is_empty() => {
                if let Some(offset) = offset {
                    from = 1 + self.count(&offset.value, 0)?;
                }
                limit = most.as_ref().map(|most| self.count(most, 1)).transpose()?;
            }
            Some(other) => return self.wrong(at, format!("`{other}`"), "LIMIT n OFFSET m"),
        }
        if let Some(fetch) = &query.fetch {
            if fetch.percent || limit.is_some() {
                return self.wrong(at, format!("`{fetch}`"), "FETCH FIRST n ROWS ONLY");
            }
            if fetch.with_ties {
                function = RankFunction::Rank;
            }
            let quantity = fetch.quantity.as_ref();
            limit = Some(quantity.map_or(Ok(1), |sql| self.count(sql, 1))?);
        }
        let order: &[OrderByExpr] = match &query.order_by {
            None => &[],
            Some(order) => match &order.kind {
                OrderByKind::Expressions(all) if order.interpolate.is_none() => all,
                _ => return self.wrong(at, "ORDER BY ALL", "ORDER BY expressions"),
            },
        };
        match (order.is_empty(), limit.is_some() || from > 1) {
            (true, false) => Ok(None),
            (true, true) => {
                let allowed = "ORDER BY … LIMIT n: which rows these are is decided by an order";
                self.wrong(at, "LIMIT without ORDER BY", allowed)
            }
            (false, false) => {
                let allowed = "ORDER BY … LIMIT n, or ORDER BY in OVER (…): rows are written as they change, in no order";
                self.wrong(at, "ORDER BY outside of OVER (…) without LIMIT", allowed)
            }
            (false, true) => Ok(Some(Top {
                order,
                function,
                from,
                limit: limit.map_or(u64::MAX, |limit| limit.saturating_add(from - 1)),
            })),
        }
    }

    /// A number of rows.
    fn count(&self, sql: &Sql, least: u64) -> Result<u64, QueryError> {
        let number = match sql {
            Sql::Value(value) => match &value.value {
                Literal::Number(digits, _) => digits.parse::<u64>().ok(),
                _ => None,
            },
            _ => None,
        };
        match number {
            Some(n) if (least..=1_000_000).contains(&n) => Ok(n),
            _ => {
                let allowed = format!("a number from {least} to 1000000");
                self.wrong(sql, format!("LIMIT or OFFSET `{sql}`"), allowed)
            }
        }
    }

    /// Ranks by `ORDER BY … LIMIT`; the rank is no column.
    pub(super) fn limited(
        &self,
        groups: &mut Groups,
        top: &Top<'_>,
        scope: &dyn Scope,
        at: &impl Spanned,
    ) -> Result<(), QueryError> {
        if groups.rank.is_some() {
            let found = "ORDER BY … LIMIT over ranked rows, which is not computed yet";
            return self.wrong(at, found, "a condition on the rank: WHERE rownum <= 10");
        }
        if groups.rows.window.is_some() {
            let found = "ORDER BY … LIMIT over the rows of all windows, which is not computed yet";
            let allowed = "of each window: ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY …) AS rownum, and \
                           WHERE rownum <= 10 above it";
            return self.wrong(at, found, allowed);
        }
        groups.rank = Some(Rank {
            function: top.function,
            is_limited: true,
            partition: Vec::new(),
            order: self.terms(top.order, scope)?,
            from: top.from,
            limit: top.limit,
        });
        Ok(())
    }
}

/// What an expression over fields is of the rows, in each branch: where it reads keys alone, and of rows as they are their
/// columns too.
fn of_rows(groups: &Groups, expr: &Expr) -> Option<Vec<Expr>> {
    let column = |n: usize| match n.checked_sub(MEASURES) {
        None => Some(groups.keys.get(n)?.column),
        Some(m) if groups.is_rows => groups.measures.get(m)?.of_row(),
        Some(_) => None,
    };
    let columns = expr.columns();
    if columns.iter().any(|n| column(*n).is_none()) {
        return None;
    }
    let branch = |b: usize| {
        let mut expr = expr.clone();
        replace(&mut expr, &|n| {
            let column = column(n)?;
            Some(groups.row.get(column)?.exprs.get(b)?.clone())
        });
        expr
    };
    Some((0..groups.rows.branches.len()).map(branch).collect())
}

/// Puts expressions in the place of columns.
fn replace(expr: &mut Expr, by: &dyn Fn(usize) -> Option<Expr>) {
    if let Node::Column(n) = expr.node {
        if let Some(other) = by(n) {
            *expr = other;
        }
        return;
    }
    expr.each_child_mut(&mut |child| replace(child, by));
}
