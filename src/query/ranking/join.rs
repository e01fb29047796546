//! `JOIN`: rows of a table beside one row at most of another, which is found by its primary key.
//!
//! ```text
//! sales s ──► JOIN cities c ON c.name = s.city ──► JOIN zones z ON z.id = c.zone
//! columns 0 …      JOINED + …                        2 × JOINED + …
//! ```
//!
//! A column of what is joined is a number from [`JOINED`] on while a query is read. When the ranking is put together, each that is
//! needed becomes a column of the table whose rows are joined, NULL until they are, and what is computed of both sides another: so
//! what comes behind knows columns alone, as everywhere.

mod pair;
mod planned;

use sqlparser::ast::{
    BinaryOperator, Expr as Sql, Join, JoinConstraint, JoinOperator, Query, TableFactor,
    TableVersion, TableWithJoins,
};

pub(super) use self::planned::{install, meaning, plan};
use super::Shape;
use crate::error::QueryError;
use crate::expression;
use crate::flow::{Branch, BranchJoin, Flow, JOINED, MOST_JOINS, Stage, as_joined, is_behind};
use crate::row::Row;
use crate::walk::conjuncts;
use standings_model::expr::{Expr, Node};
use standings_model::plan::Ranking;
use standings_model::table::Table;
use standings_model::types::Type;

const WRITTEN: &str = "FROM t [LEFT] JOIN u [FOR SYSTEM_TIME AS OF t.event_time] ON u.key = t.column, for each column of the primary key of u";

/// What is joined.
struct Right<'q> {
    branch: Branch,
    name: String,
    /// As of when.
    version: Option<&'q Sql>,
}

impl Shape<'_> {
    /// What a FROM with joins reads.
    pub(super) fn joined(
        &self,
        one: &TableWithJoins,
        rest: &[TableWithJoins],
    ) -> Result<Flow, QueryError> {
        if let Some(other) = rest.first() {
            let found = format!("`, {other}`: every row beside every other");
            return self.wrong(&other.relation, found, WRITTEN);
        }
        let mut flow = self.factor(&one.relation)?;
        if self.of_ranking(&flow).is_some() {
            let found = "a join of the rows of a ranking, which is not computed yet";
            return self.wrong(&one.relation, found, "a join of the rows of one table");
        }
        flow.at.clear();
        let count = flow.columns().len();
        let first = flow.qualifiers.first().cloned().unwrap_or_default();
        match &mut flow.stage {
            Stage::Rows(rows) if rows.branches.len() == 1 => {
                if rows.branches[0].joins.is_empty() || rows.branches[0].parts.is_empty() {
                    rows.branches[0].parts = vec![(first, count)];
                }
            }
            Stage::Rows(_) => {
                let found = "a join of a UNION, which is not computed yet";
                return self.wrong(&one.relation, found, "a join of the rows of one table");
            }
            Stage::Groups(_) => {
                let found = "a join of groups or ranked rows, which is not computed yet";
                return self.wrong(&one.relation, found, "a join of the rows of one table");
            }
        }
        for join in &one.joins {
            self.join(&mut flow, join)?;
        }
        Ok(flow)
    }

    /// One more join.
    fn join(&self, flow: &mut Flow, join: &Join) -> Result<(), QueryError> {
        let (left, constraint) = self.operator(join)?;
        let right = self.right(&join.relation)?;
        let sources = self.sources;
        let table = &sources.tables[right.branch.table];
        if table.of_ranking.is_some() {
            let found = "a join with the rows of a ranking, which is not computed yet";
            return self.wrong(&join.relation, found, "a join with a table");
        }
        let Stage::Rows(rows) = &mut flow.stage else {
            return Ok(());
        };
        // There is one.
        let mut branch = rows.branches.remove(0);
        let number = branch.joins.len();
        if number == MOST_JOINS {
            let found = format!("one join more than the {MOST_JOINS} that a row may have");
            return self.wrong(&join.relation, found, "fewer joins");
        }
        if branch.parts.iter().any(|(name, _)| *name == right.name) {
            let found = format!("`{}` twice in one FROM", right.name);
            let allowed = "a name for each: JOIN u AS other ON …";
            return self.wrong(&join.relation, found, allowed);
        }
        let before = Row::new(sources, &flow.qualifiers, vec![branch]);
        let as_of = match right.version {
            None => false,
            Some(time) => {
                self.is_event_time(&before, time)?;
                true
            }
        };
        branch = before.into_parts().0.remove(0);
        let base = (number + 1) * JOINED;
        for (name, expr) in right.branch.columns {
            let Node::Column(column) = expr.node else {
                let found = format!("`{name}`, which the view `{}` computes", right.name);
                let allowed = "columns of the table as they are: what is computed of them stands in the query";
                return self.wrong(&join.relation, found, allowed);
            };
            let expr = Expr::column(base + column, expr.kind, expr.nullable || left);
            branch.columns.push((name, expr));
        }
        branch
            .parts
            .push((right.name.clone(), branch.columns.len()));
        let is_itself = branch.table == right.branch.table;
        branch.joins.push(BranchJoin {
            table: right.branch.table,
            name: right.name.clone(),
            key: Vec::new(),
            as_of,
            left,
            pair: None,
        });
        flow.qualifiers.push(right.name.clone());
        let is_windowed = rows.window.is_some();
        let row = Row::new(sources, &flow.qualifiers, vec![branch]);
        let pair = self.pair(&row, (number, table), constraint)?;
        if pair.is_none() {
            self.has_key(table, &join.relation)?;
        }
        self.is_other(is_itself, table, &join.relation)?;
        let (key, pair) = match pair {
            Some(found) => (found.key, Some(found.pair)),
            None => {
                let key = self.key(&row, table, (number, &right.name), constraint)?;
                (key, None)
            }
        };
        branch = row.into_parts().0.remove(0);
        if pair.is_some() || branch.joins[0].pair.is_some() {
            let how = (left, as_of, is_windowed);
            self.can_be_paired((&branch, table), how, &join.relation)?;
        }
        (branch.joins[number].key, branch.joins[number].pair) = (key, pair);
        rows.branches.push(branch);
        Ok(())
    }

    /// Refuses a table beside itself.
    fn is_other(&self, is_itself: bool, table: &Table, at: &TableFactor) -> Result<(), QueryError> {
        if !is_itself {
            return Ok(());
        }
        let found = format!(
            "`{}` joined with itself, which is not computed yet",
            table.name
        );
        self.wrong(at, found, "a join with another table")
    }

    /// Refuses a table without a primary key.
    fn has_key(&self, table: &Table, at: &TableFactor) -> Result<(), QueryError> {
        if !table.primary_key.is_empty() {
            return Ok(());
        }
        let found = format!("a join with `{}`, which has no primary key", table.name);
        let allowed = "PRIMARY KEY (…) NOT ENFORCED in its CREATE TABLE: a row of it is found by its key; or, of two tables of events, how far \
                       their event times are apart: AND b.event_time BETWEEN a.event_time AND a.event_time + INTERVAL '1' DAY";
        self.wrong(at, found, allowed)
    }

    /// Whether rows without a partner stay, and what is joined on.
    fn operator<'q>(&self, join: &'q Join) -> Result<(bool, &'q Sql), QueryError> {
        let (left, constraint) = match &join.join_operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => (false, on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (true, on),
            other => {
                let word = match other {
                    JoinOperator::Right(_) | JoinOperator::RightOuter(_) => "RIGHT JOIN",
                    JoinOperator::FullOuter(_) => "FULL JOIN",
                    JoinOperator::CrossJoin(_) => "CROSS JOIN",
                    JoinOperator::AsOf { .. } => "ASOF JOIN",
                    JoinOperator::Semi(_)
                    | JoinOperator::LeftSemi(_)
                    | JoinOperator::RightSemi(_) => "SEMI JOIN",
                    JoinOperator::Anti(_)
                    | JoinOperator::LeftAnti(_)
                    | JoinOperator::RightAnti(_) => "ANTI JOIN",
                    _ => "a join of this kind",
                };
                let found = format!("{word}, which is not computed");
                return self.wrong(&join.relation, found, WRITTEN);
            }
        };
        match constraint {
            JoinConstraint::On(on) => Ok((left, on)),
            JoinConstraint::Using(_) => self.wrong(&join.relation, "USING (…)", WRITTEN),
            JoinConstraint::Natural => self.wrong(&join.relation, "NATURAL JOIN", WRITTEN),
            JoinConstraint::None => self.wrong(&join.relation, "a JOIN without ON", WRITTEN),
        }
    }

    /// What is joined: a table.
    fn right<'q>(&self, factor: &'q TableFactor) -> Result<Right<'q>, QueryError> {
        let (mut plain, mut at) = (factor.clone(), None);
        if let (TableFactor::Table { version, .. }, TableFactor::Table { version: given, .. }) =
            (&mut plain, factor)
        {
            *version = None;
            at = match given {
                None => None,
                Some(TableVersion::ForSystemTimeAsOf(time)) => Some(time),
                Some(other) => return self.wrong(factor, format!("`{other}`"), WRITTEN),
            };
        }
        let flow = self.factor(&plain)?;
        let name = flow.qualifiers.first().cloned().unwrap_or_default();
        let branch = match flow.stage {
            Stage::Rows(mut rows) if rows.branches.len() == 1 && rows.window.is_none() => {
                let branch = rows.branches.remove(0);
                let is_table =
                    branch.filter.is_none() && branch.joins.is_empty() && branch.unnest.is_none();
                is_table.then_some(branch)
            }
            _ => None,
        };
        let Some(branch) = branch else {
            let found = format!(
                "a join with `{name}`, which is more than a table, and is not computed yet"
            );
            let allowed = "a join with a table by its name; a condition on it stands in WHERE";
            return self.wrong(factor, found, allowed);
        };
        Ok(Right {
            branch,
            name,
            version: at,
        })
    }

    /// Refuses `FOR SYSTEM_TIME AS OF` something else than the event time.
    fn is_event_time(&self, row: &Row<'_>, sql: &Sql) -> Result<(), QueryError> {
        let table = &self.sources.tables[row.table()];
        let wrong = |allowed: String| {
            let found = format!("FOR SYSTEM_TIME AS OF `{sql}`");
            self.wrong(sql, found, allowed)
        };
        let Some(time) = table.event_time else {
            return wrong(format!(
                "the event time of `{}`, which has none: WATERMARK FOR column AS … in its CREATE TABLE, or a join without FOR SYSTEM_TIME, as it is now",
                table.name
            ));
        };
        let expr = expression::bind(self.text, &row.names(0), sql)?;
        match expr.node {
            Node::Column(column) if column == time => Ok(()),
            _ => wrong(format!(
                "the event time of `{}`, `{}`, as it is",
                table.name, table.columns[time].name
            )),
        }
    }

    /// For each column of the primary key of what is joined last what is equal to it.
    fn key(
        &self,
        row: &Row<'_>,
        table: &Table,
        (number, name): (usize, &str),
        on: &Sql,
    ) -> Result<Vec<Expr>, QueryError> {
        let names: Vec<String> = table
            .primary_key
            .iter()
            .map(|c| format!("{name}.{}", table.columns[*c].name))
            .collect();
        let wanted = format!(
            "equality, for each column of the primary key ({}), joined by AND",
            names.join(", ")
        );
        let own = |expr: &Expr| match expr.node {
            Node::Column(c) => as_joined(c)
                .filter(|(join, _)| *join == number)
                .map(|of| of.1),
            _ => None,
        };
        let is_of_it = |expr: &Expr| {
            let mut columns = expr.columns().into_iter().filter_map(as_joined);
            columns.any(|(join, _)| join == number)
        };
        let mut key: Vec<Option<Expr>> = vec![None; names.len()];
        for part in conjuncts(on) {
            let Sql::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            } = part
            else {
                return self.wrong(part, format!("`{part}` in ON"), wanted);
            };
            let scope = row.names(0);
            let sides = [
                expression::bind(self.text, &scope, left)?,
                expression::bind(self.text, &scope, right)?,
            ];
            let (column, other) = match sides {
                [a, b] if own(&a).is_some() && !is_of_it(&b) => (a, b),
                [b, a] if own(&a).is_some() && !is_of_it(&b) => (a, b),
                _ => return self.wrong(part, format!("`{part}` in ON"), wanted),
            };
            let place = own(&column).and_then(|c| table.primary_key.iter().position(|k| *k == c));
            let Some(place) = place else {
                let found = format!("`{part}` in ON: that is no column of the primary key");
                return self.wrong(part, found, wanted);
            };
            if !can_be_equal(&column.kind, &other.kind) {
                let found = format!("`{part}`: {} and {}", column.kind, other.kind);
                let allowed =
                    "two texts, two exact numbers, or two values of one type: CAST one of them";
                return self.wrong(part, found, allowed);
            }
            if key[place].replace(other).is_some() {
                let found = format!("`{}` twice in ON", names[place]);
                return self.wrong(part, found, wanted);
            }
        }
        match key.iter().position(Option::is_none) {
            None => Ok(key.into_iter().flatten().collect()),
            Some(place) => {
                let found = format!("ON without `{}`", names[place]);
                self.wrong(on, found, wanted)
            }
        }
    }

    /// Refuses what is not computed behind a join.
    pub(super) fn can_be_joined(
        &self,
        (ranking, branch): (&Ranking, &Branch),
        is_rows: bool,
        query: &Query,
    ) -> Result<(), QueryError> {
        let tables = self.sources.tables;
        let is_session = ranking.window.is_session();
        if branch.joins[0].pair.is_some() {
            let is_rows = is_rows || pair::names_rows(branch);
            self.can_be_of_pairs(ranking, is_rows, &query.body)?;
        }
        if is_session {
            let found = "SESSION over a join, which is not computed yet";
            let allowed = "windows of a fixed size: TUMBLE, HOP, CUMULATE, or none";
            return self.wrong(&*query.body, found, allowed);
        }
        let columns = branch.columns.iter().map(|(_, expr)| expr);
        let keys = branch.joins.iter().flat_map(|join| &join.key);
        let all = columns.chain(keys).chain(&branch.filter);
        for expr in all {
            let mut reads = expr.columns();
            if !is_behind(expr) {
                reads.retain(|_| expr.kind.is_nested());
            }
            for number in reads {
                let (table, column) = column_of(tables, branch, number);
                let of = &tables[table].columns[column];
                if of.kind.is_nested() {
                    let found = format!(
                        "`{}`, {}, in what is computed over a join",
                        of.name, of.kind
                    );
                    let allowed = "numbers, texts, times and booleans: a computed column of the table for what is inside of it";
                    return self.wrong(&*query.body, found, allowed);
                }
            }
        }
        Ok(())
    }
}

/// The table and the column there that a column of rows is.
fn column_of(tables: &[Table], branch: &Branch, number: usize) -> (usize, usize) {
    match as_joined(number) {
        Some((join, column)) => (branch.joins[join].table, column),
        None => (
            branch.table,
            number.min(tables[branch.table].columns.len() - 1),
        ),
    }
}

/// Whether values of these types can be equal without a CAST.
fn can_be_equal(left: &Type, right: &Type) -> bool {
    match (left, right) {
        (Type::Timestamp(_), Type::Timestamp(_)) | (Type::Instant(_), Type::Instant(_)) => true,
        (l, r) if l.is_text() => r.is_text(),
        (l, r) if l.is_exact_number() => r.is_exact_number(),
        (Type::Float | Type::Double, _) => false,
        (l, r) => l == r && !l.is_nested(),
    }
}

#[cfg(test)]
mod tests;
