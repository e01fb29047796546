//! `CREATE VIEW`: one that filters and projects a table or another view is read as that; anything more is not yet.

use sqlparser::ast::{
    Expr as Sql, GroupByExpr, Query, Select, SelectItem, SetExpr, Spanned, TableFactor,
};

use super::aggregate;
use super::error::{QueryError, Text};
use super::expression;
use super::row::both;
use super::scope::{Names, Relation};
use super::statement::View;
use super::window::Sources;
use standings_model::expr::Expr;

const SHAPE: &str =
    "a view is SELECT columns and expressions FROM one table or view [WHERE condition]";

/// The relation that a view is.
pub fn relation(text: Text<'_>, sources: Sources<'_>, view: &View) -> Result<Relation, QueryError> {
    let select = plain(text, &view.query)?;
    let (below, alias) = source(text, sources, select)?;
    let mut names = sources.names(below);
    names.qualifiers = vec![alias.unwrap_or(&below.name)];
    let mut relation = Relation {
        name: view.name.value.clone(),
        table: below.table,
        columns: projected(text, &names, select)?,
        filter: below.filter.clone(),
    };
    if let Some(condition) = &select.selection {
        let expr = expression::bind_condition(text, &names, condition)?;
        relation.filter = Some(both(relation.filter.take(), expr));
    }
    renamed(text, view, &mut relation)?;
    Ok(relation)
}

/// The columns of a view by the names that it gives them.
fn renamed(text: Text<'_>, view: &View, relation: &mut Relation) -> Result<(), QueryError> {
    let given = view.columns.len();
    if given > 0 && given != relation.columns.len() {
        let found = format!("{given} names for {} columns", relation.columns.len());
        return Err(text.error(view.span, found, "a name for each column, or none"));
    }
    for (column, name) in relation.columns.iter_mut().zip(&view.columns) {
        column.0.clone_from(&name.value);
    }
    for (n, (name, _)) in relation.columns.iter().enumerate() {
        if relation.columns[..n].iter().any(|(other, _)| other == name) {
            let found = format!("the column `{name}` twice in `{}`", relation.name);
            return Err(text.error(view.span, found, "each column has a name of its own: AS"));
        }
    }
    Ok(())
}

/// The select, if there is nothing else.
fn plain<'q>(text: Text<'_>, query: &'q Query) -> Result<&'q Select, QueryError> {
    let SetExpr::Select(select) = &*query.body else {
        let found = match &*query.body {
            SetExpr::SetOperation { op, .. } => format!("{op}, which is not read yet"),
            _ => "something else than a SELECT".to_owned(),
        };
        return Err(text.error(query.body.span(), found, SHAPE));
    };
    let is_grouped =
        !matches!(&select.group_by, GroupByExpr::Expressions(e, m) if e.is_empty() && m.is_empty());
    let more = [
        (query.with.is_some(), "WITH"),
        (query.order_by.is_some(), "ORDER BY"),
        (
            query.limit_clause.is_some() || query.fetch.is_some(),
            "LIMIT",
        ),
        (select.distinct.is_some(), "SELECT DISTINCT"),
        (select.top.is_some(), "TOP"),
        (is_grouped, "GROUP BY"),
        (select.having.is_some(), "HAVING"),
        (select.qualify.is_some(), "QUALIFY"),
        (!select.named_window.is_empty(), "WINDOW"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (
            !select.sort_by.is_empty() || !select.cluster_by.is_empty(),
            "SORT BY",
        ),
        (select.into.is_some(), "INTO"),
    ];
    match more.iter().find(|(is, _)| *is) {
        Some((_, what)) => {
            let found = format!("{what} in a view, which is not read yet");
            Err(text.error(select.span(), found, SHAPE))
        }
        None => Ok(select),
    }
}

/// What it reads, and by which name.
fn source<'a, 'q>(
    text: Text<'_>,
    sources: Sources<'a>,
    select: &'q Select,
) -> Result<(&'a Relation, Option<&'q str>), QueryError> {
    let [from] = &select.from[..] else {
        let found = match select.from.len() {
            0 => "a SELECT without FROM",
            _ => "several tables, which are not joined yet",
        };
        return Err(text.error(select.span(), found, SHAPE));
    };
    if let Some(join) = from.joins.first() {
        let found = match &join.relation {
            TableFactor::UNNEST { .. } => "UNNEST, which is not read yet",
            _ => "a join, which is not computed yet",
        };
        return Err(text.error(join.relation.span(), found, SHAPE));
    }
    match &from.relation {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => match (&name.0[..], name.0.first().and_then(|n| n.as_ident())) {
            ([_], Some(ident)) => {
                let alias = alias.as_ref().map(|a| a.name.value.as_str());
                Ok((sources.find(text, ident)?, alias))
            }
            _ => {
                let found = format!("`{name}`");
                Err(text.error(name.span(), found, "names without a catalog or a database"))
            }
        },
        other => {
            let found = format!("`{other}` in a view, which is not read yet");
            Err(text.error(other.span(), found, SHAPE))
        }
    }
}

/// The columns.
fn projected(
    text: Text<'_>,
    names: &Names<'_>,
    select: &Select,
) -> Result<Vec<(String, Expr)>, QueryError> {
    let mut columns = Vec::new();
    for item in &select.projection {
        let (sql, alias) = match item {
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                columns.extend(names.columns.iter().cloned());
                continue;
            }
            SelectItem::UnnamedExpr(sql) => (sql, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.value.clone())),
            other => return Err(text.error(other.span(), format!("`{other}`"), SHAPE)),
        };
        if aggregate::is_measure(sql) {
            let found = format!("`{sql}` in a view, which is not read yet");
            return Err(text.error(sql.span(), found, SHAPE));
        }
        let own = match sql {
            Sql::Identifier(name) => Some(name.value.clone()),
            Sql::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()),
            _ => None,
        };
        let Some(name) = alias.or(own) else {
            let found = format!("`{sql}` without a name");
            return Err(text.error(sql.span(), found, "name it: UPPER(city) AS city"));
        };
        // A column that is passed on as it is may be a ROW.
        let as_it_is = match sql {
            Sql::Identifier(ident) => names.position(&ident.value),
            _ => None,
        };
        let expr = match as_it_is {
            Some(position) => names.columns[position].1.clone(),
            None => expression::bind(text, names, sql)?,
        };
        columns.push((name, expr));
    }
    Ok(columns)
}
