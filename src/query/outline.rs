//! The outline of a plan: the text by which snapshots of earlier versions name their queries.
//!
//! It was what `standings check` said, and is kept as it was to the byte for what there was then; what it does not tell
//! apart (a condition from another) is told apart by [`meaning`](super::meaning).

use std::fmt::Write;
use std::time::Duration;

use standings_model::duration::format_duration;
use standings_model::plan::{Aggregate, Plan, RankFunction, Ranking};
use standings_model::table::Table;
use standings_model::types::Type;

/// The outline.
pub fn outline(plan: &Plan) -> String {
    let mut out = String::new();
    for table in &plan.tables {
        let columns = table.declared().iter();
        let columns = columns.map(|c| format!("{} {}", c.name, type_word(&c.kind)));
        let columns = columns.collect::<Vec<_>>().join(", ");
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}: {columns}", table.name);
    }
    for ranking in &plan.rankings {
        out.push('\n');
        one(&mut out, plan, ranking);
    }
    out
}

fn type_word(kind: &Type) -> String {
    match kind {
        // There was one kind of time.
        Type::Instant(3) => "TIMESTAMP(3)".to_owned(),
        other => other.to_string(),
    }
}

/// What a measure is of.
fn measured(plan: &Plan, table: &Table, ranking: &Ranking, aggregate: Aggregate) -> String {
    let column = |c: usize| table.columns[ranking.inputs[0].columns[c]].name.as_str();
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
        Aggregate::Computed(_) => "computed of others".to_owned(),
        Aggregate::LastValue(c) => format!(
            "{} of the sale with the greatest (event_time, partition, offset)",
            column(c)
        ),
        // This outline is of the shipped kind of ranking; what came later is told by the other.
        other => super::explain::measured(plan, ranking, other),
    }
}

fn one(out: &mut String, plan: &Plan, r: &Ranking) {
    let ms = |ms: i64| format_duration(Duration::from_millis(ms.unsigned_abs()));
    let table = &plan.tables[r.inputs[0].table];
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("ranking {}", r.name));
    line(format!("  window     {}", r.window.words(ms)));
    let filter = r.inputs.iter().any(|i| i.filter.is_some());
    let sales = if filter {
        "those that pass WHERE"
    } else {
        "all"
    };
    line(format!("  sales      {sales}"));
    let keys: Vec<_> = r.keys.iter().map(|k| k.name.as_str()).collect();
    let keys = match keys.is_empty() {
        true => "window".to_owned(),
        false => keys.join(", "),
    };
    line(format!("  one row a  {keys}"));
    for m in &r.measures {
        let what = measured(plan, table, r, m.aggregate);
        let filter = match m.filter {
            Some(_) => ", of sales that pass its FILTER",
            None => "",
        };
        line(format!("  measure    {}: {what}{filter}", m.name));
    }
    let partition = r.partition_keys().map(|p| r.keys[p].name.as_str());
    let partition = partition.collect::<Vec<_>>().join(", ");
    let within = match partition.is_empty() {
        true => "window".to_owned(),
        false => format!("window and {partition}"),
    };
    let order = r.order.iter().map(|t| {
        let way = if t.descending {
            "descending"
        } else {
            "ascending"
        };
        format!("{} {way}", r.field_name(t.field))
    });
    let order = order.collect::<Vec<_>>().join(", then ");
    let function = match r.rank {
        Some(RankFunction::RowNumber) => "ROW_NUMBER: equal rows in the order of their keys",
        Some(RankFunction::Rank) => "RANK: equal rows share a rank, and leave gaps",
        Some(RankFunction::DenseRank) => "DENSE_RANK: equal rows share a rank, without gaps",
        None => "not ranked",
    };
    line(format!("  ranked     within each {within}, by {order}"));
    line(format!("             {function}"));
    line(format!("  kept       ranks 1 to {}", r.limit));
}
