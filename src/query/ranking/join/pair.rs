//! Two tables of events joined by a key and by how far their event times are apart.
//!
//! ```text
//! ON s.id = r.sale_id                     the key: equality, at least once
//! AND r.at BETWEEN s.at AND s.at + INTERVAL '30' DAY
//!     └─ r.at − s.at: from 0 to 30 days   any comparisons of the two event times, each give or take an interval
//! ```

use sqlparser::ast::{BinaryOperator, Expr as Sql, TableFactor};

use super::can_be_equal;
use crate::error::QueryError;
use crate::expression;
use crate::flow::{Branch, BranchPair, as_joined, is_row_id};
use crate::interval;
use crate::ranking::Shape;
use crate::row::Row;
use crate::walk::conjuncts;
use standings_model::expr::{Expr, Node};
use standings_model::plan::Ranking;
use standings_model::table::Table;

const WRITTEN: &str = "FROM a JOIN b ON a.key = b.key AND b.event_time BETWEEN a.event_time AND a.event_time + INTERVAL '1' DAY";

/// What such a join is.
pub(super) struct Found {
    /// What of the rows is equal to the columns there.
    pub(super) key: Vec<Expr>,
    pub(super) pair: BranchPair,
}

/// How much later the other table's row is than the own, microseconds: at least, at most.
#[derive(Default)]
struct Apart {
    from: Option<i64>,
    to: Option<i64>,
}

impl Apart {
    fn at_least(&mut self, apart: i64) {
        self.from = Some(self.from.map_or(apart, |from| from.max(apart)));
    }

    fn at_most(&mut self, apart: i64) {
        self.to = Some(self.to.map_or(apart, |to| to.min(apart)));
    }
}

/// An event time, give or take: of the other table, and how much later than it, microseconds.
type Moment = (bool, i64);

impl Shape<'_> {
    /// What a condition says where it bounds how far the event times of two tables are apart; none of another. `number`: the
    /// join's; `there`: its table.
    pub(super) fn pair(
        &self,
        row: &Row<'_>,
        (number, there): (usize, &Table),
        on: &Sql,
    ) -> Result<Option<Found>, QueryError> {
        let (mut apart, mut rest) = (Apart::default(), Vec::new());
        let all = conjuncts(on);
        let is_equality = |part: &&Sql| {
            matches!(
                part,
                Sql::BinaryOp {
                    op: BinaryOperator::Eq,
                    ..
                }
            )
        };
        if !there.primary_key.is_empty() && all.iter().all(is_equality) {
            // By its primary key, of which its event time may be a part.
            return Ok(None);
        }
        for part in all {
            if !self.bounds(row, (number, there), part, &mut apart) {
                rest.push(part);
            }
        }
        let (from, to) = match (apart.from, apart.to) {
            (None, None) => return Ok(None),
            (Some(from), Some(to)) => (from, to),
            _ => {
                let found = "an ON that bounds the two event times on one side alone: rows would be kept for ever";
                return self.wrong(on, found, WRITTEN);
            }
        };
        if from > to {
            let found = "an ON that no two event times fulfil";
            return self.wrong(on, found, "a first moment that is not after the last");
        }
        let (mut key, mut columns) = (Vec::new(), Vec::new());
        for part in rest {
            let (expr, column) = self.equal(row, (number, there), part)?;
            key.push(expr);
            columns.push(column);
        }
        if key.is_empty() {
            let found = "an ON of event times alone: every row beside all that are near";
            return self.wrong(on, found, WRITTEN);
        }
        let within = (from, to);
        let pair = BranchPair { columns, within };
        Ok(Some(Found { key, pair }))
    }

    /// Whether a condition compares the two event times; what it says of them is taken over.
    fn bounds(&self, row: &Row<'_>, of: (usize, &Table), sql: &Sql, apart: &mut Apart) -> bool {
        let moment = |sql: &Sql| self.moment(row, of, sql);
        // One is at least as late as the other, and more by so much.
        let mut later = |later: Moment, earlier: Moment, by: i64| {
            match (later, earlier) {
                ((true, l), (false, e)) => apart.at_least(e - l + by),
                ((false, l), (true, e)) => apart.at_most(l - e - by),
                _ => return false,
            }
            true
        };
        match sql {
            Sql::Between {
                expr,
                negated: false,
                low,
                high,
            } => match (moment(expr), moment(low), moment(high)) {
                (Some(of), Some(low), Some(high)) => later(of, low, 0) && later(high, of, 0),
                _ => false,
            },
            Sql::BinaryOp { left, op, right } => match (moment(left), op, moment(right)) {
                (Some(l), BinaryOperator::GtEq, Some(r)) => later(l, r, 0),
                (Some(l), BinaryOperator::Gt, Some(r)) => later(l, r, 1),
                (Some(l), BinaryOperator::LtEq, Some(r)) => later(r, l, 0),
                (Some(l), BinaryOperator::Lt, Some(r)) => later(r, l, 1),
                (Some(l), BinaryOperator::Eq, Some(r)) => later(l, r, 0) && later(r, l, 0),
                _ => false,
            },
            _ => false,
        }
    }

    /// The event time of either table, give or take an interval.
    fn moment(&self, row: &Row<'_>, (number, there): (usize, &Table), sql: &Sql) -> Option<Moment> {
        let interval = |sql: &Sql| interval::fixed(self.text, sql).ok()?.checked_mul(1_000);
        match sql {
            Sql::Nested(inner) => self.moment(row, (number, there), inner),
            Sql::BinaryOp {
                left,
                op: BinaryOperator::Plus,
                right,
            } => {
                let (time, by) = match interval(right) {
                    Some(by) => (left, by),
                    None => (right, interval(left)?),
                };
                let (other, at) = self.moment(row, (number, there), time)?;
                Some((other, at.checked_add(by)?))
            }
            Sql::BinaryOp {
                left,
                op: BinaryOperator::Minus,
                right,
            } => {
                let (other, at) = self.moment(row, (number, there), left)?;
                Some((other, at.checked_sub(interval(right)?)?))
            }
            Sql::Identifier(_) | Sql::CompoundIdentifier(_) => {
                let expr = expression::bind(self.text, &row.names(0), sql).ok()?;
                let Node::Column(column) = expr.node else {
                    return None;
                };
                match as_joined(column) {
                    None => {
                        let own = self.sources.tables[row.table()].event_time;
                        (Some(column) == own).then_some((false, 0))
                    }
                    Some((join, c)) => {
                        (join == number && Some(c) == there.event_time).then_some((true, 0))
                    }
                }
            }
            _ => None,
        }
    }

    /// What of the rows is equal to which column there.
    fn equal(
        &self,
        row: &Row<'_>,
        (number, there): (usize, &Table),
        sql: &Sql,
    ) -> Result<(Expr, usize), QueryError> {
        let wanted = "equality of a column of the one and of the other, and how far their event times are apart; what else is asked of them stands in WHERE";
        let Sql::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } = sql
        else {
            return self.wrong(sql, format!("`{sql}` in ON"), wanted);
        };
        let scope = row.names(0);
        let sides = [
            expression::bind(self.text, &scope, left)?,
            expression::bind(self.text, &scope, right)?,
        ];
        let column = |expr: &Expr| match expr.node {
            Node::Column(c) => as_joined(c).filter(|(join, _)| *join == number),
            _ => None,
        };
        let reads_it = |expr: &Expr| expr.columns().into_iter().any(|c| as_joined(c).is_some());
        let (other, own) = match sides {
            [a, b] if column(&a).is_some() && !reads_it(&b) => (a, b),
            [b, a] if column(&a).is_some() && !reads_it(&b) => (a, b),
            _ => return self.wrong(sql, format!("`{sql}` in ON"), wanted),
        };
        if !can_be_equal(&other.kind, &own.kind) {
            let found = format!("`{sql}`: {} and {}", other.kind, own.kind);
            let allowed =
                "two texts, two exact numbers, or two values of one type: CAST one of them";
            return self.wrong(sql, found, allowed);
        }
        match column(&other) {
            Some((_, column)) if column < there.columns.len() => Ok((own, column)),
            _ => self.wrong(sql, format!("`{sql}` in ON"), wanted),
        }
    }

    /// Refuses what is no pair of rows of two tables that only grow, each with an event time.
    pub(super) fn can_be_paired(
        &self,
        (branch, there): (&Branch, &Table),
        (left, is_versioned, is_windowed): (bool, bool, bool),
        at: &TableFactor,
    ) -> Result<(), QueryError> {
        let own = &self.sources.tables[branch.table];
        let wrong = |found: String, allowed: &str| self.wrong(at, found, allowed);
        if left {
            let found = "LEFT JOIN by how far event times are apart, which is not computed yet";
            return wrong(found.to_owned(), "JOIN: pairs alone");
        }
        if is_versioned {
            let found = "FOR SYSTEM_TIME beside how far event times are apart";
            return wrong(found.to_owned(), "one of the two");
        }
        if is_windowed {
            let found = "a window under a join of two tables of events: a pair is of the later of the two times";
            let allowed = "the window over the join: WITH pairs AS (SELECT … FROM a JOIN b ON …) SELECT … FROM TABLE(TUMBLE(TABLE pairs, DESCRIPTOR(…), …))";
            return wrong(found.to_owned(), allowed);
        }
        if branch.joins.len() > 1 {
            let found = "a join by how far event times are apart beside another join, which is not computed yet";
            return wrong(found.to_owned(), "that join alone");
        }
        if branch.unnest.is_some() {
            let found = "UNNEST beside a join of two tables of events, which is not computed yet";
            return wrong(found.to_owned(), "the rows of two tables");
        }
        for table in [own, there] {
            if table.of_ranking.is_some() {
                let found = format!("`{}`, a ranking, joined by event time", table.name);
                return wrong(found, "two tables");
            }
            if table.changes() {
                let found = format!(
                    "`{}`, whose rows change, joined by how far event times are apart, which is not computed yet",
                    table.name
                );
                let allowed = "two tables that only grow; or a join by the primary key of one, as it is or FOR SYSTEM_TIME AS OF";
                return wrong(found, allowed);
            }
        }
        let kinds = [own, there].map(|t| t.event_time.map(|c| &t.columns[c].kind));
        match kinds {
            [Some(a), Some(b)] if can_be_equal(a, b) => Ok(()),
            _ => wrong(
                format!(
                    "event times of two types: that of `{}` and that of `{}`",
                    own.name, there.name
                ),
                "two of one type: TIMESTAMP_LTZ, TIMESTAMP or DATE",
            ),
        }
    }

    /// Refuses what is not computed of pairs.
    pub(super) fn can_be_of_pairs(
        &self,
        ranking: &Ranking,
        is_rows: bool,
        at: &sqlparser::ast::SetExpr,
    ) -> Result<(), QueryError> {
        if is_rows {
            let found = "pairs ranked as they are, which is not computed yet";
            return self.wrong(at, found, "GROUP BY, and measures of each group");
        }
        let mut measures = ranking.measures.iter();
        if measures.any(|m| m.aggregate.is_by_place()) {
            let found = "a first or last value of pairs: two pairs of a row are of one time, and neither is the last";
            let allowed = "MIN, MAX, COUNT, SUM and what is computed of them";
            return self.wrong(at, found, allowed);
        }
        Ok(())
    }
}

/// Whether some key names a row.
pub(super) fn names_rows(branch: &Branch) -> bool {
    branch.columns.iter().any(|(_, expr)| is_row_id(expr))
}

#[cfg(test)]
mod tests;
