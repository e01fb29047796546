//! The shape of a ranking: groups over a window, ranked, cut at a rank; three nested selects.

mod groups;
mod outer;
mod rank;
mod target;

use std::cell::RefCell;

use sqlparser::ast::{Expr as Sql, GroupByExpr, Query, Select, SetExpr, Spanned, TableFactor};
use sqlparser::tokenizer::Span;

use super::conceal::conceal;
use super::dialect::SHAPE;
use super::error::{QueryError, Text};
use super::grouped;
use super::scope::Relation;
use super::statement::{self, Statement};
use super::window::Sources;
pub(crate) use outer::Output;
use standings_model::plan::{Field, Ranking};
use standings_model::table::Table;
pub(crate) use target::check as check_target;

/// Names that every row has.
pub(crate) const RESERVED: [&str; 10] = [
    "window_start",
    "window_end",
    "window_time",
    "rank",
    "previous_rank",
    "final",
    "commit",
    "updated_at",
    "op",
    "row_id",
];

/// Parses and checks one ranking over these tables; what it computes becomes columns of them. `name` is the ranking's name,
/// `file` is for diagnostics.
///
/// # Examples
///
/// ```
/// use standings_model::table::Table;
/// use standings_query::{QueryErrors, explain, parse_ranking};
///
/// let sql = "SELECT window_start, window_end, city, sales, n FROM (
///   SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY sales DESC) AS n FROM (
///     SELECT window_start, window_end, city, COUNT(*) AS sales
///     FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
///     GROUP BY window_start, window_end, city))
/// WHERE n <= 3";
/// let mut tables = vec![Table::sales()];
/// let ranking = parse_ranking("busiest", "busiest.sql", sql, &mut tables).unwrap();
/// assert_eq!((ranking.limit, ranking.window.words()), (3, "each 1h (UTC)".to_owned()));
/// assert_eq!(ranking.keys[0].name, "city");
///
/// // What is not of the form is refused where it stands, with what is allowed there.
/// let wrong = sql.replace("n <= 3", "n <= 'three'");
/// let refused = parse_ranking("busiest", "busiest.sql", &wrong, &mut tables).unwrap_err();
/// let shown = QueryErrors(vec![refused]).render();
/// assert!(shown.contains("busiest.sql:6"), "{shown}");
/// ```
pub fn parse_ranking(
    name: &str,
    file: &str,
    source: &str,
    tables: &mut [Table],
) -> Result<Ranking, QueryError> {
    let source = conceal(source.strip_prefix('\u{feff}').unwrap_or(source));
    let text = Text {
        file,
        source: &source,
    };
    let mut errors = Vec::new();
    let statements = statement::parse(text, &mut errors, &mut Vec::new());
    if let Some(first) = errors.into_iter().next() {
        return Err(first);
    }
    let relations: Vec<Relation> = tables
        .iter()
        .enumerate()
        .map(|(n, table)| Relation::of_table(n, table))
        .collect();
    let target = match &statements[..] {
        [Statement::Ranking(target)] => target,
        _ => {
            let found = format!("{} statements where one SELECT is wanted", statements.len());
            let second = statements.get(1).map_or(Span::empty(), Statement::span);
            return Err(text.error(second, found, SHAPE));
        }
    };
    let notes = RefCell::default();
    let sources = Sources {
        tables,
        relations: &relations,
        notes: &notes,
        zone: None,
    };
    let Compiled {
        mut ranking, table, ..
    } = compile(text, sources, name, &target.query)?;
    let number = ranking.inputs[0].table;
    tables[number] = table;
    if !tables[number].is_declared {
        grouped::are_there(
            number,
            &mut tables[number],
            std::slice::from_mut(&mut ranking),
        );
    }
    Ok(ranking)
}

/// What a query comes to.
pub(crate) struct Compiled {
    /// The ranking.
    pub(crate) ranking: Ranking,
    /// Its table, with what it computes.
    pub(crate) table: Table,
    /// The columns of its SELECT.
    pub(crate) outputs: Vec<Output>,
}

/// Compiles a query.
pub(crate) fn compile(
    text: Text<'_>,
    sources: Sources<'_>,
    name: &str,
    query: &Query,
) -> Result<Compiled, QueryError> {
    Shape { text, sources }.ranking(name, query)
}

struct Shape<'a> {
    text: Text<'a>,
    sources: Sources<'a>,
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

    fn ranking(&self, name: &str, query: &Query) -> Result<Compiled, QueryError> {
        let outer = self.select(query)?;
        let middle = self.select(self.inner_query(outer)?)?;
        let inner = self.select(self.inner_query(middle)?)?;
        if let Some(condition) = &middle.selection {
            return self.wrong(
                condition,
                "WHERE beside the rank",
                "WHERE on rows stands in the innermost select",
            );
        }
        self.no_groups(outer)?;
        self.no_groups(middle)?;

        let (mut ranking, table) = self.groups(name, inner)?;
        let ranked = self.ranked(middle, &ranking)?;
        ranking.rank = ranked.function;
        ranking.partition = ranked.partition;
        ranking.order = ranked.order;
        ranking.limit = self.limit(outer, &ranked.alias)?;
        let outputs = self.fields(outer, &ranking, &ranked.alias)?;
        ranking.fields = outputs.iter().filter_map(Output::field).collect();
        Ok(Compiled {
            ranking,
            table,
            outputs,
        })
    }

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
        let joins = select.from.first().and_then(|from| from.joins.first());
        match joins {
            Some(join) => self.joined(&join.relation),
            None => self.wrong(
                select.as_ref(),
                "several tables, or none",
                "each select reads from exactly one source",
            ),
        }
    }

    /// Why what is joined is not.
    fn joined<T>(&self, right: &TableFactor) -> Result<T, QueryError> {
        let allowed = "each select reads from exactly one source";
        match right {
            TableFactor::UNNEST { .. } => {
                self.wrong(right, "UNNEST, which is not read yet", allowed)
            }
            TableFactor::Table {
                name, args: None, ..
            } => {
                let ident = name.0.last().and_then(|part| part.as_ident());
                if let Some(ident) = ident {
                    let relation = self.sources.find(self.text, ident)?;
                    if self.sources.tables[relation.table].primary_key.is_empty() {
                        let found =
                            format!("a join with `{}`, which has no primary key", ident.value);
                        let allowed = "PRIMARY KEY (…) NOT ENFORCED in its CREATE TABLE: a row of it is found by its key";
                        return self.wrong(right, found, allowed);
                    }
                }
                self.wrong(right, "a join, which is not computed yet", allowed)
            }
            _ => self.wrong(right, "a join, which is not computed yet", allowed),
        }
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
        let is_bound = matches!(name, "window_start" | "window_end");
        if is_bound && !ranking.window.is_always() || self.field(name, ranking).is_some() {
            return Ok(());
        }
        let bounds = match ranking.window.is_always() {
            true => "",
            false => "window_start, window_end, ",
        };
        self.wrong(
            sql,
            format!("there is no column `{sql}`"),
            format!("{bounds}{}", self.names(ranking)),
        )
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
