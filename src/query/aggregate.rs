//! Measures: `SUM COUNT AVG MIN MAX LAST_VALUE`, with `DISTINCT` and `FILTER`.

use sqlparser::ast::{
    DuplicateTreatment, Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Spanned,
};

use super::error::{QueryError, Text};
use super::row::Row;
use standings_model::plan::{Aggregate, Measure};
use standings_model::types::Type;

const ALLOWED: &str = "measures are SUM, AVG, MIN, MAX, COUNT, COUNT(*), COUNT(DISTINCT …) and LAST_VALUE of an expression, \
                       each with an optional FILTER (WHERE …)";

/// Functions that are measures, and such that are not yet.
const NAMES: &[&str] = &["SUM", "AVG", "MIN", "MAX", "COUNT", "LAST_VALUE"];
const LATER: &[&str] = &[
    "FIRST_VALUE",
    "ARG_MAX",
    "ARG_MIN",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "STDDEV",
    "VAR_POP",
    "VAR_SAMP",
    "VARIANCE",
    "PERCENTILE",
    "PERCENTILE_CONT",
    "APPROX_PERCENTILE",
    "APPROX_COUNT_DISTINCT",
    "LISTAGG",
    "MEDIAN",
];

/// Whether an expression is a call of a measure.
pub fn is_measure(sql: &Sql) -> bool {
    let Sql::Function(f) = sql else {
        return false;
    };
    let name = f.name.to_string().to_ascii_uppercase();
    NAMES.contains(&name.as_str()) || LATER.contains(&name.as_str()) || f.over.is_some()
}

/// Checks one measure; what it is of becomes a column of the row.
pub fn parse(
    text: Text<'_>,
    row: &mut Row<'_>,
    name: &str,
    sql: &Sql,
) -> Result<Measure, QueryError> {
    let Sql::Function(f) = sql else {
        return Err(text.error(
            sql.span(),
            format!("`{sql}`"),
            format!("group keys, and {ALLOWED}"),
        ));
    };
    let wrong = |found: String, allowed: &str| text.error(sql.span(), found, allowed.to_owned());
    if f.over.is_some() || !f.within_group.is_empty() || f.null_treatment.is_some() {
        return Err(wrong(format!("`{sql}`"), ALLOWED));
    }
    let function = f.name.to_string().to_ascii_uppercase();
    if LATER.contains(&function.as_str()) {
        let found = format!("{function}, which is not computed yet");
        return Err(wrong(found, ALLOWED));
    }
    let (argument, distinct) = argument(text, sql, f)?;
    let column = argument.map(|a| row.expression(text, a)).transpose()?;
    if distinct && function != "COUNT" {
        return Err(wrong(
            format!("DISTINCT in {function}"),
            "DISTINCT is for COUNT alone",
        ));
    }
    let aggregate = match (function.as_str(), column) {
        ("COUNT", None) if distinct => return Err(wrong(format!("`{sql}`"), ALLOWED)),
        ("COUNT", None) => Aggregate::CountAll,
        ("COUNT", Some(c)) if distinct => Aggregate::CountDistinct(c),
        ("COUNT", Some(c)) => Aggregate::Count(c),
        ("SUM" | "AVG", Some(c)) => {
            summable(text, sql, &function, row.name(c), row.kind(c))?;
            match function.as_str() {
                "SUM" => Aggregate::Sum(c),
                _ => Aggregate::Avg(c),
            }
        }
        ("MIN", Some(c)) => Aggregate::Min(ordered(text, sql, row, c)?),
        ("MAX", Some(c)) => Aggregate::Max(ordered(text, sql, row, c)?),
        ("LAST_VALUE", Some(c)) => Aggregate::LastValue(c),
        _ => return Err(wrong(format!("`{sql}`"), ALLOWED)),
    };
    let filter = f
        .filter
        .as_deref()
        .map(|e| row.condition(text, e))
        .transpose()?;
    Ok(Measure {
        name: name.to_owned(),
        aggregate,
        filter,
    })
}

/// Refuses a sum that would not be exact, with what would be.
fn summable(
    text: Text<'_>,
    sql: &Sql,
    function: &str,
    name: &str,
    kind: &Type,
) -> Result<(), QueryError> {
    if kind.is_exact_number() {
        return Ok(());
    }
    let found = format!("{function} of `{name}`, a {kind}");
    let allowed = match kind {
        Type::Float | Type::Double => format!(
            "declare it `{name}` DECIMAL(18, 6), with the digits that it has: a sum of {kind} depends on its order, one of \
             DECIMAL is exact"
        ),
        _ => "SUM and AVG are for DECIMAL and whole numbers".to_owned(),
    };
    Err(text.error(sql.span(), found, allowed))
}

/// Refuses the least of what has no order.
fn ordered(text: Text<'_>, sql: &Sql, row: &Row<'_>, column: usize) -> Result<usize, QueryError> {
    let kind = row.kind(column);
    match kind.is_nested() {
        false => Ok(column),
        true => Err(text.error(
            sql.span(),
            format!("`{sql}` of {kind}"),
            "MIN and MAX are of what has an order: numbers, texts, times",
        )),
    }
}

/// The one argument; `None` for `*`.
fn argument<'a>(
    text: Text<'_>,
    sql: &Sql,
    f: &'a Function,
) -> Result<(Option<&'a Sql>, bool), QueryError> {
    if let FunctionArguments::List(list) = &f.args
        && list.clauses.is_empty()
        && let [FunctionArg::Unnamed(argument)] = &list.args[..]
    {
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        match argument {
            FunctionArgExpr::Wildcard => return Ok((None, distinct)),
            FunctionArgExpr::Expr(e) => return Ok((Some(e), distinct)),
            _ => {}
        }
    }
    Err(text.error(sql.span(), format!("`{sql}`"), ALLOWED))
}
