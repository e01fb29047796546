//! The shape of a ranking: groups over a window, ranked, cut at a rank; three nested selects.

mod groups;
mod outer;
mod rank;

use sqlparser::ast::{Expr as Sql, GroupByExpr, Query, Select, SetExpr, Spanned, TableFactor};
use sqlparser::tokenizer::Span;

use super::dialect::{self, SHAPE};
use super::error::{QueryError, Text};
use standings_model::plan::{Field, Ranking};
use standings_model::schema::Schema;

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
///
/// # Examples
///
/// ```
/// use standings_model::schema::Schema;
/// use standings_query::{QueryErrors, explain, parse_ranking};
///
/// let sql = "SELECT window_start, window_end, city, sales, n FROM (
///   SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY sales DESC) AS n FROM (
///     SELECT window_start, window_end, city, COUNT(*) AS sales
///     FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
///     GROUP BY window_start, window_end, city))
/// WHERE n <= 3";
/// let ranking = parse_ranking("busiest", "busiest.sql", sql, &Schema::sales()).unwrap();
/// assert_eq!((ranking.limit, ranking.window.size()), (3, 3_600_000));
/// assert_eq!(ranking.keys[0].name, "city");
///
/// // What is not of the form is refused where it stands, with what is allowed there.
/// let wrong = sql.replace("n <= 3", "n <= 'three'");
/// let refused = parse_ranking("busiest", "busiest.sql", &wrong, &Schema::sales()).unwrap_err();
/// let shown = QueryErrors(vec![refused]).render();
/// assert!(shown.contains("busiest.sql:6"), "{shown}");
/// ```
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
}

/// The name, if this is one.
fn identifier(sql: &Sql) -> Option<&str> {
    match sql {
        Sql::Identifier(ident) => Some(&ident.value),
        Sql::Nested(inner) => identifier(inner),
        _ => None,
    }
}
