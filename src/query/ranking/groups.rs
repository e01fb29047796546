//! The innermost select: window, group keys, measures.

use sqlparser::ast::{GroupByExpr, Select, SelectItem, Spanned};
use sqlparser::tokenizer::Span;

use super::{RESERVED, Shape, identifier};
use crate::error::QueryError;
use crate::{aggregate, condition, window};
use standings_model::plan::{Key, Measure, RankFunction, Ranking};

impl Shape<'_> {
    /// The innermost select: window, keys, measures.
    pub(super) fn groups(&self, name: &str, select: &Select) -> Result<Ranking, QueryError> {
        let window = window::parse(self.text, &select.from[0].relation)?;
        let filter = select
            .selection
            .as_ref()
            .map(|e| condition::parse(self.text, self.schema, e))
            .transpose()?;
        let grouped = self.grouped(select)?;
        let (keys, measures) = self.selected(select, &grouped)?;
        if let Some(missing) = grouped
            .iter()
            .find(|c| !keys.iter().any(|k| k.column == **c))
        {
            let name = &self.schema.columns[*missing].name;
            return self.wrong(
                select,
                format!("`{name}` is grouped by and not selected"),
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
        Ok(Ranking {
            name: name.to_owned(),
            window,
            filter,
            keys,
            partition: Vec::new(),
            measures,
            order: Vec::new(),
            rank: RankFunction::RowNumber,
            limit: 1,
            fields: Vec::new(),
        })
    }

    /// `GROUP BY`: its columns beside the window's bounds.
    fn grouped(&self, select: &Select) -> Result<Vec<usize>, QueryError> {
        let allowed = "GROUP BY window_start, window_end[, column …]";
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
                Some("window_start" | "window_end") => bounds.push(group.to_string()),
                _ => {
                    let column = condition::column(self.text, self.schema, group)?;
                    if grouped.contains(&column) {
                        return self.wrong(group, format!("`{group}` twice in GROUP BY"), allowed);
                    }
                    grouped.push(column);
                }
            }
        }
        for wanted in ["window_start", "window_end"] {
            if !bounds.iter().any(|b| b.trim_matches('`') == wanted) {
                return self.wrong(select, format!("GROUP BY without {wanted}"), allowed);
            }
        }
        Ok(grouped)
    }

    /// What is selected: keys and measures.
    fn selected(
        &self,
        select: &Select,
        grouped: &[usize],
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
            match identifier(sql) {
                Some(bound @ ("window_start" | "window_end")) => {
                    if alias.is_some_and(|a| a.value != bound) {
                        return self.wrong(
                            sql,
                            format!("another name for {bound}"),
                            "window_start and window_end keep their names",
                        );
                    }
                }
                Some(_) => {
                    let column = condition::column(self.text, self.schema, sql)?;
                    if !grouped.contains(&column) {
                        let allowed = format!(
                            "a column that is not grouped stands in a measure, such as LAST_VALUE({sql})"
                        );
                        return self.wrong(sql, format!("`{sql}` is not in GROUP BY"), allowed);
                    }
                    let name = alias.map_or(&self.schema.columns[column].name, |a| &a.value);
                    self.new_name(sql.span(), name, &keys, &measures)?;
                    keys.push(Key {
                        name: name.clone(),
                        column,
                    });
                }
                None => {
                    let Some(alias) = alias else {
                        return self.wrong(
                            sql,
                            format!("`{sql}` without a name"),
                            "name each measure: SUM(amount) AS total_sales",
                        );
                    };
                    self.new_name(alias.span, &alias.value, &keys, &measures)?;
                    measures.push(aggregate::parse(self.text, self.schema, &alias.value, sql)?);
                }
            }
        }
        Ok((keys, measures))
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
