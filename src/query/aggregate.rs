//! Measures: `SUM COUNT AVG MIN MAX LAST_VALUE`, with `DISTINCT` and `FILTER`.

use sqlparser::ast::{
    DuplicateTreatment, Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Spanned,
};

use super::condition::{self, column};
use super::error::{QueryError, Text};
use standings_model::plan::{Aggregate, Measure};
use standings_model::schema::{ColumnType, Schema};

const ALLOWED: &str = "measures are SUM, AVG, MIN, MAX, COUNT, COUNT(*), COUNT(DISTINCT …) and LAST_VALUE of one column, \
                       each with an optional FILTER (WHERE …)";

/// Checks one measure.
pub fn parse(
    text: Text<'_>,
    schema: &Schema,
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
    let (argument, distinct) = argument(text, sql, f)?;
    let column = argument.map(|a| column(text, schema, a)).transpose()?;
    let number = |c: usize| {
        matches!(
            schema.columns[c].kind,
            ColumnType::BigInt | ColumnType::Decimal { .. }
        )
    };
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
        ("SUM" | "AVG", Some(c)) if !number(c) => {
            let found = format!("{function} of `{}`", schema.columns[c].name);
            return Err(wrong(
                found,
                "SUM and AVG are for DECIMAL and BIGINT columns",
            ));
        }
        ("SUM", Some(c)) => Aggregate::Sum(c),
        ("AVG", Some(c)) => Aggregate::Avg(c),
        ("MIN", Some(c)) => Aggregate::Min(c),
        ("MAX", Some(c)) => Aggregate::Max(c),
        ("LAST_VALUE", Some(c)) => Aggregate::LastValue(c),
        _ => return Err(wrong(format!("`{sql}`"), ALLOWED)),
    };
    let filter = f
        .filter
        .as_deref()
        .map(|e| condition::parse(text, schema, e))
        .transpose()?;
    Ok(Measure {
        name: name.to_owned(),
        aggregate,
        filter,
    })
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
