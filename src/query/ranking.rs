//! The shape of a ranking: groups over a window, ranked, cut at a rank; three nested selects.

use sqlparser::ast::{
    BinaryOperator, Expr as Sql, FunctionArguments, GroupByExpr, Ident, OrderByExpr, OrderBySort,
    Query, Select, SelectItem, SetExpr, Spanned, TableFactor, Value as Literal, WindowSpec,
    WindowType,
};
use sqlparser::tokenizer::Span;

use super::dialect::{self, SHAPE};
use super::error::{QueryError, Text};
use super::{aggregate, condition, window};
use crate::model::plan::{Field, Key, OrderTerm, RankFunction, Ranking};
use crate::model::schema::Schema;

/// Names that every row has.
const RESERVED: [&str; 9] = [
    "window_start",
    "window_end",
    "window_time",
    "rank",
    "previous_rank",
    "final",
    "commit",
    "updated_at",
    "op",
];

/// Parses and checks one ranking. `name` is the ranking's name, `file` is for diagnostics.
pub fn parse_ranking(
    name: &str,
    file: &str,
    source: &str,
    schema: &Schema,
) -> Result<Ranking, QueryError> {
    let text = Text { file, source };
    let query = dialect::parse_query(text)?;
    Shape { text, schema }.ranking(name, &query)
}

struct Shape<'a> {
    text: Text<'a>,
    schema: &'a Schema,
}

/// The rank column: its name, and what it ranks by.
struct Ranked {
    alias: String,
    function: RankFunction,
    partition: Vec<usize>,
    order: Vec<OrderTerm>,
}

impl Shape<'_> {
    fn wrong<T>(
        &self,
        at: &impl Spanned,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Result<T, QueryError> {
        self.wrong_at(at.span(), found, allowed)
    }

    fn wrong_at<T>(
        &self,
        at: Span,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Result<T, QueryError> {
        Err(self.text.error(at, found, allowed))
    }

    fn ranking(&self, name: &str, query: &Query) -> Result<Ranking, QueryError> {
        let outer = self.select(query)?;
        let middle = self.select(self.inner_query(outer)?)?;
        let inner = self.select(self.inner_query(middle)?)?;
        if let Some(condition) = &middle.selection {
            return self.wrong(
                condition,
                "WHERE beside the rank",
                "WHERE on sales stands in the innermost select",
            );
        }
        self.no_groups(outer)?;
        self.no_groups(middle)?;

        let mut ranking = self.groups(name, inner)?;
        let ranked = self.ranked(middle, &ranking)?;
        ranking.rank = ranked.function;
        ranking.partition = ranked.partition;
        ranking.order = ranked.order;
        ranking.limit = self.limit(outer, &ranked.alias)?;
        ranking.fields = self.fields(outer, &ranking, &ranked.alias)?;
        Ok(ranking)
    }

    /// A plain select, without the clauses that a ranking has no use for.
    fn select<'q>(&self, query: &'q Query) -> Result<&'q Select, QueryError> {
        let mut extra = Vec::new();
        let mut no = |present: bool, what| {
            if present {
                extra.push(what);
            }
        };
        no(query.with.is_some(), "WITH");
        no(query.order_by.is_some(), "ORDER BY outside of OVER (…)");
        no(
            query.limit_clause.is_some() || query.fetch.is_some(),
            "LIMIT",
        );
        let SetExpr::Select(select) = &*query.body else {
            return self.wrong(query, "something else than a SELECT", SHAPE);
        };
        no(select.distinct.is_some(), "SELECT DISTINCT");
        no(select.top.is_some(), "TOP");
        no(select.having.is_some(), "HAVING");
        no(select.qualify.is_some(), "QUALIFY");
        no(!select.named_window.is_empty(), "WINDOW");
        no(
            !select.sort_by.is_empty() || !select.cluster_by.is_empty(),
            "SORT BY",
        );
        no(!select.lateral_views.is_empty(), "LATERAL VIEW");
        no(select.into.is_some(), "INTO");
        if let Some(what) = extra.first() {
            return self.wrong(
                select.as_ref(),
                format!("{what}, which rankings do not have"),
                SHAPE,
            );
        }
        if let [table] = &select.from[..]
            && table.joins.is_empty()
        {
            return Ok(select);
        }
        self.wrong(
            select.as_ref(),
            "a join or several tables",
            "each select reads from exactly one source",
        )
    }

    fn inner_query<'q>(&self, select: &'q Select) -> Result<&'q Query, QueryError> {
        match &select.from[0].relation {
            TableFactor::Derived {
                lateral: false,
                subquery,
                sample: None,
                ..
            } => Ok(subquery),
            other => self.wrong(
                other,
                format!("`{other}` where a subquery in parentheses is wanted"),
                SHAPE,
            ),
        }
    }

    fn no_groups(&self, select: &Select) -> Result<(), QueryError> {
        match &select.group_by {
            GroupByExpr::Expressions(e, m) if e.is_empty() && m.is_empty() => Ok(()),
            group => self.wrong(
                group,
                "GROUP BY",
                "groups are made in the innermost select alone",
            ),
        }
    }

    /// The innermost select: window, keys, measures.
    fn groups(&self, name: &str, select: &Select) -> Result<Ranking, QueryError> {
        let window = window::parse(self.text, &select.from[0].relation)?;
        let filter = select
            .selection
            .as_ref()
            .map(|e| condition::parse(self.text, self.schema, e))
            .transpose()?;
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

    fn new_name(
        &self,
        at: Span,
        name: &str,
        keys: &[Key],
        measures: &[crate::model::plan::Measure],
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

    /// The middle select: everything of the innermost one, and the rank.
    fn ranked(&self, select: &Select, ranking: &Ranking) -> Result<Ranked, QueryError> {
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
        let allowed = "PARTITION BY window_start, window_end[, group key …]";
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
                Some(bound @ ("window_start" | "window_end")) => bounds.push(bound),
                Some(name) => match ranking.keys.iter().position(|k| k.name == name) {
                    Some(key) if !partition.contains(&key) => partition.push(key),
                    _ => return self.wrong(sql, format!("PARTITION BY `{name}`"), allowed),
                },
                None => return self.wrong(sql, format!("PARTITION BY `{sql}`"), allowed),
            }
        }
        if !(bounds.contains(&"window_start") && bounds.contains(&"window_end")) {
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

    fn field(&self, name: &str, ranking: &Ranking) -> Option<Field> {
        let key = ranking
            .keys
            .iter()
            .position(|k| k.name == name)
            .map(Field::Key);
        key.or_else(|| {
            ranking
                .measures
                .iter()
                .position(|m| m.name == name)
                .map(Field::Measure)
        })
    }

    fn names(&self, ranking: &Ranking) -> String {
        let names = ranking
            .keys
            .iter()
            .map(|k| &k.name)
            .chain(ranking.measures.iter().map(|m| &m.name));
        names.cloned().collect::<Vec<_>>().join(", ")
    }

    fn known(&self, sql: &Sql, ranking: &Ranking) -> Result<(), QueryError> {
        let name = identifier(sql).unwrap_or_default();
        if matches!(name, "window_start" | "window_end") || self.field(name, ranking).is_some() {
            return Ok(());
        }
        self.wrong(
            sql,
            format!("there is no column `{sql}`"),
            format!("window_start, window_end, {}", self.names(ranking)),
        )
    }

    /// The outer `WHERE`: the greatest rank.
    fn limit(&self, select: &Select, alias: &str) -> Result<u64, QueryError> {
        let allowed = format!("the outer WHERE is the limit alone: WHERE {alias} <= 10");
        let Some(selection) = &select.selection else {
            return self.wrong(select, "no limit on the rank", allowed);
        };
        let mut condition = selection;
        while let Sql::Nested(inner) = condition {
            condition = inner;
        }
        if let Sql::BinaryOp { left, op, right } = condition {
            let (name, number, strict) = match op {
                BinaryOperator::LtEq => (left, right, 0),
                BinaryOperator::Lt => (left, right, 1),
                BinaryOperator::GtEq => (right, left, 0),
                BinaryOperator::Gt => (right, left, 1),
                _ => return self.wrong(selection, format!("`{selection}`"), allowed),
            };
            if identifier(name) == Some(alias)
                && let Sql::Value(value) = &**number
                && let Literal::Number(n, _) = &value.value
                && let Ok(n) = n.parse::<u64>()
            {
                return match n.checked_sub(strict) {
                    Some(limit @ 1..=1_000_000) => Ok(limit),
                    _ => self.wrong(
                        selection,
                        format!("`{selection}`"),
                        "a limit from 1 to 1000000",
                    ),
                };
            }
        }
        self.wrong(selection, format!("`{selection}`"), allowed)
    }

    /// The outer list: the order of the row's fields.
    fn fields(
        &self,
        select: &Select,
        ranking: &Ranking,
        alias: &str,
    ) -> Result<Vec<Field>, QueryError> {
        let every = || {
            let keys = (0..ranking.keys.len()).map(Field::Key);
            keys.chain((0..ranking.measures.len()).map(Field::Measure))
                .collect::<Vec<_>>()
        };
        let mut fields = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => fields.extend(every()),
                SelectItem::UnnamedExpr(sql) if identifier(sql).is_some() => {
                    let name = identifier(sql).unwrap_or_default();
                    if name == alias {
                        continue;
                    }
                    self.known(sql, ranking)?;
                    fields.extend(self.field(name, ranking));
                }
                other => {
                    return self.wrong(
                        other,
                        format!("`{other}`"),
                        "the outer select lists columns by name, or *",
                    );
                }
            }
        }
        for field in every() {
            let name = ranking.field_name(field);
            match fields.iter().filter(|f| **f == field).count() {
                1 => {}
                0 => {
                    return self.wrong(
                        select,
                        format!("`{name}` is computed and not selected"),
                        "select it, or leave it out of the innermost select",
                    );
                }
                _ => {
                    return self.wrong(
                        select,
                        format!("`{name}` is selected twice"),
                        "each column once",
                    );
                }
            }
        }
        Ok(fields)
    }
}

/// The name, if this is one.
fn identifier(sql: &Sql) -> Option<&str> {
    match sql {
        Sql::Identifier(ident) => Some(&ident.value),
        Sql::Nested(inner) => identifier(inner),
        _ => None,
    }
}
