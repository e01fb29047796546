//! What the queries mean in the words of the versions that knew one table and few types: snapshots are known again by
//! their checksum, so they do not change. `standings check` has words of its own.

use std::fmt::Write;
use std::time::Duration;

use standings_model::duration::format_duration;
use standings_model::plan::{Aggregate, Plan, RankFunction, Ranking};
use standings_model::types::Type;

/// Says what the tables are and what each ranking does.
pub(super) fn said(plan: &Plan) -> String {
    let mut out = String::new();
    for table in &plan.tables {
        let columns = table.declared().iter().map(|c| {
            let kind = match &c.kind {
                // The one kind of time that there was.
                Type::Instant(3) => Type::Timestamp(3).to_string(),
                kind => kind.to_string(),
            };
            format!("{} {kind}", c.name)
        });
        let columns: Vec<String> = columns.collect();
        let _ = writeln!(out, "{}: {}", table.name, columns.join(", "));
    }
    for ranking in &plan.rankings {
        out.push('\n');
        explain_one(&mut out, plan, ranking);
    }
    out
}

/// What a measure is of.
fn measured(plan: &Plan, ranking: &Ranking, aggregate: Aggregate) -> String {
    let column = |c: usize| {
        let input = &ranking.inputs[0];
        let column = &plan.tables[input.table].columns[input.columns[c]];
        column.name.as_str()
    };
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
        if r.inputs.iter().any(|i| i.filter.is_some()) {
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
        let what = measured(plan, r, m.aggregate);
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
