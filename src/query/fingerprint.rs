//! The meaning of a ranking as one text: two rankings with the same text have the same rows, whatever their files look
//! like. Its hash is kept with commits and snapshots.
//!
//! Everything of the plan that decides about rows is in it, conditions with their literals too; columns by name and
//! type, since their numbers change when one is added. It must not change between versions without need: every ranking
//! would count as another one, and be computed anew.

use std::fmt::Write;

use standings_model::expr::{Comparison, Expr, LikeStep, Operand};
use standings_model::plan::{Aggregate, Measure, Plan, RankFunction, Ranking};
use standings_model::schema::ColumnType;
use standings_model::value::Value;

/// The meaning of a ranking.
pub fn meaning(plan: &Plan, ranking: &Ranking) -> String {
    let column = |c: usize| {
        let column = &plan.schema.columns[c];
        let kind = match column.kind {
            ColumnType::Text => "text".to_owned(),
            ColumnType::BigInt => "bigint".to_owned(),
            ColumnType::Decimal { precision } => format!("decimal({precision})"),
            ColumnType::Timestamp => "timestamp".to_owned(),
        };
        format!("{:?} {kind}", column.name)
    };
    let window = &ranking.window;
    let mut out = format!("window {} {}", window.size(), window.pane());
    // Of the first families the lengths say all.
    if !window.is_named_by_start() {
        let _ = write!(out, " {}", window.name());
    }
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = write!(out, "\n{text}");
    };
    if let Some(filter) = &ranking.filter {
        line(format!("where {}", condition(filter, &column)));
    }
    for key in &ranking.keys {
        line(format!("key {:?} {}", key.name, column(key.column)));
    }
    for m in &ranking.measures {
        line(measure(m, &column));
    }
    line(format!("partition {:?}", ranking.partition));
    for term in &ranking.order {
        let name = ranking.field_name(term.field);
        line(format!(
            "order {name:?} {} {}",
            term.descending, term.nulls_first
        ));
    }
    let function = match ranking.rank {
        RankFunction::RowNumber => "row_number",
        RankFunction::Rank => "rank",
        RankFunction::DenseRank => "dense_rank",
    };
    line(format!("{function} {}", ranking.limit));
    out
}

fn measure(m: &Measure, column: &dyn Fn(usize) -> String) -> String {
    let (function, of) = match m.aggregate {
        Aggregate::CountAll => ("count_all", None),
        Aggregate::Count(c) => ("count", Some(c)),
        Aggregate::CountDistinct(c) => ("count_distinct", Some(c)),
        Aggregate::Sum(c) => ("sum", Some(c)),
        Aggregate::Avg(c) => ("avg", Some(c)),
        Aggregate::Min(c) => ("min", Some(c)),
        Aggregate::Max(c) => ("max", Some(c)),
        Aggregate::LastValue(c) => ("last_value", Some(c)),
    };
    let of = of.map_or_else(String::new, column);
    let filter = m.filter.as_ref().map(|f| condition(f, column));
    format!(
        "measure {:?} {function} {of} filter {}",
        m.name,
        filter.unwrap_or_default()
    )
}

fn condition(expr: &Expr, column: &dyn Fn(usize) -> String) -> String {
    let operand = |o: &Operand| match o {
        Operand::Column(c) => column(*c),
        Operand::Literal(v) => literal(v),
    };
    let all = |word: &str, all: &[Expr]| {
        let parts: Vec<String> = all.iter().map(|e| condition(e, column)).collect();
        format!("({word} {})", parts.join(" "))
    };
    match expr {
        Expr::And(parts) => all("and", parts),
        Expr::Or(parts) => all("or", parts),
        Expr::Not(part) => all("not", std::slice::from_ref(part)),
        Expr::Compare { left, op, right } => {
            let op = match op {
                Comparison::Eq => "=",
                Comparison::Ne => "<>",
                Comparison::Lt => "<",
                Comparison::Le => "<=",
                Comparison::Gt => ">",
                Comparison::Ge => ">=",
            };
            format!("({op} {} {})", operand(left), operand(right))
        }
        Expr::In {
            operand: of,
            list,
            negated,
        } => {
            let list: Vec<String> = list.iter().map(literal).collect();
            format!("(in {negated} {} {})", operand(of), list.join(" "))
        }
        Expr::Between {
            operand: of,
            low,
            high,
            negated,
        } => {
            let (of, low, high) = (operand(of), operand(low), operand(high));
            format!("(between {negated} {of} {low} {high})")
        }
        Expr::Like {
            column: of,
            pattern,
            negated,
        } => {
            let steps = pattern.0.iter().map(|step| match step {
                LikeStep::Any => "%".to_owned(),
                LikeStep::One => "_".to_owned(),
                LikeStep::Char(c) => format!("{c:?}"),
            });
            format!(
                "(like {negated} {} {})",
                column(*of),
                steps.collect::<String>()
            )
        }
        Expr::IsNull {
            column: of,
            negated,
        } => format!("(null {negated} {})", column(*of)),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(n) => format!("i{n}"),
        Value::Decimal(n) => format!("d{n}"),
        Value::Time(t) => format!("t{t}"),
        Value::Text(t) => format!("{t:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{load_shipped, parse_ranking};

    fn of(select: &str, filter: &str, tail: &str) -> String {
        let plan = load_shipped().unwrap();
        let sql = format!(
            "SELECT window_start, window_end, city, total, rownum FROM (
             SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum FROM (
              SELECT window_start, window_end, city, {select} AS total
              FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)) {filter}
              GROUP BY window_start, window_end, city)) WHERE rownum <= {tail};"
        );
        let ranking = parse_ranking("r", "r.sql", &sql, &plan.schema);
        meaning(&plan, &ranking.unwrap_or_else(|e| panic!("{e:?}")))
    }

    #[test]
    fn whatever_changes_rows_changes_it() {
        let same = of("SUM(amount)", "", "10");
        assert_eq!(same, of("SUM( amount )", " ", "10"));
        let others = [
            of("SUM(amount)", "WHERE amount > 10", "10"),
            of("SUM(amount)", "WHERE amount > 11", "10"),
            of("SUM(amount)", "WHERE city LIKE 'A%'", "10"),
            of("SUM(amount)", "WHERE city LIKE 'A_'", "10"),
            of("SUM(amount) FILTER (WHERE amount > 1)", "", "10"),
            of("SUM(amount) FILTER (WHERE amount > 2)", "", "10"),
            of("MAX(amount)", "", "10"),
            of("SUM(amount)", "", "11"),
        ];
        let all: std::collections::BTreeSet<&String> = others.iter().chain([&same]).collect();
        assert_eq!(all.len(), others.len() + 1, "{all:#?}");
    }

    #[test]
    fn it_does_not_change_by_itself() {
        // Of a version that has landed: with another text every ranking out there would be computed anew.
        let text = of("SUM(amount)", "WHERE amount >= 0.5 AND city <> 'x'", "10");
        assert_eq!(
            text,
            "window 86400000 86400000\nwhere (and (>= \"amount\" decimal(28) d50) (<> \"city\" text \"x\"))\n\
             key \"city\" \"city\" text\nmeasure \"total\" sum \"amount\" decimal(28) filter \n\
             partition []\norder \"total\" true false\nrow_number 10"
        );
    }
}
