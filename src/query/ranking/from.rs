//! What a SELECT reads from: a table, a view, a subquery, a window over one, `UNION ALL`, `WITH`.

use std::sync::Arc;

use sqlparser::ast::{
    Distinct, Expr as Sql, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, TableAlias, TableFactor, With,
};

use super::Shape;
use crate::dialect::SHAPE;
use crate::error::QueryError;
use crate::expression;
use crate::flow::{self, Branch, Flow, Rows, Stage};
use crate::naming;
use crate::row::Row;
use crate::scope::Relation;
use crate::walk::walk;
use crate::window;
use standings_model::plan::Bound;
use standings_model::types::Type;

/// The most tables that one relation is made of.
const MOST_BRANCHES: usize = 500;

impl Shape<'_> {
    /// A query: its body, in the order and the limit that stand behind it.
    pub(super) fn query(&self, query: &Query) -> Result<Flow, QueryError> {
        let Some(with) = &query.with else {
            return self.body(query);
        };
        let relations = self.with(with)?;
        let mut inner = *self;
        inner.sources.relations = &relations;
        inner.body(query)
    }

    /// The relations that there are behind `WITH`.
    fn with(&self, with: &With) -> Result<Vec<Arc<Relation>>, QueryError> {
        if with.recursive {
            return self.wrong(with, "WITH RECURSIVE", "WITH name AS (SELECT …)");
        }
        let mut relations = self.sources.relations.to_vec();
        for (n, cte) in with.cte_tables.iter().enumerate() {
            let name = &cte.alias.name;
            let mut before = with.cte_tables[..n].iter();
            if before.any(|other| other.alias.name.value == name.value) {
                let found = format!("`{}` twice in one WITH", name.value);
                return self.wrong_at(name.span, found, "a name for each");
            }
            let mut inner = *self;
            inner.sources.relations = &relations;
            let mut flow = inner.query(&cte.query)?;
            self.renamed(&cte.alias, &mut flow)?;
            let relation = Arc::new(Relation::of_flow(&name.value, flow));
            // It is before a table or view of the same name.
            relations.insert(0, relation);
        }
        Ok(relations)
    }

    fn body(&self, query: &Query) -> Result<Flow, QueryError> {
        let more = [
            (!query.locks.is_empty(), "FOR UPDATE"),
            (query.for_clause.is_some(), "FOR"),
            (query.settings.is_some(), "SETTINGS"),
            (query.format_clause.is_some(), "FORMAT"),
            (!query.pipe_operators.is_empty(), "|>"),
        ];
        if let Some((_, what)) = more.iter().find(|(is, _)| *is) {
            let found = format!("{what}, which queries do not have");
            return self.wrong(query.body.as_ref(), found, SHAPE);
        }
        if let SetExpr::Select(select) = &*query.body
            && let Some(Distinct::On(on)) = &select.distinct
            && let Some(order) = &query.order_by
            && let OrderByKind::Expressions(order) = &order.kind
            && query.limit_clause.is_none()
            && query.fetch.is_none()
        {
            return self.first_of_each(select, on, order);
        }
        let top = self.top(query)?;
        match &*query.body {
            SetExpr::Select(select) => self.select(select, top.as_ref()),
            SetExpr::Query(inner) => {
                let flow = self.query(inner)?;
                self.topped(flow, query, top.as_ref())
            }
            SetExpr::SetOperation { .. } => {
                let flow = self.union(&query.body)?;
                self.topped(flow, query, top.as_ref())
            }
            _ => self.wrong(query, "something else than a SELECT", SHAPE),
        }
    }

    /// `UNION`: the rows of `UNION ALL`, each once.
    fn union(&self, body: &SetExpr) -> Result<Flow, QueryError> {
        let is_once = matches!(
            body,
            SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::None | SetQuantifier::Distinct,
                ..
            }
        );
        if !is_once {
            return self.union_all(body);
        }
        let mut all = body.clone();
        let mut first = &mut all;
        while let SetExpr::SetOperation {
            left,
            op: SetOperator::Union,
            set_quantifier:
                quantifier @ (SetQuantifier::None | SetQuantifier::Distinct | SetQuantifier::All),
            ..
        } = first
        {
            *quantifier = SetQuantifier::All;
            first = left;
        }
        let flow = self.union_all(&all)?;
        match first_select(body) {
            Some(select) => self.each_once(select, flow, None),
            None => self.wrong(body, "UNION without a SELECT", SHAPE),
        }
    }

    /// `UNION ALL`: columns by position, by the names of the first.
    fn union_all(&self, body: &SetExpr) -> Result<Flow, QueryError> {
        let mut parts = Vec::new();
        let mut at = body;
        while let SetExpr::SetOperation {
            left,
            op,
            set_quantifier,
            right,
        } = at
        {
            if *op != SetOperator::Union || *set_quantifier != SetQuantifier::All {
                if *op == SetOperator::Union && !parts.is_empty() {
                    break;
                }
                let all = match set_quantifier {
                    SetQuantifier::None => String::new(),
                    other => format!(" {other}"),
                };
                let allowed =
                    "UNION ALL: each row of each, as often as it is there; UNION: each once";
                return self.wrong(&**right, format!("{op}{all}"), allowed);
            }
            parts.push(&**right);
            at = left;
        }
        parts.push(at);
        let mut all: Option<Flow> = None;
        for part in parts.into_iter().rev() {
            let flow = match part {
                SetExpr::Select(select) => match &all {
                    None => self.select(select, None)?,
                    // Columns are by position: those of the first name all.
                    Some(first) => {
                        let names = first.columns().iter().map(|(name, _)| Ident::new(name));
                        let mut select = Select::clone(select);
                        naming::select(&mut select, &names.collect::<Vec<_>>());
                        self.select(&select, None)?
                    }
                },
                SetExpr::Query(query) => self.query(query)?,
                SetExpr::SetOperation { .. } => self.union(part)?,
                other => return self.wrong(other, "something else than a SELECT", SHAPE),
            };
            all = Some(match all {
                None => flow,
                Some(before) => self.joined_rows(before, flow, part)?,
            });
        }
        match all {
            Some(flow) => Ok(flow),
            None => self.wrong(body, "nothing", SHAPE),
        }
    }

    /// The rows of both.
    fn joined_rows(&self, left: Flow, right: Flow, at: &SetExpr) -> Result<Flow, QueryError> {
        let (mut left, right) = (self.rows_of(left, at)?, self.rows_of(right, at)?);
        let is_nested = |flow: &Flow| self.of_ranking(flow).is_some();
        if is_nested(&left) != is_nested(&right) {
            let found = "UNION ALL of rows of a table and of rows of a ranking, or of rankings with different windows";
            return self.wrong(
                at,
                found,
                "rows of tables, or of rankings with the same windows",
            );
        }
        let (Stage::Rows(first), Stage::Rows(second)) = (&mut left.stage, right.stage) else {
            let allowed = "UNION ALL of rows, with GROUP BY and the rank above it";
            return self.wrong(
                at,
                "UNION ALL of groups or ranked rows, which is not computed yet",
                allowed,
            );
        };
        let (have, more) = (
            first.branches[0].columns.len(),
            second.branches[0].columns.len(),
        );
        if have != more {
            let found = format!("{more} columns, and {have} in the first SELECT of the UNION");
            return self.wrong(at, found, "the same number of columns in each");
        }
        let mut all = first.branches.iter().chain(&second.branches);
        if all.any(|branch| !branch.joins.is_empty()) {
            let found = "UNION ALL of joins, which is not computed yet";
            return self.wrong(at, found, "a join in each ranking");
        }
        if first.window != second.window
            || first.of_windows.is_some()
            || second.of_windows.is_some()
            || first.of_sessions.is_some()
            || second.of_sessions.is_some()
        {
            let allowed = "one window above the UNION, or the same in each of its SELECTs";
            return self.wrong(at, "UNION ALL of different windows", allowed);
        }
        let mut adding = second.branches;
        if first.branches.len() + adding.len() > MOST_BRANCHES {
            let found = format!(
                "UNION ALL of more than {MOST_BRANCHES} tables, with what they are made of"
            );
            return self.wrong(at, found, "fewer: each is read for itself");
        }
        for column in 0..have {
            let name = first.branches[0].columns[column].0.clone();
            let one = first.branches[0].columns[column].1.clone();
            let other = adding[0].columns[column].1.clone();
            let kinds = (one.kind.clone(), other.kind.clone());
            let Some((one, _)) = expression::alike(one, other) else {
                let found = format!(
                    "`{name}` is {} in the first SELECT of the UNION and {} here",
                    kinds.0, kinds.1
                );
                return self.wrong(
                    at,
                    found,
                    "types that go together, or a CAST in one of the two",
                );
            };
            let common = one.kind;
            for branch in first.branches.iter_mut().chain(&mut adding) {
                let own = &mut branch.columns[column];
                own.0.clone_from(&name);
                if own.1.kind != common {
                    own.1 = expression::as_type(own.1.clone(), &common);
                }
            }
        }
        first.branches.append(&mut adding);
        Ok(left)
    }

    /// What a SELECT reads from.
    pub(super) fn from(&self, select: &Select) -> Result<Flow, QueryError> {
        match &select.from[..] {
            [one] if one.joins.is_empty() => self.factor(&one.relation),
            [] => self.wrong(select, "a SELECT without FROM", SHAPE),
            [one, rest @ ..] => match self.unnested(select, one, rest)? {
                Some(flow) => Ok(flow),
                None => self.joined(one, rest),
            },
        }
    }

    /// One thing to read from.
    pub(super) fn factor(&self, factor: &TableFactor) -> Result<Flow, QueryError> {
        match factor {
            TableFactor::Derived {
                lateral: false,
                subquery,
                sample: None,
                alias,
            } => {
                let mut flow = self.query(subquery)?;
                flow.qualifiers = Vec::new();
                if let Some(alias) = alias {
                    self.renamed(alias, &mut flow)?;
                    flow.qualifiers.push(alias.name.value.clone());
                }
                Ok(flow)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } if table_with_joins.joins.is_empty() => self.factor(&table_with_joins.relation),
            TableFactor::Table {
                name,
                alias,
                args: None,
                sample: None,
                version: None,
                ..
            } => {
                let ident = match (&name.0[..], name.0.first().and_then(|n| n.as_ident())) {
                    ([_], Some(ident)) => ident,
                    _ => {
                        let allowed = "names without a catalog or a database";
                        return self.wrong(name, format!("`{name}`"), allowed);
                    }
                };
                let relation = self.sources.find(self.text, ident)?;
                let mut flow = relation.flow(&relation.name);
                if let Some(alias) = alias {
                    self.renamed(alias, &mut flow)?;
                    flow.qualifiers = vec![alias.name.value.clone()];
                }
                Ok(flow)
            }
            TableFactor::Table {
                args: Some(_),
                alias,
                ..
            }
            | TableFactor::TableFunction { alias, .. } => self.windowed(factor, alias.as_ref()),
            other => self.windowed(other, None),
        }
    }

    /// A window over a relation.
    fn windowed(
        &self,
        factor: &TableFactor,
        alias: Option<&TableAlias>,
    ) -> Result<Flow, QueryError> {
        let relations = self.rows_of_data(factor)?;
        let mut sources = self.sources;
        if let Some(relations) = &relations {
            sources.relations = relations;
        }
        let (window, relation) = window::parse(self.text, sources, factor)?;
        let mut flow = relation.flow(&relation.name);
        let Stage::Rows(rows) = &mut flow.stage else {
            return self.wrong(
                factor,
                "a window over groups, which is not computed yet",
                SHAPE,
            );
        };
        if rows.window.is_some() {
            let found = "a window over what is in windows already, which is not computed yet";
            return self.wrong(factor, found, "one window over the rows of tables");
        }
        self.same_time(factor, rows, &relation.name)?;
        let mut tables = rows.branches.iter().map(|b| &self.sources.tables[b.table]);
        if let Some(table) = tables.find(|table| window.is_session() && table.changes()) {
            let found = format!(
                "SESSION over `{}`, whose rows change, which is not computed yet",
                table.name
            );
            return self.wrong(factor, found, "TUMBLE, HOP or CUMULATE");
        }
        rows.window = Some(window);
        for by in window::session_by(factor) {
            let row = Row::new(self.sources, &flow.qualifiers, rows.branches.clone());
            rows.session_by.push((by.clone(), row.each(self.text, by)?));
        }
        let time = self.time_of(rows);
        for branch in &mut rows.branches {
            if self.sources.tables[branch.table].of_ranking.is_some() {
                // Rows of a ranking are now in other windows.
                let is_bound = |name: &str| Bound::ALL.iter().any(|bound| bound.name() == name);
                branch.columns.retain(|(name, _)| !is_bound(name));
            }
            for bound in Bound::ALL {
                let column = (bound.name().to_owned(), flow::bound(bound, &time));
                if !branch.columns.iter().any(|(name, _)| *name == column.0) {
                    branch.columns.push(column);
                }
            }
        }
        if let Some(alias) = alias {
            self.renamed(alias, &mut flow)?;
            flow.qualifiers = vec![alias.name.value.clone()];
        }
        Ok(flow)
    }

    /// The relations with the rows of the one that a window is over, where that is groups or ranked.
    fn rows_of_data(&self, factor: &TableFactor) -> Result<Option<Vec<Arc<Relation>>>, QueryError> {
        let Some(name) = window::data(factor) else {
            return Ok(None);
        };
        let relation = self.sources.find(self.text, name)?;
        let Some(flow) = &relation.flow else {
            return Ok(None);
        };
        if matches!(flow.stage, Stage::Rows(_)) {
            return Ok(None);
        }
        let rows = self.rows_of(flow.clone(), factor)?;
        let mut relations = self.sources.relations.to_vec();
        relations.insert(0, Arc::new(Relation::of_flow(&name.value, rows)));
        Ok(Some(relations))
    }

    /// The type of `window_time`: that of the time.
    pub(super) fn time_of(&self, rows: &Rows) -> Type {
        let table = &self.sources.tables[rows.branches[0].table];
        match table.event_time.map(|c| &table.columns[c].kind) {
            Some(Type::Instant(_)) => Type::Instant(3),
            _ => Type::Timestamp(3),
        }
    }

    /// Refuses a window over branches whose event times are not one column.
    fn same_time(&self, at: &TableFactor, rows: &Rows, name: &str) -> Result<(), QueryError> {
        let is_time = |branch: &Branch, column: usize| {
            matches!(branch.columns[column].1.node, standings_model::expr::Node::Column(c)
                if flow::is_event_time(self.sources.tables, branch.table, &branch.joins, c))
        };
        let columns = 0..rows.branches[0].columns.len();
        let mut shared = columns.filter(|c| rows.branches.iter().all(|branch| is_time(branch, *c)));
        match shared.next() {
            Some(_) => Ok(()),
            None => {
                let found = format!("`{name}`, whose parts have no event time in common");
                let allowed = "each SELECT of the UNION passes the event time of its table on, in the same place and of the \
                               same type";
                self.wrong(at, found, allowed)
            }
        }
    }

    /// The columns by the names that an alias gives them: `t (a, b)`.
    fn renamed(&self, alias: &TableAlias, flow: &mut Flow) -> Result<(), QueryError> {
        if alias.columns.is_empty() {
            return Ok(());
        }
        let (given, have) = (alias.columns.len(), flow.columns().len());
        if given != have {
            let found = format!("{given} names for {have} columns");
            let allowed = "a name for each column, or none";
            return self.wrong_at(alias.name.span, found, allowed);
        }
        let names: Vec<String> = alias.columns.iter().map(|c| c.name.value.clone()).collect();
        flow.rename(&names);
        flow.at.clear();
        Ok(())
    }

    /// Refuses a bare name that several of what is joined have.
    pub(super) fn ambiguous(
        &self,
        select: &Select,
        known: &[Vec<String>],
    ) -> Result<(), QueryError> {
        let selected = select.projection.iter().filter_map(|item| match item {
            SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => Some(e),
            _ => None,
        });
        let all: Vec<&Sql> = selected
            .chain(&select.selection)
            .chain(&select.having)
            .collect();
        let mut found = None;
        for sql in all {
            walk(sql, &mut |part| {
                if let Sql::Identifier(ident) = part
                    && found.is_none()
                    && known.iter().filter(|n| n.contains(&ident.value)).count() > 1
                {
                    found = Some(ident);
                }
                true
            });
        }
        match found {
            None => Ok(()),
            Some(ident) => {
                let found = format!(
                    "`{}` is ambiguous: several tables of the FROM have it",
                    ident.value
                );
                let allowed = format!("say which: t.{}", ident.value);
                self.wrong_at(ident.span, found, allowed)
            }
        }
    }
}

/// The first SELECT of a query's body.
fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}
