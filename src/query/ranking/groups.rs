//! The innermost select: window, group keys, measures.

use sqlparser::ast::{Expr as Sql, GroupByExpr, Select, SelectItem, Spanned, Value as Literal};
use sqlparser::tokenizer::Span;

use super::{RESERVED, Shape, identifier};
use crate::error::QueryError;
use crate::row::Row;
use crate::{aggregate, window};
use standings_model::plan::{Key, Measure, RankFunction, Ranking};
use standings_model::table::Table;

impl Shape<'_> {
    /// The innermost select: window, keys, measures; and the table with what is computed of its rows.
    pub(super) fn groups(
        &self,
        name: &str,
        select: &Select,
    ) -> Result<(Ranking, Table), QueryError> {
        let (window, relation) = window::parse(self.text, self.sources, &select.from[0].relation)?;
        let mut row = Row::new(self.sources, relation);
        if let Some(condition) = &select.selection {
            row.filter(self.text, condition)?;
        }
        let is_windowed = !window.is_always();
        let grouped = self.grouped(select, is_windowed, &mut row)?;
        let (keys, measures) = self.selected(select, is_windowed, &grouped, &mut row)?;
        if let Some(missing) = grouped
            .iter()
            .find(|c| !keys.iter().any(|k| k.column == **c))
        {
            return self.wrong(
                select,
                format!("`{}` is grouped by and not selected", row.name(*missing)),
                "select every group key: it names the row",
            );
        }
        if measures.is_empty() {
            return self.wrong(
                select,
                "no measure",
                "select at least one measure, such as SUM(amount) AS total_sales",
            );
        }
        let (row, input, table) = row.finish();
        let ranking = Ranking {
            name: name.to_owned(),
            window,
            inputs: vec![input],
            row,
            keys,
            partition: Vec::new(),
            measures,
            order: Vec::new(),
            rank: RankFunction::RowNumber,
            limit: 1,
            fields: Vec::new(),
        };
        Ok((ranking, table))
    }

    /// `GROUP BY`: its columns of the row beside the window's bounds.
    fn grouped(
        &self,
        select: &Select,
        is_windowed: bool,
        row: &mut Row<'_>,
    ) -> Result<Vec<usize>, QueryError> {
        let allowed = match is_windowed {
            true => "GROUP BY window_start, window_end[, expression …]",
            false => "GROUP BY expression[, …]; a window's bounds are there over TABLE(TUMBLE(…))",
        };
        let GroupByExpr::Expressions(groups, modifiers) = &select.group_by else {
            return self.wrong(&select.group_by, "GROUP BY ALL", allowed);
        };
        if !modifiers.is_empty() {
            return self.wrong(&select.group_by, "a modifier of GROUP BY", allowed);
        }
        let mut grouped = Vec::new();
        let mut bounds = Vec::new();
        for group in groups {
            match identifier(group) {
                Some("window_start" | "window_end") if is_windowed => {
                    bounds.push(group.to_string())
                }
                _ => {
                    let column = self.group(select, row, group)?;
                    if grouped.contains(&column) {
                        return self.wrong(group, format!("`{group}` twice in GROUP BY"), allowed);
                    }
                    grouped.push(column);
                }
            }
        }
        for wanted in ["window_start", "window_end"] {
            if is_windowed && !bounds.iter().any(|b| b.trim_matches('`') == wanted) {
                return self.wrong(select, format!("GROUP BY without {wanted}"), allowed);
            }
        }
        Ok(grouped)
    }

    /// One of `GROUP BY`: an expression, or the name that a selected one has.
    fn group(&self, select: &Select, row: &mut Row<'_>, group: &Sql) -> Result<usize, QueryError> {
        if matches!(group, Sql::Value(v) if matches!(v.value, Literal::Number(..))) {
            let allowed = "the expression itself, or its name: a number names no column";
            return self.wrong(group, format!("GROUP BY {group}"), allowed);
        }
        if aggregate::is_measure(group) {
            let allowed = "group by what a row has; a measure is of the rows of a group";
            return self.wrong(group, format!("`{group}` in GROUP BY"), allowed);
        }
        let named = identifier(group).filter(|name| !row.has(name));
        let alias = named.and_then(|name| {
            select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if alias.value == name => Some(expr),
                _ => None,
            })
        });
        match alias {
            Some(expr) if !aggregate::is_measure(expr) => row.expression(self.text, expr),
            _ => row.expression(self.text, group),
        }
    }

    /// What is selected: keys and measures.
    fn selected(
        &self,
        select: &Select,
        is_windowed: bool,
        grouped: &[usize],
        row: &mut Row<'_>,
    ) -> Result<(Vec<Key>, Vec<Measure>), QueryError> {
        let (mut keys, mut measures) = (Vec::new(), Vec::new());
        for item in &select.projection {
            let (sql, alias) = match item {
                SelectItem::UnnamedExpr(e) => (e, None),
                SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
                other => {
                    return self.wrong(
                        other,
                        format!("`{other}`"),
                        "group keys and measures, one by one",
                    );
                }
            };
            if let Some(bound @ ("window_start" | "window_end")) = identifier(sql)
                && is_windowed
            {
                if alias.is_some_and(|a| a.value != bound) {
                    return self.wrong(
                        sql,
                        format!("another name for {bound}"),
                        "window_start and window_end keep their names",
                    );
                }
                continue;
            }
            if aggregate::is_measure(sql) {
                let Some(alias) = alias else {
                    return self.wrong(
                        sql,
                        format!("`{sql}` without a name"),
                        "name each measure: SUM(amount) AS total_sales",
                    );
                };
                self.new_name(alias.span, &alias.value, &keys, &measures)?;
                measures.push(aggregate::parse(self.text, row, &alias.value, sql)?);
                continue;
            }
            let key = self.key(sql, alias, grouped, row)?;
            let at = alias.map_or_else(|| sql.span(), |a| a.span);
            self.new_name(at, &key.name, &keys, &measures)?;
            keys.push(key);
        }
        Ok((keys, measures))
    }

    /// A group key, by its expression.
    fn key(
        &self,
        sql: &Sql,
        alias: Option<&sqlparser::ast::Ident>,
        grouped: &[usize],
        row: &mut Row<'_>,
    ) -> Result<Key, QueryError> {
        let column = row.expression(self.text, sql)?;
        if !grouped.contains(&column) {
            let allowed = format!(
                "what is not grouped by stands in a measure, such as LAST_VALUE({sql}); measures are not computed with yet"
            );
            return self.wrong(sql, format!("`{sql}` is not in GROUP BY"), allowed);
        }
        if row.kind(column).is_nested()
            || matches!(row.kind(column), standings_model::types::Type::Bytes)
        {
            let found = format!("`{sql}` of {} as a group key", row.kind(column));
            return self.wrong(sql, found, "numbers, texts, times and booleans");
        }
        let own = match sql {
            Sql::Identifier(name) => Some(&name.value),
            Sql::CompoundIdentifier(parts) => parts.last().map(|p| &p.value),
            _ => None,
        };
        let Some(name) = alias.map(|a| &a.value).or(own) else {
            let found = format!("`{sql}` without a name");
            return self.wrong(sql, found, "name it: UPPER(city) AS city");
        };
        Ok(Key {
            name: name.clone(),
            column,
        })
    }

    fn new_name(
        &self,
        at: Span,
        name: &str,
        keys: &[Key],
        measures: &[Measure],
    ) -> Result<(), QueryError> {
        if RESERVED.contains(&name) {
            return self.wrong_at(
                at,
                format!("the name `{name}`"),
                format!(
                    "every row has columns of these names already: {}",
                    RESERVED.join(", ")
                ),
            );
        }
        if name.len() > 63 || name.contains(['"', '\0']) {
            return self.wrong_at(
                at,
                format!("the name `{name}`"),
                "names have at most 63 bytes and no quotes",
            );
        }
        if keys.iter().any(|k| k.name == name) || measures.iter().any(|m| m.name == name) {
            return self.wrong_at(
                at,
                format!("the name `{name}` twice"),
                "each column of a row has a name of its own",
            );
        }
        Ok(())
    }
}
