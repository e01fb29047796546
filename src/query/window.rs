//! The source of a ranking: a window over the table, by one of the families of `standings_model::window`.

use sqlparser::ast::{
    DateTimeField, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Interval, Spanned,
    TableFactor, Value,
};

use super::error::{QueryError, Text};
use standings_model::time::DAY;
use standings_model::window::{FAMILIES, Window};

/// What the source may be.
fn allowed() -> String {
    let examples = FAMILIES.iter().map(|f| f.example());
    let examples: Vec<&str> = examples.collect();
    format!(
        "the source of a ranking is {}, also without the outer TABLE(…)",
        examples.join(" or ")
    )
}

/// The window that a `FROM` names.
pub fn parse(text: Text<'_>, from: &TableFactor) -> Result<Window, QueryError> {
    let wrong = |found: String| text.error(from.span(), found, allowed());
    let (name, args) = match from {
        TableFactor::TableFunction {
            expr: Expr::Function(f),
            ..
        } => match &f.args {
            FunctionArguments::List(list) => (f.name.to_string(), list.args.as_slice()),
            _ => return Err(wrong(format!("`{from}` as the source"))),
        },
        TableFactor::Table {
            name,
            args: Some(args),
            ..
        } => (name.to_string(), args.args.as_slice()),
        other => {
            return Err(text.error(other.span(), format!("`{other}` as the source"), allowed()));
        }
    };
    let Some(family) = Window::family(&name) else {
        return Err(wrong(format!("the table function {name}")));
    };
    let args: Vec<&Expr> = args
        .iter()
        .map(|a| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Ok(e),
            other => Err(wrong(format!("the argument `{other}`"))),
        })
        .collect::<Result<_, _>>()?;
    let wanted = 2 + family.intervals().len();
    if args.len() != wanted {
        return Err(wrong(format!(
            "{} arguments of {name}, which takes {wanted}",
            args.len()
        )));
    }
    match args[0] {
        Expr::Identifier(table) if table.value == "sales" => {}
        other => {
            return Err(text.error(
                other.span(),
                format!("the table `{other}`"),
                "the only table is `sales`",
            ));
        }
    }
    descriptor(text, args[1])?;
    let intervals: Vec<i64> = args[2..]
        .iter()
        .map(|expr| interval(text, expr))
        .collect::<Result<_, _>>()?;
    Window::new(family, &intervals).map_err(|misfit| {
        let at = args[2 + misfit.interval].span();
        text.error(at, misfit.found, misfit.allowed)
    })
}

fn descriptor(text: Text<'_>, expr: &Expr) -> Result<(), QueryError> {
    let allowed = "windows are over event time: DESCRIPTOR(event_time)";
    if let Expr::Function(f) = expr
        && f.name.to_string().eq_ignore_ascii_case("DESCRIPTOR")
        && let FunctionArguments::List(list) = &f.args
        && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(column)))] =
            &list.args[..]
        && column.value == "event_time"
    {
        return Ok(());
    }
    Err(text.error(expr.span(), format!("`{expr}`"), allowed))
}

fn interval(text: Text<'_>, expr: &Expr) -> Result<i64, QueryError> {
    let allowed = "an interval is written INTERVAL '1' DAY; units are SECOND, MINUTE, HOUR, DAY, also in the plural";
    let wrong = || text.error(expr.span(), format!("`{expr}` as an interval"), allowed);
    let Expr::Interval(Interval {
        value,
        leading_field: Some(unit),
        last_field: None,
        ..
    }) = expr
    else {
        return Err(wrong());
    };
    let Expr::Value(value) = &**value else {
        return Err(wrong());
    };
    let number: i64 = match &value.value {
        Value::SingleQuotedString(n) | Value::Number(n, _) => {
            n.trim().parse().map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    };
    let scale = match unit {
        DateTimeField::Second | DateTimeField::Seconds => 1_000,
        DateTimeField::Minute | DateTimeField::Minutes => 60_000,
        DateTimeField::Hour | DateTimeField::Hours => 3_600_000,
        DateTimeField::Day | DateTimeField::Days => DAY,
        _ => return Err(wrong()),
    };
    match number.checked_mul(scale) {
        Some(ms) if ms > 0 && ms <= 36_600 * DAY => Ok(ms),
        _ => Err(text.error(
            expr.span(),
            format!("an interval of {number}"),
            "more than nothing, at most 36600 days",
        )),
    }
}
