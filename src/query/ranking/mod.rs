//! A query: what it reads, SELECT by SELECT, and what it comes to: one ranking.
//!
//! ```text
//! FROM ──► Flow ──SELECT──► Flow ──SELECT──► … ──► Flow ──finish──► Ranking
//!          (from)  (select, group, rank)                  (finish)
//! ```

mod condition;
mod distinct;
mod finish;
mod from;
mod group;
mod join;
mod names;
mod nested;
mod over;
mod rank;
mod select;
mod target;
#[cfg(test)]
mod tests;
mod unnest;
mod used;

use std::cell::RefCell;
use std::sync::Arc;

use sqlparser::ast::{Query, Spanned};
use sqlparser::tokenizer::Span;

use super::conceal::conceal;
use super::dialect::SHAPE;
use super::error::{QueryError, Text};
use super::flow::Flow;
use super::grouped;
use super::scope::Relation;
use super::statement::{self, Statement};
use super::window::Sources;
pub(crate) use finish::{Compiled, Output, Shown};
use standings_model::plan::Ranking;
use standings_model::table::Table;
pub(crate) use target::check as check_target;

/// Names that every row has.
pub const RESERVED: [&str; 10] = [
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
/// // What is not understood is refused where it stands, with what is allowed there.
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
    let relations: Vec<Arc<Relation>> = tables
        .iter()
        .enumerate()
        .map(|(n, table)| Arc::new(Relation::of_table(n, table)))
        .collect();
    let target = match &statements[..] {
        [Statement::Ranking(target)] => target,
        _ => {
            let found = format!("{} statements where one SELECT is wanted", statements.len());
            let second = statements.get(1).map_or(Span::empty(), Statement::span);
            return Err(text.error(second, found, SHAPE));
        }
    };
    let (notes, lifts) = (RefCell::default(), RefCell::default());
    let sources = Sources {
        tables,
        relations: &relations,
        notes: &notes,
        lifts: &lifts,
        zone: None,
    };
    let compiled = compile(text, sources, name, &target.query)?;
    let mut ranking = compiled.install(tables);
    for (number, table) in tables.iter_mut().enumerate() {
        if !table.is_declared {
            grouped::are_there(number, table, std::slice::from_mut(&mut ranking));
        }
    }
    Ok(ranking)
}

/// Compiles a query.
pub(crate) fn compile(
    text: Text<'_>,
    sources: Sources<'_>,
    name: &str,
    query: &Query,
) -> Result<Compiled, QueryError> {
    let shape = Shape { text, sources };
    let flow = shape.query(query)?;
    shape.finish(name, flow, query)
}

/// The ranking that stands inside of a query.
pub(crate) fn compile_inside(
    text: Text<'_>,
    sources: Sources<'_>,
    name: &str,
    flow: Flow,
    query: &Query,
) -> Result<Compiled, QueryError> {
    Shape { text, sources }.finish(name, flow, query)
}

/// What a view is.
pub(crate) fn flow_of(
    text: Text<'_>,
    sources: Sources<'_>,
    query: &Query,
) -> Result<Flow, QueryError> {
    Shape { text, sources }.query(query)
}

#[derive(Clone, Copy)]
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
}
