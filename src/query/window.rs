//! `TUMBLE` and `HOP`.

use sqlparser::ast::{
    DateTimeField, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Interval, Spanned,
    TableFactor, Value,
};

use super::error::{QueryError, Text};
use standings_model::plan::Window;
use standings_model::time::DAY;

const ALLOWED: &str = "the source of a ranking is TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)) \
                       or TABLE(HOP(TABLE sales, DESCRIPTOR(event_time), INTERVAL '5' MINUTES, INTERVAL '1' HOUR)) \
                       (slide, then size), also without the outer TABLE(…)";

/// The window that a `FROM` names.
pub fn parse(text: Text<'_>, from: &TableFactor) -> Result<Window, QueryError> {
    let (name, args) = match from {
        TableFactor::TableFunction {
            expr: Expr::Function(f),
            ..
        } => match &f.args {
            FunctionArguments::List(list) => (f.name.to_string(), list.args.as_slice()),
            _ => return Err(text.error(from.span(), format!("`{from}` as the source"), ALLOWED)),
        },
        TableFactor::Table {
            name,
            args: Some(args),
            ..
        } => (name.to_string(), args.args.as_slice()),
        other => return Err(text.error(other.span(), format!("`{other}` as the source"), ALLOWED)),
    };
    let wanted = match name.to_ascii_uppercase().as_str() {
        "TUMBLE" => 3,
        "HOP" => 4,
        _ => return Err(text.error(from.span(), format!("the table function {name}"), ALLOWED)),
    };
    let args: Vec<&Expr> = args
        .iter()
        .map(|a| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Ok(e),
            other => Err(text.error(from.span(), format!("the argument `{other}`"), ALLOWED)),
        })
        .collect::<Result<_, _>>()?;
    if args.len() != wanted {
        let found = format!("{} arguments of {name}, which takes {wanted}", args.len());
        return Err(text.error(from.span(), found, ALLOWED));
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
    let first = interval(text, args[2])?;
    if wanted == 3 {
        return Ok(Window {
            size: first,
            slide: first,
        });
    }
    let size = interval(text, args[3])?;
    if size % first != 0 {
        let found = format!("a size of {size} ms that is no multiple of the slide of {first} ms");
        return Err(text.error(
            args[3].span(),
            found,
            "HOP takes the slide, then the size, a multiple of it",
        ));
    }
    if size / first > 10_000 {
        return Err(text.error(
            args[2].span(),
            "more than 10000 windows over each sale",
            "a larger slide",
        ));
    }
    Ok(Window { size, slide: first })
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
