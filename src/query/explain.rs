//! `standings check`: the plan of each ranking in words.

use std::fmt::Write;
use std::time::Duration;

use standings_model::duration::format_duration;
use standings_model::plan::{Aggregate, Plan, RankFunction, Ranking};
use standings_model::schema::ColumnType;

/// Says what each ranking does.
pub fn explain(plan: &Plan) -> String {
    let mut out = String::from("sales: ");
    let columns: Vec<String> = plan
        .schema
        .columns
        .iter()
        .map(|c| {
            let kind = match c.kind {
                ColumnType::Text => "STRING".to_owned(),
                ColumnType::BigInt => "BIGINT".to_owned(),
                ColumnType::Decimal { precision } => format!("DECIMAL({precision}, 2)"),
                ColumnType::Timestamp => "TIMESTAMP(3)".to_owned(),
            };
            format!("{} {kind}", c.name)
        })
        .collect();
    out.push_str(&columns.join(", "));
    out.push('\n');
    for ranking in &plan.rankings {
        out.push('\n');
        explain_one(&mut out, plan, ranking);
    }
    out
}

/// What a measure is of.
fn measured(plan: &Plan, aggregate: Aggregate) -> String {
    let column = |c: usize| plan.schema.columns[c].name.as_str();
    match aggregate {
        Aggregate::CountAll => "number of sales".to_owned(),
        Aggregate::Count(c) => format!("number of sales with {}", column(c)),
        Aggregate::CountDistinct(c) => format!("number of different {}", column(c)),
        Aggregate::Sum(c) => format!("sum of {}, exact", column(c)),
        Aggregate::Avg(c) => {
            format!("average of {}, two digits, half away from zero", column(c))
        }
        Aggregate::Min(c) => format!("least {}", column(c)),
        Aggregate::Max(c) => format!("greatest {}", column(c)),
        Aggregate::LastValue(c) => format!(
            "{} of the sale with the greatest (event_time, partition, offset)",
            column(c)
        ),
    }
}

fn explain_one(out: &mut String, plan: &Plan, r: &Ranking) {
    let ms = |ms: i64| format_duration(Duration::from_millis(ms.unsigned_abs()));
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("ranking {}", r.name));
    line(format!("  window     {}", r.window.words(ms)));
    line(format!(
        "  sales      {}",
        if r.filter.is_some() {
            "those that pass WHERE"
        } else {
            "all"
        }
    ));
    let keys: Vec<_> = r.keys.iter().map(|k| k.name.as_str()).collect();
    line(format!(
        "  one row a  {}",
        if keys.is_empty() {
            "window".to_owned()
        } else {
            keys.join(", ")
        }
    ));
    for m in &r.measures {
        let what = measured(plan, m.aggregate);
        let filter = if m.filter.is_some() {
            ", of sales that pass its FILTER"
        } else {
            ""
        };
        line(format!("  measure    {}: {what}{filter}", m.name));
    }
    let partition: Vec<_> = r
        .partition
        .iter()
        .map(|p| r.keys[*p].name.as_str())
        .collect();
    let within = if partition.is_empty() {
        "window".to_owned()
    } else {
        format!("window and {}", partition.join(", "))
    };
    let order: Vec<_> = r
        .order
        .iter()
        .map(|t| {
            format!(
                "{} {}",
                r.field_name(t.field),
                if t.descending {
                    "descending"
                } else {
                    "ascending"
                }
            )
        })
        .collect();
    let function = match r.rank {
        RankFunction::RowNumber => "ROW_NUMBER: equal rows in the order of their keys",
        RankFunction::Rank => "RANK: equal rows share a rank, and leave gaps",
        RankFunction::DenseRank => "DENSE_RANK: equal rows share a rank, without gaps",
    };
    line(format!(
        "  ranked     within each {within}, by {}",
        order.join(", then ")
    ));
    line(format!("             {function}"));
    line(format!("  kept       ranks 1 to {}", r.limit));
}
