//! Groups: `GROUP BY`, and rows of which each is one.

use std::cell::RefCell;

use sqlparser::ast::{Expr as Sql, GroupByExpr, Select, SelectItem, Spanned, Value as Literal};

use super::Shape;
use super::names::{Grouping, is_measure};
use crate::error::QueryError;
use crate::flow::{self, DraftKey, Flow, Groups, Rows, Stage, as_bound, bare};
use crate::row::Row;
use crate::walk::holds;
use standings_model::expr::{Expr, Node};
use standings_model::plan::Bound;
use standings_model::types::Type;
use standings_model::window::Window;

const ALLOWED: &str = "GROUP BY window_start, window_end[, expression …]";

impl<'a> Shape<'a> {
    /// The expressions of `GROUP BY`.
    pub(super) fn group_by<'q>(&self, select: &'q Select) -> Result<&'q [Sql], QueryError> {
        let GroupByExpr::Expressions(groups, modifiers) = &select.group_by else {
            return self.wrong(&select.group_by, "GROUP BY ALL", ALLOWED);
        };
        match modifiers.is_empty() {
            true => Ok(groups),
            false => self.wrong(&select.group_by, "a modifier of GROUP BY", ALLOWED),
        }
    }

    /// Rows by `GROUP BY`, with what they were of.
    pub(super) fn grouping(
        &self,
        select: &Select,
        flow: Flow,
    ) -> Result<(Grouping<'a>, Rows), QueryError> {
        let groups = self.group_by(select)?;
        let Stage::Rows(mut rows) = flow.stage else {
            let found = "GROUP BY of groups or ranked rows, which is not computed yet";
            return self.wrong(
                select,
                found,
                "one GROUP BY over rows; a second is a ranking of a ranking",
            );
        };
        let branches = std::mem::take(&mut rows.branches);
        let mut row = Row::new(self.sources, &flow.qualifiers, branches);
        let passing = rows.of_sessions.take();
        let passing = passing.map(|exprs| row.add("WHERE", exprs));
        let (mut keys, mut written, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
        for group in groups {
            let sql = self.group(select, &row, group)?;
            let exprs = row.each(self.text, sql)?;
            if let Some(bound) = as_bound(&exprs[0]) {
                bounds.push(bound);
                continue;
            }
            let column = row.column(self.text, exprs, sql)?;
            if keys.iter().any(|k: &DraftKey| k.column == column) {
                return self.wrong(group, format!("`{group}` twice in GROUP BY"), ALLOWED);
            }
            let kind = row.kind(column);
            if kind.is_nested() || matches!(kind, Type::Bytes | Type::Null) {
                let found = format!("`{sql}` of {kind} as a group key");
                return self.wrong(group, found, "numbers, texts, times and booleans");
            }
            let name = match bare(group) {
                Sql::Identifier(name) => Some(name.value.clone()),
                Sql::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()),
                _ => None,
            };
            keys.push(DraftKey { name, column });
            written.push(sql.clone());
        }
        if rows.window.is_some_and(|window| !is_told(&window, &bounds)) {
            let mut wanted = [Bound::Start, Bound::End].into_iter();
            let wanted = wanted.find(|bound| !bounds.contains(bound));
            let found = format!("GROUP BY without {}", wanted.unwrap_or(Bound::End).name());
            return self.wrong(select, found, ALLOWED);
        }
        for (sql, exprs) in &rows.session_by {
            let by = row.column(self.text, exprs.clone(), sql)?;
            if !keys.iter().any(|k| k.column == by) {
                let found = format!("sessions by `{sql}`, which is not in GROUP BY");
                let allowed =
                    "group by what sessions are by: rows of different sessions are not added up";
                return self.wrong(select, found, allowed);
            }
        }
        let grouping = Grouping {
            row: RefCell::new(row),
            keys,
            measures: RefCell::default(),
            written,
            passing,
        };
        Ok((grouping, rows))
    }

    /// One of `GROUP BY`: an expression, or the name that a selected one has.
    fn group<'q>(
        &self,
        select: &'q Select,
        row: &Row<'_>,
        group: &'q Sql,
    ) -> Result<&'q Sql, QueryError> {
        if let Sql::Value(value) = group
            && let Literal::Number(digits, _) = &value.value
        {
            let number = digits.parse().ok().and_then(|n: usize| n.checked_sub(1));
            let item = number.and_then(|n| select.projection.get(n));
            let (Some(sql), false) = (
                item.and_then(written),
                select.projection.iter().any(is_every),
            ) else {
                let allowed =
                    "the expression itself, its name, or the number of a column of the SELECT";
                return self.wrong(group, format!("GROUP BY {group}"), allowed);
            };
            if holds(sql, &is_measure) {
                let allowed = "group by what a row has; a measure is of the rows of a group";
                return self.wrong(
                    group,
                    format!("GROUP BY {group}, which is `{sql}`"),
                    allowed,
                );
            }
            return Ok(sql);
        }
        let named = match bare(group) {
            Sql::Identifier(name) if !row.has(&name.value) => Some(&name.value),
            _ => None,
        };
        let alias = named.and_then(|name| {
            select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if alias.value == *name => Some(expr),
                _ => None,
            })
        });
        let sql = alias
            .filter(|expr| !holds(expr, &is_measure))
            .unwrap_or(group);
        if holds(sql, &is_measure) {
            let allowed = "group by what a row has; a measure is of the rows of a group";
            return self.wrong(group, format!("`{group}` in GROUP BY"), allowed);
        }
        Ok(sql)
    }

    /// Rows as they are: each is a group, named by the primary key of its table, or by where it came from.
    pub(super) fn as_they_are(
        &self,
        at: &impl Spanned,
        flow: Flow,
    ) -> Result<(Grouping<'a>, Rows), QueryError> {
        let Stage::Rows(mut rows) = flow.stage else {
            return self.wrong(at, "rows of groups", "rows of tables");
        };
        let branches = std::mem::take(&mut rows.branches);
        let mut tables: Vec<usize> = branches.iter().map(|b| b.table).collect();
        tables.sort_unstable();
        tables.dedup();
        if tables.len() < branches.len() {
            let found = "UNION ALL of a table with itself, whose rows are ranked as they are";
            let allowed = "each table once: two rows of one record could not be told apart";
            return self.wrong(at, found, allowed);
        }
        let table = &self.sources.tables[branches[0].table];
        let mut names = Vec::new();
        // Of a record's elements none has a name of its own.
        if branches.len() == 1 && branches[0].unnest.is_none() {
            // What stays in its window is not named by that again.
            let is_named_by = |n: &&usize| !rows.keeps_windows || **n != Bound::Time as usize;
            for number in table.primary_key.iter().filter(is_named_by) {
                let column = &table.columns[*number];
                let expr = Expr::column(*number, column.kind.clone(), column.nullable);
                let mut visible = branches[0].columns.iter();
                let visible = visible.find(|(_, e)| e.node == Node::Column(*number));
                let name = visible.map_or(&column.name, |(name, _)| name);
                names.push((name.clone(), expr));
            }
        }
        if names.is_empty() {
            names.push(("row_id".to_owned(), flow::row_id()));
        }
        let count = branches.len();
        let mut row = Row::new(self.sources, &flow.qualifiers, branches);
        let passing = rows.of_sessions.take();
        let passing = passing.map(|exprs| row.add("WHERE", exprs));
        let keys = names.into_iter().map(|(name, expr)| DraftKey {
            column: row.add(&name, vec![expr; count]),
            name: Some(name),
        });
        let keys = keys.collect();
        let grouping = Grouping {
            row: RefCell::new(row),
            keys,
            measures: RefCell::default(),
            written: Vec::new(),
            passing,
        };
        Ok((grouping, rows))
    }
}

/// Whether these bounds say which window it is: of those that neither begin nor end together one of them does.
pub(super) fn is_told(window: &Window, bounds: &[Bound]) -> bool {
    let has = |bound| bounds.contains(&bound);
    match window.is_session() {
        true => has(Bound::Start) && has(Bound::End),
        false => {
            has(Bound::End) || has(Bound::Time) || has(Bound::Start) && window.is_named_by_start()
        }
    }
}

/// What is written of a column of a SELECT.
fn written(item: &SelectItem) -> Option<&Sql> {
    match item {
        SelectItem::UnnamedExpr(sql) | SelectItem::ExprWithAlias { expr: sql, .. } => Some(sql),
        _ => None,
    }
}

/// Whether it stands for several columns.
fn is_every(item: &SelectItem) -> bool {
    written(item).is_none()
}

impl Shape<'_> {
    /// What sessions are by, as numbers of keys and of what is placed behind them.
    pub(super) fn session_by(&self, groups: &Groups) -> Vec<usize> {
        if !groups.rows.window.is_some_and(|w| w.is_session()) {
            return Vec::new();
        }
        let place = |column: &usize| {
            let key = groups.keys.iter().position(|k| k.column == *column);
            let placed = || groups.placed.iter().position(|c| c == column);
            key.or_else(|| placed().map(|n| groups.keys.len() + n))
        };
        groups.session_by.iter().filter_map(place).collect()
    }
}

/// The groups that a grouping comes to.
pub(super) fn groups(grouping: Grouping<'_>, mut rows: Rows, is_rows: bool) -> Groups {
    let mut row = grouping.row.into_inner();
    let by = std::mem::take(&mut rows.session_by).into_iter();
    let session_by: Vec<usize> = by
        .map(|(sql, exprs)| row.add(&sql.to_string(), exprs))
        .collect();
    let is_key = |column: &usize| grouping.keys.iter().any(|k| k.column == *column);
    // Of rows as they are what sessions are by names nothing: it is placed behind the keys.
    let placed = session_by.iter().copied().filter(|c| !is_key(c)).collect();
    let (branches, row) = row.into_parts();
    rows.branches = branches;
    let having = rows.of_windows.take();
    Groups {
        rows,
        row,
        keys: grouping.keys,
        placed,
        session_by,
        is_rows,
        measures: grouping.measures.into_inner(),
        having,
        rank: None,
        shown_if: None,
        columns: Vec::new(),
    }
}
