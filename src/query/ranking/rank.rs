//! The middle select: the rank, by what it is counted, and in which order.

use sqlparser::ast::{
    Expr as Sql, FunctionArguments, Ident, OrderByExpr, OrderBySort, Select, SelectItem,
    WindowSpec, WindowType,
};

use super::{RESERVED, Shape, identifier};
use crate::error::QueryError;
use standings_model::plan::{OrderTerm, RankFunction, Ranking};

/// The rank column: its name, and what it ranks by.
pub(super) struct Ranked {
    pub(super) alias: String,
    pub(super) function: RankFunction,
    pub(super) partition: Vec<usize>,
    pub(super) order: Vec<OrderTerm>,
}

impl Shape<'_> {
    /// The middle select: everything of the innermost one, and the rank.
    pub(super) fn ranked(&self, select: &Select, ranking: &Ranking) -> Result<Ranked, QueryError> {
        let allowed = "the middle select is SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end \
                       ORDER BY …) AS rownum; also RANK() and DENSE_RANK()";
        let mut found = None;
        let mut listed = Vec::new();
        let mut all = false;
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => all = true,
                SelectItem::UnnamedExpr(sql) if identifier(sql).is_some() => listed.push(sql),
                SelectItem::ExprWithAlias {
                    expr: Sql::Function(f),
                    alias,
                } if found.is_none() => {
                    let function = match f.name.to_string().to_ascii_uppercase().as_str() {
                        "ROW_NUMBER" => RankFunction::RowNumber,
                        "RANK" => RankFunction::Rank,
                        "DENSE_RANK" => RankFunction::DenseRank,
                        other => return self.wrong(item, format!("the function {other}"), allowed),
                    };
                    let empty = matches!(&f.args, FunctionArguments::List(l) if l.args.is_empty() && l.clauses.is_empty());
                    match &f.over {
                        Some(WindowType::WindowSpec(spec)) if empty && f.filter.is_none() => {
                            found = Some((function, spec, alias));
                        }
                        _ => return self.wrong(item, format!("`{item}`"), allowed),
                    }
                }
                other => return self.wrong(other, format!("`{other}`"), allowed),
            }
        }
        let Some((function, spec, alias)) = found else {
            return self.wrong(select, "no rank", allowed);
        };
        if !all {
            for field in ranking
                .keys
                .iter()
                .map(|k| &k.name)
                .chain(ranking.measures.iter().map(|m| &m.name))
            {
                if !listed.iter().any(|sql| identifier(sql) == Some(field)) {
                    return self.wrong(
                        select,
                        format!("`{field}` is not passed on"),
                        "write SELECT *, or every column",
                    );
                }
            }
            for sql in listed {
                self.known(sql, ranking)?;
            }
        }
        if RESERVED.contains(&alias.value.as_str()) && alias.value != "rank"
            || self.field(&alias.value, ranking).is_some()
        {
            return self.wrong_at(
                alias.span,
                format!("the rank is named `{alias}`"),
                "a name that no other column has, such as rownum",
            );
        }
        let (partition, order) = self.over(spec, ranking, alias)?;
        Ok(Ranked {
            alias: alias.value.clone(),
            function,
            partition,
            order,
        })
    }

    fn over(
        &self,
        spec: &WindowSpec,
        ranking: &Ranking,
        alias: &Ident,
    ) -> Result<(Vec<usize>, Vec<OrderTerm>), QueryError> {
        let is_windowed = !ranking.window.is_always();
        let allowed = match is_windowed {
            true => "PARTITION BY window_start, window_end[, group key …]",
            false => "PARTITION BY group key[, …]; of all time there are no bounds",
        };
        if spec.window_name.is_some() || spec.window_frame.is_some() {
            return self.wrong_at(
                alias.span,
                "a frame or a named window in OVER (…)",
                "OVER (PARTITION BY … ORDER BY …)",
            );
        }
        let mut partition = Vec::new();
        let mut bounds = Vec::new();
        for sql in &spec.partition_by {
            match identifier(sql) {
                Some(bound @ ("window_start" | "window_end")) if is_windowed => bounds.push(bound),
                Some(name) => match ranking.keys.iter().position(|k| k.name == name) {
                    Some(key) if !partition.contains(&key) => partition.push(key),
                    _ => return self.wrong(sql, format!("PARTITION BY `{name}`"), allowed),
                },
                None => return self.wrong(sql, format!("PARTITION BY `{sql}`"), allowed),
            }
        }
        if is_windowed && !(bounds.contains(&"window_start") && bounds.contains(&"window_end")) {
            return self.wrong_at(
                alias.span,
                "PARTITION BY without window_start and window_end",
                allowed,
            );
        }
        if spec.order_by.is_empty() {
            return self.wrong_at(
                alias.span,
                "OVER (…) without ORDER BY",
                "ORDER BY a measure or a group key, such as total_sales DESC",
            );
        }
        let order = spec
            .order_by
            .iter()
            .map(|o| self.term(o, ranking))
            .collect::<Result<_, _>>()?;
        Ok((partition, order))
    }

    fn term(&self, order: &OrderByExpr, ranking: &Ranking) -> Result<OrderTerm, QueryError> {
        let field = identifier(&order.expr).and_then(|name| self.field(name, ranking));
        let Some(field) = field else {
            let found = format!("ORDER BY `{}`", order.expr);
            return self.wrong(
                &order.expr,
                found,
                format!("order by one of: {}", self.names(ranking)),
            );
        };
        if order.with_fill.is_some() {
            return self.wrong(
                &order.expr,
                "WITH FILL",
                "ORDER BY column [ASC | DESC] [NULLS FIRST | NULLS LAST]",
            );
        }
        let descending = match &order.options.sort {
            None | Some(OrderBySort::Asc) => false,
            Some(OrderBySort::Desc) => true,
            Some(_) => {
                return self.wrong(
                    &order.expr,
                    "ORDER BY … USING",
                    "ORDER BY column [ASC | DESC]",
                );
            }
        };
        // As in Flink: NULL is the least value.
        let nulls_first = order.options.nulls_first.unwrap_or(!descending);
        Ok(OrderTerm {
            field,
            descending,
            nulls_first,
        })
    }
}
