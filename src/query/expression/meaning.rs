//! What an expression means, as one text: a part of the meaning of a ranking, whose hash is kept with commits and snapshots.
//!
//! It must not change between versions without need: every ranking would count as another one, and be computed anew. So
//! conditions that were there before expressions were are written as they were then.

use standings_model::expr::{Expr, LikeStep, Node};
use standings_model::types::Type;
use standings_model::value::Value;

/// The meaning of an expression; `column` is that of a column.
pub fn meaning(expr: &Expr, column: &dyn Fn(usize) -> String) -> String {
    let one = |e: &Expr| meaning(e, column);
    let all = |all: &[Expr]| {
        let all: Vec<String> = all.iter().map(one).collect();
        all.join(" ")
    };
    // A chain was two by two, from the left.
    let chain = |word: &str, parts: &[Expr]| {
        let parts = parts.iter().map(one);
        let whole = parts.reduce(|left, right| format!("({word} {left} {right})"));
        whole.unwrap_or_default()
    };
    match &expr.node {
        Node::Column(n) => column(*n),
        Node::Literal(value) => literal(value, &expr.kind),
        Node::And(parts) => chain("and", parts),
        Node::Or(parts) => chain("or", parts),
        Node::Not(of) => format!("(not {})", one(of)),
        Node::Compare { left, op, right } => {
            format!("({} {} {})", op.sign(), one(left), one(right))
        }
        Node::In { of, list, negated } => format!("(in {negated} {} {})", one(of), all(list)),
        Node::Between {
            of,
            low,
            high,
            negated,
        } => format!("(between {negated} {} {} {})", one(of), one(low), one(high)),
        Node::Like {
            of,
            pattern,
            negated,
        } => {
            let steps = pattern.0.iter().map(|step| match step {
                LikeStep::Any => "%".to_owned(),
                LikeStep::One => "_".to_owned(),
                LikeStep::Char(c) => format!("{c:?}"),
            });
            format!("(like {negated} {} {})", one(of), steps.collect::<String>())
        }
        Node::IsNull { of, negated } => format!("(null {negated} {})", one(of)),
        Node::Case {
            branches,
            otherwise,
        } => {
            let branches = branches
                .iter()
                .map(|(a, b)| format!("{} {} ", one(a), one(b)));
            let branches: String = branches.collect();
            let otherwise = otherwise.as_ref().map_or("null".to_owned(), |e| one(e));
            format!("(case {branches}{otherwise})")
        }
        Node::Cast { of, attempt } => match (&of.node, &of.kind, &expr.kind) {
            // A local time as the instant that it is: as before there were zones.
            (Node::Literal(Value::Timestamp(us)), _, Type::Instant(_)) => time(*us),
            (Node::Literal(Value::Date(days)), _, Type::Instant(_)) => {
                time(i64::from(*days) * standings_scalar::time::DAY)
            }
            _ => {
                let word = if *attempt { "try_cast" } else { "cast" };
                format!("({word} {} {})", one(of), expr.kind)
            }
        },
        Node::Field { of, field } => format!("(field {field} {})", one(of)),
        Node::Call {
            function,
            arguments,
        } => {
            let name = standings_scalar::word(*function);
            // Of what a type decides: 7 / 2 is 3, or 3.5.
            format!("({name} {} {})", expr.kind, all(arguments))
        }
    }
}

/// Milliseconds, and what is finer behind a point.
fn time(us: i64) -> String {
    let (ms, rest) = (us.div_euclid(1000), us.rem_euclid(1000));
    match rest {
        0 => format!("t{ms}"),
        rest => format!("t{ms}.{rest:03}"),
    }
}

fn literal(value: &Value, kind: &Type) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(b) => b.to_string(),
        Value::Integer(n) => match kind {
            Type::Months => format!("months{n}"),
            Type::Span => format!("span{n}"),
            _ => format!("i{n}"),
        },
        // Two fraction digits were all there were.
        Value::Decimal(d) if d.scale == 2 => format!("d{}", d.unscaled),
        Value::Decimal(d) => format!("d{}e-{}", d.unscaled, d.scale),
        Value::Instant(us) => time(*us),
        Value::Text(text) => format!("{text:?}"),
        other => format!("{kind} {other}"),
    }
}
