//! One SELECT: what it does with what it reads, in the order of SQL.
//!
//! ```text
//! FROM ─► WHERE ─► GROUP BY, measures ─► HAVING ─► OVER ─► columns ─► QUALIFY ─► ORDER BY … LIMIT
//! ```

use std::collections::BTreeSet;

use sqlparser::ast::{Expr as Sql, Ident, Query, Select, SelectItem, Spanned};
use sqlparser::tokenizer::Span;

use super::group::groups;
use super::names::{AsTheyAre, Fields, Grouped, Grouping, Selected, is_measure};
use super::rank::Top;
use super::{RESERVED, Shape};
use crate::dialect::SHAPE;
use crate::error::QueryError;
use crate::expression::{self, Scope};
use crate::flow::{Columns, Flow, Groups, Stage, as_bound, as_rank, bare};
use crate::row::{Row, both, bounded};
use crate::walk::holds;
use standings_model::expr::Expr;

/// The most columns of a SELECT.
const WIDEST: usize = 1_600;

/// What a SELECT lists.
#[derive(Default)]
struct List<'q> {
    columns: Columns,
    /// As they are written, where they are.
    written: Vec<Option<&'q Sql>>,
    at: Vec<Span>,
    names: BTreeSet<String>,
}

impl<'a> Shape<'a> {
    /// One SELECT, with what stands behind it.
    pub(super) fn select(
        &self,
        select: &Select,
        top: Option<&Top<'_>>,
    ) -> Result<Flow, QueryError> {
        self.known(select)?;
        if let Some(distinct) = &select.distinct {
            return self.distinct(select, distinct, top);
        }
        let flow = self.from(select)?;
        self.behind_from(select, flow, top)
    }

    /// A SELECT over what it reads.
    pub(super) fn behind_from(
        &self,
        select: &Select,
        mut flow: Flow,
        top: Option<&Top<'_>>,
    ) -> Result<Flow, QueryError> {
        let over = self.calls(select)?;
        let over = over.as_ref();
        if let Some(condition) = &select.selection {
            self.filter(&mut flow, condition)?;
        }
        let is_grouped = !self.group_by(select)?.is_empty()
            || select.having.is_some()
            || listed(select).any(|sql| holds(sql, &is_measure));
        let is_over_them = over.is_some() || top.is_some();
        if is_grouped
            || is_over_them && is_ranked(&flow)
            || self.is_across(&flow, over, top.is_some())?
        {
            flow = self.rows_of(flow, select)?;
        }
        // Of groups that are ranked themselves the rank is over their rows.
        let own = over.filter(|_| !is_grouped);
        if is_grouped || own.is_some() {
            self.keep_windows(select, own, &mut flow)?;
        }
        if is_grouped {
            return self.of_groups(select, flow, over, top);
        }
        if over.is_none() && select.qualify.is_some() {
            return self.no_rank(select);
        }
        match &flow.stage {
            Stage::Rows(_) if over.is_none() && top.is_none() => self.of_rows(select, flow),
            Stage::Rows(_) => self.of_each_row(select, flow, over, top),
            Stage::Groups(_) => self.of_fields(select, flow, over, top),
        }
    }

    fn no_rank<T>(&self, select: &Select) -> Result<T, QueryError> {
        let allowed = "QUALIFY beside ROW_NUMBER() OVER (…); a condition on rows is WHERE, one on groups HAVING";
        let at = select
            .qualify
            .as_ref()
            .map_or_else(|| select.span(), Spanned::span);
        self.wrong_at(at, "QUALIFY without a rank", allowed)
    }

    /// Refuses clauses that are not known.
    fn known(&self, select: &Select) -> Result<(), QueryError> {
        let more = [
            (select.top.is_some(), "TOP"),
            (
                !select.sort_by.is_empty()
                    || !select.cluster_by.is_empty()
                    || !select.distribute_by.is_empty(),
                "SORT BY",
            ),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (select.into.is_some(), "INTO"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (select.exclude.is_some(), "EXCLUDE"),
            (select.value_table_mode.is_some(), "AS STRUCT"),
            (
                select.select_modifiers.is_some(),
                "a word behind SELECT that is no column",
            ),
        ];
        match more.iter().find(|(is, _)| *is) {
            Some((_, what)) => {
                self.wrong(select, format!("{what}, which rankings do not have"), SHAPE)
            }
            None => Ok(()),
        }
    }

    /// A SELECT of rows.
    fn of_rows(&self, select: &Select, mut flow: Flow) -> Result<Flow, QueryError> {
        let Stage::Rows(rows) = &mut flow.stage else {
            return Ok(flow);
        };
        let branches = std::mem::take(&mut rows.branches);
        let row = Row::new(self.sources, &flow.qualifiers, branches);
        let before = row.names(0).columns.to_vec();
        let mut new: Vec<Columns> = Vec::new();
        let list = self.list(select, &flow.qualifiers, &before, &mut |item| {
            let exprs = match item {
                Item::Column(position) => row.given(position),
                Item::Written(sql, _) => row.each(self.text, sql)?,
            };
            new.resize(exprs.len(), Columns::new());
            for (branch, expr) in new.iter_mut().zip(&exprs) {
                branch.push((String::new(), expr.clone()));
            }
            Ok(exprs[0].clone())
        })?;
        let (mut branches, _) = row.into_parts();
        for (branch, columns) in branches.iter_mut().zip(new) {
            branch.columns = columns;
            branch.parts.clear();
            for (column, (name, _)) in branch.columns.iter_mut().zip(&list.columns) {
                column.0.clone_from(name);
            }
        }
        flow.at = list.at;
        rows.branches = branches;
        Ok(flow)
    }

    /// A SELECT with GROUP BY, or with measures over all rows.
    fn of_groups(
        &self,
        select: &Select,
        flow: Flow,
        over: Option<&Sql>,
        top: Option<&Top<'_>>,
    ) -> Result<Flow, QueryError> {
        let qualifiers = flow.qualifiers.clone();
        let (grouping, rows) = self.grouping(select, flow)?;
        let scope = Grouped(&grouping);
        let list = self.list(
            select,
            &qualifiers,
            &Columns::new(),
            &mut |item| match item {
                Item::Written(sql, Some(alias)) if is_measure(bare(sql)) => {
                    grouping.measure(self.text, bare(sql), Some(&alias.value))
                }
                Item::Written(sql, _) => expression::bind(self.text, &scope, sql),
                Item::Column(_) => self.wrong(select, "`*`", "group keys and measures, one by one"),
            },
        )?;
        let having = match &select.having {
            None => None,
            Some(sql) => {
                let expr = expression::bind_condition(self.text, &scope, sql)?;
                bounded(self.text, sql, &expr)?;
                Some(expr)
            }
        };
        self.rest(select, (grouping, rows, false), list, over, top, having)
    }

    /// A SELECT that ranks rows as they are.
    fn of_each_row(
        &self,
        select: &Select,
        flow: Flow,
        over: Option<&Sql>,
        top: Option<&Top<'_>>,
    ) -> Result<Flow, QueryError> {
        let qualifiers = flow.qualifiers.clone();
        let (grouping, rows) = self.as_they_are(select, flow)?;
        let before = grouping.row.borrow().names(0).columns.to_vec();
        let scope = AsTheyAre(&grouping);
        let list = self.list(select, &qualifiers, &before, &mut |item| match item {
            Item::Written(sql, _) => expression::bind(self.text, &scope, sql),
            Item::Column(position) => {
                let exprs = grouping.row.borrow().given(position);
                Ok(grouping.given(&before[position].0, exprs))
            }
        })?;
        self.rest(select, (grouping, rows, true), list, over, top, None)
    }

    /// What comes behind the columns of a SELECT that makes groups.
    fn rest(
        &self,
        select: &Select,
        (grouping, rows, is_rows): (Grouping<'a>, crate::flow::Rows, bool),
        list: List<'_>,
        over: Option<&Sql>,
        top: Option<&Top<'_>>,
        having: Option<Expr>,
    ) -> Result<Flow, QueryError> {
        let having = match (grouping.counted(is_rows), having) {
            (Some(counted), Some(having)) => Some(both(Some(counted), having)),
            (counted, having) => counted.or(having),
        };
        let (of_groups, of_rows) = (Grouped(&grouping), AsTheyAre(&grouping));
        let under: &dyn Scope = if is_rows { &of_rows } else { &of_groups };
        let counted = over.map(|sql| self.over(sql, under)).transpose()?;
        let scope = Selected {
            columns: &list.columns,
            written: &list.written,
            under,
        };
        // What is asked of the groups is measured before they are put together: on a copy without anything in it.
        let mut asked = Groups::none();
        if let Some(over) = &counted {
            asked.rank = Some(over.unlimited());
        }
        if let Some(condition) = &select.qualify {
            if asked.rank.is_none() {
                return self.no_rank(select);
            }
            self.behind(&mut asked, &scope, condition)?;
        }
        if let Some(top) = top {
            asked.rows.window = rows.window;
            self.limited(&mut asked, top, &scope, select)?;
        }
        let mut groups = groups(grouping, rows, is_rows);
        if let Some(having) = having {
            groups.having = Some(both(groups.having.take(), having));
        }
        match (counted, over) {
            (Some(counted), Some(sql)) => {
                self.rank(&mut groups, counted, sql)?;
                if let (Some(rank), Some(asked)) = (&mut groups.rank, &asked.rank) {
                    (rank.function, rank.is_limited) = (asked.function, asked.is_limited);
                    (rank.from, rank.limit) = (asked.from, asked.limit);
                }
            }
            _ => groups.rank = asked.rank,
        }
        groups.shown_if = asked.shown_if;
        groups.columns = list.columns;
        Ok(Flow {
            qualifiers: Vec::new(),
            at: list.at,
            stage: Stage::Groups(Box::new(groups)),
        })
    }

    /// A SELECT of what groups show.
    fn of_fields(
        &self,
        select: &Select,
        mut flow: Flow,
        over: Option<&Sql>,
        top: Option<&Top<'_>>,
    ) -> Result<Flow, QueryError> {
        let Stage::Groups(groups) = &mut flow.stage else {
            return Ok(flow);
        };
        let before = std::mem::take(&mut groups.columns);
        let fields = Fields::new(&flow.qualifiers, &before, self.sources.notes);
        let list = self.list(select, &flow.qualifiers, &before, &mut |item| match item {
            Item::Written(sql, _) => expression::bind(self.text, &fields, sql),
            Item::Column(position) => Ok(before[position].1.clone()),
        })?;
        if let Some(sql) = over {
            let over = self.over(sql, &fields)?;
            self.rank(groups, over, sql)?;
        }
        let scope = Selected {
            columns: &list.columns,
            written: &list.written,
            under: &fields,
        };
        if let Some(condition) = &select.qualify {
            self.behind(groups, &scope, condition)?;
        }
        if let Some(top) = top {
            self.limited(groups, top, &scope, select)?;
        }
        groups.columns = list.columns;
        flow.at = list.at;
        Ok(flow)
    }

    /// `(SELECT …) ORDER BY … LIMIT n`.
    pub(super) fn topped(
        &self,
        mut flow: Flow,
        query: &Query,
        top: Option<&Top<'_>>,
    ) -> Result<Flow, QueryError> {
        let Some(top) = top else {
            return Ok(flow);
        };
        let at = &*query.body;
        if let Stage::Rows(_) = flow.stage {
            let (qualifiers, spans) = (flow.qualifiers.clone(), std::mem::take(&mut flow.at));
            let (grouping, rows) = self.as_they_are(at, flow)?;
            let scope = AsTheyAre(&grouping);
            let mut asked = Groups::none();
            asked.rows.window = rows.window;
            self.limited(&mut asked, top, &scope, at)?;
            let names: Vec<String> = {
                let row = grouping.row.borrow();
                row.names(0)
                    .columns
                    .iter()
                    .map(|(n, _)| n.clone())
                    .collect()
            };
            let mut columns = Columns::new();
            for (position, name) in names.into_iter().enumerate() {
                let exprs = grouping.row.borrow().given(position);
                let expr = grouping.given(&name, exprs);
                columns.push((name, expr));
            }
            let mut groups = groups(grouping, rows, true);
            groups.rank = asked.rank;
            groups.columns = columns;
            return Ok(Flow {
                qualifiers,
                at: spans,
                stage: Stage::Groups(Box::new(groups)),
            });
        }
        if let Stage::Groups(groups) = &mut flow.stage {
            let columns = groups.columns.clone();
            let fields = Fields::new(&flow.qualifiers, &columns, self.sources.notes);
            self.limited(groups, top, &fields, at)?;
        }
        Ok(flow)
    }

    /// The columns of a SELECT, each with a name of its own.
    fn list<'q>(
        &self,
        select: &'q Select,
        qualifiers: &[String],
        before: &Columns,
        bind: &mut dyn FnMut(Item<'q>) -> Result<Expr, QueryError>,
    ) -> Result<List<'q>, QueryError> {
        let mut list = List::default();
        for item in &select.projection {
            let (sql, alias) = match item {
                SelectItem::UnnamedExpr(sql) => (sql, None),
                SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
                every => {
                    self.every(every, qualifiers)?;
                    if before.is_empty() {
                        let found = format!("`{every}`");
                        return self.wrong(every, found, "group keys and measures, one by one");
                    }
                    for (position, (name, _)) in before.iter().enumerate() {
                        let expr = bind(Item::Column(position))?;
                        self.add(&mut list, every.span(), name.clone(), expr, None)?;
                    }
                    continue;
                }
            };
            let own = match bare(sql) {
                Sql::Identifier(name) => Some(name),
                Sql::CompoundIdentifier(parts) => parts.last(),
                _ => None,
            };
            let Some(name) = alias.or(own) else {
                let found = format!("`{sql}` without a name");
                let allowed = format!("name it: {sql} AS name");
                return self.wrong(sql, found, allowed);
            };
            let at = alias.map_or_else(|| sql.span(), |a| a.span);
            let expr = bind(Item::Written(sql, alias))?;
            bounded(self.text, sql, &expr)?;
            if let Some(alias) = alias {
                self.may_be_named(alias, &expr)?;
            }
            self.add(&mut list, at, name.value.clone(), expr, Some(sql))?;
        }
        Ok(list)
    }

    fn add<'q>(
        &self,
        list: &mut List<'q>,
        at: Span,
        name: String,
        expr: Expr,
        written: Option<&'q Sql>,
    ) -> Result<(), QueryError> {
        if !list.names.insert(name.clone()) {
            let found = format!("the name `{name}` twice");
            return self.wrong_at(
                at,
                found,
                "each column of a SELECT has a name of its own: AS",
            );
        }
        if list.columns.len() == WIDEST {
            let found =
                format!("`{name}`, one column more than the {WIDEST} that a SELECT may have");
            return self.wrong_at(at, found, "fewer columns");
        }
        list.columns.push((name, expr));
        list.at.push(at);
        list.written.push(written);
        Ok(())
    }

    /// Refuses a name that means something of ours.
    pub(super) fn may_be_named(&self, name: &Ident, expr: &Expr) -> Result<(), QueryError> {
        let own = as_bound(expr).is_some_and(|bound| bound.name() == name.value)
            || as_rank(expr).is_some() && name.value == "rank";
        if own || !RESERVED.contains(&name.value.as_str()) {
            return Ok(());
        }
        self.wrong_at(
            name.span,
            format!("the name `{}`", name.value),
            format!(
                "every row has columns of these names already: {}",
                RESERVED.join(", ")
            ),
        )
    }

    /// `*` and `t.*`, without more.
    fn every(&self, item: &SelectItem, qualifiers: &[String]) -> Result<(), QueryError> {
        let written = item.to_string();
        let of = match item {
            SelectItem::Wildcard(_) if written == "*" => return Ok(()),
            SelectItem::QualifiedWildcard(..) => written.strip_suffix(".*"),
            _ => None,
        };
        match of.map(|of| of.trim_matches('`')) {
            Some(of) if qualifiers.iter().any(|q| q == of) => Ok(()),
            _ => {
                let names: Vec<String> = qualifiers.iter().map(|q| format!(", {q}.*")).collect();
                let allowed = format!("columns, *{}", names.concat());
                self.wrong(item, format!("`{item}`"), allowed)
            }
        }
    }
}

/// Whether groups are ranked already.
fn is_ranked(flow: &Flow) -> bool {
    matches!(&flow.stage, Stage::Groups(groups) if groups.rank.is_some())
}

/// A column of a SELECT.
enum Item<'q> {
    /// One of `*`, by its number.
    Column(usize),
    /// An expression, and its name.
    Written(&'q Sql, Option<&'q Ident>),
}

/// The expressions that a SELECT lists.
pub(super) fn listed(select: &Select) -> impl Iterator<Item = &Sql> {
    select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => Some(e),
        _ => None,
    })
}
